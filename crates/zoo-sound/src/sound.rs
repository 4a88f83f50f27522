//! The preprocessing of a model that listens, as its card states it.

use serde::{Deserialize, Serialize};

use crate::FrontEnd;

/// How a recording becomes a model's input. All fields have defaults, and the default resamples
/// to 16 kHz and leaves the rest alone.
///
/// Read from a card it is not yet checked: [`Sound::validate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sound {
    /// Samples a second, in Hz; recordings of another rate are resampled to it.
    pub rate: u32,
    /// The length of every input: what is longer is cut at its end, what is shorter is followed
    /// by zeros. Left out, recordings keep their lengths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The least length of an input that has no fixed one: what is shorter is followed by zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_seconds: Option<f64>,
    /// The greatest length of an input that has no fixed one: what is longer is cut at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_seconds: Option<f64>,
    /// Whether samples are brought to mean 0 and deviation 1, `(x - mean) / sqrt(var + 1e-7)`,
    /// after cutting and before zeros are added, as `Wav2Vec2FeatureExtractor` of transformers
    /// does.
    pub normalise: bool,
    /// What the samples become.
    pub front_end: FrontEnd,
}

impl Default for Sound {
    fn default() -> Self {
        Self {
            rate: 16_000,
            seconds: None,
            least_seconds: None,
            most_seconds: None,
            normalise: false,
            front_end: FrontEnd::default(),
        }
    }
}

impl Sound {
    /// The number of samples of every input, where it is fixed: `seconds * rate`, rounded.
    pub fn samples(&self) -> Option<usize> {
        self.seconds.map(|seconds| self.samples_in(seconds))
    }

    /// The fewest and the most samples of an input, before the front end asks for more.
    pub(crate) fn bounds(&self) -> (usize, usize) {
        let count = |bound: Option<f64>| bound.or(self.seconds).map(|s| self.samples_in(s));
        (count(self.least_seconds).unwrap_or(1), count(self.most_seconds).unwrap_or(usize::MAX))
    }

    fn samples_in(&self, seconds: f64) -> usize {
        (seconds * f64::from(self.rate)).round() as usize
    }

    /// The shape of every input, or `None` where it depends on the recording (or where
    /// [`Sound::validate`] finds a field wrong).
    pub fn output_shape(&self) -> Option<Vec<usize>> {
        self.check_fields().ok()?;
        match (&self.front_end, self.samples()) {
            (FrontEnd::LogMelStatistics(statistics), None) => Some(statistics.shape()),
            (front_end, Some(samples)) => {
                Some(front_end.shape(samples.max(front_end.least_samples())))
            }
            (_, None) => None,
        }
    }
}
