//! How sure an accuracy is.

use serde::{Deserialize, Serialize};

/// The normal distribution's 97.5% quantile: 95% lie within this many deviations.
const Z: f64 = 1.959_963_984_540_054;

/// A range from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The 95% Wilson score interval of a proportion; from 0 to 1 where there are no trials.
///
/// Unlike the textbook interval it is right for few examples and for accuracies near 100%.
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference",
/// 1927.
pub fn wilson_interval(successes: usize, trials: usize) -> Interval {
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let half_width = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Interval {
        low: ((centre - half_width) / scale).max(0.0),
        high: ((centre + half_width) / scale).min(1.0),
    }
}
