//! The one inner loop that solving spends its time in.

/// Rows (or features) of a tile.
pub(super) const NARROW: usize = 4;
/// Classes of a tile.
pub(super) const WIDE: usize = 8;

/// Adds the product `left^T right` to `out`.
///
/// `left` is `[depth, NARROW]`, `right` `[depth, WIDE]`, `out` `[NARROW, WIDE]`. The order of
/// additions is fixed. Where the processor multiplies and adds in one step, that step is
/// taken: it rounds once instead of twice, so processors without it may differ in the last
/// bit, but one processor always gives the same.
pub(super) fn accumulate(
    left: &[[f64; NARROW]],
    right: &[[f64; WIDE]],
    out: &mut [[f64; WIDE]; NARROW],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the function needs AVX2 and FMA, which this processor was just seen to have.
        #[allow(unsafe_code)]
        unsafe {
            accumulate_avx2(left, right, out);
        }
        return;
    }
    // On 64-bit ARM the fused step is part of the base instruction set.
    accumulate_by::<{ cfg!(target_arch = "aarch64") }>(left, right, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn accumulate_avx2(left: &[[f64; NARROW]], right: &[[f64; WIDE]], out: &mut [[f64; WIDE]; NARROW]) {
    accumulate_by::<true>(left, right, out);
}

#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see below")]
#[allow(clippy::inline_always)] // inlined into the function above, it is compiled for AVX2
fn accumulate_by<const FUSED: bool>(
    left: &[[f64; NARROW]],
    right: &[[f64; WIDE]],
    out: &mut [[f64; WIDE]; NARROW],
) {
    let mut sums = *out;
    // By index: an iterator that is not inlined here would not be compiled for AVX2 either.
    for at in 0..left.len().min(right.len()) {
        let (left, right) = (&left[at], &right[at]);
        for row in 0..NARROW {
            for column in 0..WIDE {
                let (l, r) = (left[row], right[column]);
                let sum = &mut sums[row][column];
                *sum = if FUSED { l.mul_add(r, *sum) } else { *sum + l * r };
            }
        }
    }
    *out = sums;
}

#[cfg(test)]
mod tests {
    use super::*;
    use zoo_model::SplitMix64;

    #[test]
    fn agrees_with_the_definition_fused_or_not() {
        let mut random = SplitMix64::new(1);
        let left: Vec<[f64; NARROW]> =
            (0..77).map(|_| std::array::from_fn(|_| random.unit() - 0.5)).collect();
        let right: Vec<[f64; WIDE]> =
            (0..77).map(|_| std::array::from_fn(|_| random.unit() - 0.5)).collect();
        let start = [[0.25; WIDE]; NARROW];
        let (mut plain, mut fused, mut chosen) = (start, start, start);
        accumulate_by::<false>(&left, &right, &mut plain);
        accumulate_by::<true>(&left, &right, &mut fused);
        accumulate(&left, &right, &mut chosen);
        for n in 0..NARROW {
            for w in 0..WIDE {
                let products = left.iter().zip(&right).map(|(l, r)| l[n] * r[w]);
                let expected: f64 = 0.25 + products.sum::<f64>();
                for actual in [plain, fused, chosen] {
                    assert!((actual[n][w] - expected).abs() < 1e-13);
                }
            }
        }
    }
}
