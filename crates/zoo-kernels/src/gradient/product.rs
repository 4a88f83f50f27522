//! A tile of a product that is summed over pixels, as gradients of weights are.

use crate::Isa;
use crate::lanes::{Lanes, versions};

/// Vectors of a tile's rows.
pub(super) const VECTORS: usize = 2;

/// How many rows a tile has.
pub(super) fn tile_rows(isa: Isa) -> usize {
    let mut rows = 0;
    // SAFETY: `rows` may be written.
    unsafe { ask_rows(isa, &raw mut rows) };
    rows
}

versions! {
    /// # Safety
    /// `rows` must be writable.
    unsafe fn ask_rows = rows_of(rows: *mut usize)
}

#[inline(always)]
unsafe fn rows_of<L: Lanes>(rows: *mut usize) {
    // SAFETY: up to the caller.
    unsafe { *rows = L::TILE_ROWS[VECTORS - 1] }
}

versions! {
    /// Adds to the tile `out`, rows of [`VECTORS`] vectors at multiples of `stride`, the products
    /// of `left` `[depth, tile rows]` and `right` `[depth, VECTORS vectors]`, pixel by pixel; where
    /// the sum `begins` with them, nothing is read from `out`.
    ///
    /// # Safety
    /// All three must be good for as many numbers, and `out` this caller's alone.
    pub(super) unsafe fn add_product = tile(
        left: *const f32,
        right: *const f32,
        depth: usize,
        begins: bool,
        out: *mut f32,
        stride: usize,
    )
}

#[inline(always)]
unsafe fn tile<L: Lanes>(
    left: *const f32,
    right: *const f32,
    depth: usize,
    begins: bool,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: up to the caller; the number of rows is the one that `tile_rows` gives.
    unsafe {
        match L::TILE_ROWS[VECTORS - 1] {
            2 => rows::<L, 2>(left, right, depth, begins, out, stride),
            6 => rows::<L, 6>(left, right, depth, begins, out, stride),
            _ => rows::<L, 12>(left, right, depth, begins, out, stride),
        }
    }
}

#[inline(always)]
unsafe fn rows<L: Lanes, const R: usize>(
    left: *const f32,
    right: *const f32,
    depth: usize,
    begins: bool,
    out: *mut f32,
    stride: usize,
) {
    if R != L::TILE_ROWS[VECTORS - 1] {
        return;
    }
    // SAFETY: rows below `R`, vectors below `VECTORS`, pixels below `depth`.
    unsafe {
        let mut sums = [[L::splat(0.0); VECTORS]; R];
        for pixel in 0..depth {
            let right = right.add(pixel * VECTORS * L::COUNT);
            let vectors: [L::Vector; VECTORS] =
                std::array::from_fn(|v| L::load(right.add(v * L::COUNT)));
            let left = left.add(pixel * R);
            for (r, sums) in sums.iter_mut().enumerate() {
                let element = L::splat(*left.add(r));
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = L::multiply_add(element, vector, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let to = out.add(r * stride + v * L::COUNT);
                L::store(to, if begins { sum } else { L::add(L::load(to), sum) });
            }
        }
    }
}
