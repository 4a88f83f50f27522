//! Checkpoints with other publishers' names give what their libraries compute from them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use zoo_convert::architectures;
use zoo_convert::renaming::renamed;
use zoo_convert::{Conversion, ConvertOptions, Error, bind, convert};
use zoo_model::bundle::rule_tiles;
use zoo_model::{Device, Executor, Graph, Tensor, Weights};

mod drawn;

use drawn::{weights, write};

struct Fixture {
    architecture: String,
    size: usize,
    logits: Vec<f64>,
    weights: Weights,
}

fn fixture(name: &str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/renamed").join(name);
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    Fixture {
        architecture: json["architecture"].as_str().unwrap().to_owned(),
        size: json["size"].as_u64().unwrap() as usize,
        logits: json["logits"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect(),
        weights: weights(&json["parameters"]),
    }
}

/// The checkpoint is found to be of its architecture, and gives the library's logits.
fn agrees(name: &str) {
    let Fixture { architecture, size, logits, weights } = fixture(name);
    let direct = architectures::detect(&weights).map(|found| (found, weights.clone()));
    let (found, weights) = direct
        .or_else(|| {
            let mut all = renamed(&weights);
            all.find_map(|(_, weights)| Some((architectures::detect(&weights)?, weights)))
        })
        .unwrap();
    assert_eq!(found.name, architecture, "{name}");
    let graph = found.build(logits.len()).unwrap();
    let (weights, report) = bind(&graph, weights, |_| false);
    assert!(report.is_complete() && report.unused.is_empty(), "{name}: {report}");
    gives(name, graph, &weights, size, &logits);
}

fn gives(name: &str, graph: Graph, weights: &Weights, size: usize, logits: &[f64]) {
    let executor = Executor::new(graph, weights, &Device::Cpu).unwrap();
    let ours = executor.infer(&[rule_tiles([1, 3, size, size])]).unwrap()[0].to_f32();
    let spread = logits.iter().fold(0.0f64, |most, logit| most.max(logit.abs()));
    for (ours, theirs) in ours.iter().zip(logits) {
        let difference = (f64::from(*ours) - theirs).abs();
        assert!(difference <= 1e-4 * spread, "{name}: {ours} is not {theirs}");
    }
}

/// The file is converted as the architecture `stated`, is then called `called`, and gives the
/// library's logits.
fn converts(name: &str, stated: Option<&str>, called: &str) {
    let Fixture { size, logits, weights, .. } = fixture(name);
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), &weights);
    let architecture = stated.map(str::to_owned);
    let options = ConvertOptions { architecture, ..ConvertOptions::default() };
    let Conversion { bundle, report, .. } = convert(&path, &options).unwrap();
    assert_eq!(bundle.card.architecture.as_deref(), Some(called), "{name}");
    assert!(report.unused.is_empty(), "{name}: {report}");
    gives(name, bundle.graph, &bundle.weights, size, &logits);
}

#[test]
fn vision_transformers() {
    agrees("timm.vit-b-32.json");
    agrees("hugging-face.vit-b-32.json");
}

#[test]
fn convnexts() {
    agrees("timm.convnext-tiny.json");
    agrees("hugging-face.convnext-tiny.json");
    agrees("authors.convnext-tiny.json");
}

#[test]
fn swins() {
    agrees("timm.swin-t.json");
    agrees("hugging-face.swin-t.json");
    agrees("authors.swin-t.json");
    agrees("timm.swin-v2-t.json");
    agrees("hugging-face.swin-v2-t.json");
}

#[test]
fn resnets() {
    agrees("timm.resnet-18.json");
    agrees("hugging-face.resnet-18.json");
}

#[test]
fn vggs() {
    agrees("timm.vgg-11-bn.json");
}

#[test]
fn mobile_networks_whose_names_tell_how_they_compute() {
    converts("timm.mobilenet-v2.json", None, "mobilenet-v2");
    converts("timm.mnasnet-0.5.json", None, "mnasnet-0.5");
}

/// timm's own MobileNetV3 has another epsilon than torchvision's; its port from TensorFlow has
/// torchvision's and pads otherwise.
#[test]
fn mobilenets_v3() {
    let timm = "timm.mobilenet-v3-large";
    converts("timm.mobilenet-v3-large.json", Some("mobilenet-v3-large"), timm);
    converts("timm.mobilenet-v3-large.json", Some("timm.mobilenetv3_large_100"), timm);
    let small = "timm.mobilenet-v3-small";
    converts("timm.mobilenet-v3-small.json", Some(small), small);
    let port = "timm.tf-mobilenet-v3-small";
    converts("timm.tf-mobilenet-v3-small.json", Some("tf_mobilenetv3_small_100"), port);
    converts("timm.tf-mobilenet-v3-small.json", Some(port), port);
}

#[test]
fn efficientnets() {
    converts("timm.efficientnet-b0.json", Some("efficientnet-b0"), "efficientnet-b0");
    let port = "timm.tf-efficientnet-b0";
    converts("timm.tf-efficientnet-b0.json", Some("timm.tf_efficientnet_b0"), port);
    converts("timm.efficientnet-b5.json", Some("efficientnet-b5"), "timm.efficientnet-b5");
}

#[test]
fn efficientnets_v2() {
    let port = "timm.tf-efficientnet-v2-s";
    converts("timm.tf-efficientnet-v2-s.json", Some("tf_efficientnetv2_s"), port);
    let own = "timm.efficientnet-v2-m";
    converts("timm.efficientnet-v2-m.json", Some("efficientnet-v2-m"), own);
}

/// Here it is the port from TensorFlow that computes as ours does.
#[test]
fn efficientnets_lite() {
    let own = "timm.efficientnet-lite0";
    converts("timm.efficientnet-lite0.json", Some("efficientnet-lite0"), own);
    for number in [1, 3, 4] {
        let name = format!("efficientnet-lite{number}");
        let port = format!("tf-{name}");
        converts(&format!("timm.{port}.json"), Some(&port), &name);
    }
}

/// The same names and shapes, so the file does not tell; `config.json` beside it does.
#[test]
fn names_of_networks_that_compute_differently_are_not_guessed_between() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), &fixture("timm.efficientnet-b0.json").weights);
    let converted = || convert(&path, &ConvertOptions::default());
    let Err(Error::Ambiguous { architectures, .. }) = converted() else { panic!("a guess") };
    assert_eq!(architectures, ["timm.efficientnet-b0", "timm.tf-efficientnet-b0"]);
    for (said, called) in
        [("efficientnet_b0", "efficientnet-b0"), ("tf_efficientnet_b0", "timm.tf-efficientnet-b0")]
    {
        let config = format!(r#"{{"architecture": "{said}", "num_classes": 8}}"#);
        fs::write(dir.path().join("config.json"), config).unwrap();
        let card = converted().unwrap().bundle.card;
        assert_eq!(card.architecture.as_deref(), Some(called));
    }
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    assert!(matches!(converted(), Err(Error::Ambiguous { .. })));
    // No network but those is ported.
    assert!(matches!(architectures::find("tf_resnet50"), Err(Error::UnknownArchitecture { .. })));
}

/// From the file to a bundle, with a prefix before every name but the head's, with counters, and
/// whether or not the architecture is given.
#[test]
fn a_file_of_another_publisher_is_converted() {
    let dir = tempfile::tempdir().unwrap();
    let mut weights = fixture("hugging-face.resnet-18.json").weights;
    let counter = "resnet.embedder.embedder.normalization.num_batches_tracked";
    weights.insert(counter, Tensor::from_f32(&[], &[7.0]));
    let path = write(dir.path(), &weights);
    for architecture in [None, Some("resnet-18".to_owned())] {
        let options = ConvertOptions { architecture, ..ConvertOptions::default() };
        let Conversion { bundle, report, .. } = convert(&path, &options).unwrap();
        assert_eq!(bundle.card.architecture.as_deref(), Some("resnet-18"));
        assert_eq!(bundle.graph.parameters["fc.weight"].shape, [8, 512]);
        assert_eq!(report.naming.as_deref(), Some("Hugging Face's ResNet"));
        assert!(report.unused.is_empty(), "{report}");
    }
}

#[test]
fn parts_that_do_not_join_are_left_and_named() {
    let mut weights = fixture("hugging-face.vit-b-32.json").weights;
    let key = "vit.encoder.layer.3.attention.attention.key.weight";
    weights.insert(key, Tensor::from_f32(&[768, 2], &[0.0; 2 * 768]));
    let graph = architectures::find("vit-b-32").unwrap().build(8).unwrap();
    let complete = |weights: &Weights| {
        let mut all = renamed(weights).map(|(_, weights)| bind(&graph, weights, |_| false).1);
        let best = all.by_ref().min_by_key(|report| report.missing.len()).unwrap();
        (best.missing.len(), best.unused.len())
    };
    assert_eq!(complete(&weights), (1, 3));
    weights.remove("vit.encoder.layer.3.attention.attention.query.weight");
    assert_eq!(complete(&weights), (1, 2));
    let dir = tempfile::tempdir().unwrap();
    let mut few = Weights::new();
    few.insert("cls_token", Tensor::from_f32(&[1], &[0.0]));
    let error = convert(&write(dir.path(), &few), &ConvertOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NoArchitectureFits { .. }), "{error}");
}
