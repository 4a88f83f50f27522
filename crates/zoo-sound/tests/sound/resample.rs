//! Tones and impulses before and after resampling.

use std::f64::consts::TAU;

use zoo_sound::limits::MAX_SAMPLES;
use zoo_sound::{Error, resample};

use crate::support::{chirps, say};

fn tone(hertz: f64, rate: u32, count: usize) -> Vec<f32> {
    (0..count).map(|i| (TAU * hertz * i as f64 / f64::from(rate)).sin() as f32).collect()
}

/// The largest difference in the middle, a tenth away from both ends.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let middle = a.len() / 10..a.len() - a.len() / 10;
    a[middle.clone()].iter().zip(&b[middle]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_tone_stays_the_tone() {
    for (from, to) in [
        (8000, 16_000),
        (44_100, 16_000),
        (48_000, 16_000),
        (22_050, 16_000),
        (16_000, 8000),
        (16_000, 48_000),
        (11_025, 16_000),
        (44_101, 16_000),
        (384_000, 16_000),
        (8000, 384_000),
    ] {
        let hertz = 440.0;
        let resampled = resample(&tone(hertz, from, from as usize), from, to).unwrap();
        let error = difference(&resampled, &tone(hertz, to, to as usize));
        say(&format!("{from} to {to} Hz: {error:.1e}"));
        assert!(error < 1e-5, "{from} to {to}: {error}");
    }
}

/// What the lower rate can just hold stays, what it cannot is gone.
#[test]
fn the_filter_is_steep() {
    for (from, to) in [(44_100, 16_000), (48_000, 16_000), (16_000, 8000)] {
        let half = f64::from(to) / 2.0;
        let (inside, outside) = (half * 0.98, half * 1.01);
        let kept = resample(&tone(inside, from, from as usize), from, to).unwrap();
        let error = difference(&kept, &tone(inside, to, to as usize));
        let gone = resample(&tone(outside, from, from as usize), from, to).unwrap();
        let rest = difference(&gone, &vec![0.0; to as usize]);
        say(&format!("{from} to {to} Hz: {error:.1e} at 98 %, {rest:.1e} at 101 %"));
        assert!(error < 1e-3 && rest < 1e-4, "{from} to {to}: {error} {rest}");
    }
}

#[test]
fn sample_zero_stays_where_it_is() {
    for (from, to) in [(8000, 16_000), (44_100, 16_000), (48_000, 16_000), (22_050, 44_100)] {
        for seconds in [0, 1, 3] {
            let mut impulse = vec![0.0; 4 * from as usize];
            impulse[seconds * from as usize] = 1.0;
            let resampled = resample(&impulse, from, to).unwrap();
            let peak = (0..resampled.len())
                .max_by(|&a, &b| resampled[a].total_cmp(&resampled[b]))
                .unwrap();
            assert_eq!(peak, seconds * to as usize, "{from} to {to}");
        }
    }
}

#[test]
fn lengths_are_rounded_up() {
    for (count, from, to, expected) in [
        (1, 8000, 16_000, 2),
        (1, 48_000, 16_000, 1),
        (441, 44_100, 16_000, 160),
        (442, 44_100, 16_000, 161),
        (44_100, 44_100, 16_000, 16_000),
        (4001, 8000, 22_050, 11_028),
        (7, 1000, 384_000, 2688),
    ] {
        let resampled = resample(&vec![0.5; count], from, to).unwrap();
        assert_eq!(resampled.len(), expected, "{count} from {from} to {to}");
    }
}

#[test]
fn the_same_rate_changes_nothing_and_all_else_is_repeatable() {
    let samples = chirps(16_000, 0.6);
    assert_eq!(resample(&samples, 16_000, 16_000).unwrap(), samples);
    assert_eq!(
        resample(&samples, 16_000, 22_050).unwrap(),
        resample(&samples, 16_000, 22_050).unwrap()
    );
}

#[test]
fn what_cannot_be_resampled_is_an_error() {
    assert!(matches!(resample(&[0.0], 999, 8000), Err(Error::Rate { rate: 999 })));
    assert!(matches!(resample(&[0.0], 8000, 384_001), Err(Error::Rate { rate: 384_001 })));
    assert!(matches!(resample(&[], 8000, 16_000), Err(Error::NoSamples)));
    let nan = resample(&[0.0, f32::NAN], 8000, 16_000);
    assert!(matches!(nan, Err(Error::NotFinite { index: 1, .. })));
    let long = vec![0.0; MAX_SAMPLES / 384 + 1];
    assert!(matches!(resample(&long, 1000, 384_000), Err(Error::TooLarge { .. })));
}
