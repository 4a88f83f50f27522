use std::ops::Range;

use rayon::prelude::*;

use crate::{Buffer, Isa};

use super::parallel::{Shared, for_each, slice_of};
use super::{Geometry, depthwise, product};

/// Pixels that are packed and multiplied before the next ones: with 16 columns they take half of a
/// first-level cache of 32 KiB.
const DEPTH: usize = 256;
/// Output channels of a task at most: so many, packed, stay in a second-level cache of 512 KiB.
const OUTPUTS: usize = 128;
/// As many tasks keep the threads of usual machines busy to the end.
const TASKS: usize = 32;
/// Pixels of a part of the sum at least: parts cost a pass over the weight each.
const PIXELS: usize = 512;

/// How the sum over pixels is cut into tasks, which depends on the sizes alone.
struct Plan<'a> {
    isa: Isa,
    sizes: &'a Geometry,
    input: &'a [f32],
    gradient: &'a [f32],
    /// Rows of a tile.
    tile: usize,
    /// Blocks of the output channels of a group.
    blocks: usize,
    /// Parts of the pixels.
    parts: usize,
    /// Columns of a kernel row, filled up to whole panels.
    columns: usize,
}

impl Geometry {
    /// The gradient of the weight: what each of its numbers was multiplied with, times what became
    /// of the product, summed over all pixels.
    ///
    /// For each row of the kernel, that is a matrix product of the output's gradient, turned round,
    /// with the input's pixels that the row saw.
    ///
    /// # Panics
    /// Where a length does not fit, or groups do not divide channels.
    pub fn weight_gradient(&self, isa: Isa, input: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.check();
        assert_eq!(input.len(), self.input_len(), "the input's length");
        assert_eq!(gradient.len(), self.output_len(), "the gradient's length");
        if gradient.is_empty() || self.weight_len() == 0 {
            return vec![0.0; self.weight_len()];
        }
        if self.is_depthwise() {
            return depthwise::weight_gradient(isa, self, input, gradient);
        }
        let tile = product::tile_rows(isa);
        let outputs = self.group_outputs();
        let blocks = outputs.div_ceil(OUTPUTS);
        let others = self.groups * self.window.kernel[0] * blocks;
        let panel = product::VECTORS * isa.lanes();
        let columns = (self.window.kernel[1] * self.group_channels()).next_multiple_of(panel);
        let parts = (TASKS / others).clamp(1, self.pixels().div_ceil(PIXELS));
        let plan = Plan { isa, sizes: self, input, gradient, tile, blocks, parts, columns };
        plan.run()
    }

    /// The gradient of the bias: that of the output, summed over all pixels.
    ///
    /// # Panics
    /// Where the length does not fit.
    pub fn bias_gradient(&self, gradient: &[f32]) -> Vec<f32> {
        assert_eq!(gradient.len(), self.output_len(), "the gradient's length");
        if gradient.is_empty() {
            return vec![0.0; self.outputs];
        }
        let sum = |pixels: &[f32]| {
            let mut sums = vec![0.0_f32; self.outputs];
            for pixel in pixels.chunks_exact(self.outputs) {
                for (sum, number) in sums.iter_mut().zip(pixel) {
                    *sum += number;
                }
            }
            sums
        };
        let parts: Vec<Vec<f32>> = gradient.par_chunks(DEPTH * self.outputs).map(sum).collect();
        let mut total = vec![0.0_f64; self.outputs];
        for part in parts {
            for (total, sum) in total.iter_mut().zip(part) {
                *total += f64::from(sum);
            }
        }
        total.into_iter().map(|sum| sum as f32).collect()
    }
}

/// One task: some pixels, outputs and one row of the kernel.
struct Task {
    part: usize,
    group: usize,
    row: usize,
    block: usize,
}

impl Plan<'_> {
    fn run(&self) -> Vec<f32> {
        let kernel = self.sizes.window.kernel;
        // `[part, group, kernel row, block, outputs of a block, columns]`
        let size = self.rows() * self.columns;
        let lists = self.sizes.groups * kernel[0] * self.blocks;
        let mut sums = Buffer::zeros(self.parts * lists * size);
        let shared = Shared::new(&mut sums);
        for_each(self.parts * lists, |index| {
            let task = Task {
                part: index / lists,
                group: index % lists / (kernel[0] * self.blocks),
                row: index / self.blocks % kernel[0],
                block: index % self.blocks,
            };
            // SAFETY: each task has its own list of sums.
            self.add(&task, unsafe { shared.part(index * size..(index + 1) * size) });
        });
        self.gather(&sums)
    }

    /// Rows of sums of a block: its outputs, filled up to whole tiles.
    fn rows(&self) -> usize {
        self.outputs(0).len().next_multiple_of(self.tile)
    }

    /// The outputs of a block, counted through the group.
    fn outputs(&self, block: usize) -> Range<usize> {
        slice_of(self.sizes.group_outputs(), self.blocks, block)
    }

    /// Adds the products of a task to its `sums`.
    fn add(&self, task: &Task, sums: &mut [f32]) {
        let outputs = self.outputs(task.block);
        let panel = product::VECTORS * self.isa.lanes();
        let (tiles, panels) = (outputs.len().div_ceil(self.tile), self.columns / panel);
        let mut left = Buffer::zeros(tiles * DEPTH * self.tile);
        let mut right = Buffer::zeros(self.columns * DEPTH);
        let pixels = slice_of(self.sizes.pixels(), self.parts, task.part);
        for begin in pixels.clone().step_by(DEPTH) {
            let depth = DEPTH.min(pixels.end - begin);
            let first = task.group * self.sizes.group_outputs();
            let channels = first + outputs.start..first + outputs.end;
            self.pack_gradient(begin..begin + depth, channels, &mut left);
            self.pack_input(begin..begin + depth, task, &mut right);
            for column in 0..panels {
                for row in 0..tiles {
                    let out = &mut sums[row * self.tile * self.columns + column * panel..];
                    assert!(out.len() >= (self.tile - 1) * self.columns + panel);
                    // SAFETY: packed tiles and panels have `depth` rows; the sums' tile is
                    // there, as was checked.
                    unsafe {
                        product::add_product(
                            self.isa,
                            left[row * DEPTH * self.tile..][..depth * self.tile].as_ptr(),
                            right[column * DEPTH * panel..][..depth * panel].as_ptr(),
                            depth,
                            out.as_mut_ptr(),
                            self.columns,
                        );
                    }
                }
            }
        }
    }

    /// Packs some channels of the gradient in tiles `[pixels, tile rows]`; what a last tile lacks
    /// stays zero.
    fn pack_gradient(&self, pixels: Range<usize>, channels: Range<usize>, left: &mut [f32]) {
        // The heights of tiles are few, and known lengths are copied without a call.
        match self.tile {
            2 => self.pack_tiles::<2>(pixels, channels, left),
            6 => self.pack_tiles::<6>(pixels, channels, left),
            _ => self.pack_tiles::<12>(pixels, channels, left),
        }
    }

    fn pack_tiles<const ROWS: usize>(
        &self,
        pixels: Range<usize>,
        channels: Range<usize>,
        left: &mut [f32],
    ) {
        for (place, pixel) in pixels.enumerate() {
            let from = &self.gradient[pixel * self.sizes.outputs..][channels.clone()];
            let (tiles, rest) = from.as_chunks::<ROWS>();
            let mut at = place * ROWS;
            for tile in tiles {
                left[at..at + ROWS].copy_from_slice(tile);
                at += DEPTH * ROWS;
            }
            if !rest.is_empty() {
                left[at..at + rest.len()].copy_from_slice(rest);
            }
        }
    }

    /// Packs what one row of the kernel sees of the input in panels `[pixels, panel columns]`.
    fn pack_input(&self, pixels: Range<usize>, task: &Task, right: &mut [f32]) {
        let (sizes, window) = (self.sizes, &self.sizes.window);
        let ([height, width], [out_height, out_width]) = (sizes.size, sizes.out_size);
        let (channels, panel) = (sizes.group_channels(), product::VECTORS * self.isa.lanes());
        for (place, pixel) in pixels.enumerate() {
            let (x, line) = (pixel % out_width, pixel / out_width);
            let (y, image) = (line % out_height, line / out_height);
            let input_line = window.place(0, y, task.row, height);
            for tap in 0..window.kernel[1] {
                let from = input_line.zip(window.place(1, x, tap, width)).map(|(y, x)| {
                    let pixel = (image * height + y) * width + x;
                    &self.input[pixel * sizes.channels + task.group * channels..][..channels]
                });
                let mut channel = 0;
                while channel < channels {
                    let column = tap * channels + channel;
                    let (number, inside) = (column / panel, column % panel);
                    let count = (panel - inside).min(channels - channel);
                    let to = &mut right[(number * DEPTH + place) * panel + inside..][..count];
                    match from {
                        Some(from) if count == 16 => {
                            to[..16].copy_from_slice(&from[channel..channel + 16]);
                        }
                        Some(from) => {
                            for (to, from) in to.iter_mut().zip(&from[channel..]) {
                                *to = *from;
                            }
                        }
                        None => to.fill(0.0),
                    }
                    channel += count;
                }
            }
        }
    }

    /// Adds the parts in order, and brings the sums into the weight's order.
    fn gather(&self, sums: &[f32]) -> Vec<f32> {
        let sizes = self.sizes;
        let (channels, outputs) = (sizes.group_channels(), sizes.group_outputs());
        let [height, width] = sizes.window.kernel;
        let (rows, taps) = (self.rows(), sizes.window.taps());
        let mut weight = vec![0.0; sizes.weight_len()];
        let each = weight.par_chunks_exact_mut(channels * taps).enumerate();
        each.for_each(|(output, weight)| {
            let (group, inside) = (output / outputs, output % outputs);
            let block = (0..self.blocks).find(|&block| self.outputs(block).contains(&inside));
            let block = block.unwrap_or(0);
            let row = inside - self.outputs(block).start;
            let mut total = vec![0.0; width * channels];
            for kernel_row in 0..height {
                total.fill(0.0);
                for part in 0..self.parts {
                    let list =
                        ((part * sizes.groups + group) * height + kernel_row) * self.blocks + block;
                    let sums = &sums[(list * rows + row) * self.columns..][..width * channels];
                    for (total, sum) in total.iter_mut().zip(sums) {
                        *total += sum;
                    }
                }
                for (column, from) in total.chunks_exact(channels).enumerate() {
                    let to = weight[kernel_row * width + column..].iter_mut().step_by(taps);
                    for (to, from) in to.zip(from) {
                        *to = *from;
                    }
                }
            }
        });
        weight
    }
}
