//! More elements around a value: a constant, the edge again, or a mirror image.

use burn_backend::ops::{FloatTensorOps, PadMode};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::operand::{axis_of, bounded};
use super::{Layout, OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// So many before and after, for each axis.
type Pads = Vec<(usize, usize)>;

/// What `layout` adds to a value of `rank` axes: its own list, or else what the inputs list.
fn pads(
    list: &[(usize, usize)],
    rank: usize,
    listed: Option<&[i64]>,
    axes: Option<&[i64]>,
) -> Result<Pads, OpError> {
    let Some(listed) = listed.filter(|_| list.is_empty()) else {
        if list.len() != rank {
            return Err(OpError::new(format!("{} pairs pad {rank} axes", list.len())));
        }
        return Ok(list.to_vec());
    };
    let all: Vec<i64> = (0..rank as i64).collect();
    let axes = axes.unwrap_or(&all);
    let counts: Option<Vec<usize>> = listed.iter().map(|&n| usize::try_from(n).ok()).collect();
    let counts = counts.ok_or_else(|| OpError::new("it cuts off where a number is negative"))?;
    if counts.len() != 2 * axes.len() {
        return Err(OpError::new(format!("{} numbers pad {} axes", counts.len(), axes.len())));
    }
    let mut pads = vec![(0, 0); rank];
    for (index, &axis) in axes.iter().enumerate() {
        pads[axis_of(axis, rank)?] = (counts[index], counts[axes.len() + index]);
    }
    Ok(pads)
}

fn own_list(layout: &Layout) -> &[(usize, usize)] {
    match layout {
        Layout::Pad { pads, .. } | Layout::PadReflect { pads } | Layout::PadEdge { pads } => pads,
        _ => &[],
    }
}

pub(super) fn infer(layout: &Layout, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(4)?;
    let x = inputs.required(0)?;
    let list = |index| inputs.optional(index).map(|_| inputs.known(index)).transpose();
    let pads = pads(own_list(layout), x.shape.len(), list(1)?, list(3)?)?;
    for (&dim, &(before, after)) in x.shape.iter().zip(&pads) {
        let longest = before.max(after);
        match layout {
            Layout::PadReflect { .. } if longest > 0 && longest >= dim => {
                return Err(OpError::new("an axis is too short to be mirrored so far"));
            }
            Layout::PadEdge { .. } if longest > 0 && dim == 0 => {
                return Err(OpError::new("an axis of length 0 has no edge"));
            }
            _ => {}
        }
    }
    match (layout, inputs.optional(2)) {
        (Layout::Pad { .. }, Some(value)) if value.dtype != x.dtype || value.elements() != 1 => {
            return Err(OpError::new("what it pads with is not one element of the same type"));
        }
        (Layout::Pad { .. }, None) if x.dtype == DType::Bool => {
            return Err(OpError::new("what truth values are padded with must be given"));
        }
        _ => {}
    }
    let padded = |(dim, (before, after)): (&usize, &(usize, usize))| {
        dim.checked_add(*before)?.checked_add(*after)
    };
    let shape: Option<Vec<usize>> = x.shape.iter().zip(&pads).map(padded).collect();
    let shape = bounded(shape.ok_or_else(|| OpError::new("the padding overflows"))?)?;
    Ok(Fact { dtype: x.dtype, shape, known: None })
}

pub(super) fn run(layout: &Layout, mut inputs: Values) -> Result<DispatchTensor, OpError> {
    let mut x = inputs.take(0);
    let mut list = |index| inputs.optional(index).map(primitive::read_i64);
    let (listed, axes) = (list(1), list(3));
    let dims = primitive::shape(&x);
    let pads = pads(own_list(layout), dims.len(), listed.as_deref(), axes.as_deref())?;
    let given = inputs.optional(2);
    let floats = primitive::kind(&x) == DType::F32;
    match layout {
        Layout::Pad { value, .. } if floats && given.is_none() => {
            return Ok(Dispatch::float_pad(x, &pads, PadMode::Constant(*value)));
        }
        Layout::PadReflect { .. } if floats => {
            return Ok(Dispatch::float_pad(x, &pads, PadMode::Reflect));
        }
        _ => {}
    }
    let device = primitive::device(&x);
    let value = match layout {
        Layout::Pad { value, .. } => {
            Some(given.unwrap_or_else(|| primitive::from_i64(&[*value as i64], &[], &device)))
        }
        _ => None,
    };
    let mirrored = matches!(layout, Layout::PadReflect { .. });
    for (axis, &pad) in pads.iter().enumerate().filter(|(_, pad)| **pad != (0, 0)) {
        x = if let Some(value) = &value {
            surrounded(x, axis, pad, value)
        } else {
            let places = places(dims[axis], pad, mirrored);
            let places = primitive::from_i64(&places, &[places.len()], &device);
            primitive::select(x, axis, places)
        };
    }
    Ok(x)
}

/// `x` with `value` around it along `axis`.
fn surrounded(
    x: DispatchTensor,
    axis: usize,
    (before, after): (usize, usize),
    value: &DispatchTensor,
) -> DispatchTensor {
    let mut shape = primitive::shape(&x);
    let value = primitive::reshape(value.clone(), &vec![1; shape.len()]);
    let mut around = |count: usize| {
        shape[axis] = count;
        (count > 0).then(|| primitive::expand(value.clone(), &shape))
    };
    let parts = [around(before), Some(x), around(after)];
    primitive::concat(parts.into_iter().flatten().collect(), axis)
}

/// The indices of an axis of `length` that its padded one consists of.
fn places(length: usize, (before, after): (usize, usize), mirrored: bool) -> Vec<i64> {
    let end = length as i64 - 1;
    let place = |at: i64| match mirrored {
        true if at < 0 => -at,
        true if at > end => 2 * end - at,
        _ => at.clamp(0, end.max(0)),
    };
    (-(before as i64)..(length + after) as i64).map(place).collect()
}
