use crate::{Convolution, Epilogue, Images, Isa, Part, Pixels, PixelsMut, Scratch};

use super::parallel::{Shared, filled, for_each, slice_of};
use super::{Geometry, depthwise, pack};

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
        let convolution = pack::forward(isa, self, weight, bias);
        let [height, width] = self.size;
        let images = Images::new(Pixels::dense(input, self.channels), self.batch, height, width);
        convolve(&convolution, &images, self.out_size)
    }
}

/// Runs `convolution` on all threads.
pub(super) fn convolve(
    convolution: &Convolution,
    images: &Images,
    out_size: [usize; 2],
) -> Vec<f32> {
    let pixels = images.batch() * out_size[0] * out_size[1];
    let outputs = convolution.outputs();
    if pixels == 0 || outputs == 0 {
        return Vec::new();
    }
    let rows = pixels.div_ceil(2 * convolution.block());
    // Few pixels and many outputs: cut the outputs as well, so that all threads have something.
    let turns = (TASKS / rows).clamp(1, convolution.panels().div_ceil(PANELS));
    // SAFETY: parts of rows and turns are disjoint and together everything.
    unsafe {
        filled(pixels * outputs, |out: Shared| {
            for_each(rows * turns, |task| {
                let chosen = slice_of(pixels, rows, task % rows);
                let part = Part {
                    to: chosen.start,
                    pixels: chosen,
                    panels: slice_of(convolution.panels(), turns, task / rows),
                };
                let out = PixelsMut::from_raw(out.as_mut_ptr(), pixels, outputs, outputs);
                let mut scratch = Scratch::default();
                convolution.run_part(images, out_size, &out, &Epilogue::NONE, &part, &mut scratch);
            });
        })
    }
}

/// As many tasks keep the threads of usual machines busy to the end.
const TASKS: usize = 32;
/// Panels of a task at least: the pointers that it lists should serve several.
const PANELS: usize = 4;
