//! The head: a convex problem, solved.

use super::Selection;
use crate::Result;
use crate::logistic::{
    Criterion, CrossValidation, FitOptions, LinearHead, Scaling, cross_validate, fit,
};
use crate::matrix::Matrix;

/// How the head is solved.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadOptions {
    /// The inverse strength of regularisation; chosen by cross-validation if not given.
    pub c: Option<f64>,
    /// The folds of the cross-validation; fewer where a class has fewer images.
    pub folds: usize,
    /// What the cross-validation compares.
    pub criterion: Criterion,
    /// How features are scaled while solving.
    pub scaling: Scaling,
}

impl Default for HeadOptions {
    /// Regularisation by five-fold cross-validation of the log-loss; all features scaled by one
    /// number. Scaled one by one, a feature that happens to be nearly constant in a few training
    /// pictures would decide over the others.
    fn default() -> Self {
        Self { c: None, folds: 5, criterion: Criterion::default(), scaling: Scaling::Global }
    }
}

/// A solved head, and how strongly it was regularised.
pub(super) struct Solved {
    pub(super) head: LinearHead,
    pub(super) c: f64,
    cross_validated: Option<f64>,
}

impl Solved {
    pub(super) fn summary(&self) -> String {
        let strength = self.strength(4);
        match self.cross_validated {
            Some(accuracy) => {
                format!("{strength}, cross-validated accuracy {:.1} %", accuracy * 100.0)
            }
            None => strength,
        }
    }

    /// The regularisation with so many decimals, or by its power of ten where these would say
    /// nothing.
    pub(super) fn strength(&self, decimals: usize) -> String {
        if (1e-3..1e6).contains(&self.c) {
            format!("C = {:.decimals$}", self.c)
        } else {
            format!("C = {:.2e}", self.c)
        }
    }
}

pub(super) fn solve(
    train: &Selection,
    classes: usize,
    options: &HeadOptions,
    seed: u64,
) -> Result<Solved> {
    let features = train.matrix()?;
    let smallest = (0..classes)
        .map(|class| train.labels.iter().filter(|label| **label == class).count())
        .min()
        .unwrap_or_default();
    let (c, cross_validated) = match options.c {
        Some(c) => (c, None),
        // Without two examples of a class there is nothing to compare with.
        None if smallest < 2 => (0.01, None),
        None => {
            let settings = CrossValidation {
                folds: options.folds.min(smallest).max(2),
                criterion: options.criterion,
                scaling: options.scaling,
                seed,
                ..CrossValidation::default()
            };
            let groups = Some(train.groups.as_slice());
            let choice = cross_validate(features, &train.labels, classes, groups, &settings)?;
            let chosen = choice.candidates.iter().find(|candidate| candidate.c == choice.c);
            (choice.c, chosen.map(|candidate| candidate.accuracy))
        }
    };
    let fit_options = FitOptions { c, scaling: options.scaling, ..FitOptions::default() };
    let head = fit(features, &train.labels, classes, &fit_options)?.head;
    Ok(Solved { head, c, cross_validated })
}

/// Solves on some rows only, with a given regularisation.
pub(super) fn solve_rows(
    train: &Selection,
    rows: &[usize],
    classes: usize,
    c: f64,
    options: &HeadOptions,
) -> Result<LinearHead> {
    let length = train.length;
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|row| &train.values[row * length..(row + 1) * length])
        .copied()
        .collect();
    let labels: Vec<usize> = rows.iter().map(|&row| train.labels[row]).collect();
    let features = Matrix::new(&values, rows.len(), length)?;
    let fit_options = FitOptions { c, scaling: options.scaling, ..FitOptions::default() };
    Ok(fit(features, &labels, classes, &fit_options)?.head)
}
