//! Batch normalisation and dropout: what behaves otherwise while training.

use burn_backend::ops::{FloatTensorOps, ModuleOps};
use burn_backend::{TensorData, TensorMetadata};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::{Context, flex, primitive};

/// `(x - mean) / sqrt(var + epsilon) * weight + bias` for each channel of
/// `x [batch, channels, ...]`; the other inputs have shape `[channels]`.
///
/// Inference, and training with frozen statistics, take the running mean and variance.
/// Training with batch statistics takes those of the batch and moves the running ones.
/// Source: Ioffe, Szegedy: *Batch normalization*, 2015; PyTorch's `BatchNorm2d`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f32,
    /// How far a training step moves the running statistics towards the batch's, as PyTorch
    /// counts it.
    pub momentum: f32,
}

impl BatchNorm {
    pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(5)?;
        let x = inputs.float(0)?;
        if x.shape.len() < 2 {
            return Err(OpError::new("the input must have a channel axis"));
        }
        let channels = x.shape[1];
        for (index, name) in
            ["weight", "bias", "running mean", "running variance"].iter().enumerate()
        {
            let shape = &inputs.float(index + 1)?.shape;
            if shape != &[channels] {
                return Err(OpError::new(format!(
                    "the {name} has shape {shape:?}, not [{channels}]"
                )));
            }
        }
        Ok(Fact::float(x.shape.clone()))
    }

    pub(super) fn run(self, mut inputs: Values, context: &mut Context) -> DispatchTensor {
        let (x, weight, bias) = (inputs.take(0), inputs.take(1), inputs.take(2));
        let (mean, variance) = (inputs.take(3), inputs.take(4));
        let from_batch = context.batch_statistics(&weight);
        let samples =
            primitive::shape(&x).iter().product::<usize>() / primitive::shape(&x)[1].max(1);
        let running = (!from_batch).then_some([&mean, &variance]);
        let rectified = context.rectifier_follows();
        if context.kernels()
            && let Some(made) =
                flex::batch_norm(&x, [&weight, &bias], running, self.epsilon, rectified)
        {
            if rectified {
                context.rectified();
            }
            if let Some((batch_mean, batch_variance)) = made.moments {
                self.record([mean, variance], [batch_mean, batch_variance], samples, context);
            }
            return made.output;
        }
        if !from_batch {
            return Dispatch::batch_norm(x, weight, bias, mean, variance, f64::from(self.epsilon));
        }
        let batch = Dispatch::batch_norm_train(x, weight, bias, f64::from(self.epsilon));
        let found = [batch.mean, batch.variance].map(primitive::read_f32);
        self.record([mean, variance], found, samples, context);
        batch.output
    }

    /// Moves the running statistics towards those that were found in a batch of so many samples.
    fn record(
        self,
        [mean, variance]: [DispatchTensor; 2],
        [batch_mean, batch_variance]: [Vec<f32>; 2],
        samples: usize,
        context: &mut Context,
    ) {
        let momentum = self.momentum;
        // The variance that normalises is biased, the one that is kept is not.
        let unbias = samples as f32 / samples.saturating_sub(1).max(1) as f32;
        let moved = |running: DispatchTensor, batch: Vec<f32>, factor: f32| -> Vec<f32> {
            let running = primitive::read_f32(running);
            let towards = |(r, b): (&f32, &f32)| r + momentum * (b * factor - r);
            running.iter().zip(&batch).map(towards).collect()
        };
        let mean = moved(mean, batch_mean, 1.0);
        let variance = moved(variance, batch_variance, unbias);
        context.record_statistics(mean, variance);
    }
}

pub(super) fn infer_dropout(probability: f32, inputs: &Operands) -> Result<Fact, OpError> {
    if !(0.0..1.0).contains(&probability) {
        return Err(OpError::new(format!("the probability {probability} is not in [0, 1)")));
    }
    Ok(Fact::float(inputs.float(0)?.shape.clone()))
}

pub(super) fn run_dropout(
    probability: f32,
    mut inputs: Values,
    context: &mut Context,
) -> DispatchTensor {
    let x = inputs.take(0);
    let Some(random) = context.dropout() else { return x };
    if probability == 0.0 {
        return x;
    }
    let shape = x.shape();
    let keep = 1.0 / (1.0 - probability);
    let mask: Vec<f32> = (0..shape.num_elements())
        .map(|_| if (random.unit() as f32) < probability { 0.0 } else { keep })
        .collect();
    let mask = Dispatch::float_from_data(TensorData::new(mask, shape), context.device());
    Dispatch::float_mul(x, mask)
}
