use super::{Bank, LogMel, Spectrum};
use crate::Error;

/// What a log-mel spectrogram takes that does not depend on the recording.
#[derive(Debug)]
pub(crate) struct Spectrogram {
    spectrum: Spectrum,
    bank: Bank,
}

impl Spectrogram {
    /// `spec` has been validated, but for its filters.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyBand`], unless the card allows it.
    pub(crate) fn new(spec: &LogMel, rate: u32) -> Result<Self, Error> {
        Ok(Self { spectrum: Spectrum::new(spec), bank: Bank::new(spec, rate)? })
    }

    /// `[mels, frames]`, by the `spec` that this was made of.
    pub(crate) fn apply(&self, spec: &LogMel, samples: &[f32]) -> Vec<f32> {
        let frames = spec.frames(samples.len());
        let mut values = vec![0.0; spec.mels as usize * frames];
        self.spectrum.each_frame(spec, samples, |frame, magnitudes| {
            for (band, energy) in self.bank.bands(magnitudes).enumerate() {
                values[band * frames + frame] = spec.logarithm(energy) as f32;
            }
        });
        spec.rescale(&mut values);
        values
    }
}
