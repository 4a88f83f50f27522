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

    /// Checks that groups divide both kinds of channels.
    pub(super) fn check(&self) {
        assert!(self.groups > 0, "no group");
        assert!(self.channels.is_multiple_of(self.groups), "groups do not divide the channels");
        assert!(self.outputs.is_multiple_of(self.groups), "groups do not divide the outputs");
    }
}
