//! Tests that span the module's files.

mod cards;
mod files;
mod photos;
mod pillow;
mod windows;

use super::Pixels;

/// A made-up image whose bytes follow a rule that Pillow's expected values were made by:
/// byte `i` is `(i * i * 37 + i * 91 + 11) % 256`.
fn patterned(height: usize, width: usize, channels: usize) -> Pixels {
    let bytes = (0..height * width * channels).map(|i| ((i * i * 37 + i * 91 + 11) % 256) as u8);
    Pixels::new(height, width, channels, bytes.collect()).unwrap()
}
