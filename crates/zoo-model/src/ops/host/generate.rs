//! Numbers that follow from a few numbers.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::super::operand::bounded;
use super::super::{OpError, Operands};
use super::operands::Inputs;
use crate::{DType, Fact, Tensor};

/// How the weights of a window go from its edge to its middle.
///
/// Source: Harris: *On the use of windows for harmonic analysis*, 1978, with ONNX's constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// `0.5 - 0.5 cos`.
    Hann,
    /// `25/46 - 21/46 cos`.
    Hamming,
    /// `0.42 - 0.5 cos + 0.08 cos` of the double.
    Blackman,
}

pub(super) fn window(kind: WindowKind, periodic: bool, inputs: &Inputs) -> Result<Tensor, OpError> {
    let size = inputs.count(0)?.unwrap_or(0);
    bounded(vec![size])?;
    let period = if periodic { size } else { size.saturating_sub(1) }.max(1) as f64;
    let weight = |at: usize| {
        let angle = 2.0 * PI * at as f64 / period;
        (match kind {
            WindowKind::Hann => 0.5 - 0.5 * angle.cos(),
            WindowKind::Hamming => 25.0 / 46.0 - 21.0 / 46.0 * angle.cos(),
            WindowKind::Blackman => 0.42 - 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos(),
        }) as f32
    };
    Ok(Tensor::from_f32(&[size], &(0..size).map(weight).collect::<Vec<_>>()))
}

/// The range, where its three numbers are known whole ones and it is short.
pub(super) fn known_range(inputs: &Operands) -> Result<Option<Vec<i64>>, OpError> {
    let mut numbers = [0; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        match inputs.required(index)?.known.as_deref() {
            Some([value]) => *number = *value,
            Some(_) => return Err(OpError::new("a range has one start, limit and step")),
            None => return Ok(None),
        }
    }
    let range = int_range(numbers)?;
    Ok((range.len() <= Fact::MAX_KNOWN).then_some(range))
}

fn int_range([start, limit, step]: [i64; 3]) -> Result<Vec<i64>, OpError> {
    let span = (i128::from(limit) - i128::from(start)) * i128::from(step.signum());
    if step == 0 {
        return Err(OpError::new("a range cannot go in steps of 0"));
    }
    let stride = i128::from(step.unsigned_abs());
    let count = usize::try_from((span.max(0) + stride - 1) / stride);
    let count = bounded(vec![count.unwrap_or(usize::MAX)])?[0];
    Ok((0..count as i64).map(|at| start.wrapping_add(at.wrapping_mul(step))).collect())
}

pub(super) fn range(inputs: &Inputs) -> Result<Tensor, OpError> {
    if inputs.required(0)?.dtype() != DType::F32 {
        let number = |index| inputs.int(index).map(Option::unwrap_or_default);
        let range = int_range([number(0)?, number(1)?, number(2)?])?;
        return Ok(Tensor::from_i64(&[range.len()], &range));
    }
    let number = |index| Ok::<_, OpError>(f64::from(inputs.float(index)?.unwrap_or_default()));
    let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
    let count = ((limit - start) / step).ceil().max(0.0);
    if !count.is_finite() {
        return Err(OpError::new(format!("{start} to {limit} by {step} has no end")));
    }
    let count = bounded(vec![count as usize])?[0];
    let values: Vec<f32> = (0..count).map(|at| (start + at as f64 * step) as f32).collect();
    Ok(Tensor::from_f32(&[count], &values))
}

pub(super) fn eye(diagonal: i64, dtype: DType, inputs: &Inputs) -> Result<Tensor, OpError> {
    let shape = inputs.required(0)?.shape();
    let [rows, columns] = *shape else {
        return Err(OpError::new("only a matrix has a diagonal"));
    };
    let each = (0..rows * columns).map(|at| {
        let (row, column) = ((at / columns) as i64, (at % columns) as i64);
        column.checked_sub(row) == Some(diagonal)
    });
    Ok(match Fact::computed(dtype) {
        DType::F32 => Tensor::from_f32(shape, &each.map(f32::from).collect::<Vec<_>>()),
        DType::Bool => {
            let bytes: Vec<u8> = each.map(u8::from).collect();
            Tensor::new(DType::Bool, shape.to_vec(), bytes.into())
                .ok_or_else(|| OpError::new("its size overflows"))?
        }
        _ => Tensor::from_i64(shape, &each.map(i64::from).collect::<Vec<_>>()),
    })
}
