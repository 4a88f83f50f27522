//! Resampling in two passes, bit for bit as Pillow does it for 8-bit images.
//!
//! Horizontally first, then vertically, with the result of the first pass rounded to 8 bits:
//! Pillow's order up to version 12. (Pillow 13 runs the vertical pass first where the height
//! shrinks much more than the width, which changes the rounding.) Every output pixel depends
//! only on its own taps, so a window of the output is computed from just the rows and columns
//! it needs and equals that window of the whole.

use std::ops::Range;

use super::taps::{HALF, Taps, clip};
use super::{Filter, Pixels, nearest};

/// The window `rows` x `columns` of `image` resampled to `target` `[height, width]`.
///
/// `image` has 1 or 3 channels. Without `antialias` the filter keeps its width in input
/// pixels when reducing, so pixels are skipped. For bilinear that is what `PyTorch`'s
/// `interpolate(align_corners=False)` computes, up to rounding; its bicubic differs, with
/// `a = -0.75`.
pub(super) fn resize_window(
    image: &Pixels,
    target: [usize; 2],
    rows: Range<usize>,
    columns: Range<usize>,
    filter: Filter,
    antialias: bool,
) -> Pixels {
    let [height, width] = target;
    if target == [image.height, image.width] {
        return copy_window(image, rows, columns);
    }
    if filter == Filter::Nearest {
        return nearest::resize_window(image, target, rows, columns);
    }
    let down = Taps::new(filter, antialias, image.height, height, rows);
    let across = Taps::new(filter, antialias, image.width, width, columns);
    let needed = down.span();
    let first = needed.start;
    let narrow = match image.channels {
        1 => horizontal::<1>(image, needed, &across),
        _ => horizontal::<3>(image, needed, &across),
    };
    let data = vertical(&narrow, across.len() * image.channels, first, &down);
    Pixels::from_parts(down.len(), across.len(), image.channels, data)
}

/// The window `rows` x `columns` of `image` as it is.
pub(super) fn copy_window(image: &Pixels, rows: Range<usize>, columns: Range<usize>) -> Pixels {
    let mut data = Vec::with_capacity(rows.len() * columns.len() * image.channels);
    for row in rows.clone() {
        let start = row * image.stride();
        let bytes = columns.start * image.channels..columns.end * image.channels;
        data.extend_from_slice(&image.data[start..start + image.stride()][bytes]);
    }
    Pixels::from_parts(rows.len(), columns.len(), image.channels, data)
}

/// The first pass over the input's `rows`: `[rows, taps, C]`.
fn horizontal<const C: usize>(image: &Pixels, rows: Range<usize>, taps: &Taps) -> Vec<u8> {
    let mut output = Vec::with_capacity(rows.len() * taps.len() * C);
    let stride = image.stride();
    for row in image.data[rows.start * stride..rows.end * stride].chunks_exact(stride) {
        let (pixels, _) = row.as_chunks::<C>();
        for (start, weights) in taps.iter() {
            let mut sums = [HALF; C];
            for (pixel, &weight) in pixels[start..start + weights.len()].iter().zip(weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            output.extend_from_slice(&sums.map(clip));
        }
    }
    output
}

/// The second pass over rows of `stride` bytes, of which the first is the input's row `first`.
fn vertical(rows: &[u8], stride: usize, first: usize, taps: &Taps) -> Vec<u8> {
    let mut output = Vec::with_capacity(taps.len() * stride);
    let mut sums = vec![HALF; stride];
    for (start, weights) in taps.iter() {
        sums.fill(HALF);
        let above = &rows[(start - first) * stride..];
        for (row, &weight) in above.chunks_exact(stride).zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        output.extend(sums.iter().map(|&sum| clip(sum)));
    }
    output
}
