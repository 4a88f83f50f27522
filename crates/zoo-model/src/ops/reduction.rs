//! Sums, means and extremes along axes.

use burn_backend::ops::FloatTensorOps;
use burn_backend::{Scalar, Shape};
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
    /// The axes, negative ones counted from the last; none means all.
    pub axes: Vec<i64>,
    /// Whether reduced axes stay, with length one.
    pub keep_dims: bool,
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
}

impl Reduce {
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Reduction::Sum => "reduce_sum",
            Reduction::Mean => "reduce_mean",
            Reduction::Max => "reduce_max",
            Reduction::Min => "reduce_min",
            Reduction::Prod => "reduce_prod",
        }
    }

    fn axes(&self, rank: usize) -> Result<Vec<usize>, OpError> {
        if self.axes.is_empty() { Ok((0..rank).collect()) } else { axes_of(&self.axes, rank) }
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.required(0)?;
        let axes = self.axes(x.shape.len())?;
        let mut shape = x.shape.clone();
        for &axis in axes.iter().rev() {
            if x.shape[axis] == 0 {
                return Err(OpError::new(format!("axis {axis} has nothing to reduce")));
            }
            shape[axis] = 1;
            if !self.keep_dims {
                shape.remove(axis);
            }
        }
        if x.dtype == DType::F32 {
            return Ok(Fact::float(shape));
        }
        // Whole numbers are reduced where shapes are computed, and only as a whole.
        match (&x.known, axes.len() == x.shape.len()) {
            (Some(known), true) => {
                let value = match self.kind {
                    Reduction::Sum => known.iter().copied().fold(0, i64::wrapping_add),
                    Reduction::Prod => known.iter().copied().fold(1, i64::wrapping_mul),
                    Reduction::Max => known.iter().copied().max().unwrap_or_default(),
                    Reduction::Min => known.iter().copied().min().unwrap_or_default(),
                    Reduction::Mean => {
                        return Err(OpError::new("a mean of whole numbers is not one"));
                    }
                };
                Ok(Fact::ints(shape, vec![value]))
            }
            _ => Err(OpError::new("only floating-point numbers can be reduced")),
        }
    }

    pub(super) fn run(&self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let mut x = inputs.take(0);
        let input = primitive::shape(&x);
        let axes = self.axes(input.len()).unwrap_or_default();
        let mut count = 1;
        for axis in axes {
            count *= input[axis];
            x = match self.kind {
                Reduction::Sum | Reduction::Mean => Dispatch::float_sum_dim(x, axis),
                Reduction::Max => Dispatch::float_max_dim(x, axis),
                Reduction::Min => Dispatch::float_min_dim(x, axis),
                Reduction::Prod => Dispatch::float_prod_dim(x, axis),
            };
        }
        if self.kind == Reduction::Mean {
            x = Dispatch::float_mul_scalar(x, Scalar::Float(1.0 / count as f64));
        }
        Dispatch::float_reshape(x, Shape::from(shape.to_vec()))
    }
}
