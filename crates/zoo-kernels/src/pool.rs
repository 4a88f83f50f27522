//! The largest or the mean of the numbers that a window sees, and of whole images.

use std::ops::Range;

use crate::lanes::{Lanes, versions};
use crate::{Images, Isa, PixelsMut, Window};

/// What is made of the numbers that a window sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The largest. Padding never is.
    Max,
    /// The mean of those inside the image.
    Mean,
    /// The mean with padding counted as zeros: as far as this reaches below and to the right.
    MeanWithPadding {
        /// Zeros below and to the right of the image.
        after: [usize; 2],
    },
}

/// Pools the output's `lines`, counted through all images.
///
/// # Safety
/// Nobody else may touch those lines of `out` meanwhile.
///
/// # Panics
/// Where channels or pixels do not fit.
pub unsafe fn pool_lines(
    isa: Isa,
    window: &Window,
    pooling: Pooling,
    input: &Images,
    out_size: [usize; 2],
    out: &PixelsMut,
    lines: Range<usize>,
) {
    window.check();
    let [out_height, out_width] = out_size;
    let channels = input.pixels().channels();
    assert_eq!(out.channels(), channels, "channels");
    let all = input.batch() * out_height;
    assert!(lines.end <= all && all * out_width <= out.len(), "output lines");
    for line in lines {
        let (image, y) = (line / out_height, line % out_height);
        let rows = window.inside(0, y, input.height());
        for x in 0..out_width {
            let columns = window.inside(1, x, input.width());
            // SAFETY: the pixel is inside, and this caller's alone.
            let to = unsafe {
                let first = out.as_mut_ptr().add((line * out_width + x) * out.stride());
                std::slice::from_raw_parts_mut(first, channels)
            };
            let max = pooling == Pooling::Max;
            to.fill(if max { f32::NEG_INFINITY } else { 0.0 });
            for row in rows.clone() {
                let place_y = y * window.stride[0] + row * window.dilation[0] - window.padding[0];
                for column in columns.clone() {
                    let place_x =
                        x * window.stride[1] + column * window.dilation[1] - window.padding[1];
                    let place = (image * input.height() + place_y) * input.width() + place_x;
                    let from = input.pixels().pixel(place);
                    // SAFETY: both have all channels.
                    unsafe { take(isa, to, from, max) }
                }
            }
            let count = match pooling {
                Pooling::Max => continue,
                Pooling::Mean => rows.len() * columns.len(),
                Pooling::MeanWithPadding { after } => {
                    let seen = |axis: usize, position: usize, length: usize| {
                        let begin = position * window.stride[axis];
                        let end = length + window.padding[axis] + after[axis];
                        (begin + window.kernel[axis]).min(end) - begin
                    };
                    seen(0, y, input.height()) * seen(1, x, input.width())
                }
            };
            // SAFETY: it is a whole slice.
            unsafe { scale(isa, to, 1.0 / count as f32) }
        }
    }
}

/// The mean of each channel of each image: `out` `[batch, channels]`, of which `images` are made.
///
/// # Safety
/// Nobody else may touch those of `out` meanwhile.
///
/// # Panics
/// Where channels or pixels do not fit.
pub unsafe fn pool_images(
    isa: Isa,
    input: &Images,
    max: bool,
    out: &PixelsMut,
    images: Range<usize>,
) {
    let channels = input.pixels().channels();
    assert_eq!(out.channels(), channels, "channels");
    assert!(images.end <= input.batch() && images.end <= out.len(), "images");
    let count = input.height() * input.width();
    for image in images {
        // SAFETY: the pixel is inside, and this caller's alone.
        let to = unsafe {
            let first = out.as_mut_ptr().add(image * out.stride());
            std::slice::from_raw_parts_mut(first, channels)
        };
        to.fill(if max { f32::NEG_INFINITY } else { 0.0 });
        for place in image * count..(image + 1) * count {
            // SAFETY: both have all channels.
            unsafe { take(isa, to, input.pixels().pixel(place), max) }
        }
        if !max {
            // SAFETY: it is a whole slice.
            unsafe { scale(isa, to, 1.0 / count as f32) }
        }
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn take = take_each(to: &mut [f32], from: &[f32], max: bool)
}

#[inline(always)]
unsafe fn take_each<L: Lanes>(to: &mut [f32], from: &[f32], max: bool) {
    if max {
        for (to, &from) in to.iter_mut().zip(from) {
            // A NaN stays one, wherever it stands.
            *to = if from > *to || from.is_nan() { from } else { *to };
        }
    } else {
        for (to, &from) in to.iter_mut().zip(from) {
            *to += from;
        }
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn scale = scale_each(values: &mut [f32], factor: f32)
}

#[inline(always)]
unsafe fn scale_each<L: Lanes>(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}
