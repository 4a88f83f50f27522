use serde::{Deserialize, Serialize};

use super::LogMel;

/// A log-mel spectrogram in few numbers, for the plain baseline that any model must beat:
/// `[mels * (parts + 1)]`. First the mean of every band over the first part of time, then over the
/// second and so on; last the deviation of every band over all of it (over the number of frames,
/// as `numpy.std` has it).
///
/// Parts are as long as `numpy.array_split` makes them: the first ones have a frame more.
/// Recordings with fewer frames than parts are first padded with zeros to as many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogMelStatistics {
    /// How many parts time is split into.
    pub parts: u32,
    /// The log-mel spectrogram, whose fields stand beside `parts`.
    // serde does not promise `deny_unknown_fields` beside `flatten`; a test holds it to it.
    #[serde(flatten)]
    pub mel: LogMel,
}

impl Default for LogMelStatistics {
    fn default() -> Self {
        Self { parts: 4, mel: LogMel::default() }
    }
}

impl LogMelStatistics {
    pub(crate) fn shape(&self) -> Vec<usize> {
        vec![self.mel.mels as usize * (self.parts as usize + 1)]
    }

    /// From `[mels, frames]`, with at least as many frames as parts.
    pub(crate) fn apply(&self, spectrogram: &[f32], frames: usize) -> Vec<f32> {
        let (mels, parts) = (self.mel.mels as usize, self.parts as usize);
        let (short, longer) = (frames / parts, frames % parts);
        let mut values = vec![0.0; mels * (parts + 1)];
        for (i, band) in spectrogram.chunks_exact(frames).enumerate() {
            let mut rest = band;
            for part in 0..parts {
                let (now, later) = rest.split_at(short + usize::from(part < longer));
                values[part * mels + i] = mean(now) as f32;
                rest = later;
            }
            let center = mean(band);
            let squares: f64 = band.iter().map(|&x| (f64::from(x) - center).powi(2)).sum();
            values[parts * mels + i] = (squares / frames as f64).sqrt() as f32;
        }
        values
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `numpy.array_split` of seven in three gives 3, 2 and 2.
    #[test]
    fn parts_are_split_as_numpy_does() {
        let mel = LogMel { mels: 2, ..LogMel::default() };
        let statistics = LogMelStatistics { parts: 3, mel };
        let ramp = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let spectrogram: Vec<f32> = ramp.into_iter().chain([5.0; 7]).collect();
        let values = statistics.apply(&spectrogram, 7);
        assert_eq!(values, [2.0, 5.0, 4.5, 5.0, 6.5, 5.0, 2.0, 0.0]);
        assert_eq!(statistics.shape(), [values.len()]);
    }
}
