//! Checkpoints that are not what they should be, and what is said of them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use zoo_convert::architectures::{self, rule_weights};
use zoo_convert::{ConvertOptions, Error, Preparation, bind, convert, pickle};
use zoo_model::{DType, Graph, Preprocess, Tensor, Weights};

fn resnet() -> Graph {
    architectures::find("resnet18").unwrap().build(7).unwrap()
}

/// The weights of a small ResNet as a safetensors file, changed by `change`.
fn checkpoint(dir: &Path, change: impl FnOnce(&mut Weights)) -> PathBuf {
    let mut weights = rule_weights(&resnet(), 1.0);
    change(&mut weights);
    let tensors: Vec<_> = weights
        .iter()
        .map(|(name, tensor)| {
            let view = safetensors::tensor::TensorView::new(
                safetensors::Dtype::F32,
                tensor.shape().to_vec(),
                tensor.bytes(),
            );
            (name.clone(), view.unwrap())
        })
        .collect();
    let path = dir.join("model.safetensors");
    fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    path
}

#[test]
fn an_architecture_is_found_by_any_spelling_and_otherwise_suggested() {
    for name in ["resnet-50", "resnet50", "ResNet_50"] {
        assert_eq!(architectures::find(name).unwrap().name, "resnet-50");
    }
    let Error::UnknownArchitecture { suggestions, .. } =
        architectures::find("mobilnet-v2").unwrap_err()
    else {
        panic!("another error")
    };
    assert_eq!(suggestions[0], "mobilenet-v2");
}

#[test]
fn the_architecture_and_the_classes_of_a_checkpoint_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |_| ());
    let conversion = convert(&path, &ConvertOptions::default()).unwrap();
    assert_eq!(conversion.bundle.card.architecture.as_deref(), Some("resnet-18"));
    assert_eq!(conversion.bundle.graph.parameters["fc.weight"].shape, [7, 512]);
    assert!(conversion.report.is_complete());
    assert_eq!(conversion.bundle.card.cuts.unwrap().feature_length, 512);
}

#[test]
fn a_preparation_that_nobody_tells_is_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |_| ());
    let stated = Preprocess { mean: vec![0.5; 3], ..Preprocess::imagenet(72, 64) };
    let card_of = |preparation| {
        let options = ConvertOptions { preparation, ..ConvertOptions::default() };
        convert(&path, &options).unwrap().bundle.card
    };
    assert_eq!(card_of(Preparation::Untold).preprocess, None);
    let usual = Preprocess::imagenet(256, 224);
    assert_eq!(card_of(Preparation::Usual).preprocess, Some(usual));
    assert_eq!(card_of(Preparation::Stated(stated.clone())).preprocess, Some(stated));
}

/// Many weights are used on larger pictures than those that they were trained on.
#[test]
fn a_graph_takes_pictures_of_the_stated_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |_| ());
    let preparation = Preparation::Stated(Preprocess::imagenet(72, 64));
    let options = ConvertOptions { preparation, ..ConvertOptions::default() };
    let bundle = convert(&path, &options).unwrap().bundle;
    assert_eq!(bundle.graph.inputs[0].shape, [None, Some(3), Some(64), Some(64)]);
    assert_eq!(bundle.card.parity.unwrap().shape, [1, 3, 64, 64]);
}

/// The precision is the same from a checkpoint at once and from a bundle afterwards.
#[test]
fn a_precision_is_applied_alike_to_checkpoints_and_bundles() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |_| ());
    let with = |path: &Path, precision| {
        convert(path, &ConvertOptions { precision, ..ConvertOptions::default() }).unwrap().bundle
    };
    let halved = with(&path, Some(DType::F16));
    let bundle = dir.path().join("whole.zoo");
    let whole = with(&path, None);
    whole.write(&bundle).unwrap();
    let later = with(&bundle, Some(DType::F16));
    assert_eq!(later.weights.get("fc.weight").unwrap().dtype(), DType::F16);
    assert_eq!((&later.weights, &later.card), (&halved.weights, &halved.card));
    assert_ne!(later.card.parity, whole.card.parity);
    assert_eq!(with(&bundle, None).card, whole.card);
}

#[test]
fn a_prefix_before_all_names_is_left_out() {
    let weights: Weights = rule_weights(&resnet(), 1.0)
        .into_iter()
        .map(|(name, tensor)| (format!("state_dict.module.{name}"), tensor))
        .collect();
    let (bound, report) = bind(&resnet(), weights, |_| false);
    assert_eq!(report.prefix, "state_dict.module.");
    assert!(report.is_complete() && report.unused.is_empty());
    assert_eq!(bound, rule_weights(&resnet(), 1.0));
}

#[test]
fn missing_unused_and_mis_shaped_names_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |weights| {
        let conv = weights.remove("layer1.0.conv1.weight").unwrap();
        weights.insert("layer1.0.convl.weight", conv);
        weights.insert("bn1.bias", Tensor::from_f32(&[3], &[0.0; 3]));
    });
    let options =
        ConvertOptions { architecture: Some("resnet-18".into()), ..ConvertOptions::default() };
    let Error::DoesNotFit { report, .. } = convert(&path, &options).unwrap_err() else {
        panic!("another error")
    };
    let like = Some("layer1.0.convl.weight".to_owned());
    assert_eq!(report.missing, [("layer1.0.conv1.weight".to_owned(), like)]);
    assert_eq!(report.mis_shaped, [("bn1.bias".to_owned(), vec![64], vec![3])]);
    assert_eq!(report.unused, ["layer1.0.convl.weight"]);
    let text = report.to_string();
    assert!(text.contains("did you mean `layer1.0.convl.weight`?"), "{text}");
    let Error::NoArchitectureFits { .. } = convert(&path, &ConvertOptions::default()).unwrap_err()
    else {
        panic!("another error")
    };
}

#[test]
fn a_number_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), |weights| {
        weights.insert("bn1.bias", Tensor::from_f32(&[64], &[f32::NAN; 64]));
    });
    let error = convert(&path, &ConvertOptions::default()).unwrap_err();
    assert!(error.to_string().contains("bn1.bias"), "{error}");
}

#[test]
fn a_name_that_promises_other_bytes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let promised = dir.path().join("resnet18-f37072fd.safetensors");
    fs::rename(checkpoint(dir.path(), |_| ()), &promised).unwrap();
    let error = convert(&promised, &ConvertOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    let dated = dir.path().join("resnet18-20240131.safetensors");
    fs::rename(&promised, &dated).unwrap();
    assert!(convert(&dated, &ConvertOptions::default()).is_ok());
}

/// Faults 57 to 59, 102 and 124: what a file is, its bytes say.
#[test]
fn files_of_no_format_say_what_they_look_like() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, says) in [
        ("empty.xyz", &b""[..], "empty"),
        ("page.xyz", b"<!DOCTYPE html><html>", "web page"),
        ("pointer.xyz", b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        ("text.xyz", b"hello", "neither"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = convert(&path, &ConvertOptions::default()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(name), "{error}");
    }
    let error = convert(&dir.path().join("missing.pth"), &ConvertOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
}

/// Faults 104 and 105: what a pickle would run is listed, whatever opcode names it.
#[test]
fn dangerous_globals_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evil.pth");
    let globals = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        pickle::globals(&path).unwrap()
    };
    let system = |found: &[pickle::Global]| {
        found.iter().any(|global| global.name == "os.system" && !global.harmless)
    };
    assert!(system(&globals(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.")), "GLOBAL");
    assert!(
        system(&globals(b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x02id\x85R.")),
        "STACK_GLOBAL"
    );
    assert!(system(&globals(b"\x80\x02(X\x02\x00\x00\x00idios\nsystem\n.")), "INST");
    let second = globals(b"\x80\x02K\x01.\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.");
    assert!(system(&second), "a second pickle after the first");
    let harmless = globals(b"\x80\x02ccollections\nOrderedDict\n)R.");
    assert!(harmless.iter().all(|global| global.harmless) && harmless.len() == 1);
    // Fault 108: a length beyond the file ends the walk, not the program.
    assert!(globals(b"\x80\x02X\xff\xff\xff\x7fid").is_empty());
}
