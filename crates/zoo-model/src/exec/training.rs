use std::collections::{BTreeMap, HashSet};

use burn_backend::AutodiffBackend;
use burn_backend::ops::{ActivationOps, FloatTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::context::Training;
use super::{AdamW, Context, Executor, primitive};
use crate::{DType, Error, Graph, SplitMix64, Tensor, Weights};

/// How a training step runs.
#[derive(Debug, Clone, Copy)]
pub struct TrainOptions {
    /// Whether batch norms whose weights are trained take the statistics of the batch and move
    /// the running ones. Otherwise all keep their running statistics, which suits small data.
    pub batch_statistics: bool,
    /// Whether dropout drops.
    pub dropout: bool,
}

/// What a forward and backward pass found.
pub struct Step {
    /// The mean cross-entropy of the batch, in nats.
    pub loss: f32,
    gradients: BTreeMap<String, DispatchTensor>,
}

impl Step {
    /// The gradient of the loss for every trained parameter that it depends on, by name.
    pub fn gradients(&self) -> Weights {
        let each = self.gradients.iter();
        each.map(|(name, tensor)| (name.clone(), primitive::download(tensor.clone()))).collect()
    }
}

/// An executor whose parameters change: forward and backward passes, and what an optimiser
/// makes of them.
pub struct Trainer {
    executor: Executor,
    parameters: BTreeMap<String, DispatchTensor>,
    trained: Vec<String>,
    random: SplitMix64,
    options: TrainOptions,
    kernels: bool,
}

impl Trainer {
    /// Trains those parameters of `executor` that the graph calls trainable and `select` likes.
    /// `seed` is for dropout.
    ///
    /// Fails where an inference-only operator stands between one of them and the outputs.
    pub fn new(
        executor: Executor,
        options: TrainOptions,
        seed: u64,
        mut select: impl FnMut(&str) -> bool,
    ) -> Result<Self, Error> {
        let mut trained = Vec::new();
        let mut parameters = executor.parameters().clone();
        for (name, parameter) in &executor.graph().parameters {
            if parameter.trainable
                && parameter.dtype.is_float()
                && select(name)
                && let Some(tensor) = parameters.get_mut(name)
            {
                *tensor = tracked(tensor.clone());
                trained.push(name.clone());
            }
        }
        check_gradients(executor.graph(), &trained)?;
        Ok(Self {
            executor,
            parameters,
            trained,
            random: SplitMix64::new(seed),
            options,
            kernels: true,
        })
    }

    /// The same with Burn's operators alone: to compare what our own compute, and how fast.
    #[must_use]
    pub fn on_burn_alone(self) -> Self {
        Self { kernels: false, ..self }
    }

    /// The names of the trained parameters, in order.
    pub fn trained(&self) -> &[String] {
        &self.trained
    }

    /// One forward and backward pass: the loss of `inputs` with the class `labels`, and its
    /// gradients. Running statistics move here, weights in [`Trainer::descend`].
    ///
    /// The graph's only output must be logits `[batch, classes]`, and each label below the
    /// number of classes.
    pub fn step(&mut self, inputs: &[Tensor], labels: &[usize]) -> Result<Step, Error> {
        let mut statistics = Vec::new();
        let mut context = Context::training(
            self.executor.device(),
            Training {
                batch_statistics: self.options.batch_statistics,
                dropout: self.options.dropout.then_some(&mut self.random),
                statistics: &mut statistics,
            },
        )
        .with_kernels(self.kernels);
        let outputs = self.executor.run(inputs, &self.parameters, &mut context)?;
        let [logits] = <[DispatchTensor; 1]>::try_from(outputs).map_err(|outputs| {
            let (name, found) = ("logits".to_owned(), format!("{} outputs", outputs.len()));
            Error::Input { name, expected: "one output".to_owned(), found }
        })?;
        let loss = self.cross_entropy(logits, labels)?;
        let value = primitive::read_f32(Dispatch::inner(loss.clone()))[0];
        let gradients = Dispatch::backward(loss);
        let gradient = |name: &String| {
            let tensor = Dispatch::grad(&self.parameters[name], &gradients)?;
            Some((name.clone(), tensor))
        };
        let gradients = self.trained.iter().filter_map(gradient).collect();
        for (node, mean, variance) in statistics {
            let names = &self.executor.graph().nodes[node].inputs;
            for (name, values) in [(&names[3], mean), (&names[4], variance)] {
                let tensor =
                    primitive::from_f32(values.clone(), &[values.len()], self.executor.device());
                self.parameters.insert(name.clone(), tensor);
            }
        }
        Ok(Step { loss: value, gradients })
    }

    /// The mean over the batch of the negative logarithm of the probability of each label.
    fn cross_entropy(
        &self,
        logits: DispatchTensor,
        labels: &[usize],
    ) -> Result<DispatchTensor, Error> {
        let shape = primitive::shape(&logits);
        let fits = shape.len() == 2 && shape[0] == labels.len();
        if !fits || labels.iter().any(|&label| label >= shape[1]) {
            return Err(Error::Input {
                name: "labels".to_owned(),
                expected: format!("one below the number of classes for each row of {shape:?}"),
                found: format!("{labels:?}"),
            });
        }
        let mut wanted = vec![0.0; shape[0] * shape[1]];
        for (row, &label) in labels.iter().enumerate() {
            wanted[row * shape[1] + label] = -1.0 / labels.len() as f32;
        }
        let wanted = primitive::from_f32(wanted, &shape, self.executor.device());
        let log = Dispatch::log_softmax(logits, 1);
        Ok(Dispatch::float_sum(Dispatch::float_mul(log, wanted)))
    }

    /// The logits of `inputs` with the parameters as they stand, as in inference.
    pub fn infer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let mut context = Context::inference(self.executor.device()).with_kernels(self.kernels);
        let outputs = self.executor.run(inputs, &self.parameters, &mut context)?;
        let plain = |tensor| match primitive::kind(&tensor) {
            DType::F32 => Dispatch::inner(tensor),
            _ => tensor,
        };
        Ok(outputs.into_iter().map(plain).map(primitive::download).collect())
    }

    /// Moves the trained parameters by one step of `optimizer` along the gradients of `step`.
    pub fn descend(&mut self, step: Step, optimizer: &mut AdamW, learning_rate: f64) {
        optimizer.advance();
        for (name, gradient) in step.gradients {
            if let Some(parameter) = self.parameters.remove(&name) {
                let value = Dispatch::inner(parameter);
                let value = optimizer.moved(&name, value, gradient, learning_rate);
                self.parameters.insert(name, tracked(value));
            }
        }
    }

    /// All parameters as they stand, running statistics included.
    pub fn weights(&self) -> Weights {
        let plain = |name: &String, tensor: &DispatchTensor| {
            let tensor = tensor.clone();
            if self.trained.contains(name) { Dispatch::inner(tensor) } else { tensor }
        };
        let each = self.parameters.iter();
        each.map(|(name, tensor)| (name.clone(), primitive::download(plain(name, tensor))))
            .collect()
    }
}

/// Checks that gradients reach each of `trained`: nothing that depends on them goes through an
/// inference-only operator.
fn check_gradients(graph: &Graph, trained: &[String]) -> Result<(), Error> {
    let mut moved: HashSet<&str> = trained.iter().map(String::as_str).collect();
    for node in &graph.nodes {
        let moves = node.inputs.iter().any(|name| moved.contains(name.as_str()));
        if !moves || node.op.ends_gradients() {
            continue;
        }
        if node.op.is_inference_only() {
            let (node, op) = (node.name.clone(), node.op.name().to_owned());
            return Err(Error::NotTrainable { node, op });
        }
        moved.extend(node.outputs.iter().map(String::as_str));
    }
    Ok(())
}

fn tracked(tensor: DispatchTensor) -> DispatchTensor {
    Dispatch::float_set_require_grad(Dispatch::from_inner(tensor), true)
}
