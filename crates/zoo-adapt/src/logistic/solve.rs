//! From rows and labels to a head, with what cross-validation needs in between.

use std::cell::OnceCell;

use super::blocks::{Design, Layout};
use super::curvature::Curvature;
use super::head::LinearHead;
use super::objective::Objective;
use super::scaling::{Scales, Scaling};
use super::{FitOptions, Solved};
use crate::error::{Error, Result};
use crate::lbfgs::{self, Minimum, Stop};
use crate::matrix::Matrix;

/// What the bias of a class without any training example lies below the lowest other bias.
///
/// Its best bias would be minus infinity; with this one the class is never predicted, and
/// everything stays finite.
const ABSENT_CLASS_GAP: f64 = 100.0;

/// Past steps that L-BFGS remembers; fewer take more steps.
const MEMORY: usize = 20;

/// Rows to learn from, made ready once for several values of `c`.
pub(super) struct Task<'a> {
    features: Matrix<'a>,
    rows: &'a [usize],
    classes: usize,
    /// The classes that have examples, ascending.
    present: Vec<usize>,
    /// The class of every row, as an index into `present`.
    labels: Vec<usize>,
    scales: Scales,
    /// Found by the first solution: folds are solved in parallel, and made one by one.
    curvature: OnceCell<Curvature>,
}

impl<'a> Task<'a> {
    /// `labels` are those of all rows of `features`; only `rows` are learned from.
    pub(super) fn new(
        features: Matrix<'a>,
        labels: &[usize],
        rows: &'a [usize],
        classes: usize,
        scaling: Scaling,
    ) -> Result<Self> {
        let mut present: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
        present.sort_unstable();
        present.dedup();
        if present.len() < 2 {
            return Err(Error::TooFewClasses { present: present.len() });
        }
        let index = |row: &usize| present.partition_point(|&class| class < labels[*row]);
        Ok(Self {
            features,
            rows,
            classes,
            labels: rows.iter().map(index).collect(),
            scales: Scales::of(scaling, features, rows),
            present,
            curvature: OnceCell::new(),
        })
    }

    fn layout(&self) -> Layout {
        Layout { features: self.features.columns(), classes: self.present.len() }
    }

    fn design(&self) -> Design<'_> {
        Design { features: self.features, rows: self.rows, scales: &self.scales }
    }

    /// Solves from `start` (about the parameters of the solution), or from zero.
    pub(super) fn solve(&self, c: f64, options: &FitOptions, start: Option<Vec<f64>>) -> Minimum {
        let (design, layout) = (self.design(), self.layout());
        let objective = Objective { design: &design, labels: &self.labels, layout, c };
        let curvature = self.curvature.get_or_init(|| Curvature::of(&design));
        lbfgs::minimize(
            |parameters, gradient| objective.evaluate(parameters, gradient),
            Some(&|vector: &mut [f64]| curvature.solve(layout, objective.penalty(), vector)),
            start.unwrap_or_else(|| vec![0.0; layout.len()]),
            &lbfgs::Options {
                tolerance: options.tolerance,
                max_iterations: options.max_iterations,
                memory: MEMORY,
            },
        )
    }

    /// Folds the scaling into the weights.
    pub(super) fn head(&self, parameters: &[f64]) -> LinearHead {
        let (layout, features) = (self.layout(), self.features.columns());
        let mut weight = vec![0.0_f32; self.classes * features];
        let (weights, parameters) = layout.parts(parameters);
        let mut biases = parameters.to_vec();
        for ((weights, bias), &class) in
            weights.chunks_exact(features).zip(&mut biases).zip(&self.present)
        {
            let rounded = &mut weight[class * features..(class + 1) * features];
            for (feature, (weight, rounded)) in weights.iter().zip(rounded).enumerate() {
                *rounded = (weight * self.scales.factor[feature]) as f32;
                // The rounded weight, so that rounding it does not move the centre of the data.
                *bias -= f64::from(*rounded) * self.scales.shift[feature];
            }
        }
        let lowest = biases.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        let mut bias = vec![(lowest - ABSENT_CLASS_GAP) as f32; self.classes];
        for (&class, value) in self.present.iter().zip(&biases) {
            bias[class] = *value as f32;
        }
        LinearHead { weight, bias, features }
    }

    pub(super) fn solved(&self, minimum: &Minimum) -> Solved {
        Solved {
            head: self.head(&minimum.point),
            objective: minimum.value,
            gradient_norm: minimum.gradient_norm,
            iterations: minimum.iterations,
            evaluations: minimum.evaluations,
            converged: minimum.stop != Stop::Iterations,
        }
    }
}
