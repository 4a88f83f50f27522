//! From channels first to channels last, and back.

use crate::Isa;
use crate::lanes::{Lanes, versions};

use super::parallel::{filled, for_each};

/// Edge of the blocks that are transposed in one go: rows of a cache line, on both sides.
const BLOCK: usize = 16;
/// Rows of a task.
const ROWS: usize = 64;

/// `images` `[batch, channels, pixels]` as `[batch, pixels, channels]`.
///
/// # Panics
/// Where the length does not fit.
pub fn to_channels_last(
    isa: Isa,
    images: &[f32],
    batch: usize,
    channels: usize,
    pixels: usize,
) -> Vec<f32> {
    assert_eq!(images.len(), batch * channels * pixels, "the images' length");
    if images.is_empty() {
        return Vec::new();
    }
    let bands = pixels.div_ceil(ROWS);
    // SAFETY: bands of pixels are disjoint and together all of an image.
    unsafe {
        filled(images.len(), |made| {
            for_each(batch * bands, |task| {
                let (image, first) = (task / bands, task % bands * ROWS);
                let start = image * channels * pixels;
                let from = images[start..][..channels * pixels].as_ptr();
                let to = made.as_mut_ptr().add(start + first * channels);
                let count = ROWS.min(pixels - first);
                block(isa, from.add(first), pixels, channels, count, to, channels);
            });
        })
    }
}

/// `images` `[batch, pixels, channels]` as `[batch, channels, pixels]`.
///
/// # Panics
/// Where the length does not fit.
pub fn to_channels_first(
    isa: Isa,
    images: &[f32],
    batch: usize,
    channels: usize,
    pixels: usize,
) -> Vec<f32> {
    // The same with the names exchanged.
    to_channels_last(isa, images, batch, pixels, channels)
}

versions! {
    /// Transposes `[rows, columns]` at `from` into `[columns, rows]` at `to`.
    ///
    /// # Safety
    /// Both must be good for as many rows, at multiples of their strides, and `to` this caller's
    /// alone.
    pub(super) unsafe fn block = transpose(
        from: *const f32,
        from_stride: usize,
        rows: usize,
        columns: usize,
        to: *mut f32,
        to_stride: usize,
    )
}

#[inline(always)]
unsafe fn transpose<L: Lanes>(
    from: *const f32,
    from_stride: usize,
    rows: usize,
    columns: usize,
    to: *mut f32,
    to_stride: usize,
) {
    // SAFETY: all places are rows and columns that the caller vouches for.
    unsafe {
        for row in (0..rows).step_by(BLOCK) {
            for column in (0..columns).step_by(BLOCK) {
                let from = from.add(row * from_stride + column);
                let to = to.add(column * to_stride + row);
                let (high, wide) = (BLOCK.min(rows - row), BLOCK.min(columns - column));
                if high == BLOCK && wide == BLOCK {
                    square(from, from_stride, to, to_stride);
                } else {
                    for x in 0..wide {
                        for y in 0..high {
                            *to.add(x * to_stride + y) = *from.add(y * from_stride + x);
                        }
                    }
                }
            }
        }
    }
}

/// One whole block, through a list that stays in the first-level cache: its loops have fixed
/// lengths, of which the compiler makes shuffles.
///
/// # Safety
/// As for `transpose`.
#[inline(always)]
unsafe fn square(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: up to the caller.
    unsafe {
        let rows: [[f32; BLOCK]; BLOCK] = std::array::from_fn(|y| {
            from.add(y * from_stride).cast::<[f32; BLOCK]>().read_unaligned()
        });
        let turned: [[f32; BLOCK]; BLOCK] =
            std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]));
        for (x, row) in turned.iter().enumerate() {
            to.add(x * to_stride).cast::<[f32; BLOCK]>().write_unaligned(*row);
        }
    }
}
