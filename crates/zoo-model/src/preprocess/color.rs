//! Which channels a model takes, and in which order.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Pixels;

/// The channels of a model's input, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Color {
    /// Red, green, blue. A gray image gives three equal channels.
    #[default]
    Rgb,
    /// Blue, green, red: models that came from Caffe or `OpenCV`.
    Bgr,
    /// Luma (ITU-R BT.601) as Pillow's `convert("L")` computes it.
    Gray,
}

impl Color {
    /// Number of channels of the output.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }

    /// The image that is to be resized: gray where one channel is enough. A gray image stays
    /// gray even for an RGB model, because resizing equal channels gives equal channels.
    pub(super) fn reduce(self, image: Cow<'_, Pixels>) -> Cow<'_, Pixels> {
        if self != Self::Gray || image.channels == 1 {
            return image;
        }
        let data = image.data.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect();
        Cow::Owned(Pixels::from_parts(image.height, image.width, 1, data))
    }

    /// Which channel of an image of `channels` (1 or 3) feeds channel `output`.
    pub(super) fn source_channel(self, output: usize, channels: usize) -> usize {
        match self {
            _ if channels == 1 => 0,
            Self::Bgr => 2 - output,
            Self::Rgb | Self::Gray => output,
        }
    }
}

/// `0.299 R + 0.587 G + 0.114 B` in Pillow's 16-bit fixed point, rounded (`Convert.c`, `L24`).
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    ((sum + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from Pillow 13: `convert("L")`.
    #[test]
    fn luma_is_pillows() {
        let cases = [
            ([10, 200, 30], 124),
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([1, 2, 3], 2),
            ([255, 255, 255], 255),
            ([254, 255, 253], 254),
        ];
        for ([r, g, b], expected) in cases {
            assert_eq!(luma(r, g, b), expected, "{r} {g} {b}");
        }
    }
}
