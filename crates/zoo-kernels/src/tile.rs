//! The heart: a tile of a matrix product, kept in registers.
//!
//! The rows of the left matrix are found through pointers, one for each row and *tap*, a tap being
//! a place of a convolution's kernel: so a convolution is a matrix product whose left side is never
//! written down (Dukhan: *The Indirect Convolution Algorithm*, 2019). The right matrix, the
//! weights, is packed in panels of one to three vectors.

use crate::lanes::{Lanes, versions};

/// Some rows of a product with one panel of weights.
///
/// # Safety
/// Whoever runs it sees to it that, for all `row < rows` and `tap < taps`,
/// `pointers[tap * pitch + row] + offset` can be read for `run` numbers; `panel` for `taps * run`
/// rows of `vectors` vectors, `bias` for one such row; `out` can be written, and where `first` is
/// false read, for such a row at each multiple of `out_stride`, and `residual` read like it
/// unless it is null; and that nobody else touches `out` meanwhile.
pub(crate) struct TileRows {
    pub(crate) pointers: *const *const f32,
    pub(crate) pitch: usize,
    pub(crate) taps: usize,
    pub(crate) offset: usize,
    pub(crate) run: usize,
    pub(crate) panel: *const f32,
    pub(crate) vectors: usize,
    pub(crate) bias: *const f32,
    pub(crate) rows: usize,
    pub(crate) out: *mut f32,
    pub(crate) out_stride: usize,
    pub(crate) residual: *const f32,
    pub(crate) residual_stride: usize,
    pub(crate) clamp: (f32, f32),
    /// Whether sums begin with the bias, not with what stands in `out`.
    pub(crate) first: bool,
    /// Whether sums are complete: the residual is added, and what comes out is clamped.
    pub(crate) last: bool,
    /// Weights that will be multiplied next: they are brought near meanwhile.
    pub(crate) ahead: Ahead,
}

/// Numbers that will be read soon. They are never touched, so nothing is asked of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    start: *const f32,
    len: usize,
}

impl Ahead {
    /// Nothing.
    pub(crate) const NONE: Self = Self { start: std::ptr::null(), len: 0 };

    pub(crate) fn of(numbers: &[f32]) -> Self {
        Self { start: numbers.as_ptr(), len: numbers.len() }
    }

    /// Asks for share `part` of `parts` of them.
    #[inline(always)]
    fn fetch<L: Lanes>(self, part: usize, parts: usize) {
        /// Numbers in a cache line.
        const LINE: usize = 16;
        let lines = self.len.div_ceil(LINE);
        for line in lines * part / parts..lines * (part + 1) / parts {
            // SAFETY: a request for a place reads nothing.
            unsafe { L::prefetch(self.start.wrapping_add(line * LINE)) }
        }
    }
}

versions! {
    /// Computes all rows of `work`.
    ///
    /// # Safety
    /// As [`TileRows`] says.
    pub(crate) unsafe fn run = all_rows(work: &TileRows)
}

#[inline(always)]
unsafe fn all_rows<L: Lanes>(work: &TileRows) {
    // SAFETY: the same for each number of vectors; up to the caller.
    unsafe {
        match work.vectors {
            1 => panel_rows::<L, 1>(work),
            2 => panel_rows::<L, 2>(work),
            _ => panel_rows::<L, 3>(work),
        }
    }
}

#[inline(always)]
unsafe fn panel_rows<L: Lanes, const V: usize>(work: &TileRows) {
    // Tiles of nearly the same height: a tile of one row would keep the processor waiting.
    let tiles = work.rows.div_ceil(L::TILE_ROWS[V - 1]);
    let mut row = 0;
    for tile in 0..tiles {
        let rows = work.rows / tiles + usize::from(tile < work.rows % tiles);
        work.ahead.fetch::<L>(tile, tiles);
        // SAFETY: `row + rows` never passes `work.rows`, as the heights of tiles add up to it.
        unsafe {
            match rows {
                1 => one_tile::<L, V, 1>(work, row),
                2 => one_tile::<L, V, 2>(work, row),
                3 => one_tile::<L, V, 3>(work, row),
                4 => one_tile::<L, V, 4>(work, row),
                5 => one_tile::<L, V, 5>(work, row),
                6 => one_tile::<L, V, 6>(work, row),
                7 => one_tile::<L, V, 7>(work, row),
                8 => one_tile::<L, V, 8>(work, row),
                9 => one_tile::<L, V, 9>(work, row),
                10 => one_tile::<L, V, 10>(work, row),
                11 => one_tile::<L, V, 11>(work, row),
                _ => one_tile::<L, V, 12>(work, row),
            }
        }
        row += rows;
    }
}

/// `R` rows from `row` on. Each sum takes its products in the order of the weights' rows, however
/// tall the tile is: so a result does not depend on where its tile happens to begin.
#[inline(always)]
unsafe fn one_tile<L: Lanes, const V: usize, const R: usize>(work: &TileRows, row: usize) {
    if R > L::TILE_ROWS[V - 1] {
        return;
    }
    // SAFETY: all places are those that `TileRows` vouches for: rows below `work.rows`, vectors
    // below `V`, elements of runs below `run`.
    unsafe {
        let out = work.out.add(row * work.out_stride);
        let mut sums = [[L::splat(0.0); V]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = if work.first {
                    L::load(work.bias.add(v * L::COUNT))
                } else {
                    L::load(out.add(r * work.out_stride + v * L::COUNT))
                };
            }
        }
        let mut weights = work.panel;
        for tap in 0..work.taps {
            let pointers = work.pointers.add(tap * work.pitch + row);
            let left: [*const f32; R] =
                std::array::from_fn(|r| (*pointers.add(r)).add(work.offset));
            let mut k = 0;
            while k + 4 <= work.run {
                for step in 0..4 {
                    multiply::<L, V, R>(&mut sums, &left, k + step, weights);
                    weights = weights.add(V * L::COUNT);
                }
                k += 4;
            }
            while k < work.run {
                multiply::<L, V, R>(&mut sums, &left, k, weights);
                weights = weights.add(V * L::COUNT);
                k += 1;
            }
        }
        if work.last {
            if !work.residual.is_null() {
                let residual = work.residual.add(row * work.residual_stride);
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let other = residual.add(r * work.residual_stride + v * L::COUNT);
                        *sum = L::add(*sum, L::load(other));
                    }
                }
            }
            let (low, high) = (L::splat(work.clamp.0), L::splat(work.clamp.1));
            for sum in sums.as_flattened_mut() {
                // In this order a NaN stays one.
                *sum = L::minimum(high, L::maximum(low, *sum));
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                L::store(out.add(r * work.out_stride + v * L::COUNT), *sum);
            }
        }
    }
}

/// Adds the products of element `k` of each row with one row of weights.
#[inline(always)]
unsafe fn multiply<L: Lanes, const V: usize, const R: usize>(
    sums: &mut [[L::Vector; V]; R],
    left: &[*const f32; R],
    k: usize,
    weights: *const f32,
) {
    // SAFETY: `k` is inside the run, and a row of weights has `V` vectors.
    unsafe {
        let weights: [L::Vector; V] = std::array::from_fn(|v| L::load(weights.add(v * L::COUNT)));
        for (sums, left) in sums.iter_mut().zip(left) {
            let element = L::splat(*left.add(k));
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = L::multiply_add(element, weight, *sum);
            }
        }
    }
}
