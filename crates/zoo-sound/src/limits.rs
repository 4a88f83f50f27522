//! How much is taken in and given out, at most. Files and cards come from strangers.

/// The largest file that is decoded, in bytes.
pub const MAX_BYTES: usize = 512 << 20;

/// The longest recording, in samples a channel: half an hour at 48 kHz. Also the longest that one
/// may become by resampling or padding.
pub const MAX_SAMPLES: usize = 30 * 60 * 48_000;

/// The lowest and the highest sampling rate, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// The most channels of a file.
pub const MAX_CHANNELS: usize = 32;

/// The longest Fourier transform, and the longest frame, in samples.
pub const MAX_FFT: u32 = 65_536;

/// The most bands of a mel filter bank.
pub const MAX_MELS: u32 = 1024;

/// The most parts of time that `log_mel_statistics` takes means over.
pub const MAX_PARTS: u32 = 1024;

/// The most numbers of an output, and of the log-mel spectrogram behind it: 256 MiB.
pub const MAX_VALUES: u64 = 64 << 20;

/// The most samples that all Fourier transforms of one recording take together. Half an hour at
/// 48 kHz is within it at a hop of a 32nd of the window.
pub const MAX_TRANSFORMED: u64 = 4 << 30;
