//! Local response normalisation.

use burn_backend::Scalar;
use burn_backend::ops::{FloatTensorOps, PadMode};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// `x / (bias + alpha / size * sum)^beta`, where the sum is that of the squares of `size`
/// neighbouring channels, as many before as after, of which those that do not exist are zero. If
/// `size` is even, one more comes after. `x [batch, channels, ...]`.
///
/// Source: Krizhevsky et al.: *ImageNet classification with deep convolutional neural networks*,
/// 2012, section 3.3, with `alpha` divided by `size` as in Caffe, PyTorch and ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lrn {
    /// How many channels are summed over.
    pub size: usize,
    /// The factor of the mean of the squares.
    pub alpha: f32,
    /// The power.
    pub beta: f32,
    /// Added to the mean of the squares.
    pub bias: f32,
}

impl Lrn {
    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        /// Each channel of a window is added by itself.
        const MAX_SIZE: usize = 1 << 10;
        /// Beyond it, all numbers but one become nothing or infinite.
        const MAX_EXPONENT: f32 = 1e6;
        inputs.at_most(1)?;
        let x = inputs.float(0)?;
        if x.shape.len() < 2 || x.elements() == 0 {
            return Err(OpError::new("the input must have channels, one or more"));
        }
        if self.size == 0 || self.size > MAX_SIZE {
            return Err(OpError::new(format!("a window has 1 to {MAX_SIZE} channels")));
        }
        // Burn takes exponents that are whole for integers, and panics where they are none.
        if self.beta.is_nan() || self.beta.abs() > MAX_EXPONENT {
            return Err(OpError::new(format!("it raises to the power of {}", self.beta)));
        }
        Ok(Fact::float(x.shape.clone()))
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let x = inputs.take(0);
        let (batch, channels) = (shape[0], shape[1]);
        let places: usize = shape[2..].iter().product();
        let square = Dispatch::float_mul(x.clone(), x.clone());
        let square = primitive::reshape(square, &[batch, channels, places]);
        let before = (self.size - 1) / 2;
        let pads = [(0, 0), (before, self.size - 1 - before), (0, 0)];
        let padded = Dispatch::float_pad(square, &pads, PadMode::Constant(0.0));
        let shifted = |by: usize| {
            primitive::slice(
                padded.clone(),
                &[(0, batch, 1), (by, by + channels, 1), (0, places, 1)],
            )
        };
        let sum = (1..self.size).map(shifted).fold(shifted(0), Dispatch::float_add);
        let factor = f64::from(self.alpha) / self.size as f64;
        let scale = Dispatch::float_mul_scalar(sum, Scalar::Float(factor));
        let scale = Dispatch::float_add_scalar(scale, Scalar::Float(self.bias.into()));
        let scale = Dispatch::float_powf_scalar(scale, Scalar::Float(self.beta.into()));
        Dispatch::float_div(x, primitive::reshape(scale, shape))
    }
}
