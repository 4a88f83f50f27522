//! How good predictions are.
//!
//! Every function takes probabilities `[rows, classes]`, row after row, and the true class of
//! every row. Where two classes are equally probable the first one counts as predicted.

mod calibration;
mod confusion;
mod interval;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, expect_labels};
use crate::matrix::Matrix;

pub use calibration::expected_calibration_error;
pub use confusion::{ClassMetrics, ConfusionMatrix};
pub use interval::{Interval, wilson_interval};

/// Probabilities below this count as this much in the log-loss, so that one certain mistake
/// does not make it infinite.
const SMALLEST_PROBABILITY: f64 = 1e-15;

/// Everything that is measured on held-out examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The number of examples.
    pub examples: usize,
    /// The part of them that is predicted right, from 0 to 1.
    pub accuracy: f64,
    /// The 95% Wilson interval of the accuracy.
    pub accuracy_interval: Interval,
    /// The part of them whose class is among the five most probable; absent up to five classes.
    pub top_5_accuracy: Option<f64>,
    /// The mean over classes of F1, classes neither present nor predicted left out.
    pub macro_f1: f64,
    /// The mean of minus the natural logarithm of the true class's probability.
    pub log_loss: f64,
    /// How far confidence is from accuracy: see [`expected_calibration_error`].
    pub calibration_error: f64,
    /// Precision, recall and F1 of every class.
    pub per_class: Vec<ClassMetrics>,
    /// What was predicted as what.
    pub confusion: ConfusionMatrix,
}

/// Measures everything.
///
/// # Errors
///
/// There are no rows; sizes differ; a label is out of range; a probability is not finite.
pub fn evaluate(probabilities: &[f32], labels: &[usize], classes: usize) -> Result<Evaluation> {
    let predicted = predictions(probabilities, labels, classes)?;
    let confusion = ConfusionMatrix::new(&predicted, labels, classes)?;
    let correct = confusion.correct();
    Ok(Evaluation {
        examples: labels.len(),
        accuracy: correct as f64 / labels.len() as f64,
        accuracy_interval: wilson_interval(correct, labels.len()),
        top_5_accuracy: if classes > 5 {
            Some(top_k_accuracy(probabilities, labels, classes, 5)?)
        } else {
            None
        },
        macro_f1: confusion.macro_f1(),
        log_loss: log_loss(probabilities, labels, classes)?,
        calibration_error: expected_calibration_error(probabilities, labels, classes)?,
        per_class: confusion.per_class(),
        confusion,
    })
}

/// The most probable class of every row; of equals the first.
///
/// # Errors
///
/// As [`evaluate`].
pub fn predictions(probabilities: &[f32], labels: &[usize], classes: usize) -> Result<Vec<usize>> {
    let table = table(probabilities, labels, classes)?;
    Ok((0..table.rows()).map(|row| most_probable(table.row(row))).collect())
}

/// The mean of minus the natural logarithm of the true class's probability, which counts as
/// at least 1e-15.
///
/// # Errors
///
/// As [`evaluate`].
pub fn log_loss(probabilities: &[f32], labels: &[usize], classes: usize) -> Result<f64> {
    let table = table(probabilities, labels, classes)?;
    let losses = labels.iter().enumerate().map(|(row, &label)| {
        let probability = f64::from(table.row(row)[label]);
        -probability.clamp(SMALLEST_PROBABILITY, 1.0).ln()
    });
    Ok(losses.sum::<f64>() / labels.len() as f64)
}

/// The part of the rows whose true class is among the `k` most probable, from 0 to 1.
///
/// # Errors
///
/// As [`evaluate`], and where `k` is 0.
pub fn top_k_accuracy(
    probabilities: &[f32],
    labels: &[usize],
    classes: usize,
    k: usize,
) -> Result<f64> {
    if k == 0 {
        return Err(Error::setting("k", "at least 1", k));
    }
    let table = table(probabilities, labels, classes)?;
    let among = |(row, label): (usize, &usize)| {
        let row = table.row(row);
        let is_before = |(class, probability): (usize, &f32)| {
            *probability > row[*label] || (*probability == row[*label] && class < *label)
        };
        row.iter().enumerate().filter(|&other| is_before(other)).count() < k
    };
    let correct = labels.iter().enumerate().filter(|&row| among(row)).count();
    Ok(correct as f64 / labels.len() as f64)
}

fn most_probable(row: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in row.iter().enumerate() {
        if *probability > row[best] {
            best = class;
        }
    }
    best
}

fn table<'a>(probabilities: &'a [f32], labels: &[usize], classes: usize) -> Result<Matrix<'a>> {
    if labels.is_empty() {
        return Err(Error::setting("number of examples", "at least 1", 0));
    }
    let table = Matrix::new(probabilities, labels.len(), classes)?;
    expect_labels(labels, classes)?;
    table.expect_finite()?;
    Ok(table)
}
