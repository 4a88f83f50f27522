//! Recordings of every format against the rule that they were made by.

use zoo_sound::{DecodeError, Recording, decode};

use crate::support::{means, recording, say, two_tones, wav};

fn samples(file: &[u8]) -> Vec<f32> {
    decode(file).unwrap().samples
}

/// Bytes of 16-bit samples.
fn bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
    values.into_iter().flat_map(i16::to_le_bytes).collect()
}

#[test]
fn wav_of_16_bits_is_value_over_32768() {
    let values: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let file = wav(1, 1, 16_000, 16, &bytes(values.iter().copied()));
    let expected = values.iter().map(|&value| f32::from(value) / 32_768.0).collect();
    let recording = decode(&file).unwrap();
    assert_eq!(recording, Recording { rate: 16_000, channels: 1, samples: expected });
}

#[test]
fn wav_of_any_width_ends_at_one() {
    let cases: [(u16, u16, &[u8], [f32; 3]); 5] = [
        (1, 8, &[0, 128, 192], [-1.0, 0.0, 0.5]),
        (1, 24, &[0, 0, 0x80, 0, 0, 0, 0, 0, 0x40], [-1.0, 0.0, 0.5]),
        (1, 32, &[0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40], [-1.0, 0.0, 0.5]),
        (3, 32, &[0, 0, 0x80, 0xbf, 0, 0, 0, 0, 0, 0, 0x20, 0x40], [-1.0, 0.0, 2.5]),
        (
            3,
            64,
            &[0, 0, 0, 0, 0, 0, 0xf0, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
            [-1.0, 0.0, 0.5],
        ),
    ];
    for (format, bits, data, expected) in cases {
        assert_eq!(samples(&wav(format, 1, 8000, bits, data)), expected, "{format} {bits}");
    }
}

#[test]
fn channels_become_their_mean() {
    for channels in [1, 2, 3, 4, 5, 6, 8, 12, 18, 32_u16] {
        let frame: Vec<i16> = (0..channels as i16).map(|channel| 1000 * channel).collect();
        let file = wav(1, channels, 8000, 16, &bytes([frame.as_slice(), &frame].concat()));
        let recording = decode(&file).unwrap();
        let mean = (f64::from(channels - 1) * 500.0 / 32_768.0) as f32;
        assert_eq!(recording.channels, usize::from(channels));
        assert_eq!(recording.samples, [mean, mean], "{channels}");
    }
}

/// ffmpeg writes 24 bits, and more than two channels, like this.
#[test]
fn extensible_wav_is_read() {
    let plain = wav(1, 2, 48_000, 16, &bytes([100, 300, -100, -300]));
    let mut file = plain[..12].to_vec();
    file.extend(b"fmt \x28\0\0\0\xfe\xff");
    file.extend(&plain[22..36]);
    file.extend([22, 0, 16, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0]);
    file.extend([0x38, 0x9b, 0x71]);
    file.extend(&plain[36..]);
    assert_eq!(samples(&file), [200.0 / 32_768.0, -200.0 / 32_768.0]);
}

#[test]
fn flac_is_exact() {
    let recording = decode(&recording("two-tones.flac")).unwrap();
    assert_eq!((recording.rate, recording.channels), (44_100, 2));
    assert_eq!(recording.samples, means(&two_tones()));
}

/// What the encoders put before the sound is cut off, so nothing is late.
#[test]
fn mp3_and_vorbis_are_near() {
    let expected = means(&two_tones());
    for name in ["two-tones.mp3", "two-tones.ogg"] {
        let recording = decode(&recording(name)).unwrap();
        assert_eq!((recording.rate, recording.channels), (44_100, 2));
        assert_eq!(recording.samples.len(), expected.len(), "{name}");
        let product = |x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        };
        let (a, b) = (&recording.samples, &expected);
        let correlation = product(a, b) / (product(a, a) * product(b, b)).sqrt();
        say(&format!("{name}: correlation {correlation:.5}"));
        assert!(correlation > 0.99, "{name}: {correlation}");
    }
}

#[test]
fn tags_before_the_sound_are_passed_over() {
    let sound = recording("two-tones.mp3");
    // 300 bytes in which a picture would begin as sound does, and some zeros behind.
    let mut tagged = b"ID3\x03\0\0\0\0\x02\x2c".to_vec();
    tagged.extend([0xff, 0xfb, 0x90, 0x64].repeat(75));
    tagged.extend([0; 9]);
    tagged.extend(&sound);
    assert_eq!(decode(&tagged).unwrap(), decode(&sound).unwrap());
}

#[test]
fn what_is_not_finite_is_named() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = [0.0; 3000];
        values[2501] = value;
        let data: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        let error = decode(&wav(3, 2, 8000, 32, &data)).unwrap_err();
        assert!(
            matches!(error, DecodeError::NotFinite { index: 1250, channel: 1, .. }),
            "{error:?}"
        );
    }
    // Finite in 64 bits, infinite in 32.
    let error = decode(&wav(3, 1, 8000, 64, &1e300_f64.to_le_bytes())).unwrap_err();
    assert!(matches!(error, DecodeError::NotFinite { index: 0, channel: 0, .. }), "{error:?}");
}

#[test]
fn files_without_sound_have_errors_of_their_own() {
    let error = |file: &[u8]| decode(file).unwrap_err();
    assert!(matches!(error(b""), DecodeError::Empty));
    assert!(matches!(error(b"\x89PNG\r\n\x1a\n"), DecodeError::NotARecording));
    assert!(matches!(error(b"ID3\x03\0\0\x7f\x7f\x7f\x7f"), DecodeError::NotARecording));
    assert!(matches!(error(&wav(1, 1, 8000, 16, &[])), DecodeError::NoSamples));
    assert!(matches!(error(&wav(1, 1, 999, 16, &[0; 8])), DecodeError::Rate { rate: 999 }));
    assert!(matches!(error(&wav(1, 1, 384_001, 16, &[0; 8])), DecodeError::Rate { .. }));
    let ima = error(&wav(17, 1, 8000, 4, &[0; 64]));
    assert!(matches!(ima, DecodeError::Unsupported { .. } | DecodeError::Malformed { .. }));
}
