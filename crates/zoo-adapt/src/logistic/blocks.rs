//! Logits and gradients of many rows, in blocks that fit the caches.
//!
//! Blocks are of fixed size and their results are combined in a fixed order, so nothing
//! depends on the number of threads.

use rayon::prelude::*;

use super::kernel::{NARROW, WIDE, accumulate};
use super::scaling::Scales;
use crate::matrix::Matrix;

/// Rows of a block of logits.
pub(super) const ROWS: usize = 64;
/// Features that are packed at a time for a block of logits.
const DEPTH: usize = 256;
/// Features of a block of the gradient.
const COLUMNS: usize = 32;

/// Values of one block of rows `[tiles, ROWS, WIDE]`: class `c` is in tile `c / WIDE`.
pub(super) type Block = Vec<[f64; WIDE]>;

/// How weights and biases lie in one vector: `[tiles, features + 1, WIDE]`.
///
/// The bias is the last feature; classes are padded to whole tiles with zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) features: usize,
    pub(super) classes: usize,
}

impl Layout {
    pub(super) fn tiles(self) -> usize {
        self.classes.div_ceil(WIDE)
    }

    pub(super) fn len(self) -> usize {
        self.tiles() * (self.features + 1) * WIDE
    }

    pub(super) fn index(self, feature: usize, class: usize) -> usize {
        ((class / WIDE) * (self.features + 1) + feature) * WIDE + class % WIDE
    }

    /// `[features + 1, WIDE]` of one tile.
    fn tile(self, parameters: &[f64], tile: usize) -> &[[f64; WIDE]] {
        let length = self.features + 1;
        &parameters.as_chunks().0[tile * length..(tile + 1) * length]
    }
}

/// Some rows of a table of features, scaled as they are read.
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

    /// The logits of one block of rows.
    pub(super) fn logits(&self, layout: Layout, parameters: &[f64], rows: &[usize]) -> Block {
        let mut block = Vec::with_capacity(layout.tiles() * ROWS);
        for tile in 0..layout.tiles() {
            let bias = layout.tile(parameters, tile)[layout.features];
            block.extend(std::iter::repeat_n(bias, ROWS));
        }
        let mut packed = vec![[0.0; NARROW]; ROWS / NARROW * DEPTH];
        for first in (0..layout.features).step_by(DEPTH) {
            let depth = DEPTH.min(layout.features - first);
            self.pack_rows(rows, first, depth, &mut packed);
            for tile in 0..layout.tiles() {
                let weights = &layout.tile(parameters, tile)[first..first + depth];
                let out = &mut block[tile * ROWS..(tile + 1) * ROWS];
                let out = out.as_chunks_mut::<NARROW>().0.iter_mut();
                for (packed, out) in packed.chunks_exact(depth).zip(out) {
                    accumulate(packed, weights, out);
                }
            }
        }
        block
    }

    /// `[ROWS / NARROW, depth, NARROW]`, with zeros for the rows a last block lacks.
    fn pack_rows(&self, rows: &[usize], first: usize, depth: usize, packed: &mut [[f64; NARROW]]) {
        let range = first..first + depth;
        let scales =
            self.scales.shift[range.clone()].iter().zip(&self.scales.factor[range.clone()]);
        let (whole, rest) = rows.as_chunks::<NARROW>();
        let mut groups = packed.chunks_exact_mut(depth);
        // All rows of a group at once: what is written is then one run.
        for (rows, group) in whole.iter().zip(&mut groups) {
            let values = rows.map(|row| &self.features.row(row)[range.clone()]);
            for ((at, packed), (shift, factor)) in group.iter_mut().enumerate().zip(scales.clone())
            {
                *packed = values.map(|values| (f64::from(values[at]) - shift) * factor);
            }
        }
        for group in groups {
            group.fill([0.0; NARROW]);
        }
        for (lane, &row) in rest.iter().enumerate() {
            let values = &self.features.row(row)[range.clone()];
            let group = packed[whole.len() * depth..][..depth].iter_mut();
            for ((packed, value), (shift, factor)) in group.zip(values).zip(scales.clone()) {
                packed[lane] = (f64::from(*value) - shift) * factor;
            }
        }
    }

    /// The sum over all rows of features times residuals, `[features + 1, classes]` in the
    /// order of `layout`; the last feature is the constant 1 of the bias.
    pub(super) fn gradient(&self, layout: Layout, residuals: &[Block], out: &mut [f64]) {
        let starts: Vec<usize> = (0..layout.features).step_by(COLUMNS).collect();
        let parts: Vec<Vec<[[f64; WIDE]; NARROW]>> =
            starts.par_iter().map(|&first| self.gradient_of(layout, residuals, first)).collect();
        for (&first, part) in starts.iter().zip(&parts) {
            let width = COLUMNS.min(layout.features - first);
            for (tile, part) in part.chunks_exact(COLUMNS / NARROW).enumerate() {
                let values = &part.as_flattened().as_flattened()[..width * WIDE];
                let at = layout.index(first, tile * WIDE);
                out[at..at + values.len()].copy_from_slice(values);
            }
        }
        for tile in 0..layout.tiles() {
            let mut sums = [0.0; WIDE];
            for block in residuals {
                for residual in &block[tile * ROWS..(tile + 1) * ROWS] {
                    for (sum, residual) in sums.iter_mut().zip(residual) {
                        *sum += residual;
                    }
                }
            }
            let at = layout.index(layout.features, tile * WIDE);
            out[at..at + WIDE].copy_from_slice(&sums);
        }
    }

    /// The gradient of `COLUMNS` features from `first`: `[tiles, COLUMNS / NARROW]` tiles.
    fn gradient_of(
        &self,
        layout: Layout,
        residuals: &[Block],
        first: usize,
    ) -> Vec<[[f64; WIDE]; NARROW]> {
        let groups = COLUMNS / NARROW;
        let mut sums = vec![[[0.0; WIDE]; NARROW]; layout.tiles() * groups];
        let mut packed = vec![[0.0; NARROW]; groups * ROWS];
        for (rows, block) in self.rows.chunks(ROWS).zip(residuals) {
            self.pack_columns(rows, first, &mut packed);
            for tile in 0..layout.tiles() {
                let residuals = &block[tile * ROWS..][..rows.len()];
                for group in 0..groups {
                    let packed = &packed[group * ROWS..][..rows.len()];
                    accumulate(packed, residuals, &mut sums[tile * groups + group]);
                }
            }
        }
        sums
    }

    /// `[COLUMNS / NARROW, ROWS, NARROW]`, with zeros for the features a last block lacks.
    fn pack_columns(&self, rows: &[usize], first: usize, packed: &mut [[f64; NARROW]]) {
        let range = first..self.features.columns().min(first + COLUMNS);
        let (shift, shift_rest) = self.scales.shift[range.clone()].as_chunks::<NARROW>();
        let (factor, factor_rest) = self.scales.factor[range.clone()].as_chunks::<NARROW>();
        for (at, &row) in rows.iter().enumerate() {
            let (values, rest) = self.features.row(row)[range.clone()].as_chunks::<NARROW>();
            for (group, (values, (shift, factor))) in
                values.iter().zip(shift.iter().zip(factor)).enumerate()
            {
                packed[group * ROWS + at] = std::array::from_fn(|lane| {
                    (f64::from(values[lane]) - shift[lane]) * factor[lane]
                });
            }
            for (lane, value) in rest.iter().enumerate() {
                packed[values.len() * ROWS + at][lane] =
                    (f64::from(*value) - shift_rest[lane]) * factor_rest[lane];
            }
        }
    }
}
