//! The two passes of a resampling, in a form that becomes vector instructions.

use std::ops::Range;

use zoo_kernels::{Work, vectorized};

use super::Pixels;
use super::taps::{HALF, Taps, clip};

/// Rows that the first pass takes at a time.
const ROWS: usize = 4;

/// Bytes a pixel of as many rows, the last of the four channels being empty.
const GROUP: usize = 4 * ROWS;

/// Bytes of a row that the second pass takes at a time.
const LANES: usize = 32;

/// The first pass over the input's `rows`: `[rows, taps, channels]`. `image` has 1 or 3
/// channels.
pub(super) fn horizontal(image: &Pixels, rows: Range<usize>, taps: &Taps) -> Vec<u8> {
    match image.channels {
        1 => vectorized(Horizontal::<1> { image, rows, taps }),
        _ => vectorized(Horizontal::<3> { image, rows, taps }),
    }
}

struct Horizontal<'a, const C: usize> {
    image: &'a Pixels,
    rows: Range<usize>,
    taps: &'a Taps,
}

impl<const C: usize> Work for Horizontal<'_, C> {
    type Output = Vec<u8>;

    /// Pixels of several rows that lie above each other are brought together, so that one
    /// weight goes with many bytes.
    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let stride = self.image.stride();
        let columns = self.taps.span();
        let narrow = self.taps.len() * C;
        let mut output = vec![0; self.rows.len() * narrow];
        let mut groups = vec![[0; GROUP]; columns.len()];
        let input = self.image.data[self.rows.start * stride..self.rows.end * stride]
            .chunks(ROWS * stride)
            .zip(output.chunks_mut(ROWS * narrow));
        for (input, output) in input {
            for (row, line) in input.chunks_exact(stride).enumerate() {
                let (pixels, _) = line.as_chunks::<C>();
                for (group, pixel) in groups.iter_mut().zip(&pixels[columns.clone()]) {
                    group.as_chunks_mut::<4>().0[row][..C].copy_from_slice(pixel);
                }
            }
            for (at, (start, weights)) in self.taps.iter().enumerate() {
                let mut sums = [HALF; GROUP];
                for (group, &weight) in groups[start - columns.start..].iter().zip(weights) {
                    for (sum, &value) in sums.iter_mut().zip(group) {
                        *sum += i32::from(value) * weight;
                    }
                }
                let mut bytes = [0; GROUP];
                for (byte, &sum) in bytes.iter_mut().zip(&sums) {
                    *byte = clip(sum);
                }
                for (line, pixel) in output.chunks_exact_mut(narrow).zip(bytes.as_chunks::<4>().0) {
                    // The empty channel goes along, and the next pixel over it.
                    match line[at * C..].first_chunk_mut::<4>() {
                        Some(out) => *out = *pixel,
                        None => line[at * C..][..C].copy_from_slice(&pixel[..C]),
                    }
                }
            }
        }
        output
    }
}

/// The second pass over rows of `stride` bytes, of which the first is the input's row `first`.
pub(super) fn vertical(rows: &[u8], stride: usize, first: usize, taps: &Taps) -> Vec<u8> {
    vectorized(Vertical { rows, stride, first, taps })
}

struct Vertical<'a> {
    rows: &'a [u8],
    stride: usize,
    first: usize,
    taps: &'a Taps,
}

impl Work for Vertical<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let mut output = vec![0; self.taps.len() * self.stride];
        for ((start, weights), line) in self.taps.iter().zip(output.chunks_exact_mut(self.stride)) {
            let rows = &self.rows[(start - self.first) * self.stride..];
            let rows = &rows[..weights.len() * self.stride];
            let (chunks, rest) = line.as_chunks_mut::<LANES>();
            for (at, chunk) in chunks.iter_mut().enumerate() {
                let mut sums = [HALF; LANES];
                for (row, &weight) in rows.chunks_exact(self.stride).zip(weights) {
                    if let Some(values) = row[at * LANES..].first_chunk::<LANES>() {
                        for (sum, &value) in sums.iter_mut().zip(values) {
                            *sum += i32::from(value) * weight;
                        }
                    }
                }
                for (out, &sum) in chunk.iter_mut().zip(&sums) {
                    *out = clip(sum);
                }
            }
            let at = self.stride - rest.len();
            for (column, out) in (at..).zip(rest) {
                let column = rows.iter().skip(column).step_by(self.stride);
                let products =
                    column.zip(weights).map(|(&value, weight)| i32::from(value) * weight);
                *out = clip(HALF + products.sum::<i32>());
            }
        }
        output
    }
}
