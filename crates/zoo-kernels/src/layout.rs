//! From channels first to channels last, and back.

use std::ops::Range;

use crate::{Images, PixelsMut};

/// Pixels that are turned together: a few cache lines of each channel.
const BLOCK: usize = 32;

/// Writes `planes` `[batch, channels, height, width]`, of the height and width `size`, to `out`, whose
/// images are larger: by `padding` zeros above and to the left, and by as many as are left below
/// and to the right. Computes the output's `lines`, counted through all images.
///
/// # Safety
/// Nobody else may touch those lines of `out` meanwhile.
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
    let ([height, width], [out_height, out_width]) = (size, out_size);
    let channels = out.channels();
    let images = lines.end.div_ceil(out_height);
    assert!(images * channels * height * width <= planes.len(), "planes");
    assert!(images * out_height * out_width <= out.len(), "output pixels");
    let fits = |length: usize, zeros: usize, whole: usize| {
        length.checked_add(zeros).is_some_and(|length| length <= whole)
    };
    let fits = fits(height, padding[0], out_height) && fits(width, padding[1], out_width);
    assert!(fits, "padding");
    for line in lines {
        let (image, y) = (line / out_height, line % out_height);
        let first = line * out_width;
        let zeros = |pixels: Range<usize>| {
            for x in pixels {
                // SAFETY: the pixel is inside the output, and this caller's alone.
                unsafe {
                    let start = out.as_mut_ptr().add((first + x) * out.stride());
                    std::slice::from_raw_parts_mut(start, channels).fill(0.0);
                }
            }
        };
        let Some(y) = y.checked_sub(padding[0]).filter(|&y| y < height) else {
            zeros(0..out_width);
            continue;
        };
        zeros(0..padding[1]);
        zeros(padding[1] + width..out_width);
        let mut x = 0;
        while x < width {
            let end = width.min(x + BLOCK);
            for channel in 0..channels {
                let plane = &planes[((image * channels + channel) * height + y) * width..][x..end];
                for (index, &number) in plane.iter().enumerate() {
                    let pixel = first + padding[1] + x + index;
                    // SAFETY: as above.
                    unsafe { *out.as_mut_ptr().add(pixel * out.stride() + channel) = number }
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
