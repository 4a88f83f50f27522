//! Carrying out a preprocessing.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::limits::{MAX_SAMPLES, MAX_TRANSFORMED, MAX_VALUES, RATES};
use crate::mel::{Cosines, Spectrogram};
use crate::resample::Resampler;
use crate::{Error, FrontEnd, Recording, Sound, decode, decode_file};

/// A model's input: what a front end made of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The shape, as the kind of [`FrontEnd`] states it.
    pub shape: Vec<usize>,
    /// The numbers, the last dimension running fastest.
    pub values: Vec<f32>,
}

/// A [`Sound`] that was validated, with its window, Fourier transform and filters made once, for
/// many recordings. It may be shared between threads.
#[derive(Debug)]
pub struct Prepared {
    sound: Sound,
    mel: Option<Spectrogram>,
    cosines: Option<Cosines>,
    /// Those not in use, of any rate.
    resamplers: Mutex<Vec<Resampler>>,
}

/// How many resamplers are kept for the next recording.
const RESAMPLERS: usize = 16;

impl Sound {
    /// Validates, and makes what every recording needs.
    ///
    /// # Errors
    ///
    /// Those of [`Sound::validate`].
    pub fn prepare(&self) -> Result<Prepared, Error> {
        self.check_fields()?;
        let mel = self.front_end.mel().map(|spec| Spectrogram::new(spec, self.rate)).transpose()?;
        let cosines = match &self.front_end {
            FrontEnd::Mfcc(mfcc) => Some(Cosines::new(mfcc.coefficients, mfcc.mel.mels)),
            _ => None,
        };
        let resamplers = Mutex::default();
        Ok(Prepared { sound: self.clone(), mel, cosines, resamplers })
    }

    /// Preprocesses samples of a rate in Hz. For more than one recording, [`Sound::prepare`] once.
    ///
    /// # Errors
    ///
    /// Those of [`Sound::validate`] and [`Prepared::apply`].
    pub fn apply(&self, samples: &[f32], rate: u32) -> Result<Signal, Error> {
        self.prepare()?.apply(samples, rate)
    }

    /// Decodes the recording in a file and preprocesses it.
    ///
    /// # Errors
    ///
    /// Those of [`Sound::validate`] and [`Prepared::load`].
    pub fn load(&self, path: &Path) -> Result<Signal, Error> {
        self.prepare()?.load(path)
    }

    /// Decodes a recording from memory and preprocesses it.
    ///
    /// # Errors
    ///
    /// Those of [`Sound::validate`] and [`Prepared::load_bytes`].
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Signal, Error> {
        self.prepare()?.load_bytes(bytes)
    }
}

impl Prepared {
    /// What was prepared.
    pub fn sound(&self) -> &Sound {
        &self.sound
    }

    /// Decodes the recording in a file and preprocesses it.
    ///
    /// # Errors
    ///
    /// Those of [`decode_file`] and [`Prepared::apply`].
    pub fn load(&self, path: &Path) -> Result<Signal, Error> {
        let Recording { rate, samples, .. } = decode_file(path)?;
        self.apply(&samples, rate)
    }

    /// Decodes a recording from memory and preprocesses it.
    ///
    /// # Errors
    ///
    /// [`Error::DecodeBytes`], and those of [`Prepared::apply`].
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Signal, Error> {
        let Recording { rate, samples, .. } =
            decode(bytes).map_err(|source| Error::DecodeBytes { source })?;
        self.apply(&samples, rate)
    }

    /// Preprocesses samples of a rate in Hz: resampling, cutting, normalising, padding, front
    /// end. Samples fewer than the front end can do with are first padded with zeros.
    ///
    /// # Errors
    ///
    /// [`Error::NoSamples`], [`Error::NotFinite`] or [`Error::Rate`] of samples that are none;
    /// [`Error::TooLarge`] of a recording that is too long for this; [`Error::Overflow`] where
    /// samples are so large that the result is not finite.
    pub fn apply(&self, samples: &[f32], rate: u32) -> Result<Signal, Error> {
        check_samples(samples, rate)?;
        let samples = self.lengthen(self.normalise(self.cut(if rate == self.sound.rate {
            Cow::Borrowed(samples)
        } else {
            Cow::Owned(self.resample(samples, rate)?)
        })));
        let front_end = &self.sound.front_end;
        let shape = front_end.shape(samples.len());
        check_size(front_end, &shape, samples.len())?;
        let values = match (front_end, &self.mel, &self.cosines) {
            (FrontEnd::Frames(frames), ..) => frames.apply(&samples),
            (FrontEnd::LogMel(spec), Some(mel), _) => mel.apply(spec, &samples),
            (FrontEnd::Mfcc(mfcc), Some(mel), Some(cosines)) => {
                cosines.apply(&mel.apply(&mfcc.mel, &samples), shape[1])
            }
            (FrontEnd::LogMelStatistics(statistics), Some(mel), _) => {
                let frames = statistics.mel.frames(samples.len());
                statistics.apply(&mel.apply(&statistics.mel, &samples), frames)
            }
            // What is left is the waveform: all others have what they need, from `prepare`.
            _ => samples.into_owned(),
        };
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(Error::Overflow { index, value: values[index] }),
            None => Ok(Signal { shape, values }),
        }
    }

    /// What [`resample`](crate::resample) gives, with a resampler from before if there is one.
    fn resample(&self, samples: &[f32], rate: u32) -> Result<Vec<f32>, Error> {
        let kept = || self.resamplers.lock().unwrap_or_else(PoisonError::into_inner);
        let at_hand = {
            let mut kept = kept();
            let place = kept.iter().position(|resampler| resampler.from() == rate);
            place.map(|place| kept.swap_remove(place))
        };
        let mut resampler = match at_hand {
            Some(resampler) => resampler,
            None => Resampler::new(rate, self.sound.rate)?,
        };
        let resampled = resampler.convert(samples)?;
        let mut kept = kept();
        if kept.len() < RESAMPLERS {
            kept.push(resampler);
        }
        Ok(resampled)
    }

    /// Cuts off what is longer than every input is to be.
    fn cut<'a>(&self, samples: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
        let length = samples.len().min(self.sound.bounds().1);
        match samples {
            Cow::Borrowed(samples) => Cow::Borrowed(&samples[..length]),
            Cow::Owned(mut samples) => {
                samples.truncate(length);
                Cow::Owned(samples)
            }
        }
    }

    fn normalise<'a>(&self, samples: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
        if !self.sound.normalise {
            return samples;
        }
        let count = samples.len() as f64;
        let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
        let deviation = (squares / count + 1e-7).sqrt();
        samples.iter().map(|&x| ((f64::from(x) - mean) / deviation) as f32).collect()
    }

    /// Puts zeros behind what is shorter than every input, or than the front end can do with.
    fn lengthen<'a>(&self, samples: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
        let least = self.sound.front_end.least_samples().max(self.sound.bounds().0);
        if samples.len() >= least {
            return samples;
        }
        let mut samples = samples.into_owned();
        samples.resize(least, 0.0);
        Cow::Owned(samples)
    }
}

/// Checks that samples are a recording.
pub(crate) fn check_samples(samples: &[f32], rate: u32) -> Result<(), Error> {
    if !RATES.contains(&rate) {
        return Err(Error::Rate { rate });
    }
    if samples.is_empty() {
        return Err(Error::NoSamples);
    }
    at_most("samples of the recording", samples.len() as u64, MAX_SAMPLES as u64)?;
    match samples.iter().position(|sample| !sample.is_finite()) {
        Some(index) => Err(Error::NotFinite { index, value: samples[index] }),
        None => Ok(()),
    }
}

/// Checks that memory and time stay bounded.
fn check_size(front_end: &FrontEnd, shape: &[usize], samples: usize) -> Result<(), Error> {
    // Waveforms are as long as they are, which is bounded already.
    if shape.len() > 1 {
        let values = shape.iter().map(|&size| size as u64).product();
        at_most("numbers of the preprocessed recording", values, MAX_VALUES)?;
    }
    let Some(mel) = front_end.mel() else { return Ok(()) };
    let frames = mel.frames(samples) as u64;
    at_most("numbers of the spectrogram", frames * u64::from(mel.mels), MAX_VALUES)?;
    at_most("samples in all Fourier transforms", frames * u64::from(mel.fft), MAX_TRANSFORMED)
}

pub(crate) fn at_most(what: &'static str, count: u64, limit: u64) -> Result<(), Error> {
    if count > limit {
        return Err(Error::TooLarge { what, count, limit });
    }
    Ok(())
}
