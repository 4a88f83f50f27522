use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchDevice, DispatchTensor};

use super::flex::Products;
use crate::SplitMix64;
use crate::ops::OpError;

/// What a running operator may know besides its inputs: the mode, and where what it learns
/// in passing goes.
pub(crate) struct Context<'a> {
    device: &'a DispatchDevice,
    training: Option<Training<'a>>,
    /// The node that runs now.
    pub(super) node: usize,
    /// How many more steps blocks may take, those inside others counted each time.
    steps: usize,
    /// Whether operators of our own run where they can.
    kernels: bool,
    /// Whether nothing but a rectifier reads what the node makes that runs now.
    rectifier_follows: bool,
    /// Products with parameters, where those stay as they are.
    products: Option<&'a Products>,
}

/// The most steps that blocks take in one run of a graph, a step being a node or the beginning of
/// a block: a file may ask for 2^63 iterations and never end, or for a million inside a million.
const MAX_STEPS: usize = 1 << 20;

/// The mode of a training step.
pub(super) struct Training<'a> {
    /// Whether trained batch norms take the statistics of the batch.
    pub(super) batch_statistics: bool,
    /// Where dropout takes its randomness from; `None` turns it off.
    pub(super) dropout: Option<&'a mut SplitMix64>,
    /// New running statistics: node, mean, variance.
    pub(super) statistics: &'a mut Vec<(usize, Vec<f32>, Vec<f32>)>,
}

impl<'a> Context<'a> {
    /// For inference: running statistics, no dropout.
    pub(crate) fn inference(device: &'a DispatchDevice) -> Self {
        Self {
            device,
            training: None,
            node: 0,
            steps: MAX_STEPS,
            kernels: true,
            rectifier_follows: false,
            products: None,
        }
    }

    /// For a training step.
    pub(super) fn training(device: &'a DispatchDevice, training: Training<'a>) -> Self {
        Self {
            device,
            training: Some(training),
            node: 0,
            steps: MAX_STEPS,
            kernels: true,
            rectifier_follows: false,
            products: None,
        }
    }

    /// The same with Burn's operators alone, if `kernels` is false.
    pub(super) fn with_kernels(self, kernels: bool) -> Self {
        Self { kernels, ..self }
    }

    /// The same with products by packed parameters.
    pub(crate) fn with_products(self, products: &'a Products) -> Self {
        Self { products: Some(products), ..self }
    }

    /// Products with parameters that stay as they are, where operators of our own may run.
    pub(crate) fn products(&self) -> Option<&'a Products> {
        self.products.filter(|_| self.kernels)
    }

    /// Whether operators of our own may run.
    pub(crate) fn kernels(&self) -> bool {
        self.kernels
    }

    /// Says, before a node runs, whether nothing but a rectifier reads what it makes.
    pub(super) fn foretell_rectifier(&mut self, follows: bool) {
        self.rectifier_follows = follows;
    }

    /// Whether the node that runs now may do the work of a rectifier that follows it.
    pub(crate) fn rectifier_follows(&self) -> bool {
        self.rectifier_follows
    }

    /// Tells that it did.
    pub(crate) fn rectified(&mut self) {
        self.rectifier_follows = false;
    }

    /// Counts one more run of a block with so many nodes; fails where there were too many.
    pub(crate) fn enter_block(&mut self, nodes: usize) -> Result<(), OpError> {
        self.steps = self.steps.checked_sub(nodes + 1).ok_or_else(|| {
            OpError::new(format!("it has not ended after {MAX_STEPS} steps of its blocks"))
        })?;
        Ok(())
    }

    /// Where everything lives.
    pub(crate) fn device(&self) -> &DispatchDevice {
        self.device
    }

    /// Whether the batch norm with this weight takes the statistics of the batch: while
    /// training, if it is trained itself.
    pub(crate) fn batch_statistics(&self, weight: &DispatchTensor) -> bool {
        self.training.as_ref().is_some_and(|training| training.batch_statistics)
            && Dispatch::float_is_require_grad(weight)
    }

    /// The randomness of dropout, while training.
    pub(crate) fn dropout(&mut self) -> Option<&mut SplitMix64> {
        self.training.as_mut()?.dropout.as_deref_mut()
    }

    /// Keeps the new running statistics of the batch norm that runs now.
    pub(crate) fn record_statistics(&mut self, mean: Vec<f32>, variance: Vec<f32>) {
        if let Some(training) = &mut self.training {
            training.statistics.push((self.node, mean, variance));
        }
    }
}
