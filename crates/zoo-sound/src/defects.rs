use crate::Recording;

/// A recording whose largest sample is below this is silent: -80 dB of full scale, three units of
/// 16 bits, where a microphone that was off leaves its dither.
pub const SILENCE: f32 = 1e-4;

/// A sample from here on is at full scale. A little below 1, since 16 bits end at 32767/32768 and
/// decoders of lossy formats round.
pub const FULL_SCALE: f32 = 0.999;

/// As many samples at full scale one after the other, on one side, are clipped; fewer are a peak.
pub const CLIPPED_RUN: usize = 3;

/// What is wrong with a recording that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defects {
    /// Whether no sample reaches [`SILENCE`].
    pub silent: bool,
    /// Which share of the samples is clipped, 0 to 1: [`FULL_SCALE`] or more in runs of
    /// [`CLIPPED_RUN`] or more.
    pub clipped: f32,
    /// Length in seconds.
    pub seconds: f64,
}

/// Looks for defects in the mean of the channels. One channel of several that is clipped or
/// silent is not seen.
pub fn inspect(recording: &Recording) -> Defects {
    let samples = &recording.samples;
    let clipped: usize = samples
        .chunk_by(|&a, &b| side(a) == side(b))
        .filter(|run| run.len() >= CLIPPED_RUN && side(run[0]) != 0)
        .map(<[f32]>::len)
        .sum();
    Defects {
        silent: samples.iter().all(|sample| sample.abs() < SILENCE),
        clipped: clipped as f32 / samples.len().max(1) as f32,
        seconds: recording.seconds(),
    }
}

/// 1 or -1 at full scale, else 0.
fn side(sample: f32) -> i8 {
    i8::from(sample >= FULL_SCALE) - i8::from(sample <= -FULL_SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defects(samples: &[f32]) -> Defects {
        inspect(&Recording { rate: 8000, channels: 1, samples: samples.to_vec() })
    }

    #[test]
    fn runs_at_full_scale_are_clipped_and_peaks_are_not() {
        let top = 32767.0 / 32768.0;
        assert_eq!(defects(&[0.0, top, top, 0.0, -1.0, -1.0, top, 0.0]).clipped, 0.0);
        assert_eq!(defects(&[0.0, top, top, top, 0.0, -1.0, -1.0, -1.0]).clipped, 0.75);
    }

    #[test]
    fn silence_is_below_four_units_of_16_bits() {
        let unit = 1.0 / 32768.0;
        assert!(defects(&[0.0, 3.0 * unit, -3.0 * unit]).silent);
        assert!(!defects(&[0.0, -4.0 * unit]).silent);
        assert!(!defects(&[f32::NAN]).silent);
    }

    #[test]
    fn length_is_in_seconds() {
        assert_eq!(defects(&[0.5; 2000]).seconds, 0.25);
    }
}
