//! Tensors as ONNX stores them.

use onnx_ir::TensorProto;
use zoo_model::{DType, Fact, Tensor};

/// The number of `dtype` in `TensorProto.DataType`.
pub(super) fn number(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I8 => 3,
        DType::I16 => 5,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::BF16 => 16,
    }
}

/// The number of `TensorProto.dims`.
const DIMS: u32 = 1;

/// An initialiser called `name`, of the type in which `tensor` is computed.
pub(super) fn write(name: &str, tensor: &Tensor) -> TensorProto {
    let dtype = Fact::computed(tensor.dtype());
    let raw_data = match tensor.to_i64() {
        Some(values) if dtype == DType::I64 => Tensor::from_i64(tensor.shape(), &values),
        _ => tensor.to_float(dtype).into_owned(),
    };
    let mut made = TensorProto {
        name: name.to_owned(),
        data_type: number(dtype),
        raw_data: raw_data.shared_bytes(),
        ..TensorProto::default()
    };
    // One by one, as `ints` are in attributes.
    let fields = made.special_fields.mut_unknown_fields();
    for &length in tensor.shape() {
        fields.add_varint(DIMS, length as u64);
    }
    made
}
