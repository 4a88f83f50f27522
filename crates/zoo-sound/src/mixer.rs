use crate::limits::{MAX_CHANNELS, MAX_SAMPLES, RATES};
use crate::{DecodeError, Recording};

/// Takes channels in, keeps their mean, and keeps to the limits.
#[derive(Default)]
pub(crate) struct Mixer {
    rate: u32,
    channels: usize,
    pub(crate) samples: Vec<f32>,
}

impl Mixer {
    /// Adds samples of all channels in turn.
    pub(crate) fn add(
        &mut self,
        rate: u32,
        channels: usize,
        samples: &[f32],
    ) -> Result<(), DecodeError> {
        if samples.is_empty() {
            return Ok(());
        }
        if self.channels == 0 {
            if !RATES.contains(&rate) {
                return Err(DecodeError::Rate { rate });
            }
            if channels == 0 || channels > MAX_CHANNELS {
                return Err(DecodeError::Channels { channels });
            }
            (self.rate, self.channels) = (rate, channels);
        } else if (self.rate, self.channels) != (rate, channels) {
            return Err(DecodeError::Changes { samples: self.samples.len() });
        }
        if self.samples.len() + samples.len() / channels > MAX_SAMPLES {
            return Err(DecodeError::TooLong);
        }
        if let Some(at) = samples.iter().position(|sample| !sample.is_finite()) {
            let index = self.samples.len() + at / channels;
            return Err(DecodeError::NotFinite {
                index,
                channel: at % channels,
                value: samples[at],
            });
        }
        if channels == 1 {
            self.samples.extend_from_slice(samples);
        } else {
            let mean = |frame: &[f32]| {
                frame.iter().map(|&sample| f64::from(sample)).sum::<f64>() / channels as f64
            };
            self.samples.extend(samples.chunks_exact(channels).map(|frame| mean(frame) as f32));
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Recording, DecodeError> {
        if self.samples.is_empty() {
            return Err(DecodeError::NoSamples);
        }
        Ok(Recording { rate: self.rate, channels: self.channels, samples: self.samples })
    }
}
