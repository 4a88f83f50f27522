//! 1,200 spoken digits at 8 kHz, of the fixtures.

use std::path::PathBuf;
use std::time::Instant;

use zoo_sound::{FrontEnd, LogMelStatistics, Sound, decode_file, inspect};

use crate::support::say;

#[test]
fn spoken_digits_become_statistics() {
    let Some(fixtures) = std::env::var_os("ZOO_FIXTURES").map(PathBuf::from) else {
        say("skipped: ZOO_FIXTURES is not set");
        return;
    };
    let front_end = FrontEnd::LogMelStatistics(LogMelStatistics::default());
    let prepared = Sound { front_end, ..Sound::default() }.prepare().unwrap();
    let mut files = Vec::new();
    for digit in 0..10 {
        let folder = fixtures.join(format!("datasets/spoken-digits/{digit}"));
        files.extend(folder.read_dir().unwrap().map(|entry| entry.unwrap().path()));
    }
    assert_eq!(files.len(), 1200);
    let start = Instant::now();
    for file in &files {
        let signal = prepared.load(file).unwrap();
        assert_eq!(signal.shape, [64 * 5]);
    }
    say(&format!("{} files in {:.2} s", files.len(), start.elapsed().as_secs_f64()));
    for file in &files {
        let recording = decode_file(file).unwrap();
        let defects = inspect(&recording);
        assert_eq!((recording.rate, recording.channels), (8000, 1));
        assert!(!defects.silent && (0.1..3.0).contains(&defects.seconds), "{file:?} {defects:?}");
    }
}
