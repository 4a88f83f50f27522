//! The two inner loops that solving spends its time in.
//!
//! Both read features as they lie, `f32` and row after row, and work on a tile of two rows (or
//! eight features) by [`TILE`] classes that stays in registers. The order of additions is fixed.
//! Where the processor multiplies and adds in one step, that step is taken: it rounds once
//! instead of twice, so processors without it may differ in the last bit, but one processor
//! always gives the same.

/// Classes of a tile.
pub(super) const TILE: usize = 5;
/// Features that are worked on at once in [`add_outer`].
pub(super) const GROUP: usize = 8;
/// Partial sums of an inner product.
const LANES: usize = 4;
/// On 64-bit ARM the fused step is part of the base instruction set.
const FUSED: bool = cfg!(target_arch = "aarch64");

/// Partial sums of the inner products of two rows with each class.
type Sums = [[[f64; LANES]; TILE]; 2];

/// Residuals of a block of rows `[rows, classes]`, of which a tile starts at class `first`.
#[derive(Clone, Copy)]
pub(super) struct Residuals<'a> {
    pub(super) values: &'a [f64],
    pub(super) classes: usize,
    pub(super) first: usize,
}

/// Adds the inner products of two rows with the weights of some classes to `out`.
///
/// Rows are `[depth]`, `weights` `[depth]` for each of at most [`TILE`] classes; `out` holds one
/// value a class for either row.
pub(super) fn add_inner(rows: [&[f32]; 2], weights: &[&[f64]], out: [&mut [f64]; 2]) {
    let mut sums = [[[0.0; LANES]; TILE]; 2];
    add_lanes(rows, weights, &mut sums);
    add_sums(rows, weights, &sums, out);
}

/// Adds the sums of all lanes, and what the last features give that fill no lanes.
fn add_sums(rows: [&[f32]; 2], weights: &[&[f64]], sums: &Sums, out: [&mut [f64]; 2]) {
    for ((row, sums), out) in rows.iter().zip(sums).zip(out) {
        let rest = row.len() / LANES * LANES;
        for ((weights, &[a, b, c, d]), out) in weights.iter().zip(sums).zip(out) {
            let products = row[rest..].iter().zip(&weights[rest..]);
            *out += products.fold((a + b) + (c + d), |sum, (x, w)| sum + f64::from(*x) * w);
        }
    }
}

/// Adds to each lane what every fourth feature gives, without the last ones that fill no lanes.
/// Lanes are summed elsewhere: the compiler then has no reason but to keep them together.
fn add_lanes(rows: [&[f32]; 2], weights: &[&[f64]], sums: &mut Sums) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the function needs AVX2 and FMA, which this processor was just seen to have.
        #[allow(unsafe_code)]
        unsafe {
            add_lanes_avx2(rows, weights, sums);
        }
        return;
    }
    lanes_of::<FUSED>(rows, weights, sums);
}

/// Adds to `sums`, one group of features for each of at most [`TILE`] classes, what a block of
/// rows gives: features times residuals.
///
/// `rows` are all groups of every row, of which `group` is taken.
pub(super) fn add_outer(
    rows: &[&[[f32; GROUP]]],
    group: usize,
    residuals: Residuals<'_>,
    sums: &mut [[f64; GROUP]],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the function needs AVX2 and FMA, which this processor was just seen to have.
        #[allow(unsafe_code)]
        unsafe {
            add_outer_avx2(rows, group, residuals, sums);
        }
        return;
    }
    outer_of::<FUSED>(rows, group, residuals, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_lanes_avx2(rows: [&[f32]; 2], weights: &[&[f64]], sums: &mut Sums) {
    lanes_of::<true>(rows, weights, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_outer_avx2(
    rows: &[&[[f32; GROUP]]],
    group: usize,
    residuals: Residuals<'_>,
    sums: &mut [[f64; GROUP]],
) {
    outer_of::<true>(rows, group, residuals, sums);
}

// What follows is inlined into the functions above, so that it is compiled for AVX2, and goes by
// index: an iterator that is not inlined would not be.

#[inline(always)]
#[allow(clippy::inline_always)]
fn lanes_of<const FUSED: bool>(rows: [&[f32]; 2], weights: &[&[f64]], sums: &mut Sums) {
    match *weights {
        [a] => lanes::<FUSED, 1>(rows, [a], sums),
        [a, b] => lanes::<FUSED, 2>(rows, [a, b], sums),
        [a, b, c] => lanes::<FUSED, 3>(rows, [a, b, c], sums),
        [a, b, c, d] => lanes::<FUSED, 4>(rows, [a, b, c, d], sums),
        [a, b, c, d, e] => lanes::<FUSED, TILE>(rows, [a, b, c, d, e], sums),
        _ => unreachable!("a tile has one to {TILE} classes"),
    }
}

#[inline(always)]
#[allow(clippy::inline_always, clippy::needless_range_loop)]
fn lanes<const FUSED: bool, const CLASSES: usize>(
    rows: [&[f32]; 2],
    weights: [&[f64]; CLASSES],
    out: &mut Sums,
) {
    let steps = rows[0].len() / LANES;
    let rows = rows.map(|row| &row.as_chunks::<LANES>().0[..steps]);
    let weights = weights.map(|weights| &weights.as_chunks::<LANES>().0[..steps]);
    let mut sums = [[[0.0; LANES]; CLASSES]; 2];
    for step in 0..steps {
        for row in 0..2 {
            let values = rows[row][step].map(f64::from);
            for class in 0..CLASSES {
                let weights = &weights[class][step];
                for lane in 0..LANES {
                    let sum = &mut sums[row][class][lane];
                    *sum = multiply_add::<FUSED>(values[lane], weights[lane], *sum);
                }
            }
        }
    }
    for row in 0..2 {
        out[row][..CLASSES].copy_from_slice(&sums[row]);
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn outer_of<const FUSED: bool>(
    rows: &[&[[f32; GROUP]]],
    group: usize,
    residuals: Residuals<'_>,
    sums: &mut [[f64; GROUP]],
) {
    match sums.len() {
        1 => outer::<FUSED, 1>(rows, group, residuals, sums),
        2 => outer::<FUSED, 2>(rows, group, residuals, sums),
        3 => outer::<FUSED, 3>(rows, group, residuals, sums),
        4 => outer::<FUSED, 4>(rows, group, residuals, sums),
        TILE => outer::<FUSED, TILE>(rows, group, residuals, sums),
        _ => unreachable!("a tile has one to {TILE} classes"),
    }
}

#[inline(always)]
#[allow(clippy::inline_always, clippy::needless_range_loop)]
fn outer<const FUSED: bool, const CLASSES: usize>(
    rows: &[&[[f32; GROUP]]],
    group: usize,
    residuals: Residuals<'_>,
    out: &mut [[f64; GROUP]],
) {
    let mut sums = [[0.0; GROUP]; CLASSES];
    sums.copy_from_slice(out);
    for row in 0..rows.len() {
        let values = rows[row][group].map(f64::from);
        let at = row * residuals.classes + residuals.first;
        let residuals = &residuals.values[at..at + CLASSES];
        for class in 0..CLASSES {
            for lane in 0..GROUP {
                let sum = &mut sums[class][lane];
                *sum = multiply_add::<FUSED>(values[lane], residuals[class], *sum);
            }
        }
    }
    out.copy_from_slice(&sums);
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn multiply_add<const FUSED: bool>(a: f64, b: f64, sum: f64) -> f64 {
    if FUSED { a.mul_add(b, sum) } else { sum + a * b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zoo_model::SplitMix64;

    fn assert_close(actual: &[f64], expected: impl Iterator<Item = f64>) {
        let expected: Vec<f64> = expected.collect();
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-13, "{actual} is not {expected}");
        }
    }

    #[test]
    fn inner_products_agree_with_the_definition_fused_or_not() {
        let mut random = SplitMix64::new(1);
        for (classes, depth) in [(1, 77), (2, 4), (3, 3), (4, 40), (5, 77)] {
            let rows: [Vec<f32>; 2] =
                std::array::from_fn(|_| (0..depth).map(|_| random.unit() as f32 - 0.5).collect());
            let weights: Vec<Vec<f64>> =
                (0..classes).map(|_| (0..depth).map(|_| random.unit() - 0.5).collect()).collect();
            let weights: Vec<&[f64]> = weights.iter().map(Vec::as_slice).collect();
            let [plain, fused] = [lanes_of::<false>, lanes_of::<true>];
            for way in [plain, fused, add_lanes] {
                let (mut first, mut second) = (vec![0.25; classes], vec![0.5; classes]);
                let rows = [rows[0].as_slice(), &rows[1]];
                let mut sums = [[[0.0; LANES]; TILE]; 2];
                way(rows, &weights, &mut sums);
                add_sums(rows, &weights, &sums, [&mut first, &mut second]);
                for (out, row, start) in [(first, rows[0], 0.25), (second, rows[1], 0.5)] {
                    let products = |weights: &&[f64]| -> f64 {
                        weights.iter().zip(row).map(|(w, x)| w * f64::from(*x)).sum()
                    };
                    assert_close(&out, weights.iter().map(|weights| start + products(weights)));
                }
            }
        }
    }

    #[test]
    fn outer_products_agree_with_the_definition_fused_or_not() {
        let mut random = SplitMix64::new(2);
        for (classes, first, count) in [(1, 0, 1), (7, 5, 2), (3, 0, 3), (9, 5, 4), (11, 5, 5)] {
            let rows: Vec<[[f32; GROUP]; 2]> = (0..9)
                .map(|_| [[0.0; GROUP]; 2].map(|g| g.map(|_| random.unit() as f32)))
                .collect();
            let rows: Vec<&[[f32; GROUP]]> = rows.iter().map(<[_; 2]>::as_slice).collect();
            let values: Vec<f64> = (0..9 * classes).map(|_| random.unit() - 0.5).collect();
            let residuals = Residuals { values: &values, classes, first };
            for way in [outer_of::<false>, outer_of::<true>, add_outer] {
                let mut sums = vec![[0.25; GROUP]; count];
                way(&rows, 1, residuals, &mut sums);
                for (class, sums) in sums.iter().enumerate() {
                    let sum = |lane| -> f64 {
                        let products = rows.iter().enumerate().map(|(row, groups)| {
                            f64::from(groups[1][lane]) * values[row * classes + first + class]
                        });
                        products.sum()
                    };
                    assert_close(sums, (0..GROUP).map(|lane| 0.25 + sum(lane)));
                }
            }
        }
    }
}
