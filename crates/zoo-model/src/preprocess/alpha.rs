//! What becomes of transparency.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Pixels;

/// How an alpha channel is removed, before anything else happens to the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Alpha {
    /// Composite over white, as Pillow's `alpha_composite` over an opaque white image.
    #[default]
    White,
    /// Forget it and keep the colours, as Pillow's `convert("RGB")`. Colours under full
    /// transparency are whatever the program that wrote the file left there.
    Drop,
}

impl Alpha {
    /// The image with 1 (gray) or 3 (RGB) channels.
    pub(super) fn remove(self, image: &Pixels) -> Cow<'_, Pixels> {
        let colors = match image.channels {
            2 => 1,
            4 => 3,
            _ => return Cow::Borrowed(image),
        };
        let mut data = Vec::with_capacity(image.height * image.width * colors);
        for pixel in image.data.chunks_exact(image.channels) {
            let (color, alpha) = pixel.split_at(colors);
            match self {
                Self::White => data.extend(color.iter().map(|&c| over_white(c, alpha[0]))),
                Self::Drop => data.extend_from_slice(color),
            }
        }
        Cow::Owned(Pixels::from_parts(image.height, image.width, colors, data))
    }
}

/// `color` with opacity `alpha` over 255: `(color * alpha + 255 * (255 - alpha)) / 255`,
/// rounded. The division by shifts is the one of Pillow's `AlphaComposite.c`; over an opaque
/// background its seven extra bits of precision cancel, for all 65,536 pairs.
fn over_white(color: u8, alpha: u8) -> u8 {
    let (color, alpha) = (u32::from(color), u32::from(alpha));
    let sum = color * alpha + 255 * (255 - alpha) + 128;
    (((sum >> 8) + sum) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from Pillow 13: `alpha_composite` over white, `convert("RGB")`.
    #[test]
    fn composites_over_white_as_pillow_does() {
        let cases = [
            ([10, 200, 30, 0], [255, 255, 255]),
            ([10, 200, 30, 255], [10, 200, 30]),
            ([10, 200, 30, 128], [132, 227, 142]),
            ([0, 255, 127, 1], [254, 255, 254]),
            ([0, 1, 254, 77], [178, 178, 255]),
            ([33, 66, 99, 200], [81, 107, 133]),
        ];
        for (rgba, expected) in cases {
            let image = Pixels::new(1, 1, 4, rgba.to_vec()).unwrap();
            assert_eq!(Alpha::White.remove(&image).data, expected, "{rgba:?}");
            assert_eq!(Alpha::Drop.remove(&image).data, rgba[..3]);
        }
    }

    #[test]
    fn gray_and_alpha_becomes_gray() {
        let image = Pixels::new(1, 2, 2, vec![10, 128, 9, 255]).unwrap();
        let flat = Alpha::White.remove(&image);
        assert_eq!((flat.channels, flat.data.as_slice()), (1, &[132, 9][..]));
    }

    #[test]
    fn opaque_images_are_not_copied() {
        let image = Pixels::new(1, 1, 3, vec![1, 2, 3]).unwrap();
        assert!(matches!(Alpha::White.remove(&image), Cow::Borrowed(_)));
    }
}
