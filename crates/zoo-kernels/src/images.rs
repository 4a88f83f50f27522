use crate::Pixels;

/// A batch of images, channels last: `[batch, height, width, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    pixels: Pixels<'a>,
    batch: usize,
    height: usize,
    width: usize,
}

impl<'a> Images<'a> {
    /// The first `batch * height * width` of `pixels`.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn new(pixels: Pixels<'a>, batch: usize, height: usize, width: usize) -> Self {
        let needed = batch.checked_mul(height).and_then(|lines| lines.checked_mul(width));
        let needed = needed.expect("a number of pixels");
        assert!(pixels.len() >= needed, "{needed} pixels wanted, {} there", pixels.len());
        Self { pixels, batch, height, width }
    }

    /// How many images there are.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All pixels, row after row, image after image.
    pub fn pixels(&self) -> &Pixels<'a> {
        &self.pixels
    }
}
