//! What recordings become: shapes, lengths, and what cannot be done.

use zoo_sound::{
    Error, Frames, FrontEnd, Log, LogMel, LogMelStatistics, Mfcc, Padding, Sound, to_wav,
};

use crate::support::chirps;

fn front_ends() -> Vec<FrontEnd> {
    let mel = LogMel { mels: 32, ..LogMel::default() };
    let mels = [
        mel.clone(),
        LogMel { center: false, drop_last: true, ..mel.clone() },
        LogMel { padding: Padding::Zeros, fft: 511, ..mel.clone() },
        LogMel { drop_last: true, hop: 512, ..mel.clone() },
    ];
    let mut kinds = vec![
        FrontEnd::Waveform {},
        FrontEnd::Frames(Frames::default()),
        FrontEnd::Frames(Frames { center: false, hop: 7, length: 333, normalise: false }),
    ];
    for mel in mels {
        kinds.push(FrontEnd::Mfcc(Mfcc { coefficients: 5, mel: mel.clone() }));
        kinds.push(FrontEnd::LogMelStatistics(LogMelStatistics { parts: 7, mel: mel.clone() }));
        kinds.push(FrontEnd::LogMel(mel));
    }
    kinds
}

#[test]
fn shapes_are_as_stated_from_one_sample_on() {
    let samples = chirps(16_000, 0.6);
    for front_end in front_ends() {
        for seconds in [None, Some(0.0001), Some(0.02), Some(0.5), Some(0.7)] {
            let sound = Sound { seconds, front_end: front_end.clone(), ..Sound::default() };
            for count in [1, 2, 200, 257, 512, 600, 9600] {
                let signal = sound.apply(&samples[..count], 16_000).unwrap();
                assert_eq!(signal.values.len(), signal.shape.iter().product::<usize>());
                assert!(signal.values.iter().all(|value| value.is_finite()));
                let fixed = seconds.is_some() || matches!(front_end, FrontEnd::LogMelStatistics(_));
                let expected = fixed.then(|| signal.shape.clone());
                assert_eq!(sound.output_shape(), expected, "{front_end:?} {seconds:?} {count}");
            }
        }
    }
}

/// What is too short is padded with zeros at its end, to the least length and no further.
#[test]
fn short_recordings_are_padded_with_zeros() {
    let samples = chirps(16_000, 0.6);
    for front_end in front_ends() {
        let sound = Sound { front_end, ..Sound::default() };
        let mut padded = samples[..50].to_vec();
        padded.resize(sound.front_end.least_samples().max(50), 0.0);
        assert_eq!(
            sound.apply(&samples[..50], 16_000).unwrap(),
            sound.apply(&padded, 16_000).unwrap()
        );
    }
    let mel = FrontEnd::LogMel(LogMel::default());
    assert_eq!(mel.least_samples(), 257, "reflecting 256 samples takes one more");
}

#[test]
fn inputs_of_any_length_may_have_bounds() {
    let sound =
        Sound { least_seconds: Some(0.5), most_seconds: Some(1.0), rate: 8000, ..Sound::default() };
    for (samples, expected) in [(1, 4000), (4000, 4000), (6000, 6000), (9000, 8000)] {
        let signal = sound.apply(&vec![0.5; samples], 8000).unwrap();
        assert_eq!(signal.shape, [expected], "{samples}");
        let kept = samples.min(expected);
        assert!(signal.values[..kept].iter().all(|&value| value == 0.5), "{samples}");
        assert!(signal.values[kept..].iter().all(|&value| value == 0.0), "{samples}");
    }
    assert_eq!(sound.output_shape(), None);
    let wrong = [
        Sound { least_seconds: Some(2.0), ..sound.clone() },
        Sound { seconds: Some(1.0), ..sound.clone() },
        Sound { most_seconds: Some(f64::NAN), ..sound },
    ];
    for sound in wrong {
        assert!(sound.validate().is_err(), "{sound:?}");
    }
}

#[test]
fn recordings_are_cut_normalised_and_padded_in_this_order() {
    let samples = chirps(16_000, 0.6);
    let sound = |seconds| Sound { seconds: Some(seconds), normalise: true, ..Sound::default() };
    let cut = sound(0.25).apply(&samples, 16_000).unwrap();
    assert_eq!(cut, sound(0.25).apply(&samples[..4000], 16_000).unwrap());
    let padded = sound(1.0).apply(&samples[..4000], 16_000).unwrap();
    assert_eq!(padded.shape, [16_000]);
    assert_eq!(padded.values[..4000], cut.values);
    assert!(padded.values[4000..].iter().all(|&value| value == 0.0));
    let mean = cut.values.iter().map(|&x| f64::from(x)).sum::<f64>() / 4000.0;
    let squares = cut.values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 4000.0;
    assert!(mean.abs() < 1e-6 && (squares - 1.0).abs() < 1e-5, "{mean} {squares}");
    // (x - mean) / sqrt(var + 1e-7) of what hardly moves: var is 1e-8.
    let quiet = [1e-4, -1e-4];
    let value = sound(0.000_125).apply(&quiet, 16_000).unwrap().values[0];
    assert!((f64::from(value) - 1e-4 / (1e-8_f64 + 1e-7).sqrt()).abs() < 1e-6, "{value}");
}

#[test]
fn recordings_come_from_files_and_bytes_and_are_resampled() {
    let samples = chirps(8000, 0.5);
    let file = to_wav(&samples, 8000);
    let sound = Sound { front_end: FrontEnd::LogMel(LogMel::default()), ..Sound::default() };
    let signal = sound.load_bytes(&file).unwrap();
    assert_eq!(signal.shape, [64, 51]);
    assert!(matches!(sound.load_bytes(&file[..40]), Err(Error::DecodeBytes { .. })));
    let missing = std::path::Path::new("no/such/recording.wav");
    assert!(matches!(sound.load(missing), Err(Error::Read { .. })));
    let text = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    assert!(matches!(sound.load(&text), Err(Error::DecodeFile { .. })));
}

#[test]
fn threads_and_what_came_before_change_no_bit() {
    let front_end = FrontEnd::LogMelStatistics(LogMelStatistics::default());
    let prepared = Sound { front_end, ..Sound::default() }.prepare().unwrap();
    let samples = chirps(22_050, 0.6);
    let expected = prepared.apply(&samples, 22_050).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| prepared.apply(&samples, 22_050).unwrap())).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
    for rate in [8000, 22_050, 16_000, 22_050] {
        prepared.apply(&samples[..100 + rate as usize / 4], rate).unwrap();
        assert_eq!(prepared.apply(&samples, 22_050).unwrap(), expected);
    }
    assert_eq!(prepared.sound().apply(&samples, 22_050).unwrap(), expected);
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let sound = Sound::default();
    assert!(matches!(sound.apply(&[], 16_000), Err(Error::NoSamples)));
    assert!(matches!(sound.apply(&[0.0], 0), Err(Error::Rate { rate: 0 })));
    let nan = sound.apply(&[0.0, 0.0, f32::NAN], 16_000);
    assert!(matches!(nan, Err(Error::NotFinite { index: 2, .. })));

    let mel = LogMel { log: Log::None, ..LogMel::default() };
    let loud = Sound { front_end: FrontEnd::LogMel(mel), ..Sound::default() };
    assert!(matches!(loud.apply(&[1e30; 800], 16_000), Err(Error::Overflow { .. })));
}

/// Cards and recordings that are each within limits, and not together.
#[test]
fn memory_and_time_are_bounded() {
    let samples = vec![0.0; 1_000_000];
    let frames = Frames { length: 65_536, hop: 1, ..Frames::default() };
    let mel = |fft, mels| LogMel { fft, hop: 1, mels, ..LogMel::default() };
    let statistics = LogMelStatistics { parts: 1, mel: mel(65_536, 1024) };
    for front_end in [
        FrontEnd::Frames(frames),
        FrontEnd::LogMel(mel(65_536, 1024)),
        FrontEnd::LogMelStatistics(statistics),
        FrontEnd::LogMel(mel(65_536, 1)),
    ] {
        let sound = Sound { front_end, ..Sound::default() };
        let error = sound.apply(&samples, 16_000).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
