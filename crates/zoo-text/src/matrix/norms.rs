//! Lengths of rows.

use rayon::prelude::*;

use super::{BLOCK, WordMatrix};

impl WordMatrix {
    /// `[rows]` Euclidean norms, computed the first time they are asked for. Zero for a row
    /// that has no direction: all zeros, or not finite, or with a norm beyond 32 bits.
    pub fn norms(&self) -> &[f32] {
        self.norms.get_or_init(|| {
            let dimension = self.dimension();
            let mut norms = vec![0.0; self.rows()];
            norms.par_chunks_mut(BLOCK * 32).enumerate().for_each_init(
                || vec![0.0; dimension],
                |values, (index, norms)| {
                    for (offset, norm) in norms.iter_mut().enumerate() {
                        self.decode(index * BLOCK * 32 + offset, values);
                        *norm = self::norm(values);
                    }
                },
            );
            norms
        })
    }
}

/// The Euclidean norm, summed in 64 bits, or zero where there is no direction.
pub(super) fn norm(values: &[f32]) -> f32 {
    let mut sums = [0.0_f64; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += f64::from(value) * f64::from(value);
    }
    let norm = sums.iter().sum::<f64>().sqrt() as f32;
    if norm.is_finite() { norm } else { 0.0 }
}

/// The direction of `values`: divided by their norm, or zeros where there is none.
pub(super) fn unit(values: &[f32]) -> Vec<f32> {
    match norm(values) {
        0.0 => vec![0.0; values.len()],
        norm => values.iter().map(|value| value / norm).collect(),
    }
}
