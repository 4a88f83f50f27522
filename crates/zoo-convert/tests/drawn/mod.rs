//! Parameters whose numbers follow from their names: files hold names and shapes alone.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use zoo_convert::architectures::rule_weights;
use zoo_model::{DType, Graph, Parameter, Weights};

/// The parameters of such lines.
pub(crate) fn weights(lines: &Value) -> Weights {
    let lines = lines.as_array().unwrap().iter();
    let parameters = lines.flat_map(|line| expanded(line.as_str().unwrap())).collect();
    rule_weights(&Graph { inputs: vec![], nodes: vec![], outputs: vec![], parameters }, 1.0)
}

/// `blocks.{0..11}.norm1.weight [768]`, for each number.
fn expanded(line: &str) -> Vec<(String, Parameter)> {
    let (name, shape) = line.split_once(" [").unwrap();
    let lengths = shape.trim_end_matches(']').split(", ");
    let shape = lengths.map(|length| length.parse().unwrap()).collect();
    let parameter = Parameter { dtype: DType::F32, shape, trainable: true };
    let Some((before, rest)) = name.split_once('{') else {
        return vec![(name.to_owned(), parameter)];
    };
    let (range, after) = rest.split_once('}').unwrap();
    let (first, last) = range.split_once("..").unwrap();
    let numbers: std::ops::RangeInclusive<usize> = first.parse().unwrap()..=last.parse().unwrap();
    numbers.map(|number| (format!("{before}{number}{after}"), parameter.clone())).collect()
}

/// A checkpoint of these weights in the folder.
pub(crate) fn write(folder: &Path, weights: &Weights) -> PathBuf {
    let path = folder.join("model.safetensors");
    let views = weights.iter().map(|(name, tensor)| {
        (name, TensorView::new(Dtype::F32, tensor.shape().to_vec(), tensor.bytes()).unwrap())
    });
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    path
}
