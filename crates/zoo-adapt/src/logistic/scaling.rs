//! Bringing features to a common scale while solving.

use serde::{Deserialize, Serialize};

use crate::matrix::Matrix;

/// How features are scaled while solving; the scaling is folded into the solved head, which
/// takes features as they are.
///
/// A scale makes one `c` mean about the same for every trunk, and makes the problem easier
/// to solve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// As they are.
    None,
    /// Every feature less its mean, all divided by one number, the root of the mean variance:
    /// keeps what the trunk says about which features matter.
    Global,
    /// Every feature less its mean and divided by its standard deviation, as scikit-learn's
    /// `StandardScaler` does. A feature that is the same in all rows becomes 0.
    #[default]
    PerFeature,
}

/// What is subtracted from every feature and what it is then multiplied with.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    pub(super) shift: Vec<f64>,
    pub(super) factor: Vec<f64>,
}

impl Scales {
    pub(super) fn none(features: usize) -> Self {
        Self { shift: vec![0.0; features], factor: vec![1.0; features] }
    }

    /// The scales that `scaling` calls for on these rows.
    pub(super) fn of(scaling: Scaling, features: Matrix<'_>, rows: &[usize]) -> Self {
        if scaling == Scaling::None || rows.is_empty() {
            return Self::none(features.columns());
        }
        let count = rows.len() as f64;
        let mut mean = vec![0.0; features.columns()];
        for &row in rows {
            for (sum, &value) in mean.iter_mut().zip(features.row(row)) {
                *sum += f64::from(value);
            }
        }
        for sum in &mut mean {
            *sum /= count;
        }
        let mut variance = vec![0.0; features.columns()];
        for &row in rows {
            let values = features.row(row).iter().zip(&mean);
            for (sum, (&value, mean)) in variance.iter_mut().zip(values) {
                *sum += (f64::from(value) - mean).powi(2);
            }
        }
        for sum in &mut variance {
            *sum /= count;
        }
        let factor = match scaling {
            Scaling::PerFeature => mean
                .iter()
                .zip(&variance)
                .map(|(mean, variance)| inverse_deviation(*mean, *variance))
                .collect(),
            Scaling::Global | Scaling::None => {
                let largest_mean = mean.iter().fold(0.0, |largest: f64, m| largest.max(m.abs()));
                let mean_variance = variance.iter().sum::<f64>() / variance.len() as f64;
                vec![inverse_deviation(largest_mean, mean_variance); mean.len()]
            }
        };
        Self { shift: mean, factor }
    }
}

/// 1 over the standard deviation, or 0 where all that varies is the last bits of an `f32`.
fn inverse_deviation(mean: f64, variance: f64) -> f64 {
    let deviation = variance.sqrt();
    let rounding = 8.0 * f64::from(f32::EPSILON) * mean.abs();
    if deviation > rounding.max(f64::from(f32::MIN_POSITIVE)) { 1.0 / deviation } else { 0.0 }
}
