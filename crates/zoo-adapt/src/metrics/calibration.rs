//! Whether a model that says 90% is right nine times in ten.

use super::{most_probable, table};
use crate::error::Result;

/// Bins of equal width, as in the paper.
const BINS: usize = 15;

/// The expected calibration error, from 0 to 1: the mean over 15 bins of equal width of the
/// distance between mean confidence and accuracy, each bin weighted by its examples.
///
/// Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.
///
/// # Errors
///
/// As [`evaluate`](super::evaluate).
pub fn expected_calibration_error(
    probabilities: &[f32],
    labels: &[usize],
    classes: usize,
) -> Result<f64> {
    let table = table(probabilities, labels, classes)?;
    // Confidence less correctness: the sizes of the bins cancel out.
    let mut gaps = [0.0_f64; BINS];
    for (row, &label) in labels.iter().enumerate() {
        let row = table.row(row);
        let predicted = most_probable(row);
        let confidence = f64::from(row[predicted]).clamp(0.0, 1.0);
        // Bins are open below and closed above, so that 1 is in the last.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        gaps[bin] += confidence - f64::from(predicted == label);
    }
    let total: f64 = gaps.iter().map(|gap| gap.abs()).sum();
    Ok(total / labels.len() as f64)
}
