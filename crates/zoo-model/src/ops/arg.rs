//! Where the extremes are: as indices, and as ones among zeros.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::{axis_of, bounded};
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// The index of the largest or smallest element along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgExtreme {
    /// Whether the largest is looked for, not the smallest.
    pub largest: bool,
    /// The axis; negative counts from the last.
    pub axis: i64,
    /// Whether the axis stays, with length one.
    pub keep_dims: bool,
    /// Of several, whether the last one is meant, not the first.
    pub last: bool,
}

impl ArgExtreme {
    pub(super) fn name(self) -> &'static str {
        if self.largest { "arg_max" } else { "arg_min" }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.required(0)?;
        let axis = axis_of(self.axis, x.shape.len())?;
        if x.dtype == DType::Bool || x.elements() == 0 {
            return Err(OpError::new("it takes numbers, one or more"));
        }
        let mut shape = x.shape.clone();
        shape[axis] = 1;
        if !self.keep_dims {
            shape.remove(axis);
        }
        Ok(Fact { dtype: DType::I64, shape, known: None })
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let x = inputs.take(0);
        let dims = primitive::shape(&x);
        let axis = axis_of(self.axis, dims.len()).unwrap_or_default();
        let x = if self.last { primitive::flip(x, &[axis]) } else { x };
        let found = match (primitive::kind(&x), self.largest) {
            (DType::F32, true) => Dispatch::float_argmax(x, axis, IntDType::I64),
            (DType::F32, false) => Dispatch::float_argmin(x, axis, IntDType::I64),
            (_, true) => Dispatch::int_argmax(x, axis),
            (_, false) => Dispatch::int_argmin(x, axis),
        };
        let found = if self.last {
            let end = Scalar::Int(dims[axis] as i64 - 1);
            Dispatch::int_add_scalar(Dispatch::int_neg(found), end)
        } else {
            found
        };
        primitive::reshape(found, shape)
    }
}

pub(super) fn infer_hardmax(axis: i64, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(1)?;
    let x = inputs.float(0)?;
    axis_of(axis, x.shape.len())?;
    if x.elements() == 0 {
        return Err(OpError::new("it takes numbers, one or more"));
    }
    Ok(Fact::float(x.shape.clone()))
}

pub(super) fn run_hardmax(axis: i64, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
    let x = inputs.take(0);
    let axis = axis_of(axis, shape.len()).unwrap_or_default();
    let places = Dispatch::float_argmax(x, axis, IntDType::I64);
    Dispatch::bool_into_float(places_along(places, axis, shape), FloatDType::F32)
}

/// True in `shape` where the index along `axis` is that which `indices` have there.
fn places_along(indices: DispatchTensor, axis: usize, shape: &[usize]) -> DispatchTensor {
    let count: Vec<i64> = (0..shape[axis] as i64).collect();
    let mut line = vec![1; shape.len()];
    line[axis] = shape[axis];
    let count = primitive::from_i64(&count, &line, &primitive::device(&indices));
    let (indices, count) = (primitive::expand(indices, shape), primitive::expand(count, shape));
    Dispatch::int_equal(indices, count, BoolDType::Native)
}

/// `indices, depth, values`, where `values` are what is put elsewhere and what is put at the
/// indices.
pub(super) fn infer_one_hot(axis: i64, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(3)?;
    let (indices, values) = (inputs.required(0)?, inputs.required(2)?);
    if indices.dtype != DType::I64 || values.shape != [2] {
        return Err(OpError::new("it takes whole numbers, a depth and two values"));
    }
    let depth = match inputs.known(1)? {
        [depth] => usize::try_from(*depth).ok().filter(|&depth| depth > 0),
        _ => None,
    };
    let depth = depth.ok_or_else(|| OpError::new("the depth is not one number above zero"))?;
    let mut shape = indices.shape.clone();
    shape.insert(axis_of(axis, shape.len() + 1)?, depth);
    Ok(Fact { dtype: values.dtype, shape: bounded(shape)?, known: None })
}

pub(super) fn run_one_hot(axis: i64, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
    let axis = axis_of(axis, shape.len()).unwrap_or_default();
    let (indices, values) = (inputs.take(0), inputs.take(2));
    let device = primitive::device(&indices);
    // Negative indices count from the end; what is beyond either end is nowhere.
    let depth = shape[axis] as i64;
    let mut list = primitive::read_i64(indices);
    list.iter_mut().filter(|index| **index < 0).for_each(|index| *index += depth);
    let mut line = shape.to_vec();
    line[axis] = 1;
    let places = places_along(primitive::from_i64(&list, &line, &device), axis, shape);
    let value =
        |at: usize| primitive::expand(primitive::slice(values.clone(), &[(at, at + 1, 1)]), shape);
    primitive::mask_where(value(0), places, value(1))
}
