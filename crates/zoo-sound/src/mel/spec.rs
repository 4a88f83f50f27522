use serde::{Deserialize, Serialize};

use super::{FloorBy, Log, MelNorm, MelScale, Padding, ValueRange, WindowShape};

/// A log-mel spectrogram: `[mels, frames]`, low bands first.
///
/// Short-time Fourier transform, magnitudes to `power`, mel filters, logarithm. What librosa and
/// torchaudio make with their defaults, so far as they differ:
///
/// | field | librosa 0.11 | torchaudio 2 | here |
/// |---|---|---|---|
/// | `fft`, `hop` | 2048, 512 | 400, 200 | 512, 160 |
/// | `padding` | `"zeros"` | `"reflect"` | `"reflect"` |
/// | `scale`, `norm` | `"slaney"`, `"slaney"` | `"htk"`, `"none"` | `"htk"`, `"none"` |
/// | `mels` | 128 | 128 | 64 |
/// | `empty_bands` | true | true | false |
///
/// Whisper's is `fft = 400`, `hop = 160`, `drop_last = true`, `scale` and `norm = "slaney"`,
/// `log = "log10"`, `range = { dynamic = 8.0, add = 4.0, divide = 4.0 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogMel {
    /// Length of the Fourier transform, in samples.
    pub fft: u32,
    /// From the beginning of one frame to that of the next, in samples.
    pub hop: u32,
    /// Length of the window, which lies in the middle of `fft` samples; left out, it is as long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Shape of the window.
    pub window_shape: WindowShape,
    /// Whether frame `i` is centred on sample `i * hop`, with `fft / 2` samples put at both ends.
    pub center: bool,
    /// What is put at the ends.
    pub padding: Padding,
    /// Whether the last frame is left out, as Whisper does.
    pub drop_last: bool,
    /// Number of bands.
    pub mels: u32,
    /// Where the lowest band begins, in Hz.
    pub low: f64,
    /// Where the highest band ends, in Hz; left out, half the sampling rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Where the bands lie.
    pub scale: MelScale,
    /// How bands are weighted.
    pub norm: MelNorm,
    /// Whether a band may be so narrow that no frequency of the transform lies in it: its
    /// spectrogram is zero then. Models were trained like this by mistake, and run with it;
    /// otherwise such a band is an error.
    pub empty_bands: bool,
    /// 1 for magnitudes, 2 for power.
    pub power: f64,
    /// The logarithm.
    pub log: Log,
    /// The least number of which a logarithm is taken.
    pub floor: f64,
    /// How `floor` comes in.
    pub floor_by: FloorBy,
    /// How far below the greatest value of a recording its least may be, in dB: what is lower is
    /// raised. Only with `log = "decibel"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_db: Option<f64>,
    /// A last linear step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<ValueRange>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self {
            fft: 512,
            hop: 160,
            window: None,
            window_shape: WindowShape::default(),
            center: true,
            padding: Padding::default(),
            drop_last: false,
            mels: 64,
            low: 0.0,
            high: None,
            scale: MelScale::default(),
            norm: MelNorm::default(),
            empty_bands: false,
            power: 2.0,
            log: Log::default(),
            floor: 1e-10,
            floor_by: FloorBy::default(),
            top_db: None,
            range: None,
        }
    }
}

impl LogMel {
    /// Length of the window in samples.
    pub(crate) fn window_length(&self) -> u32 {
        self.window.unwrap_or(self.fft)
    }

    /// Where the highest band ends, in Hz.
    pub(crate) fn highest(&self, rate: u32) -> f64 {
        self.high.unwrap_or(f64::from(rate) / 2.0)
    }

    /// How many samples come before the first of the recording, and after its last.
    pub(crate) fn at_ends(&self) -> usize {
        if self.center { self.fft as usize / 2 } else { 0 }
    }

    /// The number of frames of so many samples, at least `least_samples(1)`.
    pub(crate) fn frames(&self, samples: usize) -> usize {
        let hops = (samples + 2 * self.at_ends() - self.fft as usize) / self.hop as usize;
        hops + 1 - usize::from(self.drop_last)
    }

    /// The fewest samples that give so many frames, at least one.
    ///
    /// Samples can be reflected at an end only if there are more of them than come there, which
    /// is where torch fails.
    pub(crate) fn least_samples(&self, frames: usize) -> usize {
        let hops = frames - 1 + usize::from(self.drop_last);
        let length = self.fft as usize + hops * self.hop as usize;
        let for_frames = length.saturating_sub(2 * self.at_ends()).max(1);
        match self.padding {
            Padding::Reflect => for_frames.max(self.at_ends() + 1),
            Padding::Zeros => for_frames,
        }
    }
}
