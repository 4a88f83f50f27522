//! Sizes and offsets: integers only, by torchvision's rules.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, de};

/// To which size an image is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter side gets this many pixels, the longer side `size * long / short` rounded
    /// down: torchvision's `Resize(size)`.
    Shorter(u32),
    /// `[height, width]` exactly, whatever the aspect ratio: torchvision's `Resize((h, w))`.
    Exact(#[serde(deserialize_with = "height_width")] [u32; 2]),
}

/// Reads `[height, width]`. An array type would let TOML's longer arrays pass.
fn height_width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u32; 2], D::Error> {
    let sizes = Vec::deserialize(deserializer)?;
    let count = sizes.len();
    let wrong = |_| de::Error::invalid_length(count, &"[height, width]");
    sizes.try_into().map_err(wrong)
}

/// As [`height_width`], for a field that may be left out.
pub(super) fn some_height_width<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<[u32; 2]>, D::Error> {
    height_width(deserializer).map(Some)
}

impl Resize {
    /// `[height, width]` of an image of this height and width once resized.
    pub(super) fn target(self, height: usize, width: usize) -> [usize; 2] {
        match self {
            Self::Exact([height, width]) => [height as usize, width as usize],
            Self::Shorter(size) => {
                let size = size as usize;
                // Python divides in floating point and truncates; the quotient of such small
                // integers truncates to the same.
                let longer = |long: usize, short: usize| size * long / short;
                if width <= height {
                    [longer(height, width), size]
                } else {
                    [size, longer(width, height)]
                }
            }
        }
    }
}

/// Along one side: which pixels of the image a centre crop keeps, and where they land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The pixels kept, in coordinates of the (resized) image.
    pub(super) kept: Range<usize>,
    /// Zeros before the first kept pixel.
    pub(super) before: usize,
    /// Length of the output, zeros included.
    pub(super) length: usize,
}

impl Window {
    /// Everything.
    pub(super) fn whole(size: usize) -> Self {
        Self { kept: 0..size, before: 0, length: size }
    }

    /// torchvision's `center_crop` along one side. A side that is too short gets half of what
    /// it lacks before it, rounded down. One that is too long loses
    /// `int(round((size - crop) / 2.0))` before, where Python rounds half to even.
    pub(super) fn center(size: usize, crop: usize) -> Self {
        if crop >= size {
            return Self { kept: 0..size, before: (crop - size) / 2, length: crop };
        }
        let excess = size - crop;
        let half = excess / 2;
        let offset = half + (excess % 2) * (half % 2);
        Self { kept: offset..offset + crop, before: 0, length: crop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_side_rule() {
        assert_eq!(Resize::Shorter(256).target(300, 451), [256, 384]);
        assert_eq!(Resize::Shorter(256).target(427, 640), [256, 383]);
        assert_eq!(Resize::Shorter(256).target(640, 427), [383, 256]);
        assert_eq!(Resize::Shorter(7).target(5, 5), [7, 7]);
        assert_eq!(Resize::Shorter(1).target(16384, 1), [16384, 1]);
    }

    /// `int(round((size - crop) / 2.0))` in Python.
    #[test]
    fn crop_offsets_round_half_to_even() {
        for (excess, offset) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (6, 3), (7, 4)] {
            assert_eq!(Window::center(10 + excess, 10).kept, offset..offset + 10, "{excess}");
        }
    }

    #[test]
    fn short_sides_are_padded_evenly() {
        let window = Window::center(3, 8);
        assert_eq!((window.kept, window.before, window.length), (0..3, 2, 8));
    }
}
