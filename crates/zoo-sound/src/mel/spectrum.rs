use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};

use super::LogMel;

/// The shape of a window. Both are periodic: one more sample would be the first again, as
/// `torch.hann_window` and `scipy.signal.get_window` make them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WindowShape {
    /// `0.5 - 0.5 cos(2 pi i / length)`.
    #[default]
    Hann,
    /// `0.54 - 0.46 cos(2 pi i / length)`.
    Hamming,
}

/// What is put at both ends of the samples, so that frames can be centred on the first and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Padding {
    /// The samples backwards, without repeating the one at the end.
    #[default]
    Reflect,
    /// Zeros.
    Zeros,
}

impl WindowShape {
    fn at(self, i: u32, length: u32) -> f64 {
        let cosine = (TAU * f64::from(i) / f64::from(length)).cos();
        match self {
            Self::Hann => 0.5 - 0.5 * cosine,
            Self::Hamming => 0.54 - 0.46 * cosine,
        }
    }
}

/// Short-time Fourier transforms in double precision, with what they need prepared.
#[derive(Clone)]
pub(crate) struct Spectrum {
    /// As long as the transform, zeros around the window.
    window: Vec<f64>,
    transform: Arc<dyn RealToComplex<f64>>,
    /// Whether magnitudes are squared.
    squared: bool,
}

impl Spectrum {
    /// `spec` has been validated.
    pub(crate) fn new(spec: &LogMel) -> Self {
        let length = spec.window_length();
        let mut window = vec![0.0; spec.fft as usize];
        let before = ((spec.fft - length) / 2) as usize;
        for (i, weight) in (0..length).zip(&mut window[before..]) {
            *weight = spec.window_shape.at(i, length);
        }
        let transform = RealFftPlanner::new().plan_fft_forward(spec.fft as usize);
        Self { window, transform, squared: spec.power == 2.0 }
    }

    /// Calls `receive` with the number of each frame and its magnitudes (to `power`), `fft / 2 + 1`
    /// of them, in turn.
    pub(crate) fn each_frame(
        &self,
        spec: &LogMel,
        samples: &[f32],
        mut receive: impl FnMut(usize, &[f64]),
    ) {
        let mut frame = self.transform.make_input_vec();
        let mut frequencies = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut magnitudes = vec![0.0; frequencies.len()];
        for i in 0..spec.frames(samples.len()) {
            let start = (i * spec.hop as usize) as isize - spec.at_ends() as isize;
            window_at(samples, start, spec.padding, &self.window, &mut frame);
            self.transform
                .process_with_scratch(&mut frame, &mut frequencies, &mut scratch)
                .expect("the buffers are the transform's own");
            for (magnitude, frequency) in magnitudes.iter_mut().zip(&frequencies) {
                let square = frequency.norm_sqr();
                *magnitude = if self.squared { square } else { square.sqrt() };
            }
            receive(i, &magnitudes);
        }
    }
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("fft", &self.window.len()).finish_non_exhaustive()
    }
}

/// Fills `frame` with the samples from `start` on, which may be before the first, times `window`.
fn window_at(samples: &[f32], start: isize, padding: Padding, window: &[f64], frame: &mut [f64]) {
    let whole =
        usize::try_from(start).ok().and_then(|start| samples.get(start..start + window.len()));
    if let Some(samples) = whole {
        for ((value, &sample), weight) in frame.iter_mut().zip(samples).zip(window) {
            *value = f64::from(sample) * weight;
        }
        return;
    }
    let last = samples.len() as isize - 1;
    for (i, (value, weight)) in (start..).zip(frame.iter_mut().zip(window)) {
        let i = match padding {
            Padding::Reflect if i < 0 => -i,
            Padding::Reflect if i > last => 2 * last - i,
            _ => i,
        };
        let sample = usize::try_from(i).ok().and_then(|i| samples.get(i));
        *value = f64::from(sample.copied().unwrap_or(0.0)) * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(spec: &LogMel, samples: &[f32]) -> Vec<Vec<f64>> {
        let mut frames = Vec::new();
        Spectrum::new(spec).each_frame(spec, samples, |i, frequencies| {
            assert_eq!(i, frames.len());
            frames.push(frequencies.to_vec());
        });
        frames
    }

    /// A cosine of `k` periods a window has magnitude n/4 at `k` and n/8 beside it under Hann.
    #[test]
    fn a_tone_is_at_its_frequency() {
        let spec = LogMel { fft: 64, hop: 64, center: false, power: 1.0, ..LogMel::default() };
        let tone: Vec<f32> =
            (0..128).map(|i| (TAU * 5.0 * f64::from(i) / 64.0).cos() as f32).collect();
        let frames = frames(&spec, &tone);
        assert_eq!(frames.len(), 2);
        for frame in frames {
            for (i, magnitude) in frame.iter().enumerate() {
                let expected = match i {
                    5 => 16.0,
                    4 | 6 => 8.0,
                    _ => 0.0,
                };
                assert!((magnitude - expected).abs() < 1e-5, "{i}: {magnitude}");
            }
        }
    }

    /// At frequency zero the transform is the sum under the window, which shows what is in it.
    #[test]
    fn ends_are_reflected_or_zero() {
        let spec = |padding| LogMel { fft: 4, hop: 2, padding, power: 1.0, ..LogMel::default() };
        // Windows are 0, 1/2, 1, 1/2.
        let samples = [1.0, 2.0, 4.0];
        let sums = |padding| -> Vec<f64> {
            frames(&spec(padding), &samples).iter().map(|frame| frame[0]).collect()
        };
        // Around sample 0: 2, 1, 2 or 0, 1, 2; around sample 2: 2, 4, 2 or 2, 4, 0.
        for (sum, expected) in sums(Padding::Reflect).iter().zip([3.0, 6.0]) {
            assert!((sum - expected).abs() < 1e-12, "{sum}");
        }
        for (sum, expected) in sums(Padding::Zeros).iter().zip([2.0, 5.0]) {
            assert!((sum - expected).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn windows_are_periodic() {
        assert!((WindowShape::Hann.at(2, 4) - 1.0).abs() < 1e-12);
        assert!((WindowShape::Hann.at(1, 4) - WindowShape::Hann.at(3, 4)).abs() < 1e-12);
        assert!((WindowShape::Hamming.at(0, 4) - 0.08).abs() < 1e-12);
    }
}
