use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::Error;
use crate::limits::{MAX_SAMPLES, RATES};
use crate::prepared::{at_most, check_samples};

/// About how many samples of the lower rate are transformed at once, and how long the filter is.
/// With this, tones up to 98 % of half the lower rate pass and those from 101 % on are gone, both
/// to within a millionth.
const CHUNK: usize = 2048;

/// Samples of one rate from samples of another, both in Hz, by Fourier transform.
///
/// Sample 0 stays where it is: the filter's delay is taken out. There are `samples.len() * to /
/// from` samples afterwards, rounded up. The recording is taken to be silent before its first
/// sample and after its last. With `from == to` the samples are returned as they are.
///
/// # Errors
///
/// [`Error::Rate`], [`Error::NoSamples`], [`Error::NotFinite`]; [`Error::TooLarge`] if there were
/// or would be more than [`MAX_SAMPLES`].
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, Error> {
    check_samples(samples, from)?;
    if !RATES.contains(&to) {
        return Err(Error::Rate { rate: to });
    }
    if from == to {
        return Ok(samples.to_vec());
    }
    Resampler::new(from, to)?.convert(samples)
}

/// Window, filter and Fourier transforms of one pair of rates, which take longer to make than most
/// recordings to resample.
#[derive(Debug)]
pub(crate) struct Resampler {
    from: u32,
    to: u32,
    fft: Fft<f64>,
}

impl Resampler {
    /// For two rates that are not the same.
    pub(crate) fn new(from: u32, to: u32) -> Result<Self, Error> {
        let fft = Fft::new_custom(
            from as usize,
            to as usize,
            chunk(from as usize, to as usize),
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        );
        Ok(Self { from, to, fft: fft.map_err(|source| failed(from, to, source))? })
    }

    /// The rate that it is for, in Hz.
    pub(crate) fn from(&self) -> u32 {
        self.from
    }

    /// What [`resample`] does, whatever was converted before.
    pub(crate) fn convert(&mut self, samples: &[f32]) -> Result<Vec<f32>, Error> {
        let length = samples.len() as u64 * u64::from(self.to);
        let length = length.div_ceil(u64::from(self.from));
        at_most("samples after resampling", length, MAX_SAMPLES as u64)?;
        self.fft.reset();
        let (taken, given) = (self.fft.input_frames_next(), self.fft.output_frames_next());
        let (mut input, mut output) = (vec![0.0; taken], vec![0.0; given]);
        let mut delay = self.fft.output_delay();
        let mut chunks = samples.chunks(taken);
        let mut resampled = Vec::with_capacity(length as usize);
        while resampled.len() < length as usize {
            // Behind the last sample there are zeros.
            let chunk = chunks.next().unwrap_or_default();
            input.fill(0.0);
            for (value, &sample) in input.iter_mut().zip(chunk) {
                *value = f64::from(sample);
            }
            self.process(&input, &mut output)
                .map_err(|source| failed(self.from, self.to, source))?;
            let late = delay.min(given);
            delay -= late;
            let wanted = (given - late).min(length as usize - resampled.len());
            resampled.extend(output[late..late + wanted].iter().map(|&value| value as f32));
        }
        Ok(resampled)
    }

    /// One chunk.
    fn process(&mut self, input: &[f64], output: &mut [f64]) -> Result<(), Cause> {
        let (taken, given) = (input.len(), output.len());
        let input = SequentialSlice::new(input, 1, taken)?;
        let mut output = SequentialSlice::new_mut(output, 1, given)?;
        self.fft.process_into_buffer(&input, &mut output, None)?;
        Ok(())
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

fn failed(from: u32, to: u32, source: impl Into<Cause>) -> Error {
    Error::Resample { from, to, source: source.into() }
}

/// The length of a chunk of the input: `CHUNK` of the lower rate or a little more, and even on both
/// sides, since half of it is the delay, which is taken out in whole samples.
fn chunk(from: usize, to: usize) -> usize {
    let divisor = gcd(from, to);
    let lower = from.min(to) / divisor;
    let parts = CHUNK.div_ceil(lower);
    (parts + parts % 2) * (from / divisor)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
