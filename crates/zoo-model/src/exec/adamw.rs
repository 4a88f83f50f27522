use std::collections::BTreeMap;

use burn_backend::Scalar;
use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};

use super::primitive;

/// Adam with decoupled weight decay.
///
/// Source: Loshchilov, Hutter: *Decoupled weight decay regularization*, 2019, algorithm 2; the
/// defaults are PyTorch's. Only tensors of two axes and more decay: biases and the scales of
/// norms have nothing to shrink towards zero for.
#[derive(Debug, Clone)]
pub struct AdamW {
    weight_decay: f64,
    steps: i32,
    moments: BTreeMap<String, (DispatchTensor, DispatchTensor)>,
}

/// How slowly the mean of the gradients forgets.
const BETA_1: f64 = 0.9;
/// How slowly the mean of their squares forgets.
const BETA_2: f64 = 0.999;
/// Keeps the division from nothing.
const EPSILON: f64 = 1e-8;

impl AdamW {
    /// An optimiser that has not stepped yet. Each step takes `learning_rate * weight_decay`
    /// of a weight away.
    pub fn new(weight_decay: f64) -> Self {
        Self { weight_decay, steps: 0, moments: BTreeMap::new() }
    }

    pub(super) fn advance(&mut self) {
        self.steps += 1;
    }

    /// The parameter `name` after this step.
    pub(super) fn moved(
        &mut self,
        name: &str,
        value: DispatchTensor,
        gradient: DispatchTensor,
        learning_rate: f64,
    ) -> DispatchTensor {
        let times = |tensor, factor| Dispatch::float_mul_scalar(tensor, Scalar::Float(factor));
        let blend = |old: Option<DispatchTensor>, new: DispatchTensor, beta: f64| {
            let new = times(new, 1.0 - beta);
            match old {
                Some(old) => Dispatch::float_add(times(old, beta), new),
                None => new,
            }
        };
        let (first, second) = self.moments.remove(name).unzip();
        let square = Dispatch::float_mul(gradient.clone(), gradient.clone());
        let first = blend(first, gradient, BETA_1);
        let second = blend(second, square, BETA_2);
        self.moments.insert(name.to_owned(), (first.clone(), second.clone()));

        let unbias = |beta: f64| 1.0 / (1.0 - beta.powi(self.steps));
        let scale = Dispatch::float_sqrt(times(second, unbias(BETA_2)));
        let scale = Dispatch::float_add_scalar(scale, Scalar::Float(EPSILON));
        let update = times(Dispatch::float_div(first, scale), learning_rate * unbias(BETA_1));
        let decays = primitive::shape(&value).len() >= 2;
        let kept = if decays { 1.0 - learning_rate * self.weight_decay } else { 1.0 };
        Dispatch::float_sub(times(value, kept), update)
    }
}
