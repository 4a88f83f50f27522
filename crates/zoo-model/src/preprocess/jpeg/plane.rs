//! The samples of one component.

use super::frame::Component;

/// Samples, row-major, with those that only fill the last blocks.
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
        let stride = 8 * component.padded_wide;
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

    /// The eight rows of samples of a block.
    #[inline]
    pub(super) fn block(
        &mut self,
        row: usize,
        column: usize,
    ) -> impl Iterator<Item = &mut [u8; 8]> {
        let first = row * 8 * self.stride + column * 8;
        let rows = self.samples[first..].chunks_mut(self.stride).take(8);
        rows.filter_map(|row| row.first_chunk_mut())
    }
}
