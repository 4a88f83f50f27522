//! What the tests of exported files share: Python where there is one, and how far results are
//! apart.

#![allow(dead_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use zoo_model::{DType, Tensor};

/// Runs the script `name` beside this file; `false`, with a message, where there is no Python or
/// it lacks a package.
#[allow(clippy::print_stderr)]
pub(crate) fn python(name: &str, arguments: &[OsString]) -> bool {
    let python = std::env::var_os("ZOO_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export_support").join(name);
    let Ok(output) = Command::new(&python).arg(&script).args(arguments).output() else {
        eprintln!("skipped: {} cannot be run", python.display());
        return false;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        eprintln!("skipped: {}", errors.trim());
        return false;
    }
    assert!(output.status.success(), "{name}: {errors}");
    true
}

/// What ONNX Runtime makes of `inputs`, all outputs one after the other; `None` without it.
pub(crate) fn onnx_runtime(model: &Path, inputs: &[(&str, Tensor)]) -> Option<Vec<f32>> {
    let folder = tempfile::tempdir().expect("a writable folder");
    let outputs = folder.path().join("outputs");
    let mut arguments = vec![model.into(), outputs.clone().into()];
    for (index, (name, tensor)) in inputs.iter().enumerate() {
        let path = folder.path().join(index.to_string());
        std::fs::write(&path, tensor.bytes()).expect("a writable folder");
        let dtype = match tensor.dtype() {
            DType::F32 => "float32",
            DType::I32 => "int32",
            DType::I64 => "int64",
            other => panic!("no input here is {other}"),
        };
        let dims: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
        arguments.push(format!("{name}:{dtype}:{}:{}", dims.join(","), path.display()).into());
    }
    python("run_onnx.py", &arguments).then(|| read_f32(&outputs))
}

/// A file of `f32`.
pub(crate) fn read_f32(path: &PathBuf) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("a readable file");
    bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

/// The largest difference, as a share of the deviation of `expected`.
pub(crate) fn error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let mean = expected.iter().map(|v| f64::from(*v)).sum::<f64>() / expected.len() as f64;
    let square = |value: &f32| (f64::from(*value) - mean).powi(2);
    let deviation = (expected.iter().map(square).sum::<f64>() / expected.len() as f64).sqrt();
    let each = found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()));
    // A difference that is no number is the largest of all.
    let largest = each.fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a });
    largest / deviation.max(f64::MIN_POSITIVE)
}
