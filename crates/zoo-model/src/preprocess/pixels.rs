//! A decoded image: 8 bits a channel, channels interleaved.

use image::metadata::Orientation;

use super::Error;

/// An image in memory: `[height, width, channels]`, row-major, one byte a channel.
///
/// Channels are gray (1), gray and alpha (2), RGB (3) or RGBA (4); alpha is straight, not
/// premultiplied.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) data: Vec<u8>,
    /// How the file says it should be turned for viewing; not yet applied.
    pub(super) orientation: Orientation,
}

impl Pixels {
    /// An image from bytes `[height, width, channels]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if a side is zero, `channels` is not 1 to 4, or the length of `data`
    /// is not their product.
    pub fn new(height: usize, width: usize, channels: usize, data: Vec<u8>) -> Result<Self, Error> {
        let expected = height.checked_mul(width).and_then(|n| n.checked_mul(channels));
        let fits = expected == Some(data.len()) && !data.is_empty();
        if !fits || !(1..=4).contains(&channels) {
            return Err(Error::Shape { height, width, channels, len: data.len() });
        }
        Ok(Self::from_parts(height, width, channels, data))
    }

    /// As [`Pixels::new`], for buffers this module made itself.
    pub(super) fn from_parts(height: usize, width: usize, channels: usize, data: Vec<u8>) -> Self {
        debug_assert_eq!(height * width * channels, data.len());
        Self { height, width, channels, data, orientation: Orientation::NoTransforms }
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The bytes, `[height, width, channels]`.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, `[height, width, channels]`, without copying.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Bytes a row.
    pub(super) fn stride(&self) -> usize {
        self.width * self.channels
    }
}

impl std::fmt::Debug for Pixels {
    /// The shape only: the bytes would fill the screen.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels [{}, {}, {}]", self.height, self.width, self.channels)
    }
}
