//! Numbers as whole steps of a scale.

use serde::{Deserialize, Serialize};

use super::super::OpError;
use super::super::operand::axis_of;
use super::operands::{Inputs, around};
use crate::Tensor;

/// The range of a narrow type, in which results are kept. Values are computed as `I64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// -128 to 127.
    I8,
    /// 0 to 255.
    U8,
    /// -32768 to 32767.
    I16,
    /// 0 to 65535.
    U16,
}

impl Width {
    /// `steps` rounded to even and kept in the range, `zero_point` added.
    pub(super) fn saturated(self, steps: f32, zero_point: i64) -> i64 {
        let (low, high) = match self {
            Self::I8 => (-128, 127),
            Self::U8 => (0, 255),
            Self::I16 => (-32768, 32767),
            Self::U16 => (0, 65535),
        };
        (steps.round_ties_even() as i64).saturating_add(zero_point).clamp(low, high)
    }
}

/// A scale and zero point for each element of a tensor: one for all, or one for each index of an
/// axis.
pub(super) struct Steps {
    scales: Vec<f32>,
    zero_points: Vec<i64>,
    inner: usize,
}

impl Steps {
    pub(super) fn new(
        shape: &[usize],
        axis: i64,
        scales: &Tensor,
        zero_points: Option<&Tensor>,
    ) -> Result<Self, OpError> {
        let scales = scales.to_f32();
        let zero_points = match zero_points {
            None => vec![0; scales.len()],
            Some(tensor) => tensor
                .to_i64()
                .ok_or_else(|| OpError::new("the zero point must be a whole number"))?,
        };
        let mut inner = 1;
        if scales.len() != 1 || zero_points.len() != 1 {
            let axis = axis_of(axis, shape.len())?;
            let length;
            (_, length, inner) = around(shape, axis);
            if [scales.len(), zero_points.len()].iter().any(|&len| len != length && len != 1) {
                return Err(OpError::new(format!("axis {axis} needs {length} scales")));
            }
        }
        Ok(Self { scales, zero_points, inner: inner.max(1) })
    }

    /// Of the element at `position`.
    pub(super) fn at(&self, position: usize) -> (f32, i64) {
        let index = position / self.inner;
        let zero_point = self.zero_points[index % self.zero_points.len()];
        (self.scales[index % self.scales.len()], zero_point)
    }
}

pub(super) fn quantize(axis: i64, width: Width, inputs: &Inputs) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let steps = Steps::new(x.shape(), axis, inputs.required(1)?, inputs.optional(2))?;
    let each = x.to_f32().into_iter().enumerate().map(|(position, value)| {
        let (scale, zero_point) = steps.at(position);
        width.saturated(value / scale, zero_point)
    });
    Ok(Tensor::from_i64(x.shape(), &each.collect::<Vec<_>>()))
}

pub(super) fn dequantize(axis: i64, inputs: &Inputs) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let steps = Steps::new(x.shape(), axis, inputs.required(1)?, inputs.optional(2))?;
    let each = inputs.ints(0)?.into_iter().enumerate().map(|(position, value)| {
        let (scale, zero_point) = steps.at(position);
        value.wrapping_sub(zero_point) as f32 * scale
    });
    Ok(Tensor::from_f32(x.shape(), &each.collect::<Vec<_>>()))
}

/// Steps from 0 to 255, the scale that spans the values and zero, and the step of zero.
pub(super) fn dynamic(inputs: &Inputs) -> Result<Vec<Tensor>, OpError> {
    let x = inputs.required(0)?;
    let values = x.to_f32();
    let low = values.iter().copied().fold(0.0, f32::min);
    let high = values.iter().copied().fold(0.0, f32::max);
    // All zeros fit any scale.
    let scale = if high > low { (high - low) / 255.0 } else { 1.0 };
    let zero_point = Width::U8.saturated(-low / scale, 0);
    let each = values.iter().map(|value| Width::U8.saturated(value / scale, zero_point));
    Ok(vec![
        Tensor::from_i64(x.shape(), &each.collect::<Vec<_>>()),
        Tensor::from_f32(&[], &[scale]),
        Tensor::from_i64(&[], &[zero_point]),
    ])
}
