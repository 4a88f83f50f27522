//! Weights of one step, packed for tiles by all threads.

use crate::Isa;
use crate::panels::{Panel, Panels};
use crate::team::with_scratch;

use super::{Geometry, transpose};

/// The taps of a window that a convolution uses along one axis, in the order in which it meets
/// its input: `first`, `first + step`, ... A negative step goes back through the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taps {
    pub(super) first: usize,
    pub(super) step: isize,
    pub(super) count: usize,
}

impl Taps {
    /// Tap number `index` of the kernel.
    fn at(self, index: usize) -> usize {
        self.first.wrapping_add_signed(self.step * index as isize)
    }
}

/// The weights of each group of the convolution forward: `[taps * channels, outputs]`.
pub(super) fn forward(isa: Isa, sizes: &Geometry, weight: &[f32], bias: &[f32]) -> Vec<Panels> {
    let (channels, outputs) = (sizes.group_channels(), sizes.group_outputs());
    let taps = sizes.window.taps();
    let depth = taps * channels;
    let pack = |group: usize| {
        let weight = &weight[group * outputs * depth..][..outputs * depth];
        rows(isa, weight, channels, taps, &bias[group * outputs..][..outputs])
    };
    (0..sizes.groups).map(pack).collect()
}

/// `weight` `[outputs, channels, taps]` as `[taps * channels, outputs]`.
pub(super) fn rows(isa: Isa, weight: &[f32], channels: usize, taps: usize, bias: &[f32]) -> Panels {
    let depth = taps * channels;
    let fill = |panel: &Panel, rows: &mut [f32]| {
        let (count, width) = (panel.columns.len(), rows.len() / depth);
        let from = &weight[panel.columns.start * depth..][..count * depth];
        if taps == 1 {
            transpose_rows(isa, from, count, rows, width);
            return;
        }
        // Turned round, rows are `[channels, taps]`.
        with_scratch(|scratch| {
            scratch.workspace.reserve(depth * width);
            let turned = &mut scratch.workspace[..depth * width];
            transpose_rows(isa, from, count, turned, width);
            for (tap, rows) in rows.chunks_exact_mut(channels * width).enumerate() {
                let from = turned[tap * width..].chunks(taps * width);
                for (row, from) in rows.chunks_exact_mut(width).zip(from) {
                    row[..count].copy_from_slice(&from[..count]);
                }
            }
        });
    };
    Panels::pack_in_parallel(isa, depth, bias, fill)
}

/// Turns `from` `[count, depth]` into `to` `[depth, width]`, of whose rows it writes `count` numbers.
fn transpose_rows(isa: Isa, from: &[f32], count: usize, to: &mut [f32], width: usize) {
    let depth = to.len() / width;
    assert!(count <= width && from.len() == count * depth && to.len() == depth * width, "lengths");
    // SAFETY: both have as many rows, as was checked.
    unsafe { transpose::block(isa, from.as_ptr(), depth, count, depth, to.as_mut_ptr(), width) }
}

/// The weights of each group of a convolution of the output's gradient, some taps turned round:
/// `[taps * outputs, channels]`.
pub(super) fn backward(isa: Isa, sizes: &Geometry, taps: [Taps; 2], weight: &[f32]) -> Vec<Panels> {
    let (channels, outputs) = (sizes.group_channels(), sizes.group_outputs());
    let (all, wide) = (sizes.window.taps(), sizes.window.kernel[1]);
    let order: Vec<usize> = (0..taps[0].count)
        .flat_map(|y| (0..taps[1].count).map(move |x| taps[0].at(y) * wide + taps[1].at(x)))
        .collect();
    let (depth, bias) = (order.len() * outputs, vec![0.0; channels]);
    let pack = |group: usize| {
        let fill = |panel: &Panel, rows: &mut [f32]| {
            let (count, width) = (panel.columns.len(), rows.len() / depth);
            for output in 0..outputs {
                let start = ((group * outputs + output) * channels + panel.columns.start) * all;
                let from = &weight[start..][..count * all];
                for (index, &tap) in order.iter().enumerate() {
                    let row = &mut rows[(index * outputs + output) * width..][..count];
                    if all == 1 {
                        row.copy_from_slice(from);
                        continue;
                    }
                    for (number, from) in row.iter_mut().zip(from.chunks_exact(all)) {
                        *number = from[tap];
                    }
                }
            }
        };
        Panels::pack_in_parallel(isa, depth, &bias, fill)
    };
    (0..sizes.groups).map(pack).collect()
}
