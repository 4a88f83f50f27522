//! What differs.

use std::cmp::Ordering;

use super::super::OpError;
use super::super::operand::axis_of;
use super::operands::{Inputs, around};
use super::select::keys;
use crate::{DType, Tensor};

/// The slices that differ, where each first stands, which of them each is, and how often.
pub(super) fn unique(
    axis: Option<i64>,
    sorted: bool,
    inputs: &Inputs,
) -> Result<Vec<Tensor>, OpError> {
    let x = inputs.required(0)?;
    let mut shape = x.shape().to_vec();
    let axis = if let Some(axis) = axis {
        axis_of(axis, shape.len())?
    } else {
        shape = vec![x.len()];
        0
    };
    let (outer, length, inner) = around(&shape, axis);
    let keys = keys(x);
    let element = |slice: usize, part: usize| {
        keys[(part / inner.max(1) * length + slice) * inner + part % inner.max(1)]
    };
    let order_of = |a: usize, b: usize| {
        let mut parts = (0..outer * inner).map(|part| element(a, part).order(element(b, part)));
        parts.find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|&a, &b| order_of(a, b));
    // Equal slices now stand together, the first of them first.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for slice in order {
        match groups.last_mut() {
            Some(group) if order_of(group[0], slice) == Ordering::Equal => group.push(slice),
            _ => groups.push(vec![slice]),
        }
    }
    if !sorted {
        groups.sort_by_key(|group| group[0]);
    }
    let first: Vec<i64> = groups.iter().map(|group| group[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|group| group.len() as i64).collect();
    let mut inverse = vec![0; length];
    for (number, group) in groups.iter().enumerate() {
        for &slice in group {
            inverse[slice] = number as i64;
        }
    }
    shape[axis] = groups.len();
    let size = match x.dtype() {
        DType::Bool => 1,
        DType::F32 => 4,
        _ => 8,
    };
    let mut bytes = Vec::with_capacity(outer * groups.len() * inner * size);
    for before in 0..outer {
        for group in &groups {
            let from = (before * length + group[0]) * inner * size;
            bytes.extend(&x.bytes()[from..from + inner * size]);
        }
    }
    let values = Tensor::new(x.dtype(), shape, bytes.into());
    let list = |values: &[i64]| Tensor::from_i64(&[values.len()], values);
    Ok(vec![
        values.ok_or_else(|| OpError::new("the slices do not fill their shape"))?,
        list(&first),
        list(&inverse),
        list(&counts),
    ])
}
