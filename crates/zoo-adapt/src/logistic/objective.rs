//! The function that is minimised.

use rayon::prelude::*;

use super::blocks::{Block, Design, Layout, ROWS};
use super::kernel::WIDE;

/// The mean cross-entropy plus `|W|^2 / (2 c n)`: scikit-learn's objective
/// `c * sum(loss) + |W|^2 / 2`, divided by `c n` so that tolerances do not depend on the
/// number of examples or on `c`.
pub(super) struct Objective<'a> {
    pub(super) design: Design<'a>,
    /// The class of every row of the design, below `layout.classes`.
    pub(super) labels: &'a [usize],
    pub(super) layout: Layout,
    pub(super) c: f64,
}

impl Objective<'_> {
    /// The value at `parameters`; the gradient goes to `gradient`.
    pub(super) fn evaluate(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let rows = self.labels.len() as f64;
        let blocks: Vec<(f64, Block)> = self
            .design
            .blocks()
            .zip(self.labels.par_chunks(ROWS))
            .map(|(rows, labels)| {
                let mut block = self.design.logits(self.layout, parameters, rows);
                let loss = residuals(&mut block, labels, self.layout.classes);
                (loss, block)
            })
            .collect();
        let (losses, residuals): (Vec<f64>, Vec<Block>) = blocks.into_iter().unzip();
        self.design.gradient(self.layout, &residuals, gradient);
        let penalty = 1.0 / (self.c * rows);
        let mut squares = 0.0;
        let length = (self.layout.features + 1) * WIDE;
        for (weights, gradient) in
            parameters.chunks_exact(length).zip(gradient.chunks_exact_mut(length))
        {
            let bias_at = length - WIDE;
            for (at, (weight, gradient)) in weights.iter().zip(gradient).enumerate() {
                *gradient /= rows;
                if at < bias_at {
                    *gradient += penalty * weight;
                    squares += weight * weight;
                }
            }
        }
        losses.iter().sum::<f64>() / rows + 0.5 * penalty * squares
    }
}

/// Turns logits into probabilities less the one-hot labels; returns the summed cross-entropy.
fn residuals(block: &mut Block, labels: &[usize], classes: usize) -> f64 {
    let mut loss = 0.0;
    let mut logits = vec![0.0; classes];
    for row in 0..ROWS {
        let Some(&label) = labels.get(row) else {
            // Rows that a last block lacks must add nothing to the gradient.
            for values in block[row..].iter_mut().step_by(ROWS) {
                *values = [0.0; WIDE];
            }
            continue;
        };
        for (class, logit) in logits.iter_mut().enumerate() {
            *logit = block[class / WIDE * ROWS + row][class % WIDE];
        }
        let label_logit = logits[label];
        loss += softmax(&mut logits) - label_logit;
        logits[label] -= 1.0;
        for (class, residual) in logits.iter().enumerate() {
            block[class / WIDE * ROWS + row][class % WIDE] = *residual;
        }
    }
    loss
}

/// Turns logits into probabilities; returns the logarithm of the sum of their exponentials.
pub(super) fn softmax(logits: &mut [f64]) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += *logit;
    }
    for probability in logits.iter_mut() {
        *probability /= sum;
    }
    largest + sum.ln()
}
