//! Losses that a graph may hold.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// Minus the logarithm of the probability of each target, weighted by its class: of
/// `log_probabilities [batch, classes, ...], targets [batch, ...], weights [classes]?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegativeLogLikelihood {
    /// What is made of the losses.
    pub reduction: LossReduction,
    /// The target that costs nothing and counts for nothing; it need not be a class.
    pub ignore_index: Option<i64>,
}

/// What is made of the losses of all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossReduction {
    /// Nothing: they stay in the shape of the targets.
    None,
    /// Their sum.
    Sum,
    /// Their sum over that of their weights.
    Mean,
}

impl NegativeLogLikelihood {
    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(3)?;
        let (x, targets) = (inputs.float(0)?, inputs.required(1)?);
        if x.shape.len() < 2 || x.elements() == 0 || targets.dtype != DType::I64 {
            return Err(OpError::new("it takes [batch, classes, ...] and whole numbers"));
        }
        let mut wanted = x.shape.clone();
        let classes = wanted.remove(1);
        if targets.shape != wanted {
            let found = &targets.shape;
            return Err(OpError::new(format!("the targets are {found:?}, not {wanted:?}")));
        }
        if inputs.optional(2).is_some() && inputs.float(2)?.shape != [classes] {
            return Err(OpError::new(format!("the weights are not one for each of {classes}")));
        }
        match self.reduction {
            LossReduction::None => Ok(Fact::float(wanted)),
            LossReduction::Sum | LossReduction::Mean => Ok(Fact::float([])),
        }
    }

    pub(super) fn run(self, mut inputs: Values) -> Result<DispatchTensor, OpError> {
        let (x, targets) = (inputs.take(0), inputs.take(1));
        let dims = primitive::shape(&x);
        let (device, wanted) = (primitive::device(&x), primitive::shape(&targets));
        let mut targets = primitive::read_i64(targets);
        let counted: Vec<f32> = targets
            .iter()
            .map(|target| if Some(*target) == self.ignore_index { 0.0 } else { 1.0 })
            .collect();
        for (target, counted) in targets.iter_mut().zip(&counted) {
            if *counted == 0.0 {
                *target = 0;
            } else if *target < 0 || *target >= dims[1] as i64 {
                let reason = format!("the target {target} is none of {} classes", dims[1]);
                return Err(OpError::new(reason));
            }
        }
        let counted = primitive::from_f32(counted, &wanted, &device);
        let weights = match inputs.optional(2) {
            None => counted,
            Some(weights) => {
                let all = primitive::from_i64(&targets, &[targets.len()], &device);
                let each = Dispatch::float_select(weights, 0, all);
                Dispatch::float_mul(primitive::reshape(each, &wanted), counted)
            }
        };
        let mut lifted = wanted.clone();
        lifted.insert(1, 1);
        let indices = primitive::from_i64(&targets, &lifted, &device);
        let picked = primitive::reshape(Dispatch::float_gather(1, x, indices), &wanted);
        let losses = Dispatch::float_mul(Dispatch::float_neg(picked), weights.clone());
        let sum = |tensor| primitive::reshape(Dispatch::float_sum(tensor), &[]);
        Ok(match self.reduction {
            LossReduction::None => losses,
            LossReduction::Sum => sum(losses),
            LossReduction::Mean => Dispatch::float_div(sum(losses), sum(weights)),
        })
    }
}
