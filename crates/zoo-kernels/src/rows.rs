//! What transformers do row by row: GELU, softmax, layer normalisation.

use crate::activation::exponential;
use crate::lanes::{Lanes, versions};
use crate::{Activation, Isa};

/// Sums are taken in so many parts, whatever the instruction set: the same bits on each.
const PARTS: usize = 8;

/// `x Phi(x)` of each of `values`, `Phi` the normal distribution function, not approximated by a tanh.
/// Source: Hendrycks, Gimpel: *Gaussian error linear units*, 2016.
pub fn gelu(isa: Isa, values: &mut [f32]) {
    Activation::Gelu.apply(isa, values);
}

/// Exponentials that sum to one, of each row of `length` numbers.
///
/// # Panics
/// Where `values` are no whole rows, or `length` is zero.
pub fn softmax(isa: Isa, values: &mut [f32], length: usize) {
    assert!(length > 0 && values.len().is_multiple_of(length), "rows of {length}");
    // SAFETY: the set is one that this processor has.
    unsafe { softmax_of(isa, values, length) }
}

/// `(x - mean) / sqrt(var + epsilon) * scale + shift` of each row of as many numbers as `scale` has.
///
/// # Panics
/// Where `values` are no whole rows, or `shift` is of another length.
pub fn layer_norm(isa: Isa, values: &mut [f32], scale: &[f32], shift: &[f32], epsilon: f32) {
    let length = scale.len();
    assert!(length > 0 && values.len().is_multiple_of(length), "rows of {length}");
    assert_eq!(length, shift.len(), "scale and shift");
    // SAFETY: the set is one that this processor has.
    unsafe { layer_norm_of(isa, values, scale, shift, epsilon) }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn softmax_of = softmax_each(values: &mut [f32], length: usize)
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn layer_norm_of = layer_norm_each(
        values: &mut [f32],
        scale: &[f32],
        shift: &[f32],
        epsilon: f32,
    )
}

#[inline(always)]
pub(crate) fn gelu_of_one(x: f32) -> f32 {
    0.5 * x * (1.0 + error_function(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
unsafe fn softmax_each<L: Lanes>(values: &mut [f32], length: usize) {
    for row in values.chunks_exact_mut(length) {
        let largest = largest(row);
        for value in &mut *row {
            *value = exponential(*value - largest);
        }
        let scale = 1.0 / sum(row);
        for value in row {
            *value *= scale;
        }
    }
}

#[inline(always)]
unsafe fn layer_norm_each<L: Lanes>(
    values: &mut [f32],
    scale: &[f32],
    shift: &[f32],
    epsilon: f32,
) {
    let count = scale.len() as f32;
    for row in values.chunks_exact_mut(scale.len()) {
        let mean = sum(row) / count;
        for value in &mut *row {
            *value -= mean;
        }
        let factor = 1.0 / (sum_of(row, row, |x, _| x * x) / count + epsilon).sqrt();
        for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
            *value = *value * factor * scale + shift;
        }
    }
}

/// The largest number, in [`PARTS`] that the compiler makes a vector of; what is no number is passed over.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut parts = [f32::NEG_INFINITY; PARTS];
    let (chunks, rest) = row.as_chunks::<PARTS>();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = larger(*part, *value);
        }
    }
    parts.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger)
}

#[inline(always)]
pub(crate) fn sum(row: &[f32]) -> f32 {
    sum_of(row, row, |x, _| x)
}

/// The sum of what `term` makes of each number of `a` and that of `b`, in [`PARTS`].
#[inline(always)]
pub(crate) fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut parts = [0.0; PARTS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<PARTS>(), b.as_chunks::<PARTS>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..PARTS {
            parts[lane] += term(a[lane], b[lane]);
        }
    }
    for ((part, a), b) in parts.iter_mut().zip(a_rest).zip(b_rest) {
        *part += term(*a, *b);
    }
    parts.iter().sum()
}

/// The error function to some units in the last place: a ratio of polynomials, so that the compiler
/// makes vectors of it. The coefficients are those that Eigen and XLA use for 32 bits.
#[inline(always)]
pub(crate) fn error_function(x: f32) -> f32 {
    /// From here on it is one, up to half a unit in the last place.
    const BOUND: f32 = 3.743_921_2;
    const ABOVE: [f32; 5] = [
        2.290_506_6e-4,
        3.408_291e-3,
        5.095_569_5e-2,
        1.852_083_2e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ];
    const BELOW: [f32; 7] = [
        -1.179_160_3e-7,
        2.354_796_6e-5,
        1.017_962_5e-3,
        1.407_047e-2,
        1.109_850_5e-1,
        4.974_692_5e-1,
        1.0,
    ];
    // Written so that a NaN stays one.
    let raised = if x < -BOUND { -BOUND } else { x };
    let x = if raised > BOUND { BOUND } else { raised };
    let square = x * x;
    let (mut above, mut below) = (0.0, 0.0);
    for factor in ABOVE {
        above = above * square + factor;
    }
    for factor in BELOW {
        below = below * square + factor;
    }
    x * above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error function by its series, in double precision.
    fn exact(x: f64) -> f64 {
        let (mut sum, mut term) = (x, x);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn the_error_function_is_exact_to_the_last_places() {
        for step in (-4000..=4000).step_by(if cfg!(miri) { 401 } else { 1 }) {
            let x = step as f32 / 1000.0;
            let error = (f64::from(error_function(x)) - exact(f64::from(x))).abs();
            assert!(error < 3e-7, "{x}: {error}");
        }
        assert!(error_function(f32::NAN).is_nan());
        assert!((error_function(f32::INFINITY) - 1.0).abs() < 1e-6);
    }

    fn row() -> Vec<f32> {
        (0..77).map(|step| ((step * 37 % 50) as f32 - 25.0) / 5.0).collect()
    }

    #[test]
    fn every_set_gives_the_same_numbers() {
        let scale: Vec<f32> = (0..11).map(|step| 1.0 + step as f32 / 10.0).collect();
        let all = |isa| {
            let mut made = [row(), row(), row()];
            gelu(isa, &mut made[0]);
            softmax(isa, &mut made[1], 11);
            layer_norm(isa, &mut made[2], &scale, &scale, 1e-5);
            made
        };
        for isa in Isa::available() {
            assert_eq!(all(isa), all(Isa::PLAIN), "{isa}");
        }
    }

    #[test]
    fn formulas_hold() {
        let mut made = row();
        gelu(Isa::best(), &mut made);
        for (x, y) in row().iter().zip(&made) {
            let phi = 0.5 * (1.0 + exact(f64::from(*x) / std::f64::consts::SQRT_2));
            assert!((f64::from(*y) - f64::from(*x) * phi).abs() < 2e-6, "{x}: {y}");
        }
        let mut made = row();
        softmax(Isa::best(), &mut made, 77);
        let total: f64 = row().iter().map(|x| f64::from(*x).exp()).sum();
        for (x, y) in row().iter().zip(&made) {
            assert!((f64::from(*y) - f64::from(*x).exp() / total).abs() < 1e-7);
        }
        let mut made = row();
        layer_norm(Isa::best(), &mut made, &[2.0; 77], &[0.5; 77], 1e-5);
        let mean = row().iter().map(|x| f64::from(*x)).sum::<f64>() / 77.0;
        let variance = row().iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / 77.0;
        for (x, y) in row().iter().zip(&made) {
            let expected = (f64::from(*x) - mean) / (variance + 1e-5).sqrt() * 2.0 + 0.5;
            assert!((f64::from(*y) - expected).abs() < 1e-5);
        }
    }
}
