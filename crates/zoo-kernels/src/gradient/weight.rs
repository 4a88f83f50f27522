use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{Lanes, versions};
use crate::team::with_scratch;
use crate::{Isa, Scratch};

use super::parallel::{Shared, filled, for_each, slice_of};
use super::{Geometry, depthwise, product, sum_of_rows, winograd};

/// Pixels that are packed and multiplied before the next ones: with a panel's columns they take half
/// of a first-level cache of 32 KiB.
const DEPTH: usize = 256;
/// Output channels of a task at most: so many, packed, are half of a second-level cache of 512 KiB.
const OUTPUTS: usize = 256;
/// Panels of the input that are packed together: their neighbours in memory are read at once.
const PANELS: usize = 4;
/// As many tasks keep the threads of usual machines busy to the end.
const TASKS: usize = 32;
/// Pixels of a part of the sum at least: parts cost a pass over the weight each.
const PIXELS: usize = 512;

/// How the sum over pixels is cut into tasks, which depends on the sizes alone.
pub(super) struct Plan<'a> {
    isa: Isa,
    sizes: &'a Geometry,
    input: &'a [f32],
    gradient: &'a [f32],
    /// Rows of a tile.
    tile: usize,
    /// Columns of a panel.
    panel: usize,
    /// Blocks of the output channels of a group.
    blocks: usize,
    /// Rows of the kernel that are multiplied together: alone, narrow ones would fill panels badly,
    /// and the gradient would be packed for each.
    lines: usize,
    /// Taps of a row of the kernel that are read in one run.
    joined: usize,
    /// Parts of the pixels.
    parts: usize,
    /// What the padding is read from: one pixel of a group.
    zeros: Vec<f32>,
}

impl Geometry {
    /// The gradient of the weight: what each of its numbers was multiplied with, times what became
    /// of the product, summed over all pixels.
    ///
    /// For some rows of the kernel, that is a matrix product of the output's gradient, turned round,
    /// with the input's pixels that the rows saw.
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
        if winograd::suits(isa, &self.window, self.channels, self.outputs, self.out_size)
            && self.groups == 1
        {
            return winograd::weight_gradient(isa, self, input, gradient);
        }
        if self.is_narrow() {
            let (sizes, padded) = self.padded(input);
            return Plan::new(isa, &sizes, &padded, gradient).run();
        }
        Plan::new(isa, self, input, gradient).run()
    }

    /// The gradient of the bias: that of the output, summed over all pixels.
    ///
    /// # Panics
    /// Where the length does not fit.
    pub fn bias_gradient(&self, isa: Isa, gradient: &[f32]) -> Vec<f32> {
        assert_eq!(gradient.len(), self.output_len(), "the gradient's length");
        if gradient.is_empty() {
            return vec![0.0; self.outputs];
        }
        sum_of_rows(isa, gradient, self.outputs)
    }
}

/// One task: some pixels, outputs and rows of the kernel.
pub(super) struct Task {
    part: usize,
    group: usize,
    strip: usize,
    block: usize,
}

impl<'a> Plan<'a> {
    /// The plan of these sizes; narrow ones must have their padding in the input.
    pub(super) fn new(
        isa: Isa,
        sizes: &'a Geometry,
        input: &'a [f32],
        gradient: &'a [f32],
    ) -> Self {
        let [height, width] = sizes.window.kernel;
        let narrow = sizes.is_narrow();
        let (lines, joined) = if narrow { (height, width) } else { (1, 1) };
        let blocks = sizes.group_outputs().div_ceil(OUTPUTS);
        let lists = sizes.groups * (height / lines) * blocks;
        Self {
            isa,
            sizes,
            input,
            gradient,
            tile: product::tile_rows(isa),
            panel: product::VECTORS * isa.lanes(),
            blocks,
            lines,
            joined,
            parts: (TASKS / lists).clamp(1, sizes.pixels().div_ceil(PIXELS)),
            zeros: vec![0.0; joined * sizes.group_channels()],
        }
    }

    /// The same, with all pixels in one part.
    pub(super) fn undivided(self) -> Self {
        Self { parts: 1, ..self }
    }

    fn run(&self) -> Vec<f32> {
        // `[part, group, strip, block, outputs of a block, columns]`
        let (size, count) = (self.list_len(), self.tasks());
        let add = |sums: Shared| {
            for_each(count, |index| {
                let task = self.task(index);
                with_scratch(|scratch| {
                    // SAFETY: each task has its own list of sums, and room for all of it.
                    unsafe { self.add(&task, true, sums.as_mut_ptr().add(index * size), scratch) }
                });
            });
        };
        // SAFETY: a task writes all of its list before it adds to it.
        let sums = unsafe { filled(count * size, add) };
        self.gather(&sums)
    }

    /// How many tasks there are, each with a list of sums.
    pub(super) fn tasks(&self) -> usize {
        self.parts * self.lists()
    }

    /// Numbers of a list of sums: rows, of [`Self::columns`] numbers, for the outputs of a block.
    pub(super) fn list_len(&self) -> usize {
        self.rows() * self.columns()
    }

    /// Strips of the kernel: so many of its rows each.
    fn strips(&self) -> usize {
        self.sizes.window.kernel[0] / self.lines
    }

    /// Lists of sums of a part.
    fn lists(&self) -> usize {
        self.sizes.groups * self.strips() * self.blocks
    }

    /// Rows of sums of a block: its outputs, filled up to whole tiles.
    fn rows(&self) -> usize {
        self.outputs(0).len().next_multiple_of(self.tile)
    }

    /// Places of the kernel in a strip.
    fn taps(&self) -> usize {
        self.lines * self.sizes.window.kernel[1]
    }

    /// Columns of a strip, filled up to whole panels.
    pub(super) fn columns(&self) -> usize {
        (self.taps() * self.sizes.group_channels()).next_multiple_of(self.panel)
    }

    /// Task `index`, which is that of the list too.
    pub(super) fn task(&self, index: usize) -> Task {
        Task {
            part: index / self.lists(),
            group: index % self.lists() / (self.strips() * self.blocks),
            strip: index / self.blocks % self.strips(),
            block: index % self.blocks,
        }
    }

    /// The outputs of a block, counted through the group.
    fn outputs(&self, block: usize) -> Range<usize> {
        slice_of(self.sizes.group_outputs(), self.blocks, block)
    }

    /// The block of an output, counted through its group, and its row there.
    pub(super) fn place_of(&self, output: usize) -> (usize, usize) {
        let block = (0..self.blocks).find(|&block| self.outputs(block).contains(&output));
        let block = block.unwrap_or(0);
        (block, output - self.outputs(block).start)
    }

    /// Adds the products of a task, summed over its pixels, to `sums` `[rows, columns]`, which
    /// `begin` with them or hold others already.
    ///
    /// # Safety
    /// `sums` must have room for them, this caller's alone.
    pub(super) unsafe fn add(
        &self,
        task: &Task,
        begin: bool,
        sums: *mut f32,
        scratch: &mut Scratch,
    ) {
        let (outputs, columns) = (self.outputs(task.block), self.columns());
        let tiles = outputs.len().div_ceil(self.tile);
        let size = tiles * DEPTH * self.tile;
        let Scratch { workspace, pointers, .. } = scratch;
        workspace.reserve(size + PANELS * DEPTH * self.panel);
        let (left, right) = workspace.split_at_mut(size);
        let start = task.group * self.sizes.group_outputs();
        let channels = start + outputs.start..start + outputs.end;
        let pixels = slice_of(self.sizes.pixels(), self.parts, task.part);
        for first in pixels.clone().step_by(DEPTH) {
            let (depth, begins) = (DEPTH.min(pixels.end - first), begin && first == pixels.start);
            self.pack_gradient(first..first + depth, channels.clone(), left);
            self.point(first..first + depth, task, pointers);
            let mut column = 0;
            while column < columns {
                let packed = self.pack_input(pointers, depth, column, right);
                for panel in 0..packed {
                    let right = right[panel * DEPTH * self.panel..][..depth * self.panel].as_ptr();
                    for row in 0..tiles {
                        let left = left[row * DEPTH * self.tile..][..depth * self.tile].as_ptr();
                        let at = row * self.tile * columns + column + panel * self.panel;
                        // SAFETY: packed tiles and panels have `depth` rows; the sums' tile is
                        // there, as tiles and panels are whole.
                        unsafe {
                            let out = sums.add(at);
                            product::add_product(
                                self.isa, left, right, depth, begins, out, columns,
                            );
                        }
                    }
                }
                column += packed * self.panel;
            }
        }
    }

    /// Packs some channels of the gradient in tiles `[pixels, tile rows]`; what a last tile lacks
    /// is left as it was.
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

    /// How many numbers lie next to each other in the input.
    fn run_len(&self) -> usize {
        self.joined * self.sizes.group_channels()
    }

    /// Lists where each run of a strip begins: `[runs, pixels]`.
    fn point(&self, pixels: Range<usize>, task: &Task, pointers: &mut Vec<*const f32>) {
        let (sizes, window) = (self.sizes, &self.sizes.window);
        let ([height, width], [out_height, out_width]) = (sizes.size, sizes.out_size);
        pointers.clear();
        for tap in (0..self.taps()).step_by(self.joined) {
            let (line, across) = (tap / window.kernel[1], tap % window.kernel[1]);
            let down = task.strip * self.lines + line;
            for pixel in pixels.clone() {
                let (x, row) = (pixel % out_width, pixel / out_width);
                let (y, image) = (row % out_height, row / out_height);
                let y = window.place(0, y, down, height);
                pointers.push(match (y, window.place(1, x, across, width)) {
                    (Some(y), Some(x)) => {
                        let pixel = (image * height + y) * width + x;
                        let start = pixel * sizes.channels + task.group * sizes.group_channels();
                        self.input[start..][..self.run_len()].as_ptr()
                    }
                    _ => self.zeros.as_ptr(),
                });
            }
        }
    }

    /// Packs what a strip sees of the input from `column` on in panels `[pixels, panel columns]`,
    /// and says how many they are; what a last panel lacks is left as it was.
    fn pack_input(
        &self,
        pointers: &[*const f32],
        depth: usize,
        column: usize,
        right: &mut [f32],
    ) -> usize {
        let run = self.run_len();
        if run.is_multiple_of(self.panel) {
            let (index, offset) = (column / run, column % run);
            let panels = ((run - offset) / self.panel).min(PANELS);
            let pointers = &pointers[index * depth..][..depth];
            assert!(right.len() >= panels * DEPTH * self.panel);
            // SAFETY: each points to a whole run, or as many zeros.
            unsafe {
                let to = right.as_mut_ptr();
                copy_panels(self.isa, pointers, offset, panels, DEPTH * self.panel, to);
            }
            return panels;
        }
        let end = (self.taps() * self.sizes.group_channels()).min(column + self.panel);
        let mut first = column;
        while first < end {
            let (index, offset) = (first / run, first % run);
            let count = (run - offset).min(end - first);
            let rows = right.chunks_exact_mut(self.panel);
            for (to, from) in rows.zip(&pointers[index * depth..][..depth]) {
                for (inside, to) in to[first - column..][..count].iter_mut().enumerate() {
                    // SAFETY: as above.
                    *to = unsafe { *from.add(offset + inside) };
                }
            }
            first += count;
        }
        1
    }

    /// Adds the parts in order, and brings the sums into the weight's order.
    fn gather(&self, sums: &[f32]) -> Vec<f32> {
        let (channels, outputs) = (self.sizes.group_channels(), self.sizes.group_outputs());
        let (all, size) = (self.sizes.window.taps(), self.list_len());
        let mut weight = vec![0.0; self.sizes.weight_len()];
        let each = weight.par_chunks_exact_mut(channels * all).enumerate();
        each.for_each_init(Vec::new, |total: &mut Vec<f32>, (output, weight)| {
            let (group, inside) = (output / outputs, output % outputs);
            let (block, row) = self.place_of(inside);
            // `[taps, channels]`
            total.clear();
            for strip in 0..self.strips() {
                let list = |part: usize| {
                    let index = part * self.lists() + (group * self.strips() + strip) * self.blocks;
                    let start = (index + block) * size + row * self.columns();
                    &sums[start..][..self.taps() * channels]
                };
                let begin = total.len();
                total.extend_from_slice(list(0));
                for part in 1..self.parts {
                    for (total, sum) in total[begin..].iter_mut().zip(list(part)) {
                        *total += sum;
                    }
                }
            }
            taps_last(total, weight, all);
        });
        weight
    }
}

/// Writes `from` `[taps, channels]` to `weight` `[channels, taps]`.
pub(super) fn taps_last(from: &[f32], weight: &mut [f32], taps: usize) {
    if taps == 1 {
        weight.copy_from_slice(from);
        return;
    }
    let channels = weight.len() / taps;
    for (channel, to) in weight.chunks_exact_mut(taps).enumerate() {
        for (tap, to) in to.iter_mut().enumerate() {
            *to = from[tap * channels + channel];
        }
    }
}

versions! {
    /// Copies `panels` panels of the rows that `from` points to, from `offset` on, to multiples of
    /// `stride` from `to` on.
    ///
    /// # Safety
    /// All must be there, and the panels this caller's alone.
    unsafe fn copy_panels = copy_rows(
        from: &[*const f32],
        offset: usize,
        panels: usize,
        stride: usize,
        to: *mut f32,
    )
}

#[inline(always)]
unsafe fn copy_rows<L: Lanes>(
    from: &[*const f32],
    offset: usize,
    panels: usize,
    stride: usize,
    to: *mut f32,
) {
    let width = product::VECTORS * L::COUNT;
    for (row, &from) in from.iter().enumerate() {
        for panel in 0..panels {
            // SAFETY: up to the caller.
            unsafe {
                let from = from.add(offset + panel * width);
                let to = to.add(panel * stride + row * width);
                for vector in 0..product::VECTORS {
                    L::store(to.add(vector * L::COUNT), L::load(from.add(vector * L::COUNT)));
                }
            }
        }
    }
}
