//! Burn's rank-free primitives, for tensors whose type is known at run time only.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{
    AllocationProperty, BoolDType, Bytes, DType as BurnDType, FloatDType, IntDType, Scalar, Shape,
    Slice, TensorData, TensorMetadata, read_sync,
};
use burn_dispatch::{Dispatch, DispatchDevice, DispatchTensor};

use crate::{DType, Tensor};

/// `F32`, `I64` or `Bool`: what a tensor on a device is computed as.
pub(crate) fn kind(tensor: &DispatchTensor) -> DType {
    match tensor.dtype() {
        dtype if dtype.is_float() => DType::F32,
        dtype if dtype.is_bool() => DType::Bool,
        _ => DType::I64,
    }
}

pub(crate) fn shape(tensor: &DispatchTensor) -> Vec<usize> {
    tensor.shape().iter().copied().collect()
}

pub(crate) fn device(tensor: &DispatchTensor) -> DispatchDevice {
    tensor.device()
}

/// One function for the three types of elements.
macro_rules! by_kind {
    ($tensor:expr, $float:ident, $int:ident, $bool:ident, ($($argument:expr),*)) => {
        match kind(&$tensor) {
            DType::F32 => Dispatch::$float($tensor, $($argument),*),
            DType::Bool => Dispatch::$bool($tensor, $($argument),*),
            _ => Dispatch::$int($tensor, $($argument),*),
        }
    };
}

pub(crate) fn reshape(tensor: DispatchTensor, to: &[usize]) -> DispatchTensor {
    let to = Shape::from(to.to_vec());
    by_kind!(tensor, float_reshape, int_reshape, bool_reshape, (to))
}

pub(crate) fn to_device(tensor: DispatchTensor, device: &DispatchDevice) -> DispatchTensor {
    by_kind!(tensor, float_to_device, int_to_device, bool_to_device, (device))
}

pub(crate) fn permute(tensor: DispatchTensor, axes: &[usize]) -> DispatchTensor {
    by_kind!(tensor, float_permute, int_permute, bool_permute, (axes))
}

/// Each axis from the first index to before the second, by steps of the third.
pub(crate) fn slice(tensor: DispatchTensor, ranges: &[(usize, usize, usize)]) -> DispatchTensor {
    let slices: Vec<Slice> = ranges
        .iter()
        .map(|&(from, to, step)| Slice::new(from as isize, Some(to as isize), step as isize))
        .collect();
    by_kind!(tensor, float_slice, int_slice, bool_slice, (&slices))
}

/// The elements of `axes` in the other direction.
pub(crate) fn flip(tensor: DispatchTensor, axes: &[usize]) -> DispatchTensor {
    by_kind!(tensor, float_flip, int_flip, bool_flip, (axes))
}

/// `times` copies, one after the other along `axis`.
pub(crate) fn repeat(tensor: DispatchTensor, axis: usize, times: usize) -> DispatchTensor {
    by_kind!(tensor, float_repeat_dim, int_repeat_dim, bool_repeat_dim, (axis, times))
}

/// Broadcast to `to`, to which the shape must broadcast.
pub(crate) fn expand(tensor: DispatchTensor, to: &[usize]) -> DispatchTensor {
    let tensor = broadcast_rank(tensor, to.len());
    if shape(&tensor) == to {
        return tensor;
    }
    let to = Shape::from(to.to_vec());
    by_kind!(tensor, float_expand, int_expand, bool_expand, (to))
}

/// With axes of length one put before the first, up to `rank`.
pub(crate) fn broadcast_rank(tensor: DispatchTensor, rank: usize) -> DispatchTensor {
    let from = shape(&tensor);
    if from.len() >= rank {
        return tensor;
    }
    let mut lifted = vec![1; rank - from.len()];
    lifted.extend(from);
    reshape(tensor, &lifted)
}

pub(crate) fn concat(parts: Vec<DispatchTensor>, axis: usize) -> DispatchTensor {
    match kind(&parts[0]) {
        DType::F32 => Dispatch::float_cat(parts, axis),
        DType::Bool => Dispatch::bool_cat(parts, axis),
        _ => Dispatch::int_cat(parts, axis),
    }
}

/// The elements at `indices` of `axis`; `indices` are taken as a list.
pub(crate) fn select(
    tensor: DispatchTensor,
    axis: usize,
    indices: DispatchTensor,
) -> DispatchTensor {
    let count = shape(&indices).iter().product();
    let indices = reshape(indices, &[count]);
    match kind(&tensor) {
        DType::F32 => Dispatch::float_select(tensor, axis, indices),
        DType::Bool => through_int(tensor, |tensor| Dispatch::int_select(tensor, axis, indices)),
        _ => Dispatch::int_select(tensor, axis, indices),
    }
}

/// Along `axis`, the elements at `indices`, which are as long as `tensor` in all other axes.
pub(crate) fn gather(
    tensor: DispatchTensor,
    axis: usize,
    indices: DispatchTensor,
) -> DispatchTensor {
    match kind(&tensor) {
        DType::F32 => Dispatch::float_gather(axis, tensor, indices),
        DType::Bool => through_int(tensor, |tensor| Dispatch::int_gather(axis, tensor, indices)),
        _ => Dispatch::int_gather(axis, tensor, indices),
    }
}

/// Truth values after `change`, as whole numbers: what Burn's processor backend selects or gathers of
/// truth values it calls bytes, which its next operator refuses.
fn through_int(
    tensor: DispatchTensor,
    change: impl FnOnce(DispatchTensor) -> DispatchTensor,
) -> DispatchTensor {
    int_to_bool(change(bool_to_int(tensor)))
}

/// `value` where `mask` holds, `tensor` elsewhere; all of one shape.
pub(crate) fn mask_where(
    tensor: DispatchTensor,
    mask: DispatchTensor,
    value: DispatchTensor,
) -> DispatchTensor {
    by_kind!(tensor, float_mask_where, int_mask_where, bool_mask_where, (mask, value))
}

/// Zero, or false, where `mask` holds, `tensor` elsewhere.
pub(crate) fn zero_where(tensor: DispatchTensor, mask: DispatchTensor) -> DispatchTensor {
    match kind(&tensor) {
        DType::F32 => Dispatch::float_mask_fill(tensor, mask, Scalar::Float(0.0)),
        DType::Bool => Dispatch::bool_and(tensor, Dispatch::bool_not(mask)),
        _ => Dispatch::int_mask_fill(tensor, mask, Scalar::Int(0)),
    }
}

/// 0 for false, 1 for true.
pub(crate) fn bool_to_int(tensor: DispatchTensor) -> DispatchTensor {
    Dispatch::bool_into_int(tensor, IntDType::I64)
}

/// Whether a whole number is not zero.
pub(crate) fn int_to_bool(tensor: DispatchTensor) -> DispatchTensor {
    Dispatch::bool_not(Dispatch::int_equal_elem(tensor, Scalar::Int(0), BoolDType::Native))
}

/// Ones on the device of `like`.
pub(crate) fn ones(shape: impl Into<Shape>, like: &DispatchTensor) -> DispatchTensor {
    Dispatch::float_ones(shape.into(), &like.device(), FloatDType::F32)
}

pub(crate) fn from_f32(
    values: Vec<f32>,
    shape: &[usize],
    device: &DispatchDevice,
) -> DispatchTensor {
    Dispatch::float_from_data(TensorData::new(values, Shape::from(shape.to_vec())), device)
}

pub(crate) fn from_i64(values: &[i64], shape: &[usize], device: &DispatchDevice) -> DispatchTensor {
    Dispatch::int_from_data(TensorData::new(values.to_vec(), Shape::from(shape.to_vec())), device)
}

/// A tensor at rest, brought to a device as `F32`, `I64` or `Bool`.
pub(crate) fn upload(tensor: &Tensor, device: &DispatchDevice) -> DispatchTensor {
    match (tensor.dtype(), tensor.to_i64()) {
        (DType::Bool, Some(values)) => {
            let values: Vec<bool> = values.iter().map(|&value| value != 0).collect();
            let shape = Shape::from(tensor.shape().to_vec());
            Dispatch::bool_from_data(TensorData::new(values, shape), device)
        }
        (_, Some(values)) => from_i64(&values, tensor.shape(), device),
        (_, None) => match shared(tensor) {
            Some(data) => Dispatch::float_from_data(data, device),
            None => from_f32(tensor.to_f32(), tensor.shape(), device),
        },
    }
}

/// The elements of an `F32` tensor where they lie, which may be a mapped file: a device in main
/// memory then holds no copy of them, and copies what it changes. `None` for tensors of other
/// types, and where they lie so that they cannot be read as numbers.
fn shared(tensor: &Tensor) -> Option<TensorData> {
    let bytes = tensor.shared_bytes();
    let aligned = bytes.as_ptr().addr().is_multiple_of(align_of::<f32>());
    let as_it_is = tensor.dtype() == DType::F32 && cfg!(target_endian = "little");
    (as_it_is && aligned).then(|| {
        let bytes = Bytes::from_shared(bytes, AllocationProperty::File);
        TensorData::from_bytes(bytes, Shape::from(tensor.shape().to_vec()), BurnDType::F32)
    })
}

/// The elements of a tensor of any type, as `f32`.
pub(crate) fn read_f32(tensor: DispatchTensor) -> Vec<f32> {
    read(elements(tensor).map(|data| data.convert_dtype(BurnDType::F32)))
}

/// The elements of a tensor of any type, as `i64`.
pub(crate) fn read_i64(tensor: DispatchTensor) -> Vec<i64> {
    read(elements(tensor).map(|data| data.convert_dtype(BurnDType::I64)))
}

fn elements(tensor: DispatchTensor) -> Result<TensorData, impl std::fmt::Debug> {
    match kind(&tensor) {
        DType::F32 => read_sync(Dispatch::float_into_data(tensor)),
        DType::Bool => read_sync(Dispatch::int_into_data(bool_to_int(tensor))),
        _ => read_sync(Dispatch::int_into_data(tensor)),
    }
}

/// A tensor brought back from its device.
pub(crate) fn download(tensor: DispatchTensor) -> Tensor {
    let shape = shape(&tensor);
    match kind(&tensor) {
        DType::F32 => Tensor::from_f32(&shape, &read_f32(tensor)),
        DType::Bool => {
            let ints = bool_to_int(tensor);
            let bytes: Vec<u8> = read_i64(ints).iter().map(|&value| u8::from(value != 0)).collect();
            Tensor::new(DType::Bool, shape, bytes.into()).expect("one byte an element")
        }
        _ => Tensor::from_i64(&shape, &read_i64(tensor)),
    }
}

fn read<T: burn_backend::Element>(data: Result<TensorData, impl std::fmt::Debug>) -> Vec<T> {
    let data = data.expect("a device that computed a tensor can give it back");
    data.try_into_vec().expect("the data was converted to this type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn truth_values_stay_truth_values() {
        let device = Device::Cpu.open().expect("a processor");
        let whole = || from_i64(&[1, 0, 1, 1, 0, 0], &[2, 3], &device);
        let bools = || int_to_bool(whole());
        let indices = || from_i64(&[1, 0], &[2], &device);
        let both = || from_i64(&[1, 0, 0, 0, 1, 1], &[2, 3], &device);
        let made = [
            (reshape(bools(), &[3, 2]), vec![1, 0, 1, 1, 0, 0]),
            (to_device(bools(), &device), vec![1, 0, 1, 1, 0, 0]),
            (permute(bools(), &[1, 0]), vec![1, 1, 0, 0, 1, 0]),
            (slice(bools(), &[(0, 2, 1), (0, 3, 2)]), vec![1, 1, 1, 0]),
            (flip(bools(), &[0]), vec![1, 0, 0, 1, 0, 1]),
            (repeat(bools(), 0, 2), vec![1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0]),
            (expand(bools(), &[1, 2, 3]), vec![1, 0, 1, 1, 0, 0]),
            (concat(vec![bools(), bools()], 1), vec![1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0]),
            (select(bools(), 0, indices()), vec![1, 0, 0, 1, 0, 1]),
            (gather(bools(), 0, both()), vec![1, 0, 1, 1, 0, 0]),
            (mask_where(bools(), bools(), flip(bools(), &[1])), vec![1, 0, 1, 0, 0, 0]),
            (zero_where(bools(), flip(bools(), &[1])), vec![0, 0, 0, 1, 0, 0]),
        ];
        for (case, (tensor, expected)) in made.into_iter().enumerate() {
            assert_eq!(kind(&tensor), DType::Bool, "case {case}");
            // What comes next takes it for such as well.
            let count = shape(&tensor).iter().product();
            assert_eq!(read_i64(reshape(tensor, &[count])), expected, "case {case}");
        }
    }
}
