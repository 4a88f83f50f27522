//! Turning a photo as its EXIF data says, for models whose pipeline did.

use std::borrow::Cow;

use image::metadata::Orientation;

use super::Pixels;

impl Pixels {
    /// The image as it is meant to be viewed: turned and mirrored as the EXIF orientation of
    /// its file says. The same image when the file said nothing.
    pub fn upright(&self) -> Cow<'_, Self> {
        // (sides swapped, then from right to left, then from bottom to top)
        let (swap, mirror, flip) = match self.orientation {
            Orientation::NoTransforms => return Cow::Borrowed(self),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, false, true),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, true, false),
        };
        let (height, width) =
            if swap { (self.width, self.height) } else { (self.height, self.width) };
        let mut data = Vec::with_capacity(self.data.len());
        for row in 0..height {
            for column in 0..width {
                let (y, x) = if swap { (column, row) } else { (row, column) };
                let x = if mirror { self.width - 1 - x } else { x };
                let y = if flip { self.height - 1 - y } else { y };
                let at = y * self.stride() + x * self.channels;
                data.extend_from_slice(&self.data[at..at + self.channels]);
            }
        }
        Cow::Owned(Self::from_parts(height, width, self.channels, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from Pillow 13: `ImageOps.exif_transpose` of `[[1, 2, 3], [4, 5, 6]]`.
    #[test]
    fn all_eight_orientations() {
        let cases: [(u8, usize, [u8; 6]); 8] = [
            (1, 2, [1, 2, 3, 4, 5, 6]),
            (2, 2, [3, 2, 1, 6, 5, 4]),
            (3, 2, [6, 5, 4, 3, 2, 1]),
            (4, 2, [4, 5, 6, 1, 2, 3]),
            (5, 3, [1, 4, 2, 5, 3, 6]),
            (6, 3, [4, 1, 5, 2, 6, 3]),
            (7, 3, [6, 3, 5, 2, 4, 1]),
            (8, 3, [3, 6, 2, 5, 1, 4]),
        ];
        for (exif, height, expected) in cases {
            let mut image = Pixels::new(2, 3, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
            image.orientation = Orientation::from_exif(exif).unwrap();
            let upright = image.upright();
            assert_eq!((upright.height, upright.width), (height, 6 / height));
            assert_eq!(upright.data, expected, "{exif}");
        }
    }
}
