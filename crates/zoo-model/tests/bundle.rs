//! What is on disk is one sequence of bytes, and nothing else is believed.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use zoo_model::{Bundle, Card, DType, Graph, GraphBuilder, Tensor, Weights};

fn graph() -> Graph {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(3)]);
    let y = builder.linear("fc", &x, 3, 2);
    builder.finish(&[("y", &y)]).unwrap()
}

fn bundle() -> Bundle {
    let mut weights = Weights::new();
    weights.insert("fc.weight", Tensor::from_f32(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    weights.insert("fc.bias", Tensor::from_f32(&[2], &[0.5, -0.5]));
    let mut card = Card::new("tiny", "image-classification", "MIT");
    card.labels = vec!["a".to_owned(), "b \"quoted\"".to_owned()];
    Bundle::new(card, graph(), weights)
}

#[test]
fn a_bundle_comes_back_as_it_was_from_a_file_and_from_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["tiny.zoo", "folder"] {
        let path = dir.path().join(name);
        let digest = bundle().write(&path).unwrap();
        let read = Bundle::open(&path).unwrap();
        assert_eq!(read.card, bundle().card);
        assert_eq!(read.graph, bundle().graph);
        assert_eq!(read.weights, bundle().weights);
        assert_eq!((read.digest(), bundle().digest()), (digest, digest));
    }
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.zoo"), dir.path().join("b.zoo"));
    bundle().write(&a).unwrap();
    Bundle::open(&a).unwrap().write(&b).unwrap();
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    assert_eq!(fs::read(&a).unwrap(), bundle().to_bytes());
}

#[test]
fn many_labels_have_a_file_of_their_own() {
    let mut bundle = bundle();
    bundle.card.labels = (0..1000).map(|class| format!("class {class}")).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("folder");
    bundle.write(&path).unwrap();
    assert_eq!(fs::read_to_string(path.join("labels.txt")).unwrap().lines().count(), 1000);
    assert_eq!(Bundle::open(&path).unwrap().card.labels, bundle.card.labels);
}

/// Faults 100 and 149: every byte counts.
#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let sound = bundle().to_bytes();
    assert!(Bundle::from_bytes("sound", sound.clone()).is_ok());
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(Bundle::from_bytes("flipped", bytes).is_err(), "byte {at} does not count");
    }
}

/// Fault 100.
#[test]
fn a_truncated_or_extended_file_is_refused() {
    let sound = bundle().to_bytes();
    for length in (0..sound.len()).step_by(97) {
        assert!(Bundle::from_bytes("cut", sound[..length].to_vec()).is_err(), "{length} bytes do");
    }
    let longer = [sound.as_slice(), &[0; 512]].concat();
    assert!(Bundle::from_bytes("longer", longer).is_err());
}

/// Faults 83, 86 and 98: members that do not belong into it.
#[test]
fn a_folder_with_a_changed_or_missing_member_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("folder");
    for member in ["model.toml", "graph.json", "weights.safetensors", "SHA256SUMS"] {
        bundle().write(&path).unwrap();
        let file = path.join(member);
        let mut bytes = fs::read(&file).unwrap();
        bytes[10] ^= 1;
        fs::write(&file, bytes).unwrap();
        let error = Bundle::open(&path).unwrap_err().to_string();
        assert!(error.contains("digest") || error.contains("UTF-8"), "{error}");
        fs::remove_file(&file).unwrap();
        assert!(Bundle::open(&path).is_err());
        fs::write(&file, "").unwrap();
    }
}

#[test]
fn a_folder_that_is_no_bundle_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis.txt"), "years of work").unwrap();
    assert!(bundle().write(&path).is_err());
    assert_eq!(fs::read_to_string(path.join("thesis.txt")).unwrap(), "years of work");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a temporary was left behind");
}

/// Faults 57 and 75.
#[test]
fn missing_empty_and_foreign_files_say_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let say = |path: &Path| Bundle::open(path).unwrap_err().to_string();
    assert!(say(&dir.path().join("no.zoo")).contains("no.zoo"));
    let file = dir.path().join("empty.zoo");
    fs::write(&file, "").unwrap();
    assert!(say(&file).contains("empty"));
    fs::write(&file, vec![7; 4096]).unwrap();
    assert!(say(&file).contains("tar header"));
    assert!(say(dir.path()).contains("model.toml"));
}

#[test]
fn half_precision_is_rounded_and_read_back() {
    let mut bundle = bundle();
    bundle.weights = bundle.weights.to_float(DType::F16);
    let read = Bundle::from_bytes("half", bundle.to_bytes()).unwrap();
    let weight = read.weights.get("fc.weight").unwrap();
    assert_eq!(weight.dtype(), DType::F16);
    assert_eq!(weight.to_f32(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

/// Faults 125 to 130, on the weights alone.
#[test]
fn hostile_safetensors_are_refused() {
    let header = |json: &str, data: usize| {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    };
    let huge = u64::MAX.to_le_bytes().to_vec();
    let cases = [
        Vec::new(),
        huge,
        header("not json", 0),
        header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        header(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
        header(r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, 4),
        header(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 0),
        header(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 9),
        header(
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
        ),
    ];
    for (index, case) in cases.into_iter().enumerate() {
        assert!(Weights::from_safetensors(&case.into()).is_err(), "case {index} was believed");
    }
}
