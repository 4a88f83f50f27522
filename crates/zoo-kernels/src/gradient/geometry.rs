use rayon::prelude::*;

use crate::Window;

/// The sizes of a convolution: of its input `[batch, height, width, channels]`, its weight
/// `[outputs, channels / groups, kernel height, kernel width]` and its output
/// `[batch, out height, out width, outputs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// How many images there are.
    pub batch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Channels of the output.
    pub outputs: usize,
    /// Height and width of the output. What the window lacks at the bottom and to the right of the
    /// input is zeros.
    pub out_size: [usize; 2],
    /// Into how many groups the channels fall, each convolved on its own.
    pub groups: usize,
    /// The window that slides.
    pub window: Window,
}

impl Geometry {
    /// How many numbers the input has.
    pub fn input_len(&self) -> usize {
        self.batch * self.size[0] * self.size[1] * self.channels
    }

    /// How many numbers the output has.
    pub fn output_len(&self) -> usize {
        self.pixels() * self.outputs
    }

    /// How many numbers the weight has.
    pub fn weight_len(&self) -> usize {
        self.outputs * self.group_channels() * self.window.taps()
    }

    /// Pixels of the output, of all images.
    pub(super) fn pixels(&self) -> usize {
        self.batch * self.out_size[0] * self.out_size[1]
    }

    /// Input channels of a group.
    pub(super) fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Output channels of a group.
    pub(super) fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }

    /// Whether each channel is convolved by itself, into one output.
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups == self.channels && self.groups == self.outputs
    }

    /// Whether a row of the kernel sees few numbers, which lie next to each other but for the
    /// padding: so does the first convolution of a network of pictures.
    pub(super) fn is_narrow(&self) -> bool {
        /// Less than this fills vectors badly, row by row.
        const NARROW: usize = 32;
        let [_, width] = self.window.kernel;
        let together = self.groups == 1 && self.window.dilation[1] == 1;
        together && width > 1 && width * self.channels <= NARROW
    }

    /// The same convolution of an input that has its padding in it, and that input.
    pub(super) fn padded(&self, input: &[f32]) -> (Self, Vec<f32>) {
        let window = Window { padding: [0; 2], ..self.window };
        let size = [0, 1].map(|axis| {
            let reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
            (self.out_size[axis] - 1) * window.stride[axis] + reach
        });
        let ([height, width], [top, left]) = (self.size, self.window.padding);
        let mut padded = vec![0.0; self.batch * size[0] * size[1] * self.channels];
        let count = width.min(size[1].saturating_sub(left)) * self.channels;
        let lines = padded.par_chunks_exact_mut(size[1] * self.channels).enumerate();
        lines.for_each(|(line, to)| {
            let (image, y) = (line / size[0], line % size[0]);
            if let Some(y) = y.checked_sub(top).filter(|&y| y < height)
                && count > 0
            {
                let from = &input[(image * height + y) * width * self.channels..][..count];
                to[left * self.channels..][..count].copy_from_slice(from);
            }
        });
        (Self { size, window, ..*self }, padded)
    }

    /// Checks that groups divide both kinds of channels.
    pub(super) fn check(&self) {
        assert!(self.groups > 0, "no group");
        assert!(self.channels.is_multiple_of(self.groups), "groups do not divide the channels");
        assert!(self.outputs.is_multiple_of(self.groups), "groups do not divide the outputs");
    }
}
