//! The resampling filters, as functions.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How an image is resampled. The names and the functions are Pillow's (`Resample.c`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Filter {
    /// The nearest pixel; never antialiased.
    Nearest,
    /// The mean of the pixels covered; equal to nearest when enlarging.
    Box,
    /// Linear interpolation (a triangle); torchvision's default.
    #[default]
    Bilinear,
    /// Cubic convolution with `a = -0.5`.
    Bicubic,
    /// Sinc windowed by sinc, three lobes.
    Lanczos,
}

impl Filter {
    /// Distance in pixels beyond which the filter is zero, when not reducing.
    pub(super) fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The filter's weight at distance `x`, in pixels; not normalised. The order of the
    /// operations is Pillow's, so that the last bit is too.
    pub(super) fn weight(self, x: f64) -> f64 {
        match self {
            Self::Nearest | Self::Box => f64::from(x > -0.5 && x <= 0.5),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Bicubic => bicubic(x.abs()),
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

/// Keys' cubic convolution kernel at `x >= 0`.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// `sin(pi x) / (pi x)`.
fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}
