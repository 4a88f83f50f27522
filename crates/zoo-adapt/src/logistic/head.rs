//! The solved head: a plain linear layer.

use rayon::prelude::*;

use super::blocks::{Design, Layout};
use super::objective::softmax;
use super::scaling::Scales;
use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// A linear layer from features to logits, as `Gemm` and `torch.nn.Linear` have it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearHead {
    /// Weights `[classes, features]`, row after row.
    pub weight: Vec<f32>,
    /// Biases `[classes]`.
    pub bias: Vec<f32>,
    /// The number of features.
    pub features: usize,
}

impl LinearHead {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// Logits `[rows, classes]` of features `[rows, features]`.
    ///
    /// # Errors
    ///
    /// The features are of another number than the head takes.
    pub fn logits(&self, features: Matrix<'_>) -> Result<Vec<f32>> {
        self.map_rows(features, |_| {})
    }

    /// Softmax probabilities `[rows, classes]` of features `[rows, features]`.
    ///
    /// # Errors
    ///
    /// The features are of another number than the head takes.
    pub fn probabilities(&self, features: Matrix<'_>) -> Result<Vec<f32>> {
        self.map_rows(features, |logits| {
            softmax(logits);
        })
    }

    fn map_rows(
        &self,
        features: Matrix<'_>,
        finish: impl Fn(&mut [f64]) + Sync,
    ) -> Result<Vec<f32>> {
        Error::expect_size("features of the head", self.features, features.columns())?;
        let layout = Layout { features: self.features, classes: self.classes() };
        let parameters: Vec<f64> =
            self.weight.iter().chain(&self.bias).copied().map(f64::from).collect();
        let rows: Vec<usize> = (0..features.rows()).collect();
        let design = Design { features, rows: &rows, scales: &Scales::none(self.features) };
        let blocks: Vec<Vec<f32>> = design
            .blocks()
            .map(|rows| {
                let mut block = design.logits(layout, &parameters, rows);
                block.chunks_exact_mut(layout.classes).for_each(&finish);
                block.iter().map(|value| *value as f32).collect()
            })
            .collect();
        Ok(blocks.concat())
    }
}
