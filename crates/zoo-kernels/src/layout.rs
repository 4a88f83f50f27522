//! From channels first to channels last, and back.

use std::ops::Range;

use crate::{Images, PixelsMut};

/// Pixels that are turned together: a few cache lines of each channel.
const BLOCK: usize = 32;

/// Writes rows of `planes` `[batch, channels, height, width]` to `out`, whose images are higher and
/// wider by `padding` above and to the left, and by whatever they are larger below and to the
/// right; `lines` counts the rows of the planes through all images. Padding is left as it is.
///
/// # Safety
/// Nobody else may touch those pixels of `out` meanwhile.
///
/// # Panics
/// Where lengths do not fit.
pub unsafe fn channels_last(
    planes: &[f32],
    size: [usize; 2],
    out: &PixelsMut,
    out_size: [usize; 2],
    padding: [usize; 2],
    lines: Range<usize>,
) {
    let [height, width] = size;
    let channels = out.channels();
    let images = lines.end.div_ceil(height);
    assert!(images * channels * height * width <= planes.len(), "planes");
    assert!(images * out_size[0] * out_size[1] <= out.len(), "output pixels");
    assert!(height + padding[0] <= out_size[0] && width + padding[1] <= out_size[1], "padding");
    for line in lines {
        let (image, y) = (line / height, line % height);
        let first = (image * out_size[0] + y + padding[0]) * out_size[1] + padding[1];
        let mut x = 0;
        while x < width {
            let end = width.min(x + BLOCK);
            for channel in 0..channels {
                let plane = &planes[((image * channels + channel) * height + y) * width..][x..end];
                for (index, &number) in plane.iter().enumerate() {
                    // SAFETY: the pixel is inside the output, and this caller's alone.
                    unsafe {
                        *out.as_mut_ptr().add((first + x + index) * out.stride() + channel) = number;
                    }
                }
            }
            x = end;
        }
    }
}

/// Writes `images` as planes `[batch, channels, height, width]`.
///
/// # Panics
/// Where `planes` has another length.
pub fn channels_first(images: &Images, planes: &mut [f32]) {
    let channels = images.pixels().channels();
    let count = images.height() * images.width();
    assert_eq!(planes.len(), images.batch() * channels * count, "planes");
    if count == 1 {
        for (image, to) in planes.chunks_exact_mut(channels).enumerate() {
            to.copy_from_slice(images.pixels().pixel(image));
        }
        return;
    }
    for (image, planes) in planes.chunks_exact_mut(channels * count).enumerate() {
        let mut begin = 0;
        while begin < count {
            let end = count.min(begin + BLOCK);
            for channel in 0..channels {
                for index in begin..end {
                    planes[channel * count + index] =
                        images.pixels().pixel(image * count + index)[channel];
                }
            }
            begin = end;
        }
    }
}
