//! Multinomial logistic regression, solved to convergence.
//!
//! The problem is convex, so there is one answer and no learning rate, number of epochs or
//! random start to choose. The objective is scikit-learn's: over weights `W`
//! `[classes, features]` and biases that are not penalised,
//!
//! ```text
//! c * sum over rows of cross-entropy(softmax(W x + b), label)  +  |W|^2 / 2
//! ```
//!
//! always with one row of weights a class. For two classes scikit-learn's
//! `LogisticRegression` has a single row instead: its `C` of 1 is a `c` of 0.5 here.
//!
//! Arithmetic is `f64`, in blocks of fixed size that are summed in a fixed order: the number
//! of threads does not change a single bit.

mod blocks;
mod cross_validate;
mod curvature;
mod head;
mod kernel;
mod objective;
mod scaling;
mod solve;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result, expect_labels};
use crate::matrix::Matrix;

pub use cross_validate::{Candidate, Choice, Criterion, CrossValidation, cross_validate};
pub use head::LinearHead;
pub use scaling::Scaling;

/// How to solve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// The inverse strength of regularisation, above 0.
    pub c: f64,
    /// How features are scaled while solving.
    pub scaling: Scaling,
    /// Solved where no component of the gradient of the mean objective is above this.
    pub tolerance: f64,
    /// The most steps to take.
    pub max_iterations: usize,
}

impl Default for FitOptions {
    /// `c` of 1, features scaled one by one, a gradient below 1e-6, at most 1000 steps.
    fn default() -> Self {
        Self { c: 1.0, scaling: Scaling::default(), tolerance: 1e-6, max_iterations: 1000 }
    }
}

/// A solved head, and how it was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    /// The head; it takes features as they are, unscaled.
    pub head: LinearHead,
    /// The objective divided by `c` and the number of rows.
    pub objective: f64,
    /// The largest component of its gradient.
    pub gradient_norm: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Times the objective was evaluated.
    pub evaluations: usize,
    /// Whether the gradient is below the tolerance, or as small as the arithmetic allows.
    pub converged: bool,
}

/// Solves for features `[rows, features]` and labels `[rows]` below `classes`.
///
/// A class without any example gets zero weights and a bias so low that it is never
/// predicted.
///
/// # Errors
///
/// A feature is not finite; labels are of another number than rows or out of range; fewer
/// than two classes have examples; `c` is not above 0.
pub fn fit(
    features: Matrix<'_>,
    labels: &[usize],
    classes: usize,
    options: &FitOptions,
) -> Result<Solved> {
    expect_input(features, labels, classes)?;
    expect_c(options.c)?;
    let rows: Vec<usize> = (0..features.rows()).collect();
    let task = solve::Task::new(features, labels, &rows, classes, options.scaling)?;
    Ok(task.solved(&task.solve(options.c, options, None)))
}

fn expect_c(c: f64) -> Result<()> {
    if c > 0.0 && c.is_finite() { Ok(()) } else { Err(Error::setting("c", "a number above 0", c)) }
}

fn expect_input(features: Matrix<'_>, labels: &[usize], classes: usize) -> Result<()> {
    Error::expect_size("labels", features.rows(), labels.len())?;
    expect_labels(labels, classes)?;
    features.expect_finite()
}
