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

/// The largest differences of a byte of the crop, and of the normalized input, from what
/// torchvision made of the photo.
fn differences(fixtures: &Path, photo: &str) -> [f32; 2] {
    let image = decode_file(&fixtures.join("photos").join(photo)).unwrap();
    let name = photo.split('.').next().unwrap();
    let reference = |kind: &str| npy::read(&fixtures.join(format!("reference/{kind}_{name}.npy")));
    let distances = |ours: &[f32], theirs: &[f32]| -> Vec<f32> {
        assert_eq!(ours.len(), theirs.len());
        ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).collect()
    };

    let imagenet = Preprocess::imagenet(256, 224);
    let input = imagenet.apply(&image).unwrap();
    assert_eq!(input.shape, [3, 224, 224]);
    let input = distances(&input.values, &reference("input"));

    let bytes = Preprocess { scale: 1.0, mean: vec![], std: vec![], ..imagenet };
    let crop = bytes.apply(&image).unwrap().values;
    let interleaved: Vec<f32> = (0..crop.len()).map(|i| crop[i % 3 * 224 * 224 + i / 3]).collect();
    let crop = distances(&interleaved, &reference("crop"));
    [crop, input].map(|distances| distances.into_iter().fold(0.0, f32::max))
}

#[test]
fn photos_are_exact() {
    let Some(fixtures) = fixtures() else { return };
    for photo in ["chelsea.png", "coffee.png", "rocket.jpg"] {
        let [crop, input] = differences(&fixtures, photo);
        assert!(crop == 0.0 && input < 1e-6, "{photo}: {crop} {input}");
    }
}
