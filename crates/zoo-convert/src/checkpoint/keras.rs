//! Keras' weights in HDF5 (`.h5`), arranged as PyTorch arranges them.
//!
//! A file has a group for each layer, and in it a dataset for each weight, such as
//! `block1_conv1/block1_conv1/kernel:0`. Here that is `block1_conv1.weight`, with its axes in
//! PyTorch's order. Layers inside of layers are called by their own names. Source: Keras,
//! `legacy_h5_format.py`; the names of Keras 1 (`block1_conv1_W_1:0`) are read as well.

use std::path::Path;

use bytes::Bytes;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File};
use zoo_model::{DType, Tensor, Weights};

use super::{Checkpoint, check_total};
use crate::Error;

/// How deep groups may lie: a file of Keras has a handful.
const MAX_DEPTH: usize = 8;
/// How many groups and datasets may be met: hard links can make a few of them many.
const MAX_MEMBERS: usize = 1 << 16;

pub(super) fn read(path: &Path) -> Result<Checkpoint, Error> {
    let malformed =
        |reason: String| Error::Malformed { path: path.to_owned(), format: "HDF5", reason };
    let size = std::fs::metadata(path)
        .map_err(|source| Error::Io { path: path.to_owned(), source })?
        .len();
    let datasets = Hdf5File::open(path)
        .and_then(|file| file.root_group())
        .map_err(|error| malformed(error.to_string()))
        .and_then(|root| datasets(&root).map_err(malformed))?;
    let mut lengths = Vec::with_capacity(datasets.len());
    for (name, dataset) in &datasets {
        let length =
            dataset.raw_byte_len().map_err(|error| malformed(format!("`{name}`: {error}")))?;
        lengths.push(length as u64);
    }
    check_total(size, lengths).map_err(malformed)?;
    let mut weights = Weights::new();
    for (name, dataset) in datasets {
        let (name, tensor) =
            weight(&name, &dataset).map_err(|reason| malformed(format!("`{name}`: {reason}")))?;
        if weights.get(&name).is_some() {
            return Err(malformed(format!("`{name}` is there twice")));
        }
        weights.insert(name, tensor);
    }
    if weights.is_empty() {
        return Err(malformed("there is no layer with weights in it".to_owned()));
    }
    Ok(Checkpoint { container: "Keras (HDF5)".to_owned(), weights })
}

/// The datasets of all groups, by their paths. What a whole model stores beside its weights, such
/// as the state of its optimizer, is left out.
fn datasets(root: &Group) -> Result<Vec<(String, Dataset)>, String> {
    let mut found = Vec::new();
    let mut met = 0;
    let mut open = vec![(String::new(), root.clone(), 0)];
    while let Some((path, group, depth)) = open.pop() {
        let (groups, datasets) =
            group.members().map_err(|error| format!("group `{path}`: {error}"))?;
        met += groups.len() + datasets.len();
        if met > MAX_MEMBERS || depth > MAX_DEPTH {
            return Err(format!("more than {MAX_MEMBERS} members, or more than {MAX_DEPTH} deep"));
        }
        let whole = path.is_empty() && groups.iter().any(|group| group.name() == WHOLE_MODEL);
        for group in groups {
            if whole && group.name() != WHOLE_MODEL {
                continue;
            }
            let inner = if whole { String::new() } else { format!("{path}{}/", group.name()) };
            open.push((inner, group, depth + 1));
        }
        if !path.is_empty() {
            let named = |dataset: Dataset| (format!("{path}{}", dataset.name()), dataset);
            found.extend(datasets.into_iter().map(named));
        }
    }
    Ok(found)
}

/// The group of the weights in a file that holds the model as well.
const WHOLE_MODEL: &str = "model_weights";

/// The dataset at `path` by PyTorch's name and in its arrangement.
fn weight(path: &str, dataset: &Dataset) -> Result<(String, Tensor), String> {
    let (layer, variable) = named(path);
    let dtype = match dataset.dtype() {
        Datatype::FloatingPoint { size: 2, .. } => DType::F16,
        Datatype::FloatingPoint { size: 4, .. } => DType::F32,
        Datatype::FloatingPoint { size: 8, .. } => DType::F64,
        Datatype::FixedPoint { size: 8, signed: true, .. } => DType::I64,
        Datatype::FixedPoint { size: 4, signed: true, .. } => DType::I32,
        other => return Err(format!("it has the type {other:?}, which zoo does not read")),
    };
    let bytes = dataset.read_native_bytes().map_err(|error| error.to_string())?;
    let shape: Option<Vec<usize>> =
        dataset.shape().iter().map(|&length| usize::try_from(length).ok()).collect();
    let tensor = shape
        .and_then(|shape| Tensor::new(dtype, shape, Bytes::from(bytes)))
        .ok_or("it does not fill its shape")?;
    let rank = tensor.shape().len();
    let (name, order): (_, &[usize]) = match (variable, rank) {
        // Height, width, inputs, outputs.
        ("kernel" | "W", 4) => ("weight", &[3, 2, 0, 1]),
        ("depthwise_kernel", 4) => ("weight", &[2, 3, 0, 1]),
        ("kernel" | "W", 2) => ("weight", &[1, 0]),
        // The scale of ConvNeXt's layers has no name of its own.
        ("gamma" | "Variable" | "variable", _) => ("weight", &[]),
        ("bias" | "b" | "beta", _) => ("bias", &[]),
        ("moving_mean" | "running_mean", _) => ("running_mean", &[]),
        // Keras 1 says deviation, and means variance.
        ("moving_variance" | "running_std", _) => ("running_var", &[]),
        (other, _) => (other, &[]),
    };
    let tensor = if order.is_empty() { tensor } else { permuted(&tensor, order) };
    let tensor = if variable == "depthwise_kernel" { grouped(tensor) } else { tensor };
    Ok((format!("{layer}.{name}"), tensor))
}

/// The layer and the variable that a path names.
fn named(path: &str) -> (String, &str) {
    let (layers, variable) = path.rsplit_once('/').unwrap_or(("", path));
    let parts: Vec<&str> = layers.split('/').collect();
    // The name of a layer may have a slash; it stands in full twice.
    let (first, second) = parts.split_at(parts.len() / 2);
    let layer = if first == second { first.join("_") } else { parts[parts.len() - 1].to_owned() };
    let variable = without_number(variable, ':');
    let own = variable.strip_prefix(layer.as_str()).and_then(|own| own.strip_prefix('_'));
    let nameless = without_number(variable, '_');
    match own {
        Some(own) => (layer, without_number(own, '_')),
        // Nameless variables are counted through the whole model.
        None if nameless.eq_ignore_ascii_case("variable") => (layer, nameless),
        None => (layer, variable),
    }
}

/// `name` without a number behind `mark`.
fn without_number(name: &str, mark: char) -> &str {
    match name.rsplit_once(mark) {
        Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    }
}

/// `tensor` with axis `order[i]` as its axis `i`.
pub(crate) fn permuted(tensor: &Tensor, order: &[usize]) -> Tensor {
    let from = tensor.shape();
    let mut strides = vec![1; from.len()];
    for axis in (1..from.len()).rev() {
        strides[axis - 1] = strides[axis] * from[axis];
    }
    let shape: Vec<usize> = order.iter().map(|&axis| from[axis]).collect();
    let strides: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    let width = tensor.dtype().size();
    let source = tensor.bytes();
    let mut bytes = Vec::with_capacity(source.len());
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    while bytes.len() < source.len() {
        bytes.extend_from_slice(&source[at * width..(at + 1) * width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    Tensor::new(tensor.dtype(), shape, bytes.into()).unwrap_or_else(|| tensor.clone())
}

/// `[channels, multiplier, height, width]` as `[channels * multiplier, 1, height, width]`.
fn grouped(tensor: Tensor) -> Tensor {
    let &[channels, multiplier, height, width] = tensor.shape() else { return tensor };
    let bytes = Bytes::copy_from_slice(tensor.bytes());
    let shape = vec![channels * multiplier, 1, height, width];
    Tensor::new(tensor.dtype(), shape, bytes).unwrap_or(tensor)
}

#[cfg(test)]
mod tests {
    use zoo_model::Tensor;

    use super::{named, permuted};

    #[test]
    fn layers_and_variables_are_told_apart() {
        for (path, layer, variable) in [
            ("block1_conv1/block1_conv1/kernel:0", "block1_conv1", "kernel"),
            ("block1_conv1/block1_conv1/kernel", "block1_conv1", "kernel"),
            ("block1_conv1/block1_conv1_W_1:0", "block1_conv1", "W"),
            ("bn_conv1/bn_conv1_running_mean_1:0", "bn_conv1", "running_mean"),
            ("conv1/conv/conv1/conv/kernel:0", "conv1_conv", "kernel"),
            ("stem/stem_conv/bias:0", "stem_conv", "bias"),
            ("fc/kernel:0", "fc", "kernel"),
            ("scale/scale/variable_17", "scale", "variable"),
            ("scale/scale/Variable:0", "scale", "Variable"),
        ] {
            assert_eq!(named(path), (layer.to_owned(), variable), "{path}");
        }
    }

    #[test]
    fn axes_change_places() {
        let tensor = Tensor::from_f32(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let turned = permuted(&tensor, &[1, 0]);
        assert_eq!(turned.shape(), [3, 2]);
        assert_eq!(turned.to_f32(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let values: Vec<f32> = (0_u8..24).map(f32::from).collect();
        let kernel = permuted(&Tensor::from_f32(&[1, 2, 3, 4], &values), &[3, 2, 0, 1]);
        assert_eq!(kernel.shape(), [4, 3, 1, 2]);
        assert_eq!(kernel.to_f32()[..4], [0.0, 12.0, 4.0, 16.0]);
    }
}
