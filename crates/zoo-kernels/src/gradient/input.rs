use rayon::prelude::*;

use crate::{Images, Isa, Pixels, Window};

use super::forward::Packed;
use super::pack::{self, Taps};
use super::{Geometry, depthwise};

/// The inputs along one axis whose position leaves the same rest when divided by the stride: all of
/// them see the same taps, and their gradient is a convolution of the output's gradient.
#[derive(Debug, Clone, Copy)]
struct Phase {
    /// The first of them; the next one is a stride further.
    first: usize,
    /// How many there are.
    count: usize,
    taps: Taps,
    /// From the gradient that one tap reads to that of the next.
    dilation: usize,
    /// Where the first input's first tap reads: before the gradient's beginning if negative.
    begin: isize,
}

impl Geometry {
    /// The gradient of the input: `gradient`, that of the output, through `weight`.
    ///
    /// For a stride of one that is a convolution with the kernel turned round; for a longer one,
    /// the inputs fall into as many such convolutions as the stride has places, each with some of
    /// the taps, and no zero is multiplied.
    ///
    /// # Panics
    /// Where a length does not fit, or groups do not divide channels.
    pub fn input_gradient(&self, isa: Isa, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
        self.check();
        assert_eq!(gradient.len(), self.output_len(), "the gradient's length");
        assert_eq!(weight.len(), self.weight_len(), "the weight's length");
        if gradient.is_empty() || self.input_len() == 0 {
            return vec![0.0; self.input_len()];
        }
        if self.is_depthwise() {
            return depthwise::input_gradient(isa, self, gradient, weight);
        }
        let [vertical, horizontal] = [0, 1].map(|axis| self.phases(axis));
        if let ([down], [across]) = (vertical.as_slice(), horizontal.as_slice())
            && down.begin <= 0
            && across.begin <= 0
            && down.taps.count * across.taps.count > 0
        {
            return self.phase(isa, gradient, weight, [down, across]);
        }
        let mut made = vec![0.0; self.input_len()];
        for down in &vertical {
            for across in &horizontal {
                if down.taps.count > 0 && across.taps.count > 0 {
                    let part = self.phase(isa, gradient, weight, [down, across]);
                    self.spread(&part, [down, across], &mut made);
                }
            }
        }
        made
    }

    /// The phases along `axis`.
    ///
    /// Input `stride j + first` is multiplied by tap `t` in output `o` where
    /// `stride o + dilation t - padding = stride j + first`.
    fn phases(&self, axis: usize) -> Vec<Phase> {
        let window = &self.window;
        let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
        let (padding, kernel) = (window.padding[axis], window.kernel[axis]);
        let phase = |first: usize| {
            let fits = |tap: &usize| {
                (first + padding) as isize % stride as isize
                    == (dilation * tap) as isize % stride as isize
            };
            let taps: Vec<usize> = (0..kernel).filter(fits).collect();
            let step = taps.get(1).map_or(1, |second| second - taps[0]);
            let last = taps.last().copied().unwrap_or(0);
            let begin = (first + padding) as isize - (dilation * last) as isize;
            Phase {
                first,
                count: (self.size[axis] - first).div_ceil(stride),
                taps: Taps { first: last, step: -(step as isize), count: taps.len() },
                dilation: dilation * step / stride,
                begin: begin / stride as isize,
            }
        };
        (0..stride.min(self.size[axis])).map(phase).collect()
    }

    /// The gradient of one phase: `[batch, count, count, channels]`, or more of both where it
    /// begins later.
    fn phase(&self, isa: Isa, gradient: &[f32], weight: &[f32], phase: [&Phase; 2]) -> Vec<f32> {
        let window = Window {
            kernel: phase.map(|phase| phase.taps.count),
            stride: [1; 2],
            dilation: phase.map(|phase| phase.dilation.max(1)),
            padding: phase.map(|phase| (-phase.begin).max(0) as usize),
        };
        let packed = Packed {
            isa,
            window,
            channels: self.group_outputs(),
            groups: pack::backward(isa, self, phase.map(|phase| phase.taps), weight),
            bias: &vec![0.0; self.channels],
        };
        let [height, width] = self.out_size;
        let pixels = Pixels::dense(gradient, self.outputs);
        let images = Images::new(pixels, self.batch, height, width);
        packed.convolve(&images, phase.map(Phase::made))
    }

    /// Puts what [`Self::phase`] made where it belongs.
    fn spread(&self, part: &[f32], [down, across]: [&Phase; 2], made: &mut [f32]) {
        let (stride, channels) = (self.window.stride, self.channels);
        let [height, width] = self.size;
        let (rows, columns) = (down.made(), across.made());
        let skipped = [down, across].map(|phase| phase.made() - phase.count);
        let line = width * channels;
        made.par_chunks_exact_mut(height * line).enumerate().for_each(|(image, made)| {
            for row in 0..down.count {
                let from = ((image * rows + row + skipped[0]) * columns + skipped[1]) * channels;
                let from = part[from..].chunks_exact(channels).take(across.count);
                let to = &mut made[(down.first + row * stride[0]) * line..][..line];
                let to = to[across.first * channels..].chunks_mut(stride[1] * channels);
                for (from, to) in from.zip(to) {
                    to[..channels].copy_from_slice(from);
                }
            }
        });
    }
}

impl Phase {
    /// How many positions are computed: those before `begin` are left out afterwards.
    fn made(&self) -> usize {
        self.count + self.begin.max(0) as usize
    }
}
