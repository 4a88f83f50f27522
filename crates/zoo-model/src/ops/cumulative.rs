//! Sums of everything up to each element.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::axis_of;
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// The sum along an axis up to each element: `x, axis`. ONNX `CumSum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CumulativeSum {
    /// Whether the element itself does not count.
    pub exclusive: bool,
    /// Whether sums begin at the end.
    pub reverse: bool,
}

impl CumulativeSum {
    pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let x = inputs.required(0)?;
        let [axis] = *inputs.known(1)? else {
            return Err(OpError::new("the axis must be one number"));
        };
        axis_of(axis, x.shape.len())?;
        if x.dtype == DType::Bool {
            return Err(OpError::new("truth values have no sum"));
        }
        Ok(Fact { dtype: x.dtype, shape: x.shape.clone(), known: None })
    }

    pub(super) fn run(
        self,
        mut inputs: Values,
        shape: &[usize],
    ) -> Result<DispatchTensor, OpError> {
        let x = inputs.take(0);
        let axis = primitive::read_i64(inputs.take(1)).first().copied().unwrap_or_default();
        let axis = axis_of(axis, shape.len())?;
        if shape.contains(&0) {
            return Ok(x);
        }
        let turn = |x| if self.reverse { primitive::flip(x, &[axis]) } else { x };
        let mut x = turn(x);
        let first = |length: usize| {
            let mut ranges: Vec<_> = shape.iter().map(|&length| (0, length, 1)).collect();
            ranges[axis] = (0, length, 1);
            ranges
        };
        if self.exclusive {
            // Moved by one, a zero in front: no difference, which would lose digits.
            let zero = primitive::slice(x.clone(), &first(1));
            let zero = match primitive::kind(&zero) {
                DType::F32 => Dispatch::float_sub(zero.clone(), zero),
                _ => Dispatch::int_sub(zero.clone(), zero),
            };
            let rest = primitive::slice(x, &first(shape[axis] - 1));
            x = if shape[axis] == 1 { zero } else { primitive::concat(vec![zero, rest], axis) };
        }
        Ok(turn(match primitive::kind(&x) {
            DType::F32 => Dispatch::float_cumsum(x, axis),
            _ => Dispatch::int_cumsum(x, axis),
        }))
    }
}
