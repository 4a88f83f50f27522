//! Elementwise comparisons, and choosing by them.

use burn_backend::BoolDType;
use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::known::{known_pairs, spread};
use super::operand::broadcast;
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// An elementwise comparison of two values of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compare {
    /// `a = b`.
    Equal,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessOrEqual,
    /// `a > b`.
    Greater,
    /// `a >= b`.
    GreaterOrEqual,
}

impl Compare {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Less => "less",
            Self::LessOrEqual => "less_or_equal",
            Self::Greater => "greater",
            Self::GreaterOrEqual => "greater_or_equal",
        }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let (a, b) = (inputs.required(0)?, inputs.required(1)?);
        let ordered = a.dtype != DType::Bool || self == Self::Equal;
        if a.dtype != b.dtype || !ordered {
            return Err(OpError::new(format!("it does not compare {} with {}", a.dtype, b.dtype)));
        }
        let shape = broadcast(&a.shape, &b.shape)?;
        let known = known_pairs(a, b, &shape).map(|pairs| {
            let holds = |(a, b): &(i64, i64)| match self {
                Self::Equal => a == b,
                Self::Less => a < b,
                Self::LessOrEqual => a <= b,
                Self::Greater => a > b,
                Self::GreaterOrEqual => a >= b,
            };
            pairs.iter().map(|pair| i64::from(holds(pair))).collect()
        });
        Ok(Fact { dtype: DType::Bool, shape, known })
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let a = primitive::expand(inputs.take(0), shape);
        let b = primitive::expand(inputs.take(1), shape);
        let native = BoolDType::Native;
        match (self, primitive::kind(&a)) {
            (Self::Equal, DType::Bool) => Dispatch::bool_equal(a, b),
            (Self::Equal, DType::I64) => Dispatch::int_equal(a, b, native),
            (Self::Less, DType::I64) => Dispatch::int_lower(a, b, native),
            (Self::LessOrEqual, DType::I64) => Dispatch::int_lower_equal(a, b, native),
            (Self::Greater, DType::I64) => Dispatch::int_greater(a, b, native),
            (Self::GreaterOrEqual, DType::I64) => Dispatch::int_greater_equal(a, b, native),
            (Self::Equal, _) => Dispatch::float_equal(a, b, native),
            (Self::Less, _) => Dispatch::float_lower(a, b, native),
            (Self::LessOrEqual, _) => Dispatch::float_lower_equal(a, b, native),
            (Self::Greater, _) => Dispatch::float_greater(a, b, native),
            (Self::GreaterOrEqual, _) => Dispatch::float_greater_equal(a, b, native),
        }
    }
}

pub(super) fn infer_where(inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(3)?;
    let (condition, a, b) = (inputs.required(0)?, inputs.required(1)?, inputs.required(2)?);
    if condition.dtype != DType::Bool || a.dtype != b.dtype {
        return Err(OpError::new("it takes truth values and two inputs of one type"));
    }
    let shape = broadcast(&broadcast(&condition.shape, &a.shape)?, &b.shape)?;
    let known = match (spread(condition, &shape), known_pairs(a, b, &shape)) {
        (Some(condition), Some(pairs)) => {
            let pick = |(c, (a, b)): (i64, (i64, i64))| if c == 0 { b } else { a };
            Some(condition.into_iter().zip(pairs).map(pick).collect())
        }
        _ => None,
    };
    Ok(Fact { dtype: a.dtype, shape, known })
}

pub(super) fn run_where(mut inputs: Values, shape: &[usize]) -> DispatchTensor {
    let condition = primitive::expand(inputs.take(0), shape);
    let a = primitive::expand(inputs.take(1), shape);
    let b = primitive::expand(inputs.take(2), shape);
    match primitive::kind(&a) {
        DType::I64 => Dispatch::int_mask_where(b, condition, a),
        DType::Bool => Dispatch::bool_mask_where(b, condition, a),
        _ => Dispatch::float_mask_where(b, condition, a),
    }
}
