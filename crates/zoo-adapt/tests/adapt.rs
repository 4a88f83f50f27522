//! Adapting a small network to pictures that are drawn here.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use zoo_adapt::Error;
use zoo_adapt::adapt::{AdaptOptions, Outcome, Strategy, adapt};
use zoo_adapt::classifier::Classifier;
use zoo_adapt::dataset::Dataset;
use zoo_adapt::features::FeatureCache;
use zoo_adapt::finetune::{FinetuneOptions, learning_rate};
use zoo_adapt::progress::Silent;
use zoo_model::Kind;
use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Bundle, Card, Cuts, Device, Digest, GraphBuilder, Preprocess, SplitMix64, Tensor};

/// A network of two convolutions with weights that nobody trained.
fn parent() -> Bundle {
    parent_with(|b, x| {
        let feature = b.global_average(x);
        let x = b.dropout(&feature, 0.2);
        b.linear("fc", &x, 24, 10)
    })
}

/// The same with another head.
fn parent_with(head: impl Fn(&mut GraphBuilder, &Value) -> Value) -> Bundle {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), Some(16), Some(16)]);
    let x = b.conv("one", &x, ConvSpec::new(16, 3).stride(2));
    let x = b.relu(&x);
    let x = b.conv("two", &x, ConvSpec::new(24, 3).stride(2));
    let x = b.relu(&x);
    let y = head(&mut b, &x);
    let graph = b.finish(&[("logits", &y)]).unwrap();
    let weights = graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let values = zoo_model::bundle::rule_tensor(name, parameter.elements());
            let values: Vec<f32> = values.iter().map(|x| *x as f32 / 2.0).collect();
            (name.clone(), Tensor::from_f32(&parameter.shape, &values))
        })
        .collect();
    let mut card = Card::new("drawn", "image-classification", "MIT");
    card.cuts = Cuts::find(&graph, &weights).unwrap();
    card.preprocess = Some(Preprocess { crop: Some([16, 16]), ..Preprocess::default() });
    Bundle::new(card, graph, weights)
}

/// Stripes and blobs of `count` pictures each.
fn draw(root: &Path, count: usize) {
    let mut random = SplitMix64::new(1);
    for class in ["blobs", "rows", "columns"] {
        fs::create_dir_all(root.join(class)).unwrap();
        for index in 0..count {
            let (shift, noise) = (random.below(4) as u32, random.next_u64());
            let mut noise = SplitMix64::new(noise);
            let picture = image::RgbImage::from_fn(16, 16, |x, y| {
                let on = match class {
                    "rows" => (y + shift) % 4 < 2,
                    "columns" => (x + shift) % 4 < 2,
                    _ => (x + shift) % 8 < 4 && (y + shift) % 8 < 4,
                };
                let level = if on { 200 } else { 40 } + noise.below(40) as u8;
                image::Rgb([level, level, 255 - level])
            });
            picture.save(root.join(class).join(format!("{index:03}.png"))).unwrap();
        }
    }
}

fn options(strategy: Strategy, cache: Option<&Path>) -> AdaptOptions {
    AdaptOptions {
        strategy,
        seed: 3,
        cache: cache.map(Path::to_owned),
        ..AdaptOptions::new("shapes")
    }
}

fn run(data: &Path, options: &AdaptOptions) -> Outcome {
    run_on(&parent(), data, options)
}

fn run_on(parent: &Bundle, data: &Path, options: &AdaptOptions) -> Outcome {
    adapt(parent, &Dataset::open(data, Kind::Picture).unwrap(), options, &Silent).unwrap()
}

#[test]
fn features_are_computed_once_and_the_bytes_do_not_tell() {
    let dir = tempfile::tempdir().unwrap();
    let (data, cache) = (dir.path().join("data"), dir.path().join("cache"));
    draw(&data, 20);
    let first = run(&data, &options(Strategy::Probe, Some(&cache)));
    assert_eq!(first.computed_features, 60);
    let mut other_head = options(Strategy::Probe, Some(&cache));
    other_head.head.c = Some(0.5);
    assert_eq!(run(&data, &other_head).computed_features, 0);
    let again = run(&data, &options(Strategy::Probe, Some(&cache)));
    let uncached = run(&data, &options(Strategy::Probe, None));
    assert_eq!(first.bundle.to_bytes(), again.bundle.to_bytes());
    assert_eq!(first.bundle.to_bytes(), uncached.bundle.to_bytes());
    let mut other_seed = options(Strategy::Probe, Some(&cache));
    other_seed.seed = 4;
    assert_ne!(run(&data, &other_seed).bundle.to_bytes(), first.bundle.to_bytes());
}

#[test]
fn the_bundle_classifies_as_the_evaluation_says() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    draw(&data, 20);
    for strategy in [
        Strategy::Probe,
        Strategy::Finetune(FinetuneOptions { stages: 1, ..FinetuneOptions::default() }),
    ] {
        let outcome = run(&data, &options(strategy, None));
        assert!(outcome.evaluation.accuracy > 0.8, "{}", outcome.evaluation.accuracy);
        let bundle = Bundle::from_bytes("adapted", outcome.bundle.to_bytes()).unwrap();
        let adapted = bundle.card.adapted.as_ref().unwrap();
        assert_eq!((adapted.parent.name.as_str(), adapted.examples), ("drawn", 60));
        assert_eq!(adapted.parent.digest, parent().digest());
        let parity = bundle.check_parity(Device::Cpu).unwrap();
        assert!(parity.agrees(), "{parity:?}");
        let classifier = Classifier::new(&bundle, Device::Cpu).unwrap();
        let wrong: Vec<_> = outcome.mistakes.iter().map(|wrong| wrong.content.clone()).collect();
        for wrong in &outcome.mistakes {
            let probabilities = classifier.classify(&wrong.content).unwrap();
            assert!((f64::from(probabilities[wrong.predicted]) - wrong.probability).abs() < 1e-5);
        }
        let all =
            classifier.evaluate(&Dataset::open(&data, Kind::Picture).unwrap(), &Silent).unwrap();
        assert!(all.accuracy >= 1.0 - (wrong.len() as f64 + 6.0) / 60.0);
    }
}

#[test]
fn a_head_that_pools_behind_a_convolution_is_adapted_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    draw(&data, 20);
    // As SqueezeNet ends.
    let parent = parent_with(|b, x| {
        let x = b.dropout(x, 0.2);
        let x = b.conv("points", &x, ConvSpec::new(10, 1));
        let x = b.relu(&x);
        b.global_average(&x)
    });
    assert!(parent.card.cuts.as_ref().unwrap().pooled);
    for strategy in [
        Strategy::Probe,
        Strategy::Finetune(FinetuneOptions { stages: 1, ..FinetuneOptions::default() }),
    ] {
        let outcome = run_on(&parent, &data, &options(strategy, None));
        assert!(outcome.evaluation.accuracy > 0.8, "{}", outcome.evaluation.accuracy);
        let bundle = Bundle::from_bytes("adapted", outcome.bundle.to_bytes()).unwrap();
        assert!(bundle.check_parity(Device::Cpu).unwrap().agrees());
        // The new head is an ordinary one.
        assert!(!bundle.card.cuts.as_ref().unwrap().pooled);
        let classifier = Classifier::new(&bundle, Device::Cpu).unwrap();
        let all =
            classifier.evaluate(&Dataset::open(&data, Kind::Picture).unwrap(), &Silent).unwrap();
        assert!(all.accuracy > 0.8, "{}", all.accuracy);
    }
}

#[test]
fn a_picture_that_is_none_is_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    draw(&data, 12);
    fs::write(data.join("rows/zz-fake.png"), "no picture").unwrap();
    fs::write(data.join("rows/zz-empty.png"), "").unwrap();
    let outcome = run(&data, &options(Strategy::Probe, None));
    let errors: Vec<String> = outcome.data.errors.iter().map(ToString::to_string).collect();
    assert!(errors.iter().any(|e| e.contains("zz-fake.png")), "{errors:?}");
    assert!(errors.iter().any(|e| e.contains("zz-empty.png")), "{errors:?}");
    assert_eq!(outcome.bundle.card.adapted.unwrap().examples, 36);
}

#[test]
fn a_class_of_unusable_pictures_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    draw(&data, 5);
    fs::create_dir(data.join("broken")).unwrap();
    fs::write(data.join("broken/a.png"), "no picture").unwrap();
    let folder = Dataset::open(&data, Kind::Picture).unwrap();
    let error = adapt(&parent(), &folder, &options(Strategy::Probe, None), &Silent).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
}

#[test]
fn more_stages_than_there_are_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    draw(&data, 5);
    let folder = Dataset::open(&data, Kind::Picture).unwrap();
    let all = Strategy::Finetune(FinetuneOptions { stages: 99, ..FinetuneOptions::default() });
    let error = adapt(&parent(), &folder, &options(all, None), &Silent).unwrap_err();
    assert!(error.to_string().contains("stages"), "{error}");
}

/// One picture of each class to learn from: none is left to choose the epochs by.
#[test]
fn too_few_pictures_to_finetune_are_an_error_before_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let (data, cache) = (dir.path().join("data"), dir.path().join("cache"));
    draw(&data, 5);
    let folder = Dataset::open(&data, Kind::Picture).unwrap();
    let finetune = FinetuneOptions { stages: 1, ..FinetuneOptions::default() };
    let mut few = options(Strategy::Finetune(finetune), Some(&cache));
    few.held_out = 0.999;
    let error = adapt(&parent(), &folder, &few, &Silent).unwrap_err();
    assert!(matches!(error, Error::TooFewToFinetune { examples: 3 }), "{error}");
    few.strategy = Strategy::Probe;
    assert_eq!(run(&data, &few).computed_features, 15, "features were computed for nothing");
}

/// A run that was killed leaves a record that ends early; another may have followed it.
#[test]
fn a_torn_or_flipped_feature_is_not_believed_and_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"trunk");
    let file = dir.path().join(format!("{key}.features"));
    let digests: Vec<Digest> = (0..5_u8).map(|i| Digest::of(&[i])).collect();
    let put = |range: std::ops::Range<usize>| {
        let cache = FeatureCache::open(dir.path(), key, 3);
        for i in range {
            cache.put(&digests[i], &[i as f32, 1.0, 2.0]);
        }
    };
    put(0..3);
    let mut bytes = fs::read(&file).unwrap();
    let record = bytes.len() / 3;
    bytes.truncate(3 * record - 7);
    bytes[record + 40] ^= 1;
    fs::write(&file, bytes).unwrap();
    put(3..5);
    let cache = FeatureCache::open(dir.path(), key, 3);
    let known: Vec<bool> = digests.iter().map(|digest| cache.contains(digest)).collect();
    assert_eq!(known, [true, false, false, true, true]);
    assert_eq!(*cache.get(&digests[4]).unwrap(), [4.0, 1.0, 2.0]);
}

#[test]
fn the_learning_rate_rises_and_falls() {
    let options = FinetuneOptions { warm_up: 0.1, ..FinetuneOptions::default() };
    let rates: Vec<f64> = (0..100).map(|step| learning_rate(&options, step, 100)).collect();
    assert!((rates[0] - 0.1).abs() < 1e-9 && (rates[9] - 1.0).abs() < 1e-9);
    assert!(rates[9..].windows(2).all(|pair| pair[1] < pair[0]));
    assert!(rates[99] < 1e-3);
}
