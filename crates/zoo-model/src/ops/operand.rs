//! What operators are handed: the facts of their inputs, and then the inputs.

use burn_dispatch::DispatchTensor;

use super::OpError;
use crate::{DType, Fact};

/// The facts of an operator's inputs.
pub(crate) struct Operands<'a>(pub(crate) &'a [Option<&'a Fact>]);

impl<'a> Operands<'a> {
    /// How many inputs there are, those not given included.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Input `index`, which may be absent.
    pub(crate) fn optional(&self, index: usize) -> Option<&'a Fact> {
        self.0.get(index).copied().flatten()
    }

    /// Input `index`.
    pub(crate) fn required(&self, index: usize) -> Result<&'a Fact, OpError> {
        self.optional(index).ok_or_else(|| OpError::new(format!("input {index} is missing")))
    }

    /// Input `index`, of floating-point numbers.
    pub(crate) fn float(&self, index: usize) -> Result<&'a Fact, OpError> {
        let fact = self.required(index)?;
        if fact.dtype == DType::F32 {
            return Ok(fact);
        }
        Err(OpError::new(format!("input {index} is {}, it must be F32", fact.dtype)))
    }

    /// Input `index`, of whole numbers that are known before the run.
    pub(crate) fn known(&self, index: usize) -> Result<&'a [i64], OpError> {
        self.required(index)?.known.as_deref().ok_or_else(|| {
            OpError::needs_values(format!("input {index} depends on the data, and shapes must not"))
        })
    }

    /// The first `count` inputs and no more.
    pub(crate) fn at_most(&self, count: usize) -> Result<(), OpError> {
        match self.len() {
            len if len <= count => Ok(()),
            len => Err(OpError::new(format!("it takes {count} inputs, not {len}"))),
        }
    }
}

/// The inputs of an operator, each to be taken once: a buffer whose last reader takes it can
/// be written in place.
pub(crate) struct Values(pub(crate) Vec<Option<DispatchTensor>>);

impl Values {
    /// Input `index`, whose presence the shape rule has checked.
    pub(crate) fn take(&mut self, index: usize) -> DispatchTensor {
        self.optional(index).expect("the shape rule checked that this input is there")
    }

    /// Input `index`, if it was given.
    pub(crate) fn optional(&mut self, index: usize) -> Option<DispatchTensor> {
        self.0.get_mut(index).and_then(Option::take)
    }
}

/// `axis` counted from the first, where negative ones count from the last.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize, OpError> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted)
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| OpError::new(format!("axis {axis} is beyond rank {rank}")))
}

/// The axes that `axes` name, in order and without repetition.
pub(super) fn axes_of(axes: &[i64], rank: usize) -> Result<Vec<usize>, OpError> {
    let mut found = Vec::with_capacity(axes.len());
    for &axis in axes {
        found.push(axis_of(axis, rank)?);
    }
    found.sort_unstable();
    if found.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(OpError::new(format!("an axis is named twice in {axes:?}")));
    }
    Ok(found)
}

/// The shape to which `a` and `b` broadcast, as NumPy and ONNX define it.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, OpError> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis])
    };
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        shape.push(match (dim(a, axis), dim(b, axis)) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            _ => return Err(OpError::new(format!("{a:?} and {b:?} do not broadcast"))),
        });
    }
    bounded(shape)
}

/// `shape`, if a tensor of it can be held at all.
///
/// The limit is that of one tensor's elements; it keeps a file from asking for a buffer that
/// no machine has.
pub(super) fn bounded(shape: Vec<usize>) -> Result<Vec<usize>, OpError> {
    /// 2^31 numbers: 8 GiB in `F32`.
    const MAX_ELEMENTS: usize = 1 << 31;
    let elements = shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim));
    match elements {
        Some(count) if count <= MAX_ELEMENTS => Ok(shape),
        _ => Err(OpError::new(format!("a tensor of shape {shape:?} is too large"))),
    }
}
