use crate::lanes::{Lanes, versions};
use crate::rows::gelu_of_one;
use crate::{Isa, PixelsMut};
use std::ops::Range;

/// What is made of each number once its sum is complete.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// Kept between two bounds: ReLU is `(0, infinity)`, ReLU6 `(0, 6)`.
    Clamp(f32, f32),
    /// `1 / (1 + exp -x)`.
    Sigmoid,
    /// `x sigmoid(x)`, also called swish.
    Silu,
    /// `slope x + offset`, kept between 0 and 1.
    HardSigmoid {
        /// The slope.
        slope: f32,
        /// The value at zero.
        offset: f32,
    },
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `x` where positive, `slope x` elsewhere.
    LeakyRelu {
        /// The slope below zero.
        slope: f32,
    },
    /// `x Phi(x)`, `Phi` the normal distribution function, not approximated by a tanh.
    Gelu,
}

impl Activation {
    /// Nothing at all.
    pub const NONE: Self = Self::Clamp(f32::NEG_INFINITY, f32::INFINITY);
    /// `max(x, 0)`.
    pub const RELU: Self = Self::Clamp(0.0, f32::INFINITY);

    /// The bounds that tiles apply, and what is left to do on what they made.
    pub(crate) fn parts(self) -> ((f32, f32), Option<Self>) {
        match self {
            Self::Clamp(low, high) => ((low, high), None),
            other => ((f32::NEG_INFINITY, f32::INFINITY), Some(other)),
        }
    }

    /// Applies it to `values`.
    pub fn apply(self, isa: Isa, values: &mut [f32]) {
        // SAFETY: a slice is valid for as many numbers as it has.
        unsafe { apply(isa, values.as_mut_ptr(), values.len(), self) }
    }

    /// Applies it to one pixel.
    ///
    /// # Safety
    /// Nobody else may touch it meanwhile, and there must be such a pixel.
    pub(crate) unsafe fn apply_pixel(self, isa: Isa, out: &PixelsMut, pixel: usize) {
        if self != Self::NONE {
            // SAFETY: up to the caller.
            unsafe {
                apply(isa, out.as_mut_ptr().add(pixel * out.stride()), out.channels(), self);
            }
        }
    }

    /// Applies it to the channels `columns` of the pixels `rows`.
    ///
    /// # Safety
    /// Nobody else may touch them meanwhile.
    pub(crate) unsafe fn apply_to(
        self,
        isa: Isa,
        out: &PixelsMut,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        assert!(rows.end <= out.len() && columns.end <= out.channels());
        for row in rows {
            // SAFETY: the row and the columns are there, and this caller's alone.
            unsafe {
                let start = out.as_mut_ptr().add(row * out.stride() + columns.start);
                apply(isa, start, columns.len(), self);
            }
        }
    }
}

versions! {
    /// # Safety
    /// `values` must be good for `count` numbers that nobody else touches.
    unsafe fn apply = apply_each(values: *mut f32, count: usize, activation: Activation)
}

#[inline(always)]
unsafe fn apply_each<L: Lanes>(values: *mut f32, count: usize, activation: Activation) {
    // SAFETY: up to the caller.
    let values = unsafe { std::slice::from_raw_parts_mut(values, count) };
    match activation {
        Activation::Clamp(low, high) => {
            for value in values {
                // Written so that a NaN stays one.
                let raised = if *value < low { low } else { *value };
                *value = if raised > high { high } else { raised };
            }
        }
        Activation::Sigmoid => {
            for value in values {
                *value = sigmoid(*value);
            }
        }
        Activation::Silu => {
            for value in values {
                *value *= sigmoid(*value);
            }
        }
        Activation::HardSigmoid { slope, offset } => {
            for value in values {
                *value = between(slope * *value + offset, 0.0, 1.0);
            }
        }
        Activation::HardSwish => {
            for value in values {
                *value *= between(*value / 6.0 + 0.5, 0.0, 1.0);
            }
        }
        Activation::LeakyRelu { slope } => {
            for value in values {
                *value = if *value < 0.0 { slope * *value } else { *value };
            }
        }
        Activation::Gelu => {
            for value in values {
                *value = gelu_of_one(*value);
            }
        }
    }
}

#[inline(always)]
fn between(value: f32, low: f32, high: f32) -> f32 {
    let raised = if value < low { low } else { value };
    if raised > high { high } else { raised }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// `exp x`, within two units in the last place for what does not overflow; a polynomial, so that
/// the compiler makes vectors of it.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`, `exp r` by its Taylor series up to the seventh power,
/// `2^n` by its exponent's bits. `ln 2` is two numbers, the first one short, so that `n ln 2` is
/// exact (Cody, Waite: *Software Manual for the Elementary Functions*, 1980).
#[inline(always)]
pub(crate) fn exponential(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// Adding it moves all digits but the whole number out.
    const ROUND: f32 = 12_582_912.0;
    let bounded = between(x, -87.0, 88.0);
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = bounded - whole * LN_2_HIGH - whole * LN_2_LOW;
    let mut series = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + factor;
    }
    let exponent = (shifted.to_bits() << 23).wrapping_add(127 << 23);
    series * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_exact_to_the_last_places() {
        let mut worst = 0.0_f64;
        for step in (-80_000..80_000).step_by(if cfg!(miri) { 4001 } else { 1 }) {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exponential(x)) - exact).abs() / exact);
        }
        assert!(worst < 2.5e-7, "{worst}");
    }

    #[test]
    fn every_set_gives_the_same_numbers() {
        let values: Vec<f32> =
            (-700..700).map(|step| step as f32 / 50.0).chain([f32::NAN]).collect();
        let all = [
            Activation::RELU,
            Activation::Clamp(0.0, 6.0),
            Activation::Sigmoid,
            Activation::Silu,
            Activation::HardSigmoid { slope: 0.2, offset: 0.5 },
            Activation::HardSwish,
            Activation::LeakyRelu { slope: 0.1 },
            Activation::Gelu,
        ];
        for activation in all {
            let mut plain = values.clone();
            activation.apply(Isa::PLAIN, &mut plain);
            assert!(plain.last().unwrap().is_nan(), "{activation:?} swallows NaN");
            for isa in Isa::available() {
                let mut made = values.clone();
                activation.apply(isa, &mut made);
                for (a, b) in made.iter().zip(&plain) {
                    let same = a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                    assert!(same, "{activation:?} {isa}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn formulas_hold() {
        let one = |activation: Activation, x: f32| {
            let mut values = [x];
            activation.apply(Isa::best(), &mut values);
            values[0]
        };
        for x in [-9.0_f32, -2.5, -0.3, 0.0, 0.4, 2.0, 8.0] {
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            assert!((one(Activation::Sigmoid, x) - sigmoid).abs() < 1e-6);
            assert!((one(Activation::Silu, x) - x * sigmoid).abs() < 1e-6);
            let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
            assert!((one(Activation::HardSwish, x) - x * hard).abs() < 1e-6);
            assert_eq!(one(Activation::RELU, x), x.max(0.0));
            let mut gelu = [x];
            crate::rows::gelu(Isa::best(), &mut gelu);
            assert_eq!(one(Activation::Gelu, x), gelu[0]);
        }
    }
}
