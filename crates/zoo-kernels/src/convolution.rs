//! Convolutions, pointwise and grouped ones and fully connected layers among them.

use std::ops::Range;

use crate::panels::{Panel, Panels};
use crate::tile::{self, Ahead, TileRows};
use crate::{Activation, Images, Isa, Pixels, PixelsMut, Scratch, Window};

/// A convolution with its weights packed for one instruction set.
#[derive(Debug, Clone)]
pub struct Convolution {
    isa: Isa,
    window: Window,
    /// Packed weights of each group.
    groups: Vec<Panels>,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    outputs: usize,
    /// What is read in the padding.
    zeros: Vec<f32>,
}

/// What happens to sums once they are complete, while they are in registers or nearby.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a> {
    /// Added, pixel by pixel; as many channels as the output has.
    pub residual: Option<Pixels<'a>>,
    /// Applied after that.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Nothing.
    pub const NONE: Self = Self { residual: None, activation: Activation::NONE };
}

/// The part of a convolution that one call computes.
#[derive(Debug, Clone)]
pub struct Part {
    /// Output pixels, counted through all images.
    pub pixels: Range<usize>,
    /// Panels of output channels, counted through each group.
    pub panels: Range<usize>,
    /// The pixel of the output that the first of `pixels` becomes: the same, unless the output is
    /// a part of all pixels only.
    pub to: usize,
}

/// Rows of weights that are multiplied before the next panel's turn: 256 rows of two vectors are
/// half of a first-level cache of 32 KiB.
const DEPTH: usize = 256;
/// Numbers of the input that a block of pixels may read: with their outputs, they should stay in
/// a second-level cache of 512 KiB.
const BLOCK: usize = 48 * 1024;
/// Output channels that a block of pixels makes before its inputs are read again.
const COLUMNS: usize = 128;

impl Convolution {
    /// Packs `weight` `[outputs, channels / groups, kernel height, kernel width]`, with one `bias`
    /// for each output, for images of `channels` channels.
    ///
    /// # Panics
    /// Where the groups divide neither channels nor outputs, or lengths do not fit.
    pub fn new(
        isa: Isa,
        window: Window,
        groups: usize,
        channels: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> Self {
        window.check();
        assert!(groups > 0 && channels.is_multiple_of(groups) && bias.len().is_multiple_of(groups));
        let (channels, outputs, taps) = (channels / groups, bias.len() / groups, window.taps());
        assert_eq!(weight.len(), bias.len() * channels * taps, "the weight's length");
        let pack = |group: usize| {
            Panels::pack(isa, taps * channels, &bias[group * outputs..][..outputs], |k, column| {
                let (tap, channel) = (k / channels, k % channels);
                weight[((group * outputs + column) * channels + channel) * taps + tap]
            })
        };
        let groups = (0..groups).map(pack).collect();
        Self { isa, window, groups, channels, outputs, zeros: vec![0.0; channels] }
    }

    /// With weights that are packed already: `groups` of `channels` inputs and `outputs` outputs
    /// each.
    pub(crate) fn from_panels(
        isa: Isa,
        window: Window,
        groups: Vec<Panels>,
        channels: usize,
        outputs: usize,
    ) -> Self {
        Self { isa, window, groups, channels, outputs, zeros: vec![0.0; channels] }
    }

    /// Input channels.
    pub fn channels(&self) -> usize {
        self.channels * self.groups.len()
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs * self.groups.len()
    }

    /// Products that make an output.
    pub fn depth(&self) -> usize {
        self.window.taps() * self.channels
    }

    /// The window that slides.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// How many panels a group's output channels fall into.
    pub fn panels(&self) -> usize {
        self.groups.first().map_or(0, |group| group.all().len())
    }

    /// Pixels that are best computed in one go.
    pub fn block(&self) -> usize {
        /// Places that are listed at most, where a window has very many.
        const LISTED: usize = 1 << 16;
        // What only one tap reads is needed for one part of the sum, what several read for all of them.
        let channels =
            if self.window.taps() == 1 { self.channels().min(DEPTH) } else { self.channels() };
        let read = channels * self.window.stride[0] * self.window.stride[1];
        (BLOCK / read).clamp(48, 1024).min((LISTED / self.window.taps()).max(1))
    }

    /// Convolves all of `input` into `out`, whose pixels are `[batch, out height, out width]`.
    ///
    /// # Panics
    /// Where channels or pixels do not fit.
    pub fn run(
        &self,
        input: &Images,
        out_size: [usize; 2],
        out: &mut PixelsMut,
        epilogue: &Epilogue,
        scratch: &mut Scratch,
    ) {
        let pixels = 0..input.batch() * out_size[0] * out_size[1];
        let part = Part { pixels, panels: 0..self.panels(), to: 0 };
        // SAFETY: `out` is borrowed mutably.
        unsafe { self.run_part(input, out_size, out, epilogue, &part, scratch) }
    }

    /// Computes a part of it.
    ///
    /// # Safety
    /// Nobody else may touch that part of `out` meanwhile.
    ///
    /// # Panics
    /// Where channels or pixels do not fit.
    pub unsafe fn run_part(
        &self,
        input: &Images,
        out_size: [usize; 2],
        out: &PixelsMut,
        epilogue: &Epilogue,
        part: &Part,
        scratch: &mut Scratch,
    ) {
        assert!(out_size.iter().all(|&length| length <= 1 << 40), "the output's size");
        let images = input.batch() * out_size[0] * out_size[1];
        assert_eq!(input.pixels().channels(), self.channels(), "input channels");
        assert_eq!(out.channels(), self.outputs(), "output channels");
        assert!(part.pixels.end <= images, "pixels");
        assert!(part.to + part.pixels.len() <= out.len(), "output pixels");
        assert!(part.panels.end <= self.panels(), "panels");
        if let Some(residual) = &epilogue.residual {
            assert_eq!(residual.channels(), self.outputs(), "residual channels");
            assert!(residual.len() >= images, "residual pixels");
        }
        let blocks = part.pixels.len().div_ceil(self.block());
        let mut begin = part.pixels.start;
        for block in 0..blocks {
            let end = begin
                + part.pixels.len() / blocks
                + usize::from(block < part.pixels.len() % blocks);
            for group in 0..self.groups.len() {
                let taps = self.point(input, out_size, begin..end, group, scratch);
                let to = part.to + begin - part.pixels.start;
                let rows = Rows { pixels: begin..end, to, group, taps };
                // SAFETY: the pointers are of these pixels; the rest is up to the caller.
                unsafe { self.rows(&rows, out, epilogue, part.panels.clone(), scratch) }
            }
            begin = end;
        }
    }

    /// Lists where each of `pixels` finds its inputs, tap by tap.
    fn point(
        &self,
        input: &Images,
        out_size: [usize; 2],
        pixels: Range<usize>,
        group: usize,
        scratch: &mut Scratch,
    ) -> Taps {
        let [height, width] = [input.height(), input.width()];
        let (stride, window) = (input.pixels().stride(), &self.window);
        let base = input.pixels().as_ptr().wrapping_add(group * self.channels);
        // Without padding, a row of the kernel reads neighbours, which is one longer run.
        let dense = stride == self.channels && window.dilation[1] == 1 && window.kernel[1] > 1;
        let fits = (out_size[0] - 1) * window.stride[0]
            + (window.kernel[0] - 1) * window.dilation[0]
            < height
            && (out_size[1] - 1) * window.stride[1] + window.kernel[1] <= width;
        let joined = dense && fits && window.padding == [0, 0];
        let columns = if joined { 1 } else { window.kernel[1] };
        let count = pixels.len();
        let taps = window.kernel[0] * columns;
        scratch.pointers.clear();
        scratch.pointers.resize(taps * count, self.zeros.as_ptr());
        let (mut x, mut y, mut image) = (
            pixels.start % out_size[1],
            pixels.start / out_size[1] % out_size[0],
            pixels.start / (out_size[0] * out_size[1]),
        );
        for index in 0..count {
            for row in 0..window.kernel[0] {
                let Some(place_y) = window.place(0, y, row, height) else { continue };
                let line = (image * height + place_y) * width;
                for column in 0..columns {
                    let Some(place_x) = window.place(1, x, column, width) else { continue };
                    scratch.pointers[(row * columns + column) * count + index] =
                        base.wrapping_add((line + place_x) * stride);
                }
            }
            x += 1;
            if x == out_size[1] {
                (x, y) = (0, y + 1);
            }
            if y == out_size[0] {
                (y, image) = (0, image + 1);
            }
        }
        let run = if joined { window.kernel[1] * self.channels } else { self.channels };
        Taps { count: taps, run }
    }

    /// Computes the rows that `scratch.pointers` point to.
    ///
    /// # Safety
    /// They must do so for each of `rows`, and nobody else may touch those rows of `out`.
    unsafe fn rows(
        &self,
        rows: &Rows,
        out: &PixelsMut,
        epilogue: &Epilogue,
        panels: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let lanes = self.isa.lanes();
        let group = &self.groups[rows.group];
        let (clamp, after) = epilogue.activation.parts();
        let count = rows.pixels.len();
        let per_turn = (COLUMNS / (2 * lanes)).max(1);
        let mut begin = panels.start;
        while begin < panels.end {
            let turn = begin..panels.end.min(begin + per_turn);
            let depths = rows.taps.depths();
            // The weights of a panel for part `index` of the sum.
            let weights_of = |panel: &Panel, index: usize| {
                let depth = rows.taps.depth(index);
                let from = depth.taps.start * rows.taps.run + depth.offset;
                let length = depth.taps.len() * depth.run * panel.vectors * lanes;
                &group.weights(panel, from, lanes)[..length]
            };
            for index in 0..depths {
                let depth = rows.taps.depth(index);
                for at in turn.clone() {
                    let panel = &group.all()[at];
                    let next = if at + 1 < turn.end {
                        Some((at + 1, index))
                    } else if index + 1 < depths {
                        Some((turn.start, index + 1))
                    } else {
                        (turn.end < panels.end).then_some((turn.end, 0))
                    };
                    let ahead = next.map_or(Ahead::NONE, |(panel, index)| {
                        Ahead::of(weights_of(&group.all()[panel], index))
                    });
                    let column = rows.group * self.outputs + panel.columns.start;
                    let first = rows.pixels.start;
                    let weights = weights_of(panel, index);
                    // SAFETY: rows and columns are inside `out`, and `residual`, which has as
                    // many of both, as `run_part` checked.
                    let mut work = unsafe {
                        TileRows {
                            pointers: scratch.pointers.as_ptr().add(depth.taps.start * count),
                            pitch: count,
                            taps: depth.taps.len(),
                            offset: depth.offset,
                            run: depth.run,
                            panel: weights.as_ptr(),
                            vectors: panel.vectors,
                            bias: group.bias(panel, lanes).as_ptr(),
                            rows: count,
                            out: out.as_mut_ptr().add(rows.to * out.stride() + column),
                            out_stride: out.stride(),
                            residual: epilogue.residual.map_or(std::ptr::null(), |residual| {
                                residual.as_ptr().add(first * residual.stride() + column)
                            }),
                            residual_stride: epilogue.residual.map_or(0, |pixels| pixels.stride()),
                            clamp,
                            first: index == 0,
                            last: index + 1 == depths,
                            ahead,
                        }
                    };
                    let width = panel.vectors * lanes;
                    // SAFETY: pointers are good for whole taps; a panel that is wider than its
                    // columns works on the side.
                    unsafe {
                        if panel.columns.len() == width {
                            tile::run(self.isa, &work);
                        } else {
                            aside(self.isa, &mut work, panel, width, &mut scratch.side);
                        }
                    }
                }
            }
            if let Some(activation) = after {
                let all = &group.all()[turn.clone()];
                let columns = all[0].columns.start..all[all.len() - 1].columns.end;
                let start = rows.group * self.outputs;
                let columns = start + columns.start..start + columns.end;
                // SAFETY: as above.
                unsafe { activation.apply_to(self.isa, out, rows.to..rows.to + count, columns) }
            }
            begin = turn.end;
        }
    }
}

/// Runs `work`, whose panel is wider than the columns that are there, in a buffer of full width.
///
/// # Safety
/// As for [`TileRows`], but `out` and `residual` are good only for the columns of `panel`.
unsafe fn aside(isa: Isa, work: &mut TileRows, panel: &Panel, width: usize, side: &mut Vec<f32>) {
    let (columns, rows) = (panel.columns.len(), work.rows);
    let (out, out_stride) = (work.out, work.out_stride);
    if work.first {
        side.clear();
        side.resize(2 * rows * width, 0.0);
        if !work.residual.is_null() {
            for row in 0..rows {
                let to = &mut side[(rows + row) * width..][..columns];
                // SAFETY: the residual has these columns in each row.
                let from = unsafe {
                    std::slice::from_raw_parts(
                        work.residual.add(row * work.residual_stride),
                        columns,
                    )
                };
                to.copy_from_slice(from);
            }
        }
    }
    (work.out, work.out_stride) = (side.as_mut_ptr(), width);
    if !work.residual.is_null() {
        work.residual = side.as_ptr().wrapping_add(rows * width);
        work.residual_stride = width;
    }
    // SAFETY: the buffer is good for full rows.
    unsafe { tile::run(isa, work) }
    if work.last {
        for row in 0..rows {
            // SAFETY: `out` has these columns in each row, this caller's alone.
            let to = unsafe { std::slice::from_raw_parts_mut(out.add(row * out_stride), columns) };
            to.copy_from_slice(&side[row * width..][..columns]);
        }
    }
}

/// Pixels of one group, computed together.
struct Rows {
    pixels: Range<usize>,
    /// The pixel of the output that the first of them becomes.
    to: usize,
    group: usize,
    taps: Taps,
}

/// How a pixel's inputs lie: so many runs of neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taps {
    pub(crate) count: usize,
    pub(crate) run: usize,
}

/// A part of the sum that makes an output.
#[derive(Debug, Clone)]
pub(crate) struct Depth {
    pub(crate) taps: Range<usize>,
    pub(crate) offset: usize,
    pub(crate) run: usize,
}

impl Taps {
    /// How many parts the sum has. They depend on the convolution alone: so does the result.
    pub(crate) fn depths(self) -> usize {
        if self.run >= DEPTH {
            self.count * self.run.div_ceil(self.piece())
        } else {
            self.count.div_ceil(self.piece())
        }
    }

    /// How long a part is: numbers of a long run, or whole short runs.
    fn piece(self) -> usize {
        if self.run >= DEPTH {
            self.run.div_ceil(self.run.div_ceil(DEPTH)).next_multiple_of(4)
        } else {
            let pieces = (self.count * self.run).div_ceil(DEPTH).clamp(1, self.count);
            self.count.div_ceil(pieces)
        }
    }

    /// Part `index` of the sum.
    pub(crate) fn depth(self, index: usize) -> Depth {
        let piece = self.piece();
        if self.run >= DEPTH {
            let pieces = self.run.div_ceil(piece);
            let (tap, offset) = (index / pieces, index % pieces * piece);
            Depth { taps: tap..tap + 1, offset, run: piece.min(self.run - offset) }
        } else {
            let tap = index * piece;
            Depth { taps: tap..self.count.min(tap + piece), offset: 0, run: self.run }
        }
    }
}
