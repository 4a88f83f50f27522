//! Front ends against librosa, torchaudio, Whisper and torchcrepe, by way of the numbers in
//! `reference/spectra.json`.

use serde::Deserialize;
use zoo_sound::Sound;

use crate::support;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sound: Sound,
    shape: [usize; 2],
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// Greatest less least value of each of `rows`, over all columns.
    ranges: Vec<f64>,
    /// `[rows, columns]`.
    values: Vec<Vec<f64>>,
}

/// How far a value may be off, as a share of its row's range: they compute in single precision.
const TOLERANCE: f64 = 2e-5;

#[test]
fn front_ends_are_those_of_librosa_and_torchaudio() {
    let reference: Reference =
        serde_json::from_str(include_str!("../reference/spectra.json")).unwrap();
    assert_eq!(reference.cases.len(), 20);
    for case in reference.cases {
        let signal = case
            .sound
            .apply(&support::chirps(case.sound.rate, 0.6), case.sound.rate)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(signal.shape, case.shape, "{}", case.name);
        let mut largest: f64 = 0.0;
        for ((&row, expected), range) in case.rows.iter().zip(&case.values).zip(&case.ranges) {
            for (&column, expected) in case.columns.iter().zip(expected) {
                let value = f64::from(signal.values[row * case.shape[1] + column]);
                let difference = (value - expected).abs();
                assert!(
                    difference <= TOLERANCE * range,
                    "{} [{row}, {column}]: {value}, not {expected}",
                    case.name
                );
                if *range > 0.0 {
                    largest = largest.max(difference / range);
                }
            }
        }
        support::say(&format!("{:>5} Hz {}: {largest:.1e}", case.sound.rate, case.name));
    }
}
