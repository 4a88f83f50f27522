//! Resampling in two passes, bit for bit as Pillow does it for 8-bit images.
//!
//! Horizontally first, then vertically, with the result of the first pass rounded to 8 bits:
//! Pillow's order up to version 12. (Pillow 13 runs the vertical pass first where the height
//! shrinks much more than the width, which changes the rounding.) Every output pixel depends
//! only on its own taps, so a window of the output is computed from just the rows and columns
//! it needs and equals that window of the whole.

use std::ops::Range;

use super::taps::Taps;
use super::{Filter, Pixels, nearest, passes};

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
    let narrow = passes::horizontal(image, needed, &across);
    let data = passes::vertical(&narrow, across.len() * image.channels, first, &down);
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
