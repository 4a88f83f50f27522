//! Photos against what torchvision made of them.

use std::path::{Path, PathBuf};

use crate::preprocess::{Preprocess, decode_file, npy};

/// The fixtures' folder, or `None` and a message.
fn fixtures() -> Option<PathBuf> {
    let fixtures = std::env::var_os("ZOO_FIXTURES").map(PathBuf::from);
    if fixtures.is_none() {
        skip();
    }
    fixtures
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip() {
    eprintln!("skipped: ZOO_FIXTURES is not set");
}

/// How far a photo is from what torchvision made of it.
struct Differences {
    /// The largest difference of a byte of the crop.
    crop: f32,
    /// How many of its 150,528 bytes differ by more than one.
    above_one: usize,
    /// The largest difference of the normalized input.
    input: f32,
}

fn differences(fixtures: &Path, photo: &str) -> Differences {
    let image = decode_file(&fixtures.join("photos").join(photo)).unwrap();
    let name = photo.split('.').next().unwrap();
    let reference = |kind: &str| npy::read(&fixtures.join(format!("reference/{kind}_{name}.npy")));
    let distances = |ours: &[f32], theirs: &[f32]| -> Vec<f32> {
        assert_eq!(ours.len(), theirs.len());
        ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).collect()
    };
    let largest = |distances: &[f32]| distances.iter().copied().fold(0.0, f32::max);

    let imagenet = Preprocess::imagenet(256, 224);
    let input = imagenet.apply(&image).unwrap();
    assert_eq!(input.shape, [3, 224, 224]);
    let input = distances(&input.values, &reference("input"));

    let bytes = Preprocess { scale: 1.0, mean: vec![], std: vec![], ..imagenet };
    let crop = bytes.apply(&image).unwrap().values;
    let interleaved: Vec<f32> = (0..crop.len()).map(|i| crop[i % 3 * 224 * 224 + i / 3]).collect();
    let crop = distances(&interleaved, &reference("crop"));
    Differences {
        crop: largest(&crop),
        above_one: crop.iter().filter(|&&distance| distance > 1.0).count(),
        input: largest(&input),
    }
}

#[test]
fn png_photos_are_exact() {
    let Some(fixtures) = fixtures() else { return };
    for photo in ["chelsea.png", "coffee.png"] {
        let found = differences(&fixtures, photo);
        assert!(found.crop == 0.0 && found.input < 1e-6, "{photo}: {} {}", found.crop, found.input);
    }
}

/// The JPEG decoder's inverse transform and its upsampling of colours round otherwise than
/// libjpeg's. In this photo 0.7 % of the bytes differ by one, and a single byte by two.
#[test]
fn a_jpeg_photo_is_as_close_as_its_decoder() {
    let Some(fixtures) = fixtures() else { return };
    let found = differences(&fixtures, "rocket.jpg");
    assert!(found.crop <= 2.0 && found.above_one <= 1, "{} {}", found.crop, found.above_one);
    assert!(found.input <= 2.01 / 255.0 / 0.224, "{}", found.input);
}
