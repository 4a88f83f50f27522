//! What several tests need.

use std::f64::consts::TAU;
use std::path::PathBuf;

/// A file of `tests/recordings`.
pub(crate) fn recording(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    std::fs::read(folder.join(name)).unwrap()
}

/// What `tests/recordings/make.py` wrote: left and right, 16 bits, 44.1 kHz.
pub(crate) fn two_tones() -> Vec<[i16; 2]> {
    let tone = |amplitude: f64, hertz: f64, i: u32| {
        (amplitude * (TAU * hertz * f64::from(i) / 44_100.0).sin() + 0.5).floor() as i16
    };
    (0..11_025).map(|i| [tone(12_000.0, 440.0, i), tone(9_000.0, 1000.0, i)]).collect()
}

/// Means of left and right, full scale being 1.
pub(crate) fn means(frames: &[[i16; 2]]) -> Vec<f32> {
    frames.iter().map(|&[a, b]| (f32::from(a) + f32::from(b)) / 65_536.0).collect()
}

/// A WAV file of a format (1 for PCM, 3 for floats), channels and bits, with these bytes.
pub(crate) fn wav(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let frame = channels * bits.div_ceil(8);
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    file.extend(format.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// The signal of `tests/reference/generate.py`: three chirps and noise.
pub(crate) fn chirps(rate: u32, seconds: f64) -> Vec<f32> {
    let mut noise = SplitMix64(7);
    let count = (f64::from(rate) * seconds).round() as u32;
    let chirp = |t: f64, (a, f, s): (f64, f64, f64)| a * (TAU * (f * t + s * t * t / 2.0)).sin();
    (0..count)
        .map(|i| {
            let t = f64::from(i) / f64::from(rate);
            let parts = [(0.4, 150.0, 500.0), (0.2, 1200.0, 3000.0), (0.1, 6500.0, -4000.0)];
            let sum: f64 = parts.map(|part| chirp(t, part)).iter().sum();
            (sum + 0.02 * noise.next()) as f32
        })
        .collect()
}

/// Vigna's SplitMix64.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number in [-1, 1).
    pub(crate) fn next(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Says what was measured, or why a test was skipped, with `--nocapture`.
#[expect(clippy::print_stdout, reason = "what tests have to say")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
