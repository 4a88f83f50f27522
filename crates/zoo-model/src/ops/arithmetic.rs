//! Elementwise functions and comparisons, with broadcasting.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::broadcast;
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// An elementwise function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unary {
    /// `-x`.
    Neg,
    /// The absolute value.
    Abs,
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
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The other truth value.
    Not,
}

impl Unary {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sqrt => "sqrt",
            Self::Reciprocal => "reciprocal",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Erf => "erf",
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Not => "not",
        }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.required(0)?;
        match (self, x.dtype) {
            (Self::Not, DType::Bool) => {
                let known =
                    x.known.as_ref().map(|k| k.iter().map(|v| i64::from(*v == 0)).collect());
                Ok(Fact { known, ..x.clone() })
            }
            (Self::Neg, DType::I64) => {
                let known = x.known.as_ref().map(|k| k.iter().map(|v| v.wrapping_neg()).collect());
                Ok(Fact { known, ..x.clone() })
            }
            (Self::Not, _) => Err(OpError::new("the input must be truth values")),
            (_, DType::F32) => Ok(Fact::float(x.shape.clone())),
            (_, dtype) => Err(OpError::new(format!("the input is {dtype}, it must be F32"))),
        }
    }

    pub(super) fn run(self, mut inputs: Values) -> DispatchTensor {
        let x = inputs.take(0);
        match self {
            Self::Neg if primitive::kind(&x) == DType::I64 => Dispatch::int_neg(x),
            Self::Neg => Dispatch::float_neg(x),
            Self::Abs => Dispatch::float_abs(x),
            Self::Sqrt => Dispatch::float_sqrt(x),
            Self::Reciprocal => Dispatch::float_recip(x),
            Self::Exp => Dispatch::float_exp(x),
            Self::Log => Dispatch::float_log(x),
            Self::Erf => Dispatch::float_erf(x),
            Self::Floor => Dispatch::float_floor(x),
            Self::Ceil => Dispatch::float_ceil(x),
            Self::Sin => Dispatch::float_sin(x),
            Self::Cos => Dispatch::float_cos(x),
            Self::Not => Dispatch::bool_not(x),
        }
    }
}

/// An elementwise function of two values of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a b`.
    Mul,
    /// `a / b`; of whole numbers, rounded towards zero.
    Div,
    /// `a` to the power of `b`; floating-point only.
    Pow,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

impl Binary {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Pow => "pow",
            Self::Max => "max",
            Self::Min => "min",
        }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let (a, b) = (inputs.required(0)?, inputs.required(1)?);
        let shape = broadcast(&a.shape, &b.shape)?;
        match (a.dtype, b.dtype) {
            (DType::F32, DType::F32) => Ok(Fact::float(shape)),
            (DType::I64, DType::I64) if self != Self::Pow => {
                let known = known_pairs(a, b, &shape)
                    .map(|pairs| pairs.into_iter().map(|(a, b)| self.of_ints(a, b)).collect())
                    .transpose()?;
                Ok(Fact { dtype: DType::I64, shape, known })
            }
            (a, b) => Err(OpError::new(format!("it does not take {a} with {b}"))),
        }
    }

    fn of_ints(self, a: i64, b: i64) -> Result<i64, OpError> {
        Ok(match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Div => a.checked_div(b).ok_or_else(|| OpError::new("division by zero"))?,
            Self::Max => a.max(b),
            Self::Min | Self::Pow => a.min(b),
        })
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let a = primitive::broadcast_rank(inputs.take(0), shape.len());
        let b = primitive::broadcast_rank(inputs.take(1), shape.len());
        if primitive::kind(&a) == DType::I64 {
            let pick = |a: DispatchTensor, b: DispatchTensor, larger: bool| {
                let a = primitive::expand(a, shape);
                let b = primitive::expand(b, shape);
                let b_wins = if larger {
                    Dispatch::int_lower(a.clone(), b.clone(), BoolDType::Native)
                } else {
                    Dispatch::int_greater(a.clone(), b.clone(), BoolDType::Native)
                };
                Dispatch::int_mask_where(a, b_wins, b)
            };
            return match self {
                Self::Add => Dispatch::int_add(a, b),
                Self::Sub => Dispatch::int_sub(a, b),
                Self::Mul => Dispatch::int_mul(a, b),
                Self::Div => Dispatch::int_div(a, b),
                Self::Max => pick(a, b, true),
                Self::Min | Self::Pow => pick(a, b, false),
            };
        }
        // The difference would lose what it is added to, and infinities: the larger is picked.
        let pick = |a: DispatchTensor, b: DispatchTensor, larger: bool| {
            let a = primitive::expand(a, shape);
            let b = primitive::expand(b, shape);
            let b_wins = if larger {
                Dispatch::float_lower(a.clone(), b.clone(), BoolDType::Native)
            } else {
                Dispatch::float_greater(a.clone(), b.clone(), BoolDType::Native)
            };
            Dispatch::float_mask_where(a, b_wins, b)
        };
        match self {
            Self::Add => Dispatch::float_add(a, b),
            Self::Sub => Dispatch::float_sub(a, b),
            Self::Mul => Dispatch::float_mul(a, b),
            Self::Div => Dispatch::float_div(a, b),
            Self::Pow => Dispatch::float_powf(a, b),
            Self::Max => pick(a, b, true),
            Self::Min => pick(a, b, false),
        }
    }
}

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
        if a.dtype != b.dtype || a.dtype == DType::Bool {
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
    if condition.dtype != DType::Bool || a.dtype != b.dtype || a.dtype == DType::Bool {
        return Err(OpError::new("it takes truth values and two inputs of one type of numbers"));
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
        _ => Dispatch::float_mask_where(b, condition, a),
    }
}

pub(super) fn infer_cast(to: DType, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(1)?;
    let x = inputs.required(0)?;
    let dtype = Fact::computed(to);
    let known = match dtype {
        DType::F32 => None,
        DType::Bool => x.known.as_ref().map(|k| k.iter().map(|v| i64::from(*v != 0)).collect()),
        _ => x.known.clone(),
    };
    Ok(Fact { dtype, shape: x.shape.clone(), known })
}

pub(super) fn run_cast(to: DType, mut inputs: Values) -> DispatchTensor {
    let x = inputs.take(0);
    let zero = Scalar::Int(0);
    let native = BoolDType::Native;
    match (primitive::kind(&x), Fact::computed(to)) {
        (DType::F32, DType::I64) => Dispatch::float_into_int(x, IntDType::I64),
        (DType::F32, DType::Bool) => {
            Dispatch::bool_not(Dispatch::float_equal_elem(x, Scalar::Float(0.0), native))
        }
        (DType::I64, DType::F32) => Dispatch::int_into_float(x, FloatDType::F32),
        (DType::I64, DType::Bool) => Dispatch::bool_not(Dispatch::int_equal_elem(x, zero, native)),
        (DType::Bool, DType::F32) => Dispatch::bool_into_float(x, FloatDType::F32),
        (DType::Bool, DType::I64) => Dispatch::bool_into_int(x, IntDType::I64),
        _ => x,
    }
}

/// The known elements of `fact`, broadcast to `shape`.
pub(super) fn spread(fact: &Fact, shape: &[usize]) -> Option<Vec<i64>> {
    let known = fact.known.as_ref()?;
    let missing = shape.len() - fact.shape.len();
    let total = shape.iter().product();
    let mut values = Vec::with_capacity(total);
    for position in 0..total {
        let (mut rest, mut source, mut stride) = (position, 0, 1);
        for axis in (0..shape.len()).rev() {
            let index = rest % shape[axis];
            rest /= shape[axis];
            if let Some(axis) = axis.checked_sub(missing) {
                if fact.shape[axis] != 1 {
                    source += index * stride;
                }
                stride *= fact.shape[axis];
            }
        }
        values.push(*known.get(source)?);
    }
    Some(values)
}

fn known_pairs(a: &Fact, b: &Fact, shape: &[usize]) -> Option<Vec<(i64, i64)>> {
    // Only what shapes are made of is worth knowing; and a small one may broadcast to a large.
    const MAX_KNOWN: usize = 1 << 16;
    if shape.iter().product::<usize>() > MAX_KNOWN {
        return None;
    }
    Some(spread(a, shape)?.into_iter().zip(spread(b, shape)?).collect())
}
