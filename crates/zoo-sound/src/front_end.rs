use serde::{Deserialize, Serialize};

use crate::{Frames, LogMel, LogMelStatistics, Mfcc};

/// What samples become before a model sees them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FrontEnd {
    /// The samples as they are: `[samples]`.
    Waveform {},
    /// Overlapping pieces: `[frames, length]`.
    Frames(Frames),
    /// A log-mel spectrogram: `[mels, frames]`.
    LogMel(LogMel),
    /// Mel-frequency cepstral coefficients: `[coefficients, frames]`.
    Mfcc(Mfcc),
    /// Means and deviations of a log-mel spectrogram: `[mels * (parts + 1)]`.
    LogMelStatistics(LogMelStatistics),
}

impl Default for FrontEnd {
    fn default() -> Self {
        Self::Waveform {}
    }
}

impl FrontEnd {
    /// The fewest samples that this can be done with; shorter recordings are first padded to it
    /// with zeros at their ends.
    pub fn least_samples(&self) -> usize {
        match self {
            Self::Waveform {} => 1,
            Self::Frames(frames) => frames.least_samples(),
            Self::LogMel(mel) | Self::Mfcc(Mfcc { mel, .. }) => mel.least_samples(1),
            Self::LogMelStatistics(LogMelStatistics { parts, mel }) => {
                mel.least_samples(*parts as usize)
            }
        }
    }

    /// The shape of the output for so many samples, at least [`FrontEnd::least_samples`].
    pub(crate) fn shape(&self, samples: usize) -> Vec<usize> {
        match self {
            Self::Waveform {} => vec![samples],
            Self::Frames(frames) => vec![frames.frames(samples), frames.length as usize],
            Self::LogMel(mel) => vec![mel.mels as usize, mel.frames(samples)],
            Self::Mfcc(mfcc) => vec![mfcc.coefficients as usize, mfcc.mel.frames(samples)],
            Self::LogMelStatistics(statistics) => statistics.shape(),
        }
    }

    /// The log-mel spectrogram on which this stands, if any.
    pub(crate) fn mel(&self) -> Option<&LogMel> {
        match self {
            Self::Waveform {} | Self::Frames(_) => None,
            Self::LogMel(mel)
            | Self::Mfcc(Mfcc { mel, .. })
            | Self::LogMelStatistics(LogMelStatistics { mel, .. }) => Some(mel),
        }
    }
}
