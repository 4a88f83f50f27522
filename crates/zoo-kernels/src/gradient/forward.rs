use crate::panels::Panels;
use crate::team::with_scratch;
use crate::{Convolution, Epilogue, Images, Isa, Part, Pixels, PixelsMut, Window};

use super::parallel::{Shared, filled, for_each, slice_of};
use super::{Geometry, depthwise, pack, winograd};

impl Geometry {
    /// Convolves `input` with `weight`, and adds the `bias` of each output.
    ///
    /// # Panics
    /// Where a length does not fit, or groups do not divide channels.
    pub fn forward(
        &self,
        isa: Isa,
        input: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Vec<f32> {
        self.check();
        assert_eq!(input.len(), self.input_len(), "the input's length");
        assert_eq!(weight.len(), self.weight_len(), "the weight's length");
        let zeros = vec![0.0; self.outputs];
        let bias = bias.unwrap_or(&zeros);
        assert_eq!(bias.len(), self.outputs, "the bias' length");
        if self.is_depthwise() {
            return depthwise::forward(isa, self, input, weight, bias);
        }
        if self.is_narrow() && self.output_len() > 0 && self.window.padding != [0; 2] {
            let (sizes, padded) = self.padded(input);
            return sizes.forward(isa, &padded, weight, Some(bias));
        }
        let packed = Packed {
            isa,
            window: self.window,
            channels: self.group_channels(),
            groups: pack::forward(isa, self, weight, bias),
            bias,
        };
        let [height, width] = self.size;
        let images = Images::new(Pixels::dense(input, self.channels), self.batch, height, width);
        packed.convolve(&images, self.out_size)
    }
}

/// A convolution with the weights of one step.
pub(super) struct Packed<'a> {
    pub(super) isa: Isa,
    pub(super) window: Window,
    /// Input channels of a group.
    pub(super) channels: usize,
    /// The weights of each group: `[taps * channels, outputs]`.
    pub(super) groups: Vec<Panels>,
    /// One for each output of all groups.
    pub(super) bias: &'a [f32],
}

impl Packed<'_> {
    /// Convolves `images` on all threads.
    pub(super) fn convolve(self, images: &Images, out_size: [usize; 2]) -> Vec<f32> {
        let Self { isa, window, channels, groups, bias } = self;
        let (pixels, outputs) = (images.batch() * out_size[0] * out_size[1], bias.len());
        if pixels == 0 || outputs == 0 {
            return Vec::new();
        }
        if let [taps] = groups.as_slice()
            && winograd::suits(isa, &window, channels, outputs, out_size)
        {
            return winograd::convolve(isa, window.padding, taps, bias, images, out_size);
        }
        let each = outputs / groups.len();
        Convolution::from_panels(isa, window, groups, channels, each).run_on_all(images, out_size)
    }
}

impl Convolution {
    /// A product with the matrix `weight` `[columns, inner]`, packed on all threads.
    ///
    /// # Panics
    /// Where `weight` has no whole columns, or none.
    pub fn of_matrix(isa: Isa, weight: &[f32], columns: usize) -> Self {
        assert!(columns > 0 && weight.len().is_multiple_of(columns), "columns");
        let inner = weight.len() / columns;
        let groups = vec![pack::rows(isa, weight, inner, 1, &vec![0.0; columns])];
        Self::from_panels(isa, Window::POINT, groups, inner, columns)
    }

    /// Convolves all of `images` on all threads: `[batch, out height, out width, outputs]`.
    ///
    /// # Panics
    /// Where channels do not fit.
    pub fn run_on_all(&self, images: &Images, out_size: [usize; 2]) -> Vec<f32> {
        let pixels = images.batch() * out_size[0] * out_size[1];
        let outputs = self.outputs();
        if pixels == 0 || outputs == 0 {
            return Vec::new();
        }
        let rows = pixels.div_ceil(2 * self.block());
        // Few pixels and many outputs: cut the outputs as well, so that all threads have something.
        let turns = (TASKS / rows).clamp(1, self.panels().div_ceil(PANELS));
        // SAFETY: parts of rows and turns are disjoint and together everything.
        unsafe {
            filled(pixels * outputs, |out: Shared| {
                for_each(rows * turns, |task| {
                    let chosen = slice_of(pixels, rows, task % rows);
                    let part = Part {
                        to: chosen.start,
                        pixels: chosen,
                        panels: slice_of(self.panels(), turns, task / rows),
                    };
                    let out = PixelsMut::from_raw(out.as_mut_ptr(), pixels, outputs, outputs);
                    with_scratch(|scratch| {
                        let epilogue = Epilogue::NONE;
                        self.run_part(images, out_size, &out, &epilogue, &part, scratch);
                    });
                });
            })
        }
    }
}

/// As many tasks keep the threads of usual machines busy to the end.
const TASKS: usize = 32;
/// Panels of a task at least: the pointers that it lists should serve several.
const PANELS: usize = 4;
