//! What can go wrong between a file and a model's input.

use std::path::PathBuf;

use symphonia::core::errors::Error as DecoderError;

use crate::limits::{MAX_BYTES, MAX_CHANNELS, MAX_SAMPLES, RATES};

/// An error of decoding, resampling or a front end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read at all.
    #[error("cannot read recording {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file was read, and is not a recording that can be used.
    #[error("cannot decode recording {path:?}")]
    DecodeFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: DecodeError,
    },
    /// Bytes that came without a file's name are not a recording that can be used.
    #[error("cannot decode recording")]
    DecodeBytes {
        /// The reason.
        #[source]
        source: DecodeError,
    },
    /// A [`Sound`](crate::Sound) that cannot be carried out.
    #[error("invalid sound preprocessing: `{field}` {problem}")]
    Invalid {
        /// The field as it is written in the card.
        field: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// A mel filter so narrow that no frequency of the Fourier transform lies under it.
    #[error(
        "mel band {band} ({low:.1} to {high:.1} Hz) holds no frequency of a transform of {fft} \
         samples: a longer `fft`, fewer `mels`, or `empty_bands = true` to have it be zero"
    )]
    EmptyBand {
        /// The band, counted from 0.
        band: usize,
        /// Where the band begins, in Hz.
        low: f64,
        /// Where the band ends, in Hz.
        high: f64,
        /// Length of the Fourier transform in samples.
        fft: u32,
    },
    /// A sampling rate outside of [`RATES`].
    #[error("a sampling rate of {rate} Hz ({} to {} allowed)", RATES.start(), RATES.end())]
    Rate {
        /// The rate in Hz.
        rate: u32,
    },
    /// There are no samples.
    #[error("the recording has no samples")]
    NoSamples,
    /// A sample is not a number, or infinite.
    #[error("sample {index} is {value}")]
    NotFinite {
        /// The first such sample, counted from 0.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// Recording and preprocessing would give more than is allowed.
    #[error("{what}: {count}, more than {limit}")]
    TooLarge {
        /// What there would be too many of.
        what: &'static str,
        /// How many there would be.
        count: u64,
        /// The largest number allowed.
        limit: u64,
    },
    /// Samples so large that the result is no finite number.
    #[error("value {index} of the preprocessed recording is {value}: its samples are too large")]
    Overflow {
        /// The first such value, counted from 0.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The resampler refused.
    #[error("cannot resample from {from} Hz to {to} Hz")]
    Resample {
        /// Rate of the recording in Hz.
        from: u32,
        /// Rate asked for in Hz.
        to: u32,
        /// The resampler's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is larger than [`MAX_BYTES`].
    #[error("the file exceeds {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// No known format starts like this.
    #[error("not a recording (wav, flac, mp3 and ogg vorbis are read)")]
    NotARecording,
    /// A format, or a variant of one, that is not read.
    #[error("this kind of recording is not supported: {what}")]
    Unsupported {
        /// What is not supported.
        what: &'static str,
    },
    /// What a file says about itself is wrong.
    #[error("the header is damaged: {what}")]
    Header {
        /// What is wrong.
        what: &'static str,
    },
    /// The decoder found the recording to be damaged.
    #[error("the recording is damaged after {samples} samples")]
    Malformed {
        /// How many samples were read before.
        samples: usize,
        /// The decoder's reason.
        #[source]
        source: DecoderError,
    },
    /// The decoder failed over what no encoder writes.
    #[error("the recording is damaged so that the decoder gave up")]
    Failed,
    /// The file holds no samples.
    #[error("the recording has no samples")]
    NoSamples,
    /// The recording is longer than [`MAX_SAMPLES`].
    #[error("the recording exceeds {MAX_SAMPLES} samples, half an hour at 48 kHz")]
    TooLong,
    /// A sampling rate outside of [`RATES`].
    #[error("a sampling rate of {rate} Hz ({} to {} are read)", RATES.start(), RATES.end())]
    Rate {
        /// The rate in Hz.
        rate: u32,
    },
    /// No channel, or more than [`MAX_CHANNELS`].
    #[error("{channels} channels (1 to {MAX_CHANNELS} are read)")]
    Channels {
        /// Number of channels.
        channels: usize,
    },
    /// Sampling rate or channels change within the recording.
    #[error("sampling rate or channels change after {samples} samples")]
    Changes {
        /// How many samples were read before.
        samples: usize,
    },
    /// A sample is not a number, or infinite.
    #[error("sample {index} of channel {channel} is {value}")]
    NotFinite {
        /// The first such sample, counted from 0.
        index: usize,
        /// Its channel, counted from 0.
        channel: usize,
        /// Its value.
        value: f32,
    },
}
