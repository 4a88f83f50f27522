//! The samples of one component.

use super::frame::Component;
use super::idct;

/// Samples, row-major, with those that only fill the last blocks and groups of blocks.
#[derive(Default)]
pub(super) struct Plane {
    samples: Vec<u8>,
    /// Samples a row, with padding.
    stride: usize,
    /// Samples a row that belong to the image.
    pub(super) width: usize,
    /// Rows that belong to the image.
    pub(super) height: usize,
}

impl Plane {
    /// A plane for all blocks of `component`.
    pub(super) fn new(component: &Component) -> Self {
        let stride = 8 * component.padded_wide.next_multiple_of(idct::LANES);
        Self {
            samples: vec![0; stride * 8 * component.padded_high],
            stride,
            width: component.width,
            height: component.height,
        }
    }

    /// The samples of one row, without padding.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.samples[row * self.stride..][..self.width]
    }

    /// The eight rows of samples of the row `row` of blocks, and their stride.
    pub(super) fn band(&mut self, row: usize) -> (&mut [u8], usize) {
        (&mut self.samples[row * 8 * self.stride..][..8 * self.stride], self.stride)
    }
}
