//! Small pictures for reports.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use zoo_model::preprocess::{self, Preprocess, Resize};

/// The length of a thumbnail's shorter side, in pixels.
const SIDE: u32 = 128;

/// A square PNG of an image; `None` where it does not decode.
pub(crate) fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let pixels = preprocess::decode_bytes(bytes).ok()?;
    let small = Preprocess {
        resize: Some(Resize::Shorter(SIDE)),
        crop: Some([SIDE, SIDE]),
        scale: 1.0,
        ..Preprocess::default()
    };
    let planes = small.apply(&pixels).ok()?;
    let area = (SIDE * SIDE) as usize;
    let pixels: Vec<u8> =
        (0..area).flat_map(|at| [0, 1, 2].map(|c| planes.values[c * area + at] as u8)).collect();
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&pixels, SIDE, SIDE, ExtendedColorType::Rgb8).ok()?;
    Some(file)
}
