//! Products with many rows of features, in blocks that fit the caches.
//!
//! Blocks are of fixed size and their results are combined in a fixed order, so nothing
//! depends on the number of threads.

use rayon::prelude::*;

use super::kernel::{GROUP, Residuals, TILE, add_inner, add_outer};
use super::scaling::Scales;
use crate::matrix::Matrix;

/// Rows of a block.
pub(super) const ROWS: usize = 64;
/// Features of an inner product at a time: the weights of a tile of classes for them stay in
/// the first cache.
const DEPTH: usize = 512;
/// Features of a block of the transposed product.
const COLUMNS: usize = 128;

/// One value for every row of a block and every class `[rows, classes]`.
pub(super) type Block = Vec<f64>;

/// How weights and biases lie in one vector: `[classes, features]`, then `[classes]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) features: usize,
    pub(super) classes: usize,
}

impl Layout {
    pub(super) fn len(self) -> usize {
        self.classes * (self.features + 1)
    }

    /// Weights `[classes, features]` and biases `[classes]`.
    pub(super) fn parts(self, parameters: &[f64]) -> (&[f64], &[f64]) {
        parameters.split_at(self.classes * self.features)
    }

    /// As [`Layout::parts`].
    pub(super) fn parts_mut(self, parameters: &mut [f64]) -> (&mut [f64], &mut [f64]) {
        parameters.split_at_mut(self.classes * self.features)
    }
}

/// Some rows of a table of features, scaled: `(x - shift) factor`.
///
/// The table stays as it is. Scaling is folded into what it is multiplied with, and out of what
/// comes back, in `f64`.
pub(super) struct Design<'a> {
    pub(super) features: Matrix<'a>,
    pub(super) rows: &'a [usize],
    pub(super) scales: &'a Scales,
}

impl Design<'_> {
    /// Row numbers, in blocks.
    pub(super) fn blocks(&self) -> rayon::slice::Chunks<'_, usize> {
        self.rows.par_chunks(ROWS)
    }

    /// Parameters for features as they are, of parameters for scaled ones:
    /// `w (x - shift) factor = (w factor) x - w factor shift`.
    pub(super) fn unscaled(&self, layout: Layout, parameters: &[f64]) -> Vec<f64> {
        let mut unscaled = parameters.to_vec();
        let (weights, biases) = layout.parts_mut(&mut unscaled);
        for (weights, bias) in weights.chunks_exact_mut(layout.features).zip(biases) {
            for ((weight, factor), shift) in
                weights.iter_mut().zip(&self.scales.factor).zip(&self.scales.shift)
            {
                *weight *= factor;
                *bias -= *weight * shift;
            }
        }
        unscaled
    }

    /// The logits of one block of rows, by parameters for features as they are.
    pub(super) fn logits(&self, layout: Layout, unscaled: &[f64], rows: &[usize]) -> Block {
        let (weights, biases) = layout.parts(unscaled);
        let mut block = biases.repeat(rows.len());
        // A last row without a partner is its own, and what comes of that goes here.
        let mut alone = vec![0.0; layout.classes];
        for first in (0..layout.features).step_by(DEPTH) {
            let range = first..layout.features.min(first + DEPTH);
            for class in (0..layout.classes).step_by(TILE) {
                let tile = class..layout.classes.min(class + TILE);
                let weights: Vec<&[f64]> = weights[tile.start * layout.features..]
                    .chunks_exact(layout.features)
                    .take(tile.len())
                    .map(|weights| &weights[range.clone()])
                    .collect();
                for (rows, out) in rows.chunks(2).zip(block.chunks_mut(2 * layout.classes)) {
                    let (out, partner) = out.split_at_mut(layout.classes);
                    let partner = if partner.is_empty() { &mut alone } else { partner };
                    let pair = [rows[0], rows[rows.len() - 1]];
                    let pair = pair.map(|row| &self.features.row(row)[range.clone()]);
                    add_inner(pair, &weights, [&mut out[tile.clone()], &mut partner[tile.clone()]]);
                }
            }
        }
        block
    }

    /// The sum over all rows of scaled features times residuals, in the order of `layout`; the
    /// feature that belongs to the bias is the constant 1.
    pub(super) fn transposed(&self, layout: Layout, residuals: &[Block], out: &mut [f64]) {
        let starts: Vec<usize> = (0..layout.features).step_by(COLUMNS).collect();
        let parts: Vec<Vec<[f64; GROUP]>> =
            starts.par_iter().map(|&first| self.columns(layout, residuals, first)).collect();
        let (weights, biases) = layout.parts_mut(out);
        for (class, bias) in biases.iter_mut().enumerate() {
            let of_class =
                |block: &Block| block.iter().skip(class).step_by(layout.classes).sum::<f64>();
            *bias = residuals.iter().map(of_class).sum();
        }
        for (class, weights) in weights.chunks_exact_mut(layout.features).enumerate() {
            for (part, weights) in parts.iter().zip(weights.chunks_mut(COLUMNS)) {
                let groups = part.iter().skip(class).step_by(layout.classes);
                for (weights, sums) in weights.chunks_mut(GROUP).zip(groups) {
                    weights.copy_from_slice(&sums[..weights.len()]);
                }
            }
            for ((weight, factor), shift) in
                weights.iter_mut().zip(&self.scales.factor).zip(&self.scales.shift)
            {
                *weight = (*weight - shift * biases[class]) * factor;
            }
        }
    }

    /// `COLUMNS` features from `first` times residuals: `[groups, classes, GROUP]`.
    fn columns(&self, layout: Layout, residuals: &[Block], first: usize) -> Vec<[f64; GROUP]> {
        let range = first..layout.features.min(first + COLUMNS);
        let groups = range.len().div_ceil(GROUP);
        let mut sums = vec![[0.0; GROUP]; groups * layout.classes];
        let mut padded = Vec::new();
        for (rows, block) in self.rows.chunks(ROWS).zip(residuals) {
            let values = rows.iter().map(|&row| &self.features.row(row)[range.clone()]);
            let rows: Vec<&[[f32; GROUP]]> = if range.len().is_multiple_of(GROUP) {
                values.map(|values| values.as_chunks().0).collect()
            } else {
                padded.clear();
                padded.resize(groups * rows.len(), [0.0; GROUP]);
                for (values, padded) in values.zip(padded.chunks_exact_mut(groups)) {
                    padded.as_flattened_mut()[..values.len()].copy_from_slice(values);
                }
                padded.chunks_exact(groups).collect()
            };
            for class in (0..layout.classes).step_by(TILE) {
                let tile = class..layout.classes.min(class + TILE);
                let residuals =
                    Residuals { values: block, classes: layout.classes, first: tile.start };
                for group in 0..groups {
                    let sums = &mut sums[group * layout.classes..][tile.clone()];
                    add_outer(&rows, group, residuals, sums);
                }
            }
        }
        sums
    }
}
