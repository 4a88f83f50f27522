//! Tensors as ONNX stores them.

use std::path::Path;

use bytes::Bytes;
use onnx_ir::TensorProto;
use zoo_model::{DType, Tensor};

use super::external;

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

/// How ONNX stores the elements of a type.
#[derive(Clone, Copy)]
enum Storage {
    /// As we do.
    Plain(DType),
    /// As unsigned numbers of 16 bits, which `I32` holds.
    U16,
    /// As unsigned numbers of 32 bits, which `I64` holds.
    U32,
    /// As unsigned numbers of 64 bits, of which `I64` holds the lower half.
    U64,
}

impl Storage {
    /// The type that we hold them as.
    fn dtype(self) -> DType {
        match self {
            Self::Plain(dtype) => dtype,
            Self::U16 => DType::I32,
            Self::U32 | Self::U64 => DType::I64,
        }
    }

    /// Bytes an element takes in `raw_data`.
    fn size(self) -> usize {
        match self {
            Self::Plain(dtype) => dtype.size(),
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
        }
    }

    /// The bytes as we hold them; `None` where a number is too large.
    fn convert(self, raw: Bytes) -> Option<Bytes> {
        let bytes: Vec<u8> = match self {
            Self::Plain(_) => return Some(raw),
            Self::U16 => {
                let each = raw.as_chunks().0.iter().map(|&chunk| u16::from_le_bytes(chunk));
                each.flat_map(|value| i32::from(value).to_le_bytes()).collect()
            }
            Self::U32 => {
                let each = raw.as_chunks().0.iter().map(|&chunk| u32::from_le_bytes(chunk));
                each.flat_map(|value| i64::from(value).to_le_bytes()).collect()
            }
            Self::U64 => {
                let fits = |chunk: &[u8; 8]| i64::try_from(u64::from_le_bytes(*chunk)).is_ok();
                return raw.as_chunks().0.iter().all(fits).then_some(raw);
            }
        };
        Some(bytes.into())
    }
}

/// The type with the number `data_type` of `TensorProto.DataType`, as it is computed with.
pub(super) fn dtype(data_type: i32) -> Result<DType, String> {
    storage(data_type).map(Storage::dtype)
}

fn storage(data_type: i32) -> Result<Storage, String> {
    Ok(match data_type {
        1 => Storage::Plain(DType::F32),
        2 => Storage::Plain(DType::U8),
        3 => Storage::Plain(DType::I8),
        4 => Storage::U16,
        5 => Storage::Plain(DType::I16),
        6 => Storage::Plain(DType::I32),
        7 => Storage::Plain(DType::I64),
        9 => Storage::Plain(DType::Bool),
        10 => Storage::Plain(DType::F16),
        11 => Storage::Plain(DType::F64),
        12 => Storage::U32,
        13 => Storage::U64,
        16 => Storage::Plain(DType::BF16),
        8 => return Err("texts are no numbers".to_owned()),
        other => return Err(format!("elements of ONNX's type {other} cannot be held")),
    })
}

/// The tensor that `proto` holds; external data is looked for in `folder`.
///
/// The error says what is wrong with it, as the end of a sentence about it.
pub(super) fn read(proto: &TensorProto, folder: &Path) -> Result<Tensor, String> {
    let storage = storage(proto.data_type)?;
    let shape = proto.dims.iter().map(|&dim| usize::try_from(dim).ok());
    let shape: Vec<usize> =
        shape.collect::<Option<_>>().ok_or_else(|| format!("its shape is {:?}", proto.dims))?;
    let length = shape.iter().try_fold(storage.size(), |bytes, &dim| bytes.checked_mul(dim));
    let length = length.ok_or_else(|| format!("its shape {shape:?} is too large"))?;
    let raw = if proto.data_location.value() == EXTERNAL {
        external::read(proto, folder, length)?
    } else if proto.raw_data.is_empty() {
        typed_bytes(proto)
    } else {
        proto.raw_data.clone()
    };
    if raw.len() != length {
        let found = raw.len();
        return Err(format!("its shape {shape:?} takes {length} bytes, it has {found}"));
    }
    let bytes = storage.convert(raw).ok_or("a number in it is beyond 64 bits with a sign")?;
    Tensor::new(storage.dtype(), shape, bytes).ok_or_else(|| "its size overflows".to_owned())
}

/// The bytes that `raw_data` would have had, from the list of the tensor's type.
fn typed_bytes(proto: &TensorProto) -> Bytes {
    /// The lower `N` bytes of each number, which is where ONNX puts shorter types.
    fn lower<const N: usize>(list: &[i32]) -> Vec<u8> {
        list.iter().flat_map(|value| value.to_le_bytes().into_iter().take(N)).collect()
    }
    let bytes: Vec<u8> = match proto.data_type {
        1 => proto.float_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        2 | 3 | 9 => lower::<1>(&proto.int32_data),
        4 | 5 | 10 | 16 => lower::<2>(&proto.int32_data),
        6 => lower::<4>(&proto.int32_data),
        7 => proto.int64_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        11 => proto.double_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        12 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(4)).collect(),
        13 => proto.uint64_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        _ => Vec::new(),
    };
    bytes.into()
}
