use std::borrow::Cow;

use bytes::Bytes;
use half::{bf16, f16};

use crate::DType;

/// A tensor at rest: a type, a shape and little-endian row-major bytes, which may be owned
/// or mapped from a file. Cloning it copies no bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl Tensor {
    /// A tensor of `bytes`; `None` unless there are just as many as `shape` takes.
    pub fn new(dtype: DType, shape: Vec<usize>, bytes: Bytes) -> Option<Self> {
        (byte_size(dtype, &shape)? == bytes.len()).then_some(Self { dtype, shape, bytes })
    }

    /// A tensor of type `F32`.
    ///
    /// # Panics
    /// Where `values` are not as many as `shape` takes.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values do not fill {shape:?}");
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dtype: DType::F32, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// A tensor of type `I64`.
    ///
    /// # Panics
    /// Where `values` are not as many as `shape` takes.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values do not fill {shape:?}");
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dtype: DType::I64, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The length of each axis; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The elements, little-endian and row-major.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as [`Tensor::bytes`], shared and not copied.
    pub fn shared_bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The parts `range` of the first axis, not copied.
    pub(crate) fn samples(&self, range: std::ops::Range<usize>) -> Self {
        let size = self.bytes.len() / self.shape[0].max(1);
        let bytes = self.bytes.slice(range.start * size..range.end * size);
        let shape = [&[range.len()], &self.shape[1..]].concat();
        Self { dtype: self.dtype, shape, bytes }
    }

    /// The parts of the first axis with these numbers, as `F32` in the shape `shape`, which must take
    /// as many.
    ///
    /// # Panics
    /// Where there is no such part.
    #[must_use]
    pub fn rows(&self, numbers: &[usize], shape: &[usize]) -> Self {
        let size = self.bytes.len() / self.shape[0].max(1);
        let row = |number: &usize| &self.bytes[number * size..(number + 1) * size];
        let bytes = numbers.iter().map(row).collect::<Vec<_>>().concat();
        let rows = Self { dtype: self.dtype, shape: shape.to_vec(), bytes: bytes.into() };
        rows.to_float(DType::F32).into_owned()
    }

    /// Lists of tensors, joined one by one along the first axis.
    pub(crate) fn join_samples(parts: &[Vec<Self>]) -> Vec<Self> {
        let count = parts.first().map_or(0, Vec::len);
        let join = |index: usize| {
            let each = || parts.iter().map(|part| &part[index]);
            let first = &parts[0][index];
            let samples: usize = each().map(|part| part.shape[0]).sum();
            let bytes = each().map(|part| &part.bytes[..]).collect::<Vec<_>>().concat();
            let shape = [&[samples], &first.shape[1..]].concat();
            Self { dtype: first.dtype, shape, bytes: bytes.into() }
        };
        (0..count).map(join).collect()
    }

    /// The elements as `f32`: rounded from `F64` and from whole numbers beyond 2^24.
    pub fn to_f32(&self) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
        }
        let bytes = &self.bytes;
        match self.dtype {
            DType::Bool => each(bytes, |[byte]| f32::from(byte != 0)),
            DType::U8 => each(bytes, |[byte]| f32::from(byte)),
            DType::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            DType::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            DType::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            DType::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            DType::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            DType::BF16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            DType::F32 => each(bytes, f32::from_le_bytes),
            DType::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }

    /// The elements as `i64`; `None` for a tensor of floating-point numbers.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> i64) -> Vec<i64> {
            bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
        }
        let bytes = &self.bytes;
        Some(match self.dtype {
            DType::Bool => each(bytes, |[byte]| i64::from(byte != 0)),
            DType::U8 => each(bytes, |[byte]| i64::from(byte)),
            DType::I8 => each(bytes, |b| i64::from(i8::from_le_bytes(b))),
            DType::I16 => each(bytes, |b| i64::from(i16::from_le_bytes(b))),
            DType::I32 => each(bytes, |b| i64::from(i32::from_le_bytes(b))),
            DType::I64 => each(bytes, i64::from_le_bytes),
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => return None,
        })
    }

    /// The same tensor with its elements as `dtype`, rounded to nearest. Floating-point types
    /// only: a tensor of another type, or a wish for one, comes back as it is.
    pub fn to_float(&self, dtype: DType) -> Cow<'_, Self> {
        if self.dtype == dtype || !self.dtype.is_float() || !dtype.is_float() {
            return Cow::Borrowed(self);
        }
        let values = self.to_f32();
        let bytes: Vec<u8> = match dtype {
            DType::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            DType::BF16 => values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
            DType::F64 => values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        Cow::Owned(Self { dtype, shape: self.shape.clone(), bytes: bytes.into() })
    }

    /// The position of the first element that is infinite or not a number.
    pub fn first_non_finite(&self) -> Option<usize> {
        self.dtype
            .is_float()
            .then(|| self.to_f32().iter().position(|value| !value.is_finite()))
            .flatten()
    }
}

/// Bytes that a tensor takes; `None` where that overflows.
pub(crate) fn byte_size(dtype: DType, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(dtype.size(), |size, &dim| size.checked_mul(dim))
}
