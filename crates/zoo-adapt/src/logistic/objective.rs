//! The function that is minimised.

use rayon::prelude::*;

use super::blocks::{Block, Design, Layout, ROWS};

/// The mean cross-entropy plus `|W|^2 / (2 c n)`: scikit-learn's objective
/// `c * sum(loss) + |W|^2 / 2`, divided by `c n` so that tolerances do not depend on the
/// number of examples or on `c`.
pub(super) struct Objective<'a> {
    pub(super) design: &'a Design<'a>,
    /// The class of every row of the design, below `layout.classes`.
    pub(super) labels: &'a [usize],
    pub(super) layout: Layout,
    pub(super) c: f64,
}

impl Objective<'_> {
    /// The factor of half the squares of the weights.
    pub(super) fn penalty(&self) -> f64 {
        1.0 / (self.c * self.labels.len() as f64)
    }

    /// The value at `parameters`; the gradient goes to `gradient`.
    pub(super) fn evaluate(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let unscaled = self.design.unscaled(self.layout, parameters);
        let blocks: Vec<(f64, Block)> = self
            .design
            .blocks()
            .zip(self.labels.par_chunks(ROWS))
            .map(|(rows, labels)| {
                let mut block = self.design.logits(self.layout, &unscaled, rows);
                let loss = residuals(&mut block, labels, self.layout.classes);
                (loss, block)
            })
            .collect();
        let (losses, residuals): (Vec<f64>, Vec<Block>) = blocks.into_iter().unzip();
        self.design.transposed(self.layout, &residuals, gradient);
        let rows = self.labels.len() as f64;
        for component in gradient.iter_mut() {
            *component /= rows;
        }
        let penalty = self.penalty();
        let (weights, _) = self.layout.parts(parameters);
        let mut squares = 0.0;
        for (weight, gradient) in weights.iter().zip(gradient) {
            *gradient += penalty * weight;
            squares += weight * weight;
        }
        losses.iter().sum::<f64>() / rows + 0.5 * penalty * squares
    }
}

/// Turns logits into probabilities less the one-hot labels; returns the summed cross-entropy.
fn residuals(block: &mut Block, labels: &[usize], classes: usize) -> f64 {
    let mut loss = 0.0;
    for (logits, &label) in block.chunks_exact_mut(classes).zip(labels) {
        let label_logit = logits[label];
        loss += softmax(logits) - label_logit;
        logits[label] -= 1.0;
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
