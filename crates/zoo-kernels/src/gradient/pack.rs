//! Weights of one step, packed for tiles by all threads.

use std::ops::Range;

use crate::panels::Panels;
use crate::{Convolution, Isa, Window};

use super::Geometry;

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

/// The convolution forward: all taps, inputs to outputs.
pub(super) fn forward(isa: Isa, sizes: &Geometry, weight: &[f32], bias: &[f32]) -> Convolution {
    let (channels, outputs) = (sizes.group_channels(), sizes.group_outputs());
    let taps = sizes.window.taps();
    let pack = |group: usize| {
        let bias = &bias[group * outputs..][..outputs];
        Panels::pack_in_parallel(
            isa,
            taps * channels,
            bias,
            |columns: Range<usize>, width, rows| {
                // Column by column, each of which lies in one piece.
                for (place, column) in columns.enumerate() {
                    let from =
                        &weight[(group * outputs + column) * channels * taps..][..channels * taps];
                    if taps == 1 {
                        for (k, &number) in from.iter().enumerate() {
                            rows[k * width + place] = number;
                        }
                    } else {
                        for (channel, from) in from.chunks_exact(taps).enumerate() {
                            for (tap, &number) in from.iter().enumerate() {
                                rows[(tap * channels + channel) * width + place] = number;
                            }
                        }
                    }
                }
            },
        )
    };
    let groups = (0..sizes.groups).map(pack).collect();
    Convolution::from_panels(isa, sizes.window, groups, channels, outputs)
}

/// A convolution of the output's gradient with some taps of the weight, turned round: outputs
/// to inputs.
pub(super) fn backward(
    isa: Isa,
    sizes: &Geometry,
    window: Window,
    taps: [Taps; 2],
    weight: &[f32],
) -> Convolution {
    let (channels, outputs) = (sizes.group_channels(), sizes.group_outputs());
    let (all, wide) = (sizes.window.taps(), sizes.window.kernel[1]);
    let order: Vec<usize> = (0..taps[0].count)
        .flat_map(|y| (0..taps[1].count).map(move |x| taps[0].at(y) * wide + taps[1].at(x)))
        .collect();
    let bias = vec![0.0; channels];
    let pack = |group: usize| {
        let depth = order.len() * outputs;
        Panels::pack_in_parallel(isa, depth, &bias, |columns: Range<usize>, width, rows| {
            let count = columns.len();
            for output in 0..outputs {
                let start = ((group * outputs + output) * channels + columns.start) * all;
                let from = &weight[start..][..count * all];
                for (index, &tap) in order.iter().enumerate() {
                    let row = &mut rows[(index * outputs + output) * width..][..count];
                    for (number, from) in row.iter_mut().zip(from.chunks_exact(all)) {
                        *number = from[tap];
                    }
                }
            }
        })
    };
    let groups = (0..sizes.groups).map(pack).collect();
    Convolution::from_panels(isa, window, groups, outputs, channels)
}
