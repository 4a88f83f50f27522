//! One value cut into several.

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::operand::axis_of;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// A value cut into parts along an axis: `x, lengths?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The axis; negative counts from the last.
    pub axis: i64,
    /// How many parts there are. They are equally long, the last one perhaps shorter, unless
    /// `lengths` are given.
    pub parts: usize,
}

impl Split {
    /// How long each part of an axis of `dim` is.
    fn lengths(self, dim: usize, listed: Option<&[i64]>) -> Result<Vec<usize>, OpError> {
        if self.parts == 0 || self.parts > 1 << 16 {
            return Err(OpError::new(format!("it makes {} parts", self.parts)));
        }
        let Some(listed) = listed else {
            let each = dim.div_ceil(self.parts);
            let start = |part: usize| (part * each).min(dim);
            return Ok((0..self.parts).map(|part| start(part + 1) - start(part)).collect());
        };
        let lengths: Option<Vec<usize>> =
            listed.iter().map(|&length| usize::try_from(length).ok()).collect();
        let total = |lengths: &Vec<usize>| {
            lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length)) == Some(dim)
        };
        lengths
            .filter(|lengths| lengths.len() == self.parts && total(lengths))
            .ok_or_else(|| OpError::new(format!("an axis of {dim} has no parts {listed:?}")))
    }

    pub(super) fn infer(self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        inputs.at_most(2)?;
        let x = inputs.required(0)?;
        let axis = axis_of(self.axis, x.shape.len())?;
        let listed = inputs.optional(1).map(|_| inputs.known(1)).transpose()?;
        let mut start = 0;
        let parts = self.lengths(x.shape[axis], listed)?.into_iter().map(|length| {
            let mut shape = x.shape.clone();
            shape[axis] = length;
            let from = start;
            start += length;
            let known = x.known.as_ref().filter(|_| shape.len() == 1);
            let known = known.and_then(|known| Some(known.get(from..from + length)?.to_vec()));
            Fact { dtype: x.dtype, shape, known }
        });
        Ok(parts.collect())
    }

    pub(super) fn run(self, mut inputs: Values) -> Result<Vec<DispatchTensor>, OpError> {
        let x = inputs.take(0);
        let shape = primitive::shape(&x);
        let axis = axis_of(self.axis, shape.len())?;
        let listed = inputs.optional(1).map(primitive::read_i64);
        let mut start = 0;
        let parts = self.lengths(shape[axis], listed.as_deref())?.into_iter().map(|length| {
            let mut ranges: Vec<_> = shape.iter().map(|&dim| (0, dim, 1)).collect();
            ranges[axis] = (start, start + length, 1);
            start += length;
            primitive::slice(x.clone(), &ranges)
        });
        Ok(parts.collect())
    }
}
