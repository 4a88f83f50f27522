use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::LogMel;

/// Mel-frequency cepstral coefficients: `[coefficients, frames]`, the orthonormal cosine transform
/// (type II) of each frame of a log-mel spectrogram.
///
/// librosa's and torchaudio's `MFCC` stand on `log = "decibel"` with `top_db = 80.0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mfcc {
    /// How many coefficients are kept, from 0 on.
    pub coefficients: u32,
    /// The log-mel spectrogram, whose fields stand beside `coefficients`.
    // serde does not promise `deny_unknown_fields` beside `flatten`; a test holds it to it.
    #[serde(flatten)]
    pub mel: LogMel,
}

impl Default for Mfcc {
    fn default() -> Self {
        Self { coefficients: 20, mel: LogMel::default() }
    }
}

/// The rows of an orthonormal cosine transform.
#[derive(Clone, Debug)]
pub(crate) struct Cosines {
    /// `[coefficients, mels]`.
    rows: Vec<f64>,
    mels: usize,
}

impl Cosines {
    pub(crate) fn new(coefficients: u32, mels: u32) -> Self {
        let count = f64::from(mels);
        let row = |k: u32| {
            let scale = if k == 0 { 1.0 / count } else { 2.0 / count }.sqrt();
            (0..mels).map(move |i| scale * (PI / count * (f64::from(i) + 0.5) * f64::from(k)).cos())
        };
        Self { rows: (0..coefficients).flat_map(row).collect(), mels: mels as usize }
    }

    /// From `[mels, frames]` to `[coefficients, frames]`.
    pub(crate) fn apply(&self, spectrogram: &[f32], frames: usize) -> Vec<f32> {
        let coefficients = self.rows.len() / self.mels;
        let mut values = Vec::with_capacity(coefficients * frames);
        let mut sums = vec![0.0; frames];
        for row in self.rows.chunks_exact(self.mels) {
            sums.fill(0.0);
            for (weight, band) in row.iter().zip(spectrogram.chunks_exact(frames)) {
                for (sum, &value) in sums.iter_mut().zip(band) {
                    *sum += weight * f64::from(value);
                }
            }
            values.extend(sums.iter().map(|&sum| sum as f32));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthonormal() {
        let cosines = Cosines::new(7, 7);
        for (i, a) in cosines.rows.chunks_exact(7).enumerate() {
            for (j, b) in cosines.rows.chunks_exact(7).enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-12, "{i} {j} {product}");
            }
        }
    }

    /// A frame that is constant over its bands has only its first coefficient.
    #[test]
    fn frames_are_transformed_one_by_one() {
        let values = Cosines::new(2, 4).apply(&[1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0], 2);
        for (value, expected) in values.iter().zip([2.0, 6.0, 0.0, 0.0]) {
            assert!((value - expected).abs() < 1e-6, "{values:?}");
        }
    }
}
