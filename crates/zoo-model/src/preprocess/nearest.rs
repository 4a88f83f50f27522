//! Resampling by taking the nearest pixel.

use std::ops::Range;

use super::Pixels;

/// The window `rows` x `columns` of `image` resampled to `target` `[height, width]`.
pub(super) fn resize_window(
    image: &Pixels,
    target: [usize; 2],
    rows: Range<usize>,
    columns: Range<usize>,
) -> Pixels {
    let [height, width] = target;
    let across = sources(image.width, width, columns);
    let down = sources(image.height, height, rows);
    let mut data = Vec::with_capacity(down.len() * across.len() * image.channels);
    for &row in &down {
        for &column in &across {
            let at = row * image.stride() + column * image.channels;
            data.extend_from_slice(&image.data[at..at + image.channels]);
        }
    }
    Pixels::from_parts(down.len(), across.len(), image.channels, data)
}

/// The input pixel under the centre of each output pixel in `window`.
///
/// Pillow (`ImagingScaleAffine`) adds the step again and again instead of multiplying; the
/// sum is repeated here from the start, because near a pixel's edge its error decides.
fn sources(input: usize, output: usize, window: Range<usize>) -> Vec<usize> {
    let step = input as f64 / output as f64;
    let positions = std::iter::successors(Some(step * 0.5), |at| Some(at + step));
    let sources = positions.map(|at| (at as usize).min(input - 1));
    sources.skip(window.start).take(window.len()).collect()
}
