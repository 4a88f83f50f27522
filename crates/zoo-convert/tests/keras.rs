//! Keras' files are read in PyTorch's arrangement, and broken ones are refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use zoo_convert::architectures::{self, rule_weights};
use zoo_convert::format::{self, Format};
use zoo_convert::{Error, read_checkpoint, renaming};
use zoo_model::{Tensor, Weights};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keras.h5")
}

#[test]
fn tensors_have_the_axes_of_pytorch() {
    assert_eq!(format::detect(&file()).unwrap(), Format::Keras);
    let checkpoint = read_checkpoint(&file(), Format::Keras).unwrap();
    assert_eq!(checkpoint.container, "Keras (HDF5)");
    let weights = checkpoint.weights;
    let found = |name: &str| {
        let tensor: &Tensor = weights.get(name).unwrap();
        (tensor.shape().to_vec(), tensor.to_f32())
    };
    // `[height, width, inputs, outputs]`, where each number is its index.
    let (shape, values) = found("conv.weight");
    assert_eq!(shape, [3, 2, 2, 1]);
    assert_eq!(values, [0.0, 6.0, 3.0, 9.0, 1.0, 7.0, 4.0, 10.0, 2.0, 8.0, 5.0, 11.0]);
    let (shape, values) = found("dense.weight");
    assert_eq!((shape[0], values[0], values[1]), (2, 0.0, 2.0));
    for name in ["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"] {
        assert_eq!(found(name).0, [6], "{name}");
    }
    assert_eq!(found("conv.bias").0, [3]);
    assert_eq!(weights.len(), 10);
}

#[test]
fn a_file_that_ends_early_or_lies_is_refused_and_nothing_panics() {
    let whole = fs::read(file()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.h5");
    for length in (8..whole.len()).step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        let error = read_checkpoint(&path, Format::Keras).unwrap_err();
        assert!(matches!(error, Error::Malformed { format: "HDF5", .. }), "{length}: {error}");
    }
    let expected = read_checkpoint(&file(), Format::Keras).unwrap().weights;
    let mut refused = 0;
    for at in 8..whole.len().min(6000) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        match read_checkpoint(&path, Format::Keras) {
            Ok(read) => assert!(read.weights.len() <= expected.len()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "{refused}");
}

/// What a network has, by Keras' names and with the columns that Keras' VGG has.
fn in_keras_names(name: &str, keras: impl Fn(&str) -> String) -> Weights {
    let graph = architectures::find(name).unwrap().build(10).unwrap();
    rule_weights(&graph, 1.0).into_iter().map(|(name, tensor)| (keras(&name), tensor)).collect()
}

#[test]
fn densenets_are_found_by_keras_names() {
    let weights = in_keras_names("densenet-121", |name| {
        let name = name.strip_prefix("features.").unwrap_or(name);
        let parts: Vec<&str> = name.split('.').collect();
        let number = |part: &str, before: &str| -> usize {
            part.strip_prefix(before).unwrap().parse::<usize>().unwrap()
        };
        match parts[..] {
            ["conv0", kind] => format!("conv1_conv.{kind}"),
            ["norm0", kind] => format!("conv1_bn.{kind}"),
            ["norm5", kind] => format!("bn.{kind}"),
            ["classifier", kind] => format!("fc1000.{kind}"),
            [transition, "norm", kind] => {
                format!("pool{}_bn.{kind}", number(transition, "transition") + 1)
            }
            [transition, "conv", kind] => {
                format!("pool{}_conv.{kind}", number(transition, "transition") + 1)
            }
            [block, layer, part, kind] => {
                let part = match part {
                    "norm1" => "0_bn",
                    "conv1" => "1_conv",
                    "norm2" => "1_bn",
                    _ => "2_conv",
                };
                let (block, layer) = (number(block, "denseblock"), number(layer, "denselayer"));
                format!("conv{}_block{layer}_{part}.{kind}", block + 1)
            }
            _ => panic!("{name}"),
        }
    });
    assert_eq!(renaming::detect(&weights).unwrap().name, "densenet-121");
}
