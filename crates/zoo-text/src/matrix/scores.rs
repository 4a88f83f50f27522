//! Many queries against many rows: a matrix product that stays in registers.

#![allow(
    clippy::inline_always,
    reason = "what is compiled for several instruction sets must be inlined where it is"
)]

use pulp::{Arch, Simd, WithSimd};

use super::BLOCK;

/// Queries that are side by side, in two vectors of AVX2.
pub(super) const QUERIES: usize = 16;

/// Rows that are taken together.
const ROWS: usize = 4;

/// Queries packed for the product: `[groups][dimension][QUERIES]`, the last group filled up with
/// zeros.
pub(super) struct Packed {
    arch: Arch,
    groups: Vec<Vec<[f32; QUERIES]>>,
}

impl Packed {
    /// Packs queries of `dimension` numbers each.
    pub(super) fn new(queries: &[Vec<f32>], dimension: usize) -> Self {
        let pack = |queries: &[Vec<f32>]| {
            let mut group = vec![[0.0; QUERIES]; dimension];
            for (lane, query) in queries.iter().enumerate() {
                for (packed, &value) in group.iter_mut().zip(query) {
                    packed[lane] = value;
                }
            }
            group
        };
        Self { arch: Arch::new(), groups: queries.chunks(QUERIES).map(pack).collect() }
    }

    /// Gives `each` the products of all queries with the rows in `rows`, `[rows, dimension]`, at
    /// most [`BLOCK`]: the group of queries, the row, and its product with each query of the
    /// group. Rows come in rising order for each group.
    pub(super) fn products(
        &self,
        rows: &[f32],
        mut each: impl FnMut(usize, usize, &[f32; QUERIES]),
    ) {
        let mut products = [[0.0; QUERIES]; BLOCK];
        for (index, group) in self.groups.iter().enumerate() {
            let products = &mut products[..rows.len() / group.len()];
            self.arch.dispatch(Product { rows, group, products });
            for (row, products) in products.iter().enumerate() {
                each(index, row, products);
            }
        }
    }
}

/// The products of rows with a group of queries, each summed from the first number to the last
/// without fused operations: the same bits on every processor.
struct Product<'a> {
    rows: &'a [f32],
    group: &'a [[f32; QUERIES]],
    products: &'a mut [[f32; QUERIES]],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let dimension = self.group.len();
        let (tiles, rest) = self.products.as_chunks_mut::<ROWS>();
        let (tiled, last) = self.rows.split_at(tiles.len() * ROWS * dimension);
        for (tile, products) in tiled.chunks_exact(ROWS * dimension).zip(tiles) {
            *products = sums(tile, self.group);
        }
        for (row, products) in last.chunks_exact(dimension).zip(rest) {
            [*products] = sums(row, self.group);
        }
    }
}

#[inline(always)]
fn sums<const N: usize>(rows: &[f32], group: &[[f32; QUERIES]]) -> [[f32; QUERIES]; N] {
    let dimension = group.len();
    let rows: [&[f32]; N] =
        std::array::from_fn(|row| &rows[row * dimension..(row + 1) * dimension]);
    let mut sums = [[0.0; QUERIES]; N];
    for (position, queries) in group.iter().enumerate() {
        for row in 0..N {
            let value = rows[row][position];
            for lane in 0..QUERIES {
                sums[row][lane] += value * queries[lane];
            }
        }
    }
    sums
}
