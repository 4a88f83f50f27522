use serde::{Deserialize, Serialize};

/// Where on the frequency axis bands are equally far apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MelScale {
    /// `2595 log10(1 + f / 700)`, as the Hidden Markov Model Toolkit and torchaudio have it.
    #[default]
    Htk,
    /// Linear to 1 kHz, logarithmic above, as Slaney's Auditory Toolbox and librosa have it.
    Slaney,
}

/// How mel filters are weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MelNorm {
    /// Each filter has 1 at its peak.
    #[default]
    None,
    /// Each filter has area 1 over frequency: it is divided by half its width in Hz.
    Slaney,
}

/// Slaney's scale: 3 mels for every 200 Hz below 1 kHz, which is mel 15, and 27 mels for every
/// factor of 6.4 above.
const MELS_PER_HZ: f64 = 3.0 / 200.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ * MELS_PER_HZ;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

impl MelScale {
    /// Hz to mel.
    pub(super) fn mel(self, hz: f64) -> f64 {
        match self {
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
            Self::Slaney if hz < BREAK_HZ => hz * MELS_PER_HZ,
            Self::Slaney => BREAK_MEL + (hz / BREAK_HZ).ln() / log_step(),
        }
    }

    /// Mel to Hz.
    pub(super) fn hz(self, mel: f64) -> f64 {
        match self {
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
            Self::Slaney if mel < BREAK_MEL => mel / MELS_PER_HZ,
            Self::Slaney => BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from the definitions' own anchors: HTK puts 1000 Hz at 999.9855 mel,
    /// Slaney at 15, and 6400 Hz at 42.
    #[test]
    fn scales_have_their_anchors() {
        assert!((MelScale::Htk.mel(1000.0) - 999.985_537).abs() < 1e-6);
        assert!((MelScale::Slaney.mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((MelScale::Slaney.mel(6400.0) - 42.0).abs() < 1e-12);
        assert!((MelScale::Slaney.mel(200.0) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn mel_and_hz_are_inverse() {
        for scale in [MelScale::Htk, MelScale::Slaney] {
            for hz in [0.0, 20.0, 440.0, 999.9, 1000.0, 1000.1, 8000.0, 192_000.0] {
                let back = scale.hz(scale.mel(hz));
                assert!((back - hz).abs() < 1e-9 * hz.max(1.0), "{scale:?} {hz} {back}");
            }
        }
    }
}
