pub(crate) mod keras;
mod tar;

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use pytorch_reader::{DType as TorchDType, PytorchReader};
use zoo_model::{DType, Tensor, Weights};

use crate::Error;
use crate::format::Format;

/// Named tensors from a file, and nothing else.
#[derive(Debug)]
pub struct Checkpoint {
    /// The container, such as `PyTorch (zip)`.
    pub container: String,
    /// The tensors, by the names that the file gives them; those of nested dictionaries are
    /// joined by dots.
    pub weights: Weights,
}

/// Reads all tensors of a PyTorch, safetensors or Keras file.
pub fn read_checkpoint(path: &Path, format: Format) -> Result<Checkpoint, Error> {
    match format {
        Format::Safetensors => read_safetensors(path),
        Format::Keras => keras::read(path),
        _ => read_pytorch(path),
    }
}

/// How many times the bytes of a file its tensors may take. They take more than once where they
/// share a storage, as tied weights do, or where it is compressed; a stride of zero, or zeros
/// that are compressed, would make a few bytes fill the memory.
const MAX_SHARED: u64 = 4;
/// What they may take in a file of any size.
const MAX_SMALL: u64 = 16 << 20;

/// Refuses tensors of `lengths` bytes that a file of `size` bytes does not account for.
fn check_total(size: u64, lengths: impl IntoIterator<Item = u64>) -> Result<(), String> {
    let all = lengths.into_iter().fold(0, u64::saturating_add);
    if all > size.saturating_mul(MAX_SHARED).saturating_add(MAX_SMALL) {
        return Err(format!("{size} bytes cannot hold tensors of {all} bytes"));
    }
    Ok(())
}

fn read_pytorch(path: &Path) -> Result<Checkpoint, Error> {
    let malformed =
        |reason: String| Error::Malformed { path: path.to_owned(), format: "PyTorch", reason };
    // A file that cannot be opened is not a malformed one.
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if let Some(reason) = tar::refusal(&mut file).map_err(io)? {
        return Err(malformed(reason.to_owned()));
    }
    let reader = PytorchReader::new(path).map_err(|error| malformed(error.to_string()))?;
    let container = format!("PyTorch ({:?})", reader.metadata().format_type).to_lowercase();
    let lengths = reader.tensors().values().map(|tensor| tensor.byte_len() as u64);
    check_total(size, lengths).map_err(malformed)?;
    let mut weights = Weights::new();
    for (name, tensor) in reader.tensors() {
        let dtype = dtype_of(tensor.dtype()).ok_or_else(|| {
            malformed(format!(
                "`{name}` has the type {:?}, which zoo does not read",
                tensor.dtype()
            ))
        })?;
        let bytes = tensor.read().map_err(|error| malformed(format!("`{name}`: {error}")))?;
        let tensor = Tensor::new(dtype, tensor.shape().to_vec(), Bytes::from(bytes))
            .ok_or_else(|| malformed(format!("`{name}` does not fill its shape")))?;
        weights.insert(name, tensor);
    }
    if weights.is_empty() {
        return Err(malformed("there is no tensor in it".to_owned()));
    }
    Ok(Checkpoint { container, weights })
}

fn read_safetensors(path: &Path) -> Result<Checkpoint, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let bytes = Bytes::from(std::fs::read(path).map_err(io)?);
    let weights = Weights::from_safetensors(&bytes).map_err(|reason| Error::Malformed {
        path: path.to_owned(),
        format: "safetensors",
        reason,
    })?;
    Ok(Checkpoint { container: "safetensors".to_owned(), weights })
}

fn dtype_of(dtype: TorchDType) -> Option<DType> {
    Some(match dtype {
        TorchDType::F64 => DType::F64,
        TorchDType::F32 => DType::F32,
        TorchDType::F16 => DType::F16,
        TorchDType::BF16 => DType::BF16,
        TorchDType::I64 => DType::I64,
        TorchDType::I32 => DType::I32,
        TorchDType::I16 => DType::I16,
        TorchDType::I8 => DType::I8,
        TorchDType::U8 => DType::U8,
        TorchDType::Bool => DType::Bool,
        TorchDType::U64 | TorchDType::U32 | TorchDType::U16 => return None,
    })
}
