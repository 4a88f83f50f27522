//! Positions: of what is not zero, of the best, of what is reversed.

use std::cmp::Ordering;

use super::super::OpError;
use super::super::operand::axis_of;
use super::operands::{Inputs, around, strides};
use crate::Tensor;

pub(super) fn non_zero(inputs: &Inputs) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let holds: Vec<bool> = match x.to_i64() {
        Some(values) => values.iter().map(|&value| value != 0).collect(),
        None => x.to_f32().iter().map(|&value| value != 0.0).collect(),
    };
    let found: Vec<usize> =
        holds.iter().enumerate().filter(|(_, holds)| **holds).map(|(at, _)| at).collect();
    // A scalar counts as a list of one element.
    let shape = if x.shape().is_empty() { &[1][..] } else { x.shape() };
    let mut rows = Vec::with_capacity(shape.len() * found.len());
    for (&stride, &length) in strides(shape).iter().zip(shape) {
        rows.extend(found.iter().map(|at| (at / stride % length) as i64));
    }
    Ok(Tensor::from_i64(&[shape.len(), found.len()], &rows))
}

/// An element that can be ordered: `NaN` counts as larger than everything, as in `NumPy`.
pub(super) fn keys(x: &Tensor) -> Vec<Key> {
    match x.to_i64() {
        Some(values) => values.into_iter().map(Key::Int).collect(),
        None => x.to_f32().into_iter().map(Key::Float).collect(),
    }
}

/// A number to compare.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Int(i64),
    Float(f32),
}

impl Key {
    pub(super) fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => {
                a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            }
            _ => Ordering::Equal,
        }
    }
}

pub(super) fn top_k(axis: i64, largest: bool, inputs: &Inputs) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let axis = axis_of(axis, x.shape().len())?;
    let count = inputs.count(1)?.unwrap_or(0);
    let (outer, length, inner) = around(x.shape(), axis);
    if count > length {
        return Err(OpError::new(format!("{count} elements of {length} are wanted")));
    }
    let keys = keys(x);
    let mut indices = vec![0; outer * count * inner];
    for before in 0..outer {
        for after in 0..inner {
            let key = |at: usize| keys[(before * length + at) * inner + after];
            let mut order: Vec<usize> = (0..length).collect();
            // Stable: of equal elements, the first one comes first.
            order.sort_by(
                |&a, &b| {
                    if largest { key(b).order(key(a)) } else { key(a).order(key(b)) }
                },
            );
            for (rank, at) in order.into_iter().take(count).enumerate() {
                indices[(before * count + rank) * inner + after] = at as i64;
            }
        }
    }
    let mut shape = x.shape().to_vec();
    shape[axis] = count;
    Ok(Tensor::from_i64(&shape, &indices))
}

pub(super) fn reverse_indices(
    time_axis: usize,
    batch_axis: usize,
    inputs: &Inputs,
) -> Result<Tensor, OpError> {
    let shape = inputs.required(0)?.shape();
    let (strides, time) = (strides(shape), shape[time_axis]);
    let lengths = inputs.ints(1)?;
    let sound = |&length: &i64| usize::try_from(length).is_ok_and(|length| length <= time);
    if let Some(length) = lengths.iter().find(|length| !sound(length)) {
        return Err(OpError::new(format!("a sequence of {length} steps does not fit in {time}")));
    }
    let indices: Vec<i64> = (0..shape.iter().product::<usize>())
        .map(|at| {
            let step = (at / strides[time_axis] % time) as i64;
            let length = lengths[at / strides[batch_axis] % shape[batch_axis]];
            if step < length { length - 1 - step } else { step }
        })
        .collect();
    Ok(Tensor::from_i64(shape, &indices))
}
