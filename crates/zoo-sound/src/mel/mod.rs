//! Log-mel spectrograms, and what is made of them.

mod bank;
mod cepstrum;
mod loudness;
mod scale;
mod spec;
mod spectrogram;
mod spectrum;
mod statistics;

pub(crate) use bank::Bank;
pub(crate) use cepstrum::Cosines;
pub(crate) use spectrogram::Spectrogram;
use spectrum::Spectrum;

pub use cepstrum::Mfcc;
pub use loudness::{FloorBy, Log, ValueRange};
pub use scale::{MelNorm, MelScale};
pub use spec::LogMel;
pub use spectrum::{Padding, WindowShape};
pub use statistics::LogMelStatistics;
