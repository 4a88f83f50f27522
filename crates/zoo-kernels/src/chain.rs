//! A convolution and the depthwise one behind it, line by line: what lies between the two is several
//! times larger than what comes in and goes out, and never leaves the nearest cache.

use std::ops::Range;
use std::sync::Arc;

use crate::depthwise::Rows;
use crate::{Activation, Convolution, Depthwise, Epilogue, Images, Part, PixelsMut, Scratch};

/// A convolution whose output only a depthwise one reads.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The first one.
    pub first: Arc<Convolution>,
    /// What follows it.
    pub activation: Activation,
    /// The height and width of what it makes.
    pub middle: [usize; 2],
    /// The second one.
    pub then: Arc<Depthwise>,
}

impl Chain {
    /// Computes `lines` of the second one's output, counted through all images, followed by
    /// `activation`. Lines of the first one's output are kept as long as one of them needs them.
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
        let channels = self.first.outputs();
        assert_eq!(self.then.channels(), channels, "channels between the two");
        assert_eq!(out.channels(), channels, "output channels");
        let all = input.batch() * out_size[0];
        assert!(lines.end <= all && all * out_size[1] <= out.len(), "output lines");
        let [height, width] = self.middle;
        let window = *self.then.window();
        let kept = ((window.kernel[0] - 1) * window.dilation[0] + 1).min(height);
        let mut ring = std::mem::take(&mut scratch.ring);
        ring.reserve(kept * width * channels);
        // The image whose rows are in the ring, and the first row that has not been made.
        let (mut current, mut next) = (usize::MAX, 0);
        for line in lines {
            let (image, y) = (line / out_size[0], line % out_size[0]);
            let taps = window.inside(0, y, height);
            if image != current {
                (current, next) = (image, 0);
            }
            if let (Some(first), Some(last)) = (taps.clone().next(), taps.clone().last()) {
                next = next.max(self.then.row(y, first));
                while next <= self.then.row(y, last) {
                    let slot = &mut ring[next % kept * width * channels..][..width * channels];
                    let mut to = PixelsMut::dense(slot, channels);
                    let begin = (image * height + next) * width;
                    self.first_row(input, &mut to, begin..begin + width, scratch);
                    next += 1;
                }
            }
            scratch.pointers.clear();
            for tap in taps.clone() {
                let row = self.then.row(y, tap);
                scratch.pointers.push(ring[row % kept * width * channels..].as_ptr());
            }
            let starts = &scratch.pointers;
            let source = Rows { starts, first_tap: taps.start, stride: channels, width };
            // SAFETY: the ring holds these rows, and the line is this caller's.
            unsafe { self.then.run_line(&source, out_size[1], out, line, activation) }
        }
        scratch.ring = ring;
    }

    fn first_row(
        &self,
        input: &Images,
        to: &mut PixelsMut,
        pixels: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let part = Part { pixels, panels: 0..self.first.panels(), to: 0 };
        let epilogue = Epilogue { residual: None, activation: self.activation };
        // SAFETY: `to` is borrowed mutably.
        unsafe { self.first.run_part(input, self.middle, to, &epilogue, &part, scratch) }
    }
}
