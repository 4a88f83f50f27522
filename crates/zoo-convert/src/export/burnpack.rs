//! Parameters in Burn's own container.

use std::io;
use std::path::Path;

use burn_pack::{Bytes, DType as PackDType, Tensor, Writer};
use zoo_model::{Bundle, DType, write_file_atomically};

use super::metadata;
use crate::Error;

/// Writes the parameters of `bundle` and what its card says.
pub(super) fn write(bundle: &Bundle, path: &Path) -> Result<(), Error> {
    let mut tensors = Vec::with_capacity(bundle.graph.parameters.len());
    for name in bundle.graph.parameters.keys() {
        let missing = || zoo_model::Error::MissingParameter { name: name.clone() };
        let tensor = bundle.weights.get(name).ok_or_else(missing)?;
        let (dtype, shape) = (pack_dtype(tensor.dtype()), tensor.shape().to_vec());
        let shared = tensor.shared_bytes();
        // Copied when it is its turn to be written, not all at once.
        let copy = move || Ok(Bytes::from_bytes_vec(shared.to_vec()));
        let length = tensor.bytes().len();
        tensors.push(Tensor::deferred(name.clone(), dtype, shape, None, length, copy));
    }
    let writer = metadata(bundle)
        .into_iter()
        .fold(Writer::new(tensors), |writer, (key, value)| writer.with_metadata(key, &value));
    let failed = |source| zoo_model::Error::Io { action: "write", path: path.to_owned(), source };
    let bytes = writer.into_bytes().map_err(|error| failed(io::Error::other(error)))?;
    write_file_atomically(path, |file| file.write_all(&bytes).map_err(|error| failed(error).into()))
}

fn pack_dtype(dtype: DType) -> PackDType {
    match dtype {
        // A byte each; no known network has a parameter of truth values.
        DType::Bool | DType::U8 => PackDType::U8,
        DType::I8 => PackDType::I8,
        DType::I16 => PackDType::I16,
        DType::I32 => PackDType::I32,
        DType::I64 => PackDType::I64,
        DType::F16 => PackDType::F16,
        DType::BF16 => PackDType::BF16,
        DType::F32 => PackDType::F32,
        DType::F64 => PackDType::F64,
    }
}
