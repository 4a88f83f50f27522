//! Elementwise functions of one value.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, Scalar, TensorMetadata};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// An elementwise function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unary {
    /// `-x`; of whole numbers as well.
    Neg,
    /// The absolute value; of whole numbers as well.
    Abs,
    /// -1, 0 or 1, as `x` is below, at or above zero; of whole numbers as well.
    Sign,
    /// The square root.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// `e^x`.
    Exp,
    /// The natural logarithm.
    Log,
    /// The error function.
    Erf,
    /// The largest whole number that is not above.
    Floor,
    /// The smallest whole number that is not below.
    Ceil,
    /// The nearest whole number; of two equally near, the even one.
    Round,
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The tangent.
    Tan,
    /// The inverse sine.
    Asin,
    /// The inverse cosine.
    Acos,
    /// The inverse tangent.
    Atan,
    /// The hyperbolic sine.
    Sinh,
    /// The hyperbolic cosine.
    Cosh,
    /// The inverse hyperbolic sine.
    Asinh,
    /// The inverse hyperbolic cosine.
    Acosh,
    /// The inverse hyperbolic tangent.
    Atanh,
    /// The other truth value; of whole numbers, all bits the other way.
    Not,
    /// Whether it is no number.
    IsNan,
    /// Whether it is infinite, below or above zero.
    IsInf {
        /// Whether minus infinity counts.
        negative: bool,
        /// Whether infinity counts.
        positive: bool,
    },
}

impl Unary {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Sqrt => "sqrt",
            Self::Reciprocal => "reciprocal",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Erf => "erf",
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Round => "round",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tan => "tan",
            Self::Asin => "asin",
            Self::Acos => "acos",
            Self::Atan => "atan",
            Self::Sinh => "sinh",
            Self::Cosh => "cosh",
            Self::Asinh => "asinh",
            Self::Acosh => "acosh",
            Self::Atanh => "atanh",
            Self::Not => "not",
            Self::IsNan => "is_nan",
            Self::IsInf { .. } => "is_inf",
        }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.required(0)?;
        let each = |of: fn(i64) -> i64| {
            let known = x.known.as_ref().map(|known| known.iter().map(|&v| of(v)).collect());
            Ok(Fact { known, ..x.clone() })
        };
        match (self, x.dtype) {
            (Self::Not, DType::Bool) => each(|value| i64::from(value == 0)),
            (Self::Not, DType::I64) => each(|value| !value),
            (Self::Neg, DType::I64) => each(i64::wrapping_neg),
            (Self::Abs, DType::I64) => each(i64::wrapping_abs),
            (Self::Sign, DType::I64) => each(i64::signum),
            (Self::Not, _) => Err(OpError::new("the input must be truth values")),
            (Self::IsNan | Self::IsInf { .. }, DType::F32) => {
                Ok(Fact { dtype: DType::Bool, shape: x.shape.clone(), known: None })
            }
            (_, DType::F32) => Ok(Fact::float(x.shape.clone())),
            (_, dtype) => Err(OpError::new(format!("the input is {dtype}, it must be F32"))),
        }
    }

    pub(super) fn run(self, mut inputs: Values) -> DispatchTensor {
        let x = inputs.take(0);
        let native = BoolDType::Native;
        let equals = |x, value| Dispatch::float_equal_elem(x, Scalar::Float(value), native);
        match (self, primitive::kind(&x)) {
            (Self::Neg, DType::I64) => Dispatch::int_neg(x),
            (Self::Abs, DType::I64) => Dispatch::int_abs(x),
            (Self::Sign, DType::I64) => Dispatch::int_sign(x),
            (Self::Not, DType::I64) => Dispatch::bitwise_not(x),
            (Self::Not, _) => Dispatch::bool_not(x),
            (Self::Neg, _) => Dispatch::float_neg(x),
            (Self::Abs, _) => Dispatch::float_abs(x),
            (Self::Sign, _) => Dispatch::float_sign(x),
            (Self::Sqrt, _) => Dispatch::float_sqrt(x),
            (Self::Reciprocal, _) => Dispatch::float_recip(x),
            (Self::Exp, _) => Dispatch::float_exp(x),
            (Self::Log, _) => Dispatch::float_log(x),
            (Self::Erf, _) => Dispatch::float_erf(x),
            (Self::Floor, _) => Dispatch::float_floor(x),
            (Self::Ceil, _) => Dispatch::float_ceil(x),
            (Self::Round, _) => Dispatch::float_round(x),
            (Self::Sin, _) => Dispatch::float_sin(x),
            (Self::Cos, _) => Dispatch::float_cos(x),
            (Self::Tan, _) => Dispatch::float_tan(x),
            (Self::Asin, _) => Dispatch::float_asin(x),
            (Self::Acos, _) => Dispatch::float_acos(x),
            (Self::Atan, _) => Dispatch::float_atan(x),
            (Self::Sinh, _) => Dispatch::float_sinh(x),
            (Self::Cosh, _) => Dispatch::float_cosh(x),
            (Self::Asinh, _) => Dispatch::float_asinh(x),
            (Self::Acosh, _) => Dispatch::float_acosh(x),
            (Self::Atanh, _) => Dispatch::float_atanh(x),
            (Self::IsNan, _) => Dispatch::float_is_nan(x, native),
            (Self::IsInf { negative: true, positive: true }, _) => {
                Dispatch::float_is_inf(x, native)
            }
            (Self::IsInf { negative: true, positive: false }, _) => equals(x, f64::NEG_INFINITY),
            (Self::IsInf { negative: false, positive: true }, _) => equals(x, f64::INFINITY),
            (Self::IsInf { negative: false, positive: false }, _) => {
                Dispatch::bool_zeros(x.shape(), &primitive::device(&x), native)
            }
        }
    }
}
