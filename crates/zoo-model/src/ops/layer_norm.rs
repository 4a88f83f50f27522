//! Layer normalisation.

use burn_backend::ops::ModuleOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::{axis_of, broadcast};
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::{Context, flex, primitive};

/// `(x - mean) / sqrt(var + epsilon) * scale + bias`, where mean and variance are those of the
/// axes from `axis` to the last, for each index of the axes before. `scale` and `bias` broadcast
/// to the shape of those axes.
///
/// The same in training as in inference. Source: Ba, Kiros, Hinton: *Layer normalization*, 2016.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// The first of the axes that are normalised; negative counts from the last.
    pub axis: i64,
    /// Added to the variance.
    pub epsilon: f32,
}

impl LayerNorm {
    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(3)?;
        let x = inputs.float(0)?;
        let normalized = &x.shape[axis_of(self.axis, x.shape.len())?..];
        if normalized.contains(&0) {
            return Err(OpError::new("there is nothing to normalise"));
        }
        let fits = |name: &str, shape: &[usize]| {
            if broadcast(shape, normalized).is_ok_and(|whole| whole == normalized) {
                return Ok(());
            }
            Err(OpError::new(format!("the {name} {shape:?} does not broadcast to {normalized:?}")))
        };
        fits("scale", &inputs.float(1)?.shape)?;
        if inputs.optional(2).is_some() {
            fits("bias", &inputs.float(2)?.shape)?;
        }
        Ok(Fact::float(x.shape.clone()))
    }

    pub(super) fn run(
        self,
        mut inputs: Values,
        shape: &[usize],
        context: &Context,
    ) -> DispatchTensor {
        if context.kernels()
            && axis_of(self.axis, shape.len()).is_ok_and(|axis| axis + 1 == shape.len())
            && let [Some(x), Some(scale), Some(bias)] = &inputs.0[..]
            && let Some(made) = flex::layer_norm(x, scale, bias, self.epsilon)
        {
            return made;
        }
        let axis = axis_of(self.axis, shape.len()).unwrap_or_default();
        let (before, normalized) = shape.split_at(axis);
        let length: usize = normalized.iter().product();
        let flat = |tensor| primitive::reshape(primitive::expand(tensor, normalized), &[length]);
        let x = inputs.take(0);
        let scale = flat(inputs.take(1));
        let bias = inputs.optional(2).map(flat);
        // Burn normalises the last axis.
        let rows = match normalized {
            [_] => x,
            _ => primitive::reshape(x, &[before.iter().product(), length]),
        };
        let output = Dispatch::layer_norm(rows, scale, bias, f64::from(self.epsilon));
        primitive::reshape(output, shape)
    }
}
