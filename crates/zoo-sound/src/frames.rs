use serde::{Deserialize, Serialize};

/// Overlapping pieces of the samples, for models that take one at a time: `[frames, length]`.
///
/// With `center` and `normalise` this is torchcrepe's `preprocess` (`torchcrepe/core.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frames {
    /// Length of a frame in samples.
    pub length: u32,
    /// From the beginning of one frame to that of the next, in samples.
    pub hop: u32,
    /// Whether `length / 2` zeros are put at both ends, so that frame `i` is centred on sample
    /// `i * hop`.
    pub center: bool,
    /// Whether each frame is brought to mean 0 and deviation 1: its mean is subtracted, and it is
    /// divided by its deviation (over `length - 1`, as `torch.std` has it) or by 1e-10,
    /// whichever is larger.
    pub normalise: bool,
}

impl Default for Frames {
    /// CREPE's frames at 16 kHz: 1024 samples, one every 10 ms.
    fn default() -> Self {
        Self { length: 1024, hop: 160, center: true, normalise: true }
    }
}

impl Frames {
    /// How many zeros come before the first sample, and after the last.
    fn padding(&self) -> usize {
        if self.center { self.length as usize / 2 } else { 0 }
    }

    pub(crate) fn least_samples(&self) -> usize {
        (self.length as usize).saturating_sub(2 * self.padding()).max(1)
    }

    /// The number of frames of so many samples, at least [`Frames::least_samples`].
    pub(crate) fn frames(&self, samples: usize) -> usize {
        (samples + 2 * self.padding() - self.length as usize) / self.hop as usize + 1
    }

    /// `[frames, length]`.
    pub(crate) fn apply(&self, samples: &[f32]) -> Vec<f32> {
        let (length, padding) = (self.length as usize, self.padding());
        let frames = self.frames(samples.len());
        let mut values = vec![0.0; frames * length];
        for (i, frame) in values.chunks_exact_mut(length).enumerate() {
            let start = i * self.hop as usize;
            // Where the frame and the samples meet, on the axis that begins with the padding.
            let (from, to) = (start.max(padding), (start + length).min(padding + samples.len()));
            if from < to {
                frame[from - start..to - start]
                    .copy_from_slice(&samples[from - padding..to - padding]);
            }
            if self.normalise {
                normalise(frame);
            }
        }
        values
    }
}

fn normalise(frame: &mut [f32]) {
    let count = frame.len() as f64;
    let mean = frame.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let squares: f64 = frame.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt().max(1e-10);
    for x in frame {
        *x = ((f64::from(*x) - mean) / deviation) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_centred_on_every_hop() {
        let frames = Frames { length: 4, hop: 3, center: true, normalise: false };
        let values = frames.apply(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(values, [0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn without_centring_only_whole_frames_are_kept() {
        let frames = Frames { length: 3, hop: 2, center: false, normalise: false };
        let values = frames.apply(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(values, [1.0, 2.0, 3.0, 3.0, 4.0, 5.0]);
    }

    /// Deviation of 1, 2, 3, 6 over n - 1: sqrt(14 / 3).
    #[test]
    fn frames_are_normalised_one_by_one() {
        let frames = Frames { length: 4, hop: 4, center: false, normalise: true };
        let values = frames.apply(&[1.0, 2.0, 3.0, 6.0, 7.0, 7.0, 7.0, 7.0]);
        let deviation = (14.0_f32 / 3.0).sqrt();
        for (value, centred) in values.iter().zip([-2.0, -1.0, 0.0, 3.0]) {
            assert!((value - centred / deviation).abs() < 1e-6, "{value}");
        }
        assert_eq!(values[4..], [0.0; 4], "a constant frame is divided by 1e-10, not by 0");
    }

    #[test]
    fn an_odd_length_needs_one_sample() {
        let frames = Frames { length: 5, hop: 1, center: true, normalise: false };
        assert_eq!(frames.least_samples(), 1);
        assert_eq!(frames.apply(&[9.0]), [0.0, 0.0, 9.0, 0.0, 0.0]);
    }
}
