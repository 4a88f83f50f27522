//! Sums, means and extremes along axes.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::axes_of;
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// A reduction along some axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// What is made of the elements.
    pub kind: Reduction,
    /// The axes, negative ones counted from the last. None means those that a second input
    /// lists, and all where there is no such input or it lists none.
    pub axes: Vec<i64>,
    /// Whether reduced axes stay, with length one.
    pub keep_dims: bool,
    /// Whether a second input that lists no axes means none, not all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noop_with_empty_axes: bool,
}

/// What a reduction makes of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their product.
    Prod,
    /// The logarithm of the sum of their exponentials; floating-point only.
    LogSumExp,
}

impl Reduce {
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Reduction::Sum => "reduce_sum",
            Reduction::Mean => "reduce_mean",
            Reduction::Max => "reduce_max",
            Reduction::Min => "reduce_min",
            Reduction::Prod => "reduce_prod",
            Reduction::LogSumExp => "reduce_log_sum_exp",
        }
    }

    /// The axes of a value of `rank` axes, of which a second input may list some.
    fn axes(&self, rank: usize, listed: Option<&[i64]>) -> Result<Vec<usize>, OpError> {
        let axes = if self.axes.is_empty() { listed.unwrap_or_default() } else { &self.axes };
        if axes.is_empty() && !(self.noop_with_empty_axes && listed.is_some()) {
            return Ok((0..rank).collect());
        }
        axes_of(axes, rank)
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let x = inputs.required(0)?;
        let listed = inputs.optional(1).map(|_| inputs.known(1)).transpose()?;
        let axes = self.axes(x.shape.len(), listed)?;
        let mut shape = x.shape.clone();
        for &axis in axes.iter().rev() {
            shape[axis] = 1;
            if !self.keep_dims {
                shape.remove(axis);
            }
        }
        if x.dtype == DType::I64 && axes.len() == x.shape.len() && x.known.is_some() {
            return self.of_known(x, shape);
        }
        if x.elements() == 0 {
            return Err(OpError::new("there is nothing to reduce"));
        }
        match x.dtype {
            DType::F32 => Ok(Fact::float(shape)),
            DType::I64 if self.kind != Reduction::LogSumExp => {
                Ok(Fact { dtype: DType::I64, shape, known: None })
            }
            dtype => Err(OpError::new(format!("it does not reduce {dtype}"))),
        }
    }

    /// All of `x`, whose elements are known.
    fn of_known(&self, x: &Fact, shape: Vec<usize>) -> Result<Fact, OpError> {
        let known = x.known.as_deref().unwrap_or_default();
        let nothing = || OpError::new("there is nothing to reduce");
        let value = match self.kind {
            Reduction::Sum => known.iter().copied().fold(0, i64::wrapping_add),
            Reduction::Prod => known.iter().copied().fold(1, i64::wrapping_mul),
            Reduction::Max => known.iter().copied().max().ok_or_else(nothing)?,
            Reduction::Min => known.iter().copied().min().ok_or_else(nothing)?,
            Reduction::Mean => {
                let sum = known.iter().copied().fold(0, i64::wrapping_add);
                sum.checked_div(known.len() as i64).ok_or_else(nothing)?
            }
            Reduction::LogSumExp => return Err(OpError::new("it does not reduce whole numbers")),
        };
        Ok(Fact::ints(shape, vec![value]))
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        shape: &[usize],
    ) -> Result<DispatchTensor, OpError> {
        let x = inputs.take(0);
        let listed = inputs.optional(1).map(primitive::read_i64);
        let axes = self.axes(primitive::shape(&x).len(), listed.as_deref())?;
        let made = match primitive::kind(&x) {
            DType::F32 => self.of_floats(x, &axes),
            _ => self.of_ints(x, &axes),
        };
        Ok(primitive::reshape(made, shape))
    }

    fn of_floats(&self, mut x: DispatchTensor, axes: &[usize]) -> DispatchTensor {
        if self.kind == Reduction::LogSumExp {
            return log_sum_exp(x, axes);
        }
        let dims = primitive::shape(&x);
        for &axis in axes {
            x = match self.kind {
                Reduction::Max => Dispatch::float_max_dim(x, axis),
                Reduction::Min => Dispatch::float_min_dim(x, axis),
                Reduction::Prod => Dispatch::float_prod_dim(x, axis),
                _ => Dispatch::float_sum_dim(x, axis),
            };
        }
        if self.kind == Reduction::Mean {
            let count: usize = axes.iter().map(|&axis| dims[axis]).product();
            x = Dispatch::float_mul_scalar(x, Scalar::Float(1.0 / count as f64));
        }
        x
    }

    fn of_ints(&self, mut x: DispatchTensor, axes: &[usize]) -> DispatchTensor {
        let dims = primitive::shape(&x);
        for &axis in axes {
            x = match self.kind {
                Reduction::Max => Dispatch::int_max_dim(x, axis),
                Reduction::Min => Dispatch::int_min_dim(x, axis),
                Reduction::Prod => Dispatch::int_prod_dim(x, axis),
                _ => Dispatch::int_sum_dim(x, axis),
            };
        }
        if self.kind == Reduction::Mean {
            let count: usize = axes.iter().map(|&axis| dims[axis]).product();
            x = Dispatch::int_div_scalar(x, Scalar::Int(count as i64));
        }
        x
    }
}

/// The largest number is taken out before the exponentials, which else overflow.
fn log_sum_exp(x: DispatchTensor, axes: &[usize]) -> DispatchTensor {
    let mut largest = Dispatch::float_detach(x.clone());
    for &axis in axes {
        largest = Dispatch::float_max_dim(largest, axis);
    }
    let infinite = Dispatch::float_is_inf(largest.clone(), BoolDType::Native);
    let largest = Dispatch::float_mask_fill(largest, infinite, Scalar::Float(0.0));
    let mut sum = Dispatch::float_exp(Dispatch::float_sub(x, largest.clone()));
    for &axis in axes {
        sum = Dispatch::float_sum_dim(sum, axis);
    }
    Dispatch::float_add(Dispatch::float_log(sum), largest)
}
