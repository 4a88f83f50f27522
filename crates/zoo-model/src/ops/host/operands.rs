//! Inputs that have been brought to the host.

use super::super::OpError;
use crate::Tensor;

/// The inputs of an operator, those not given included.
pub(super) struct Inputs<'a>(pub(super) &'a [Option<Tensor>]);

impl<'a> Inputs<'a> {
    /// Input `index`, if it was given.
    pub(super) fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.0.get(index).and_then(Option::as_ref)
    }

    /// Input `index`.
    pub(super) fn required(&self, index: usize) -> Result<&'a Tensor, OpError> {
        self.optional(index).ok_or_else(|| OpError::new(format!("input {index} is missing")))
    }

    /// Input `index`, of whole numbers or truth values.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, OpError> {
        let values = self.required(index)?.to_i64();
        values.ok_or_else(|| OpError::new(format!("input {index} must be whole numbers")))
    }

    /// The one whole number of input `index`, if it was given.
    pub(super) fn int(&self, index: usize) -> Result<Option<i64>, OpError> {
        if self.optional(index).is_none() {
            return Ok(None);
        }
        match self.ints(index)?[..] {
            [value] => Ok(Some(value)),
            _ => Err(OpError::new(format!("input {index} must be one number"))),
        }
    }

    /// A count given as input `index`.
    pub(super) fn count(&self, index: usize) -> Result<Option<usize>, OpError> {
        let Some(value) = self.int(index)? else { return Ok(None) };
        let count = usize::try_from(value).ok();
        count
            .map(Some)
            .ok_or_else(|| OpError::new(format!("input {index} is {value}, it must be a count")))
    }

    /// The one number of input `index`, if it was given.
    pub(super) fn float(&self, index: usize) -> Result<Option<f32>, OpError> {
        match self.optional(index).map(Tensor::to_f32).as_deref() {
            None => Ok(None),
            Some([value]) => Ok(Some(*value)),
            Some(_) => Err(OpError::new(format!("input {index} must be one number"))),
        }
    }
}

/// How many elements follow each step along an axis: row-major strides.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The lengths before `axis`, of `axis` and after it, each multiplied up.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}
