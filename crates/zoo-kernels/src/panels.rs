//! Weights, packed once in the order in which tiles read them.

use std::ops::Range;

use rayon::prelude::*;

use crate::{Buffer, Isa};

/// A matrix `[depth, columns]` in panels of one to three vectors, each panel row after row.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    packed: Buffer,
    bias: Buffer,
    list: Vec<Panel>,
    depth: usize,
}

/// Some columns of the matrix.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// The columns.
    pub(crate) columns: Range<usize>,
    /// How many vectors wide it is: as many as its columns need, the last one filled with zeros.
    pub(crate) vectors: usize,
    /// Where the packed columns begin, counted in columns.
    start: usize,
}

impl Panels {
    /// Packs the matrix whose element in row `k` of column `n` is `weight(k, n)`.
    pub(crate) fn pack(
        isa: Isa,
        depth: usize,
        bias: &[f32],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let panels = split(bias.len(), isa.lanes());
        let width: usize = panels.iter().map(|panel| panel.vectors * isa.lanes()).sum();
        let mut packed = Buffer::zeros(width * depth);
        let mut all_bias = Buffer::zeros(width);
        for panel in &panels {
            let width = panel.vectors * isa.lanes();
            let rows = packed[panel.start * depth..][..width * depth].chunks_exact_mut(width);
            for (k, row) in rows.enumerate() {
                for (number, column) in row.iter_mut().zip(panel.columns.clone()) {
                    *number = weight(k, column);
                }
            }
            let columns = panel.columns.clone();
            all_bias[panel.start..][..columns.len()].copy_from_slice(&bias[columns]);
        }
        Self { packed, bias: all_bias, list: panels, depth }
    }

    /// Packs a matrix on all threads: `fill` writes the columns of a panel into rows of its width,
    /// which are zeros.
    pub(crate) fn pack_in_parallel(
        isa: Isa,
        depth: usize,
        bias: &[f32],
        fill: impl Fn(&Panel, &mut [f32]) + Sync,
    ) -> Self {
        let panels = split(bias.len(), isa.lanes());
        let width: usize = panels.iter().map(|panel| panel.vectors * isa.lanes()).sum();
        let mut packed = Buffer::zeros(width * depth);
        let mut all_bias = Buffer::zeros(width);
        let mut rest: &mut [f32] = &mut packed;
        let mut parts = Vec::with_capacity(panels.len());
        for panel in &panels {
            let (part, after) = rest.split_at_mut(panel.vectors * isa.lanes() * depth);
            parts.push((panel, part));
            rest = after;
            let columns = panel.columns.clone();
            all_bias[panel.start..][..columns.len()].copy_from_slice(&bias[columns]);
        }
        parts.into_par_iter().for_each(|(panel, part)| fill(panel, part));
        Self { packed, bias: all_bias, list: panels, depth }
    }

    pub(crate) fn all(&self) -> &[Panel] {
        &self.list
    }

    /// The weights of `panel` from row `k` on.
    pub(crate) fn weights(&self, panel: &Panel, k: usize, lanes: usize) -> &[f32] {
        let width = panel.vectors * lanes;
        &self.packed[panel.start * self.depth..][..width * self.depth][width * k..]
    }

    /// The bias of `panel`.
    pub(crate) fn bias(&self, panel: &Panel, lanes: usize) -> &[f32] {
        &self.bias[panel.start..][..panel.vectors * lanes]
    }
}

/// Panels of two vectors; where one is left over, it makes the panel before it three wide.
fn split(columns: usize, lanes: usize) -> Vec<Panel> {
    let mut vectors = columns.div_ceil(lanes);
    let (mut panels, mut start) = (Vec::new(), 0);
    while vectors > 0 {
        let wide = if vectors == 3 { 3 } else { vectors.min(2) };
        let end = columns.min(start + wide * lanes);
        panels.push(Panel { columns: start..end, vectors: wide, start });
        vectors -= wide;
        start += wide * lanes;
    }
    panels
}
