//! Elementwise functions of two values, with broadcasting.

use burn_backend::ops::{ActivationOps, BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::known::known_pairs;
use super::operand::broadcast;
use super::{OpError, Operands, Values};
use crate::exec::{Context, flex, primitive};
use crate::{DType, Fact};

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
    /// What `a / b` leaves, with the sign of `b`. ONNX `Mod`.
    Mod,
    /// What `a / b` leaves, with the sign of `a`. ONNX `Mod` with `fmod`.
    Remainder,
    /// `a` to the power of `b`.
    Pow,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// `a` where that is not below zero, `a b` elsewhere; floating-point only. ONNX `PRelu`.
    PRelu,
    /// Whether both hold; of whole numbers, bit by bit.
    And,
    /// Whether one or both hold; of whole numbers, bit by bit.
    Or,
    /// Whether just one holds; of whole numbers, bit by bit.
    Xor,
    /// `a` times two to the power of `b`, whole numbers only; what goes beyond 64 bits is lost.
    ShiftLeft,
    /// `a`'s bits, taken as a number without sign, moved down by `b`.
    ShiftRight,
}

impl Binary {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Mod => "mod",
            Self::Remainder => "remainder",
            Self::Pow => "pow",
            Self::Max => "max",
            Self::Min => "min",
            Self::PRelu => "p_relu",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::ShiftLeft => "shift_left",
            Self::ShiftRight => "shift_right",
        }
    }

    /// Whether it takes values of type `dtype`.
    fn takes(self, dtype: DType) -> bool {
        match self {
            Self::And | Self::Or | Self::Xor => dtype != DType::F32,
            Self::ShiftLeft | Self::ShiftRight => dtype == DType::I64,
            Self::PRelu => dtype == DType::F32,
            _ => dtype != DType::Bool,
        }
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let (a, b) = (inputs.required(0)?, inputs.required(1)?);
        let shape = broadcast(&a.shape, &b.shape)?;
        if a.dtype != b.dtype || !self.takes(a.dtype) {
            return Err(OpError::new(format!("it does not take {} with {}", a.dtype, b.dtype)));
        }
        let known = known_pairs(a, b, &shape)
            .map(|pairs| pairs.into_iter().map(|(a, b)| self.of_ints(a, b)).collect())
            .transpose()?;
        Ok(Fact { dtype: a.dtype, shape, known })
    }

    fn of_ints(self, a: i64, b: i64) -> Result<i64, OpError> {
        if matches!(self, Self::Div | Self::Mod | Self::Remainder) && b == 0 {
            return Err(OpError::new("division by zero"));
        }
        let shift = u32::try_from(b).ok().filter(|&by| by < 64);
        Ok(match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul | Self::PRelu => a.wrapping_mul(b),
            Self::Div => a.wrapping_div(b),
            Self::Remainder => a.wrapping_rem(b),
            Self::Mod => {
                let left = a.wrapping_rem(b);
                if left != 0 && (left < 0) != (b < 0) { left + b } else { left }
            }
            Self::Pow => {
                let negative = || OpError::new("a whole number to a power below zero");
                a.wrapping_pow(u32::try_from(b).map_err(|_| negative())?)
            }
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
            Self::ShiftLeft => shift.map_or(0, |by| a << by),
            Self::ShiftRight => shift.map_or(0, |by| (a as u64 >> by) as i64),
        })
    }

    pub(super) fn run(
        self,
        mut inputs: Values,
        shape: &[usize],
        context: &mut Context,
    ) -> Result<DispatchTensor, OpError> {
        let a = primitive::broadcast_rank(inputs.take(0), shape.len());
        let b = primitive::broadcast_rank(inputs.take(1), shape.len());
        if context.kernels()
            && let Some(made) = self.by_kernels(&a, &b, shape, context)
        {
            return Ok(made);
        }
        match primitive::kind(&a) {
            DType::F32 => Ok(self.of_float_tensors(a, b, shape)),
            DType::Bool => {
                let (a, b) = (primitive::expand(a, shape), primitive::expand(b, shape));
                Ok(match self {
                    Self::And => Dispatch::bool_and(a, b),
                    Self::Or => Dispatch::bool_or(a, b),
                    _ => Dispatch::bool_xor(a, b),
                })
            }
            _ => self.of_int_tensors(a, b, shape),
        }
    }

    /// The same by our own kernels, where there is one for it.
    fn by_kernels(
        self,
        a: &DispatchTensor,
        b: &DispatchTensor,
        shape: &[usize],
        context: &mut Context,
    ) -> Option<DispatchTensor> {
        let is_whole = |tensor: &DispatchTensor| primitive::shape(tensor) == shape;
        // The one that is not repeated first.
        let (a, b) = if is_whole(a) { (a, b) } else { (b, a) };
        match self {
            Self::Add => {
                let rectified = context.rectifier_follows();
                if let Some(made) = flex::add(a, b, rectified) {
                    if rectified {
                        context.rectified();
                    }
                    return Some(made);
                }
                is_whole(a).then(|| flex::add_rows(a, b))?
            }
            Self::Mul => is_whole(a).then(|| flex::scale(a, b))?,
            _ => None,
        }
    }

    fn of_float_tensors(
        self,
        a: DispatchTensor,
        b: DispatchTensor,
        shape: &[usize],
    ) -> DispatchTensor {
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
            Self::Div => Dispatch::float_div(a, b),
            Self::Mod => Dispatch::float_remainder(a, b),
            Self::Remainder => {
                let (a, b) = (primitive::expand(a, shape), primitive::expand(b, shape));
                let negative =
                    Dispatch::float_lower_elem(a.clone(), Scalar::Float(0.0), BoolDType::Native);
                let left =
                    Dispatch::float_remainder(Dispatch::float_abs(a), Dispatch::float_abs(b));
                let negated = Dispatch::float_neg(left.clone());
                Dispatch::float_mask_where(left, negative, negated)
            }
            Self::Pow => Dispatch::float_powf(a, b),
            Self::Max => pick(a, b, true),
            Self::Min => pick(a, b, false),
            Self::PRelu => {
                Dispatch::prelu(primitive::expand(a, shape), primitive::expand(b, shape))
            }
            _ => Dispatch::float_mul(a, b),
        }
    }

    fn of_int_tensors(
        self,
        a: DispatchTensor,
        b: DispatchTensor,
        shape: &[usize],
    ) -> Result<DispatchTensor, OpError> {
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
        Ok(match self {
            Self::Add => Dispatch::int_add(a, b),
            Self::Sub => Dispatch::int_sub(a, b),
            Self::Mul | Self::PRelu => Dispatch::int_mul(a, b),
            Self::Max => pick(a, b, true),
            Self::Min => pick(a, b, false),
            Self::And => Dispatch::bitwise_and(a, b),
            Self::Or => Dispatch::bitwise_or(a, b),
            Self::Xor => Dispatch::bitwise_xor(a, b),
            Self::Mod => {
                divisors(&b)?;
                Dispatch::int_remainder(a, b)
            }
            // The processor traps on some of these, and Burn shifts by the amount modulo 64.
            Self::Div | Self::Remainder | Self::Pow | Self::ShiftLeft | Self::ShiftRight => {
                let device = primitive::device(&a);
                let a = primitive::read_i64(primitive::expand(a, shape));
                let b = primitive::read_i64(primitive::expand(b, shape));
                let pairs = a.into_iter().zip(b);
                let made = pairs.map(|(a, b)| self.of_ints(a, b)).collect::<Result<Vec<_>, _>>()?;
                primitive::from_i64(&made, shape, &device)
            }
        })
    }
}

/// Refuses to divide by zero.
fn divisors(b: &DispatchTensor) -> Result<(), OpError> {
    if primitive::read_i64(b.clone()).contains(&0) {
        return Err(OpError::new("division by zero"));
    }
    Ok(())
}
