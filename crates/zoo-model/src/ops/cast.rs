//! The same numbers in another type.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

pub(super) fn infer_cast(to: DType, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(1)?;
    let x = inputs.required(0)?;
    let dtype = Fact::computed(to);
    let known = x.known.as_ref().filter(|_| dtype != DType::F32);
    let known = known.map(|known| known.iter().map(|&value| wrap_int(value, to)).collect());
    Ok(Fact { dtype, shape: x.shape.clone(), known })
}

/// `value` as the type `to` holds it: its lower bits.
fn wrap_int(value: i64, to: DType) -> i64 {
    match to {
        DType::Bool => i64::from(value != 0),
        DType::U8 => i64::from(value as u8),
        DType::I8 => i64::from(value as i8),
        DType::I16 => i64::from(value as i16),
        DType::I32 => i64::from(value as i32),
        _ => value,
    }
}

pub(super) fn run_cast(to: DType, mut inputs: Values) -> DispatchTensor {
    let x = inputs.take(0);
    let native = BoolDType::Native;
    match (primitive::kind(&x), Fact::computed(to)) {
        (DType::F32, DType::I64) => wrap(Dispatch::float_into_int(x, IntDType::I64), to),
        (DType::F32, DType::Bool) => {
            Dispatch::bool_not(Dispatch::float_equal_elem(x, Scalar::Float(0.0), native))
        }
        (DType::I64, DType::F32) => round(Dispatch::int_into_float(x, FloatDType::F32), to),
        (DType::I64, DType::Bool) => {
            Dispatch::bool_not(Dispatch::int_equal_elem(x, Scalar::Int(0), native))
        }
        (DType::Bool, DType::F32) => Dispatch::bool_into_float(x, FloatDType::F32),
        (DType::Bool, DType::I64) => Dispatch::bool_into_int(x, IntDType::I64),
        (DType::I64, DType::I64) => wrap(x, to),
        (DType::F32, DType::F32) => round(x, to),
        _ => x,
    }
}

/// Whole numbers with the lower bits that `to` holds.
fn wrap(x: DispatchTensor, to: DType) -> DispatchTensor {
    let (bits, signed) = match to {
        DType::U8 => (8, false),
        DType::I8 => (8, true),
        DType::I16 => (16, true),
        DType::I32 => (32, true),
        _ => return x,
    };
    let half = Scalar::Int(if signed { 1 << (bits - 1) } else { 0 });
    let x = Dispatch::int_add_scalar(x, half);
    let x = Dispatch::bitwise_and_scalar(x, Scalar::Int((1 << bits) - 1));
    Dispatch::int_sub_scalar(x, half)
}

/// Numbers rounded to those that `to` has. The gradient passes as if they were not: that of
/// rounding is zero, and one that went through half precision itself would lose small values.
fn round(x: DispatchTensor, to: DType) -> DispatchTensor {
    let to = match to {
        DType::F16 => FloatDType::F16,
        DType::BF16 => FloatDType::BF16,
        _ => return x,
    };
    let native = BoolDType::Native;
    let exact = Dispatch::float_detach(x.clone());
    let rounded = Dispatch::float_cast(Dispatch::float_cast(exact.clone(), to), FloatDType::F32);
    let special = Dispatch::float_equal(rounded.clone(), exact.clone(), native);
    let not_a_number = Dispatch::float_is_nan(exact.clone(), native);
    // What needs no rounding, infinities among it, and what is no number get nothing added.
    let difference = Dispatch::float_sub(rounded, exact);
    let unchanged = Dispatch::bool_or(special, not_a_number);
    let difference = Dispatch::float_mask_fill(difference, unchanged, Scalar::Float(0.0));
    Dispatch::float_add(x, difference)
}
