//! Files that end early, are damaged, or lie: an error or what there is, within bounds.

use zoo_sound::{DecodeError, decode};

use crate::support::{SplitMix64, recording, say, two_tones, wav};

/// Every kind of file, with its name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let pcm: Vec<u8> =
        two_tones().iter().take(1500).flatten().flat_map(|value| value.to_le_bytes()).collect();
    let mut files = vec![("wav", wav(1, 2, 44_100, 16, &pcm))];
    for (kind, name) in
        [("flac", "two-tones.flac"), ("mp3", "two-tones.mp3"), ("ogg", "two-tones.ogg")]
    {
        files.push((kind, recording(name)));
    }
    files
}

#[test]
fn files_that_end_early_are_shorter_or_errors() {
    for (kind, file) in files() {
        let whole = decode(&file).unwrap().samples;
        let (mut shorter, mut errors) = (0, 0);
        for end in (0..file.len()).step_by(7) {
            match decode(&file[..end]) {
                // A decoder that panicked is a fault of ours here: files end early every day.
                Err(DecodeError::Failed) => panic!("{kind} of {end} bytes"),
                Err(_) => errors += 1,
                Ok(recording) => {
                    assert!(recording.samples.len() <= whole.len(), "{kind} of {end} bytes");
                    shorter += 1;
                }
            }
        }
        say(&format!("{kind}: {shorter} shorter, {errors} errors"));
        // FLAC says how long it is.
        assert_eq!(shorter > 0, kind != "flac", "{kind}: {shorter} shorter");
        assert!(errors > 0, "{kind}");
    }
}

#[test]
fn damaged_files_are_errors_or_finite() {
    let mut random = SplitMix64(11);
    for (kind, file) in files() {
        let (mut read, mut errors, mut failed) = (0, 0, 0);
        for _ in 0..1500 {
            let mut damaged = file.clone();
            // Headers are more than their share of what can go wrong.
            let within = if random.next() < 0.0 { file.len().min(200) } else { file.len() };
            for _ in 0..=random.bits() % 3 {
                damaged[random.bits() as usize % within] = random.bits() as u8;
            }
            match decode(&damaged) {
                Ok(recording) => {
                    assert!(recording.samples.iter().all(|sample| sample.is_finite()), "{kind}");
                    assert!(recording.samples.len() < 1_000_000, "{kind}");
                    read += 1;
                }
                Err(DecodeError::Failed) => failed += 1,
                Err(_) => errors += 1,
            }
        }
        say(&format!("{kind}: {read} read, {errors} errors, {failed} decoders gave up"));
        assert!(read > 0 && errors > 0, "{kind}: {read} read, {errors} errors");
    }
}

/// A frame of FLAC with a wrong checksum is not just left out.
#[test]
fn a_missing_frame_is_an_error() {
    let file = recording("two-tones.flac");
    for at in [file.len() / 3, file.len() / 2, file.len() - 100] {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        let error = decode(&damaged).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{at}: {error:?}");
    }
}

#[test]
fn lengths_that_lie_are_not_believed() {
    let honest = wav(1, 1, 8000, 16, &[1; 200]);
    // What programs write that do not know how much will come.
    for (riff, data) in
        [(u32::MAX, u32::MAX), (u32::MAX - 7, 0x7fff_ff00), (0x7fff_f024, 0x7fff_f000)]
    {
        let mut file = honest.clone();
        file[4..8].copy_from_slice(&riff.to_le_bytes());
        file[40..44].copy_from_slice(&data.to_le_bytes());
        assert_eq!(decode(&file).unwrap().samples.len(), 100, "{riff} {data}");
    }
    // A list of tags of 4 GiB.
    let mut file = honest[..36].to_vec();
    file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    file.extend(b"LIST\xff\xff\xff\xffINFOIART\xf0\xff\xff\xff");
    file.extend(&honest[36..]);
    assert!(matches!(decode(&file), Err(DecodeError::Header { .. })));
    // 65,535 channels; a width of 0 and of 65,535 bits.
    for (at, value) in [(22, [0xff, 0xff]), (34, [0, 0]), (34, [0xff, 0xff]), (22, [0, 0])] {
        let mut file = honest.clone();
        file[at..at + 2].copy_from_slice(&value);
        let error = decode(&file).unwrap_err();
        assert!(!matches!(error, DecodeError::Failed), "{at} {value:?}: {error:?}");
    }
}

/// Neither samples nor a picture of 4 GiB that are not there are made room for.
#[test]
fn lengths_that_lie_in_flac_are_not_believed() {
    let honest = recording("two-tones.flac");
    let mut file = honest.clone();
    // The lower 32 of 36 bits of the number of samples.
    file[22..26].copy_from_slice(&[0xff; 4]);
    let error = decode(&file).unwrap_err();
    assert!(matches!(error, DecodeError::Malformed { samples: 11_025, .. }), "{error:?}");
    let mut file = honest[..42].to_vec();
    file.extend(b"\x06\xff\xff\xff\0\0\0\x03\xff\xff\xff\xff");
    file.extend(&honest[42..]);
    assert!(decode(&file).is_err());
}
