//! What is known of the objective's curvature before the first step.
//!
//! At uniform probabilities the Hessian of the mean cross-entropy is, for each class, a multiple
//! of the features' covariance. Features of a trunk vary far more in some directions than in
//! most, and those few are what makes plain L-BFGS take hundreds of steps. They are found by
//! orthogonal iteration (Golub and Van Loan, "Matrix Computations", 4th edition, section 8.2.4);
//! all others are taken to vary alike.

use rayon::prelude::*;
use zoo_model::SplitMix64;

use super::blocks::{Block, Design, Layout};
use crate::lbfgs::{add_scaled, dot};

/// Directions that are looked for. Twice as many save a tenth of the steps.
const DIRECTIONS: usize = 32;
/// How often they are multiplied with the covariance. They need not be exact.
const PASSES: usize = 3;
/// A direction this short beside what it was, once the others are taken out of it, is rounding.
const ROUNDING: f64 = 1e-10;

/// The covariance of scaled features, about: few directions with their variances, and one
/// variance for what is orthogonal to them.
pub(super) struct Curvature {
    features: usize,
    /// Orthonormal, or zero `[directions, features]`.
    directions: Vec<f64>,
    variances: Vec<f64>,
    rest: f64,
}

impl Curvature {
    pub(super) fn of(design: &Design<'_>) -> Self {
        let features = design.features.columns();
        let layout = Layout { features, classes: DIRECTIONS.min(features) };
        let rows = design.rows.len() as f64;
        let mut random = SplitMix64::new(0);
        let mut vectors: Vec<f64> = (0..layout.len()).map(|_| random.unit() - 0.5).collect();
        let (directions, biases) = layout.parts_mut(&mut vectors);
        orthonormalize(directions, features);
        biases.fill(0.0);
        let mut variances = Vec::new();
        for _ in 0..PASSES {
            let unscaled = design.unscaled(layout, &vectors);
            let products: Vec<Block> =
                design.blocks().map(|rows| design.logits(layout, &unscaled, rows)).collect();
            design.transposed(layout, &products, &mut vectors);
            let (directions, biases) = layout.parts_mut(&mut vectors);
            let lengths = orthonormalize(directions, features);
            biases.fill(0.0);
            variances = lengths.iter().map(|length| length / rows).collect();
        }
        let known: f64 = variances.iter().sum();
        let others = (features - layout.classes).max(1) as f64;
        vectors.truncate(layout.classes * features);
        Self {
            features,
            directions: vectors,
            variances,
            rest: (total_variance(design) - known).max(0.0) / others,
        }
    }

    /// Multiplies a vector of the order of `layout` with the inverse of the Hessian at uniform
    /// probabilities, with `penalty` on the weights.
    pub(super) fn solve(&self, layout: Layout, penalty: f64, vector: &mut [f64]) {
        let classes = layout.classes as f64;
        let share = (classes - 1.0) / (classes * classes);
        let inverse = |variance: f64| 1.0 / (share * variance + penalty);
        let (weights, biases) = layout.parts_mut(vector);
        for bias in biases {
            *bias /= share;
        }
        let rest = inverse(self.rest);
        for weights in weights.chunks_exact_mut(self.features) {
            let parts: Vec<f64> = self
                .directions
                .chunks_exact(self.features)
                .map(|direction| dot(direction, weights))
                .collect();
            for weight in weights.iter_mut() {
                *weight *= rest;
            }
            for ((direction, variance), part) in
                self.directions.chunks_exact(self.features).zip(&self.variances).zip(parts)
            {
                add_scaled(weights, part * (inverse(*variance) - rest), direction);
            }
        }
    }
}

/// Modified Gram-Schmidt; gives back how long each vector was without those before it. What is
/// left of one that depends on them is set to zero.
fn orthonormalize(vectors: &mut [f64], features: usize) -> Vec<f64> {
    let count = vectors.len() / features;
    let mut lengths = Vec::with_capacity(count);
    for at in 0..count {
        let (before, rest) = vectors.split_at_mut(at * features);
        let vector = &mut rest[..features];
        let whole = dot(vector, vector).sqrt();
        for earlier in before.chunks_exact(features) {
            let part = dot(earlier, vector);
            add_scaled(vector, -part, earlier);
        }
        let left = dot(vector, vector).sqrt();
        // Also false for NaN.
        let independent = left > ROUNDING * whole;
        let (length, factor) = if independent { (left, 1.0 / left) } else { (0.0, 0.0) };
        for value in vector.iter_mut() {
            *value *= factor;
        }
        lengths.push(length);
    }
    lengths
}

/// The sum of the variances of all features, scaled.
fn total_variance(design: &Design<'_>) -> f64 {
    let scales = design.scales;
    let mut sum = 0.0;
    for &row in design.rows {
        let values = design.features.row(row).iter();
        for ((value, shift), factor) in values.zip(&scales.shift).zip(&scales.factor) {
            sum += ((f64::from(*value) - shift) * factor).powi(2);
        }
    }
    sum / design.rows.len() as f64
}
