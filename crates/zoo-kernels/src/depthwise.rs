//! Convolution of each channel by itself.

use std::ops::Range;

use crate::lanes::{Lanes, multiply_add, versions};
use crate::{Activation, Buffer, Images, Isa, PixelsMut, Scratch, Window};

/// Numbers that neighbouring pixels may read before the next ones' turn: with what they make, they should
/// stay in a first-level cache.
const READ: usize = 6 * 1024;
/// Neighbouring pixels that are made together.
const PIXELS: usize = 4;

/// A depthwise convolution: as many groups as channels, and one output for each.
#[derive(Debug, Clone)]
pub struct Depthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    /// `[taps, channels]`.
    weight: Buffer,
    bias: Buffer,
}

impl Depthwise {
    /// Takes `weight` `[channels, 1, kernel height, kernel width]` and `bias` `[channels]`.
    ///
    /// # Panics
    /// Where their lengths do not fit.
    pub fn new(isa: Isa, window: Window, weight: &[f32], bias: &[f32]) -> Self {
        window.check();
        let (channels, taps) = (bias.len(), window.taps());
        assert_eq!(weight.len(), channels * taps, "the weight's length");
        let mut packed = Buffer::zeros(taps * channels);
        for (channel, weight) in weight.chunks_exact(taps).enumerate() {
            for (tap, &number) in weight.iter().enumerate() {
                packed[tap * channels + channel] = number;
            }
        }
        let mut all_bias = Buffer::zeros(channels);
        all_bias.copy_from_slice(bias);
        Self { isa, window, channels, weight: packed, bias: all_bias }
    }

    /// Channels, in and out.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The window that slides.
    pub fn window(&self) -> &Window {
        &self.window
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
        activation: Activation,
        scratch: &mut Scratch,
    ) {
        let lines = 0..input.batch() * out_size[0];
        // SAFETY: `out` is borrowed mutably.
        unsafe { self.run_lines(input, out_size, out, activation, lines, scratch) }
    }

    /// Computes the output's `lines`, counted through all images.
    ///
    /// # Safety
    /// Nobody else may touch those lines of `out` meanwhile.
    ///
    /// # Panics
    /// Where channels or pixels do not fit.
    pub unsafe fn run_lines(
        &self,
        input: &Images,
        out_size: [usize; 2],
        out: &PixelsMut,
        activation: Activation,
        lines: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let [out_height, out_width] = out_size;
        assert_eq!(input.pixels().channels(), self.channels, "input channels");
        assert_eq!(out.channels(), self.channels, "output channels");
        let all = input.batch() * out_height;
        assert!(lines.end <= all && all * out_width <= out.len(), "output lines");
        let stride = input.pixels().stride();
        for line in lines {
            let (image, y) = (line / out_height, line % out_height);
            let taps = self.window.inside(0, y, input.height());
            scratch.pointers.clear();
            for tap in taps.clone() {
                let first = (image * input.height() + self.row(y, tap)) * input.width();
                scratch.pointers.push(input.pixels().as_ptr().wrapping_add(first * stride));
            }
            let source = Rows {
                starts: &scratch.pointers,
                first_tap: taps.start,
                stride,
                width: input.width(),
            };
            // SAFETY: rows are inside the images, and the line is this caller's.
            unsafe { self.run_line(&source, out_width, out, line, activation) }
        }
    }

    /// The input's row that the kernel's row `tap` meets when it makes the output's line `y`.
    pub(crate) fn row(&self, y: usize, tap: usize) -> usize {
        y * self.window.stride[0] + tap * self.window.dilation[0] - self.window.padding[0]
    }

    /// Computes one line of the output from the input's rows that it meets.
    ///
    /// # Safety
    /// `source`'s rows must be good for `width` pixels of all channels at multiples of `stride`, `out`
    /// must have the line, and nobody else may touch that.
    pub(crate) unsafe fn run_line(
        &self,
        source: &Rows,
        out_width: usize,
        out: &PixelsMut,
        line: usize,
        activation: Activation,
    ) {
        let (clamp, after) = activation.parts();
        let work = Line {
            rows: source.starts,
            first_tap: source.first_tap,
            depthwise: self,
            stride: source.stride,
            width: source.width,
            interior: self.window.interior(1, source.width, out_width),
            out_width,
            out: out.as_mut_ptr().wrapping_add(line * out_width * out.stride()),
            out_stride: out.stride(),
            clamp,
        };
        // SAFETY: up to the caller.
        unsafe { run_line(self.isa, &work) }
        if let Some(activation) = after {
            let pixels = line * out_width..(line + 1) * out_width;
            // SAFETY: as above.
            unsafe { activation.apply_to(self.isa, out, pixels, 0..self.channels) }
        }
    }
}

/// The input's rows that a line of the output is made of.
pub(crate) struct Rows<'a> {
    /// Where they begin, one for each of the kernel's rows that lies inside.
    pub(crate) starts: &'a [*const f32],
    /// The kernel's row that the first of them belongs to.
    pub(crate) first_tap: usize,
    /// Numbers from one pixel to the next.
    pub(crate) stride: usize,
    /// Pixels of a row.
    pub(crate) width: usize,
}

/// One line of the output.
struct Line<'a> {
    /// Where the input's lines begin that lie inside, one for each of the kernel's rows.
    rows: &'a [*const f32],
    /// The kernel's row that the first of them belongs to.
    first_tap: usize,
    depthwise: &'a Depthwise,
    stride: usize,
    width: usize,
    /// Output pixels whose window hangs over neither left nor right.
    interior: Range<usize>,
    out_width: usize,
    out: *mut f32,
    out_stride: usize,
    clamp: (f32, f32),
}

versions! {
    /// # Safety
    /// `rows` must be good for `width` pixels of all channels, `out` for `out_width`, and nobody
    /// else may touch the latter.
    unsafe fn run_line = line(work: &Line)
}

#[inline(always)]
unsafe fn line<L: Lanes>(work: &Line) {
    // The most common widths of kernels are known to the compiler.
    // SAFETY: up to the caller.
    unsafe {
        match work.depthwise.window.kernel[1] {
            3 => line_of_width::<L>(work, 3),
            5 => line_of_width::<L>(work, 5),
            width => line_of_width::<L>(work, width),
        }
    }
}

#[inline(always)]
unsafe fn line_of_width<L: Lanes>(work: &Line, kernel: usize) {
    let (channels, window) = (work.depthwise.channels, &work.depthwise.window);
    // SAFETY: channels stay below their number, pixels below `out_width`, with those taps that lie inside.
    unsafe {
        if channels < L::COUNT {
            for channel in 0..channels {
                single(work, channel);
            }
            return;
        }
        // Channels that are made before the next pixels' turn: many, since they lie side by side.
        let read = work.rows.len() * (PIXELS - 1 + 2 * kernel);
        let most = (READ / read.max(1)).max(1).next_multiple_of(2 * L::COUNT);
        for first in (0..channels).step_by(most) {
            let some = first..channels.min(first + most);
            let edge = |x: usize| {
                let inside = window.inside(1, x, work.width);
                columns::<L, 1>(work, x, inside, some.clone());
            };
            let (mut x, end) = (0, work.interior.end);
            while x < work.interior.start {
                edge(x);
                x += 1;
            }
            while x + PIXELS <= end {
                columns::<L, PIXELS>(work, x, 0..kernel, some.clone());
                x += PIXELS;
            }
            while x < end {
                columns::<L, 1>(work, x, 0..kernel, some.clone());
                x += 1;
            }
            while x < work.out_width {
                edge(x);
                x += 1;
            }
        }
    }
}

/// `X` neighbouring pixels of some of the channels, at least a vector of them to the left of their end.
#[inline(always)]
unsafe fn columns<L: Lanes, const X: usize>(
    work: &Line,
    x: usize,
    taps: Range<usize>,
    channels: Range<usize>,
) {
    let mut channel = channels.start;
    // SAFETY: up to the caller; channels stay below their end.
    unsafe {
        while channel + 2 * L::COUNT <= channels.end {
            pixels::<L, 2, X>(work, x, taps.clone(), channel);
            channel += 2 * L::COUNT;
        }
        while channel < channels.end {
            // The last vector may overlap the one before: what it makes is the same again.
            let last = channels.end - L::COUNT;
            pixels::<L, 1, X>(work, x, taps.clone(), channel.min(last));
            channel += L::COUNT;
        }
    }
}

/// `X` neighbouring pixels of `V` vectors of channels, over the kernel's columns `taps`.
#[inline(always)]
unsafe fn pixels<L: Lanes, const V: usize, const X: usize>(
    work: &Line,
    x: usize,
    taps: Range<usize>,
    channel: usize,
) {
    let Depthwise { window, channels, weight, bias, .. } = work.depthwise;
    let step = window.stride[1] * work.stride;
    // SAFETY: the taps lie inside for all of these pixels; weights and bias have all channels.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; X];
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(bias.as_ptr().add(channel + v * L::COUNT));
            }
        }
        for (index, row) in work.rows.iter().enumerate() {
            let tap_row = (work.first_tap + index) * window.kernel[1];
            for tap in taps.clone() {
                let weights = weight.as_ptr().add((tap_row + tap) * channels + channel);
                let weights: [L::Vector; V] =
                    std::array::from_fn(|v| L::load(weights.add(v * L::COUNT)));
                let place = x * window.stride[1] + tap * window.dilation[1] - window.padding[1];
                let input = row.add(place * work.stride + channel);
                for (pixel, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let number = L::load(input.add(pixel * step + v * L::COUNT));
                        *sum = L::multiply_add(number, weights[v], *sum);
                    }
                }
            }
        }
        let (low, high) = (L::splat(work.clamp.0), L::splat(work.clamp.1));
        for (pixel, sums) in sums.iter().enumerate() {
            let out = work.out.add((x + pixel) * work.out_stride + channel);
            for (v, sum) in sums.iter().enumerate() {
                L::store(out.add(v * L::COUNT), L::minimum(high, L::maximum(low, *sum)));
            }
        }
    }
}

/// The whole line for one channel, where there are too few for a vector.
unsafe fn single(work: &Line, channel: usize) {
    let Depthwise { window, channels, weight, bias, .. } = work.depthwise;
    for x in 0..work.out_width {
        let mut sum = bias[channel];
        for (index, row) in work.rows.iter().enumerate() {
            for tap in window.inside(1, x, work.width) {
                let place = x * window.stride[1] + tap * window.dilation[1] - window.padding[1];
                let tap = (work.first_tap + index) * window.kernel[1] + tap;
                // SAFETY: the tap lies inside the line.
                let number = unsafe { *row.add(place * work.stride + channel) };
                sum = multiply_add(number, weight[tap * channels + channel], sum);
            }
        }
        let (low, high) = work.clamp;
        let raised = if sum < low { low } else { sum };
        // SAFETY: the pixel is inside the output's line.
        unsafe {
            *work.out.add(x * work.out_stride + channel) =
                if raised > high { high } else { raised };
        }
    }
}
