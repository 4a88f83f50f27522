//! From a recording to the numbers a model was trained on: preprocessing as data.
//!
//! A model is only right with the preprocessing it was trained with, so a card carries it as data
//! ([`Sound`]) and this crate carries it out as librosa and torchaudio do:
//!
//! 1. [`decode_file`] or [`decode`]: WAV, FLAC, MP3 and OGG Vorbis to a [`Recording`], the mean
//!    of its channels, bounded by [`limits`];
//! 2. [`resample`] to the model's rate;
//! 3. cut to `seconds`, brought to mean 0 and deviation 1 if the card asks for it, padded with
//!    zeros to `seconds`;
//! 4. a [`FrontEnd`]: samples, frames, log-mel spectrogram, MFCC or statistics, in double
//!    precision, to a [`Signal`] of `f32`.
//!
//! ```text
//! [sound]
//! rate = 16000
//! seconds = 1.0
//! [sound.front_end]
//! kind = "log_mel"
//! fft = 512
//! hop = 160
//! mels = 40
//! ```
//!
//! ```
//! use zoo_sound::{FrontEnd, LogMel, Sound};
//!
//! let front_end = FrontEnd::LogMel(LogMel { mels: 40, ..LogMel::default() });
//! let sound = Sound { seconds: Some(1.0), front_end, ..Sound::default() };
//! let tone: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.35).sin()).collect();
//! let signal = sound.apply(&tone, 8000)?;
//! assert_eq!(signal.shape, [40, 101]);
//! # Ok::<(), zoo_sound::Error>(())
//! ```
//!
//! [`inspect`] finds recordings that are silent or clipped; [`to_wav`] and [`envelope`] are for
//! showing them. The same samples give the same numbers, bit for bit, on the same kind of
//! processor: Fourier transforms are compiled for several and differ in their last bits.

mod canonical;
mod container;
mod decode;
mod defects;
mod envelope;
mod error;
mod frames;
mod front_end;
pub mod limits;
mod mel;
mod mixer;
mod prepared;
mod recording;
mod resample;
mod riff;
mod sound;
mod validate;
mod wav;

pub use decode::{decode, decode_file};
pub use defects::{CLIPPED_RUN, Defects, FULL_SCALE, SILENCE, inspect};
pub use envelope::envelope;
pub use error::{DecodeError, Error};
pub use frames::Frames;
pub use front_end::FrontEnd;
pub use mel::{
    FloorBy, Log, LogMel, LogMelStatistics, MelNorm, MelScale, Mfcc, Padding, ValueRange,
    WindowShape,
};
pub use prepared::{Prepared, Signal};
pub use recording::Recording;
pub use resample::resample;
pub use sound::Sound;
pub use wav::to_wav;
