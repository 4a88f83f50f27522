//! Finds convolutions whose output only a depthwise one reads, and lets both run line by line.

use super::compile::Compiler;
use super::draft::{Chain, Draft, Kernel, Value, ValueId};
use zoo_kernels::Activation;

/// Numbers of an image from which on it is worth it: what is smaller stays in the caches anyway.
const WORTH: usize = 200_000;

impl Compiler<'_> {
    /// Joins all pairs, once every node was taken.
    pub(super) fn join_chains(&mut self) {
        for index in 0..self.drafts.len() {
            let Some(between) = self.read_by_depthwise(index) else { continue };
            let producer = self.values[between].producer;
            if !may_be_first(&self.values[between], self.drafts.get(producer), between) {
                continue;
            }
            let first = std::mem::replace(&mut self.drafts[producer], Draft::Moved);
            let then = std::mem::replace(&mut self.drafts[index], Draft::Moved);
            let [_, height, width, _] = self.values[between].shape;
            self.drafts[index] = joined(first, then, [height, width]);
        }
    }

    /// The value that the draft `index` reads, if that is a depthwise convolution.
    fn read_by_depthwise(&self, index: usize) -> Option<ValueId> {
        match &self.drafts[index] {
            Draft::Kernel { kernel: Kernel::Linear { linear, input, .. }, .. }
                if linear.is_depthwise() =>
            {
                Some(*input)
            }
            _ => None,
        }
    }
}

/// Whether `draft` makes `between` for one reader, in lines that can be made one by one.
fn may_be_first(value: &Value, draft: Option<&Draft>, between: ValueId) -> bool {
    let Some(Draft::Kernel { kernel, out, .. }) = draft else { return false };
    let Kernel::Linear { linear, residual: None, activation, .. } = kernel else { return false };
    let [_, height, width, channels] = value.shape;
    let simple = linear.groups == 1 && (linear.window.taps() == 1 || linear.channels <= 4);
    *out == between
        && simple
        && matches!(activation, Activation::Clamp(..))
        && value.readers == 1
        && value.part_of.is_none()
        && height * width * channels >= WORTH
}

/// The two as one step.
fn joined(first: Draft, then: Draft, middle: [usize; 2]) -> Draft {
    match (first, then) {
        (
            Draft::Kernel {
                kernel: Kernel::Linear { linear: first, input, activation: between, .. },
                nodes: mut all,
                ..
            },
            Draft::Kernel { kernel: Kernel::Linear { linear: then, activation, .. }, out, nodes },
        ) => {
            all.extend(nodes);
            let chain = Chain { input, first, between, middle, then, activation };
            Draft::Kernel { kernel: Kernel::Chain(Box::new(chain)), out, nodes: all }
        }
        (_, then) => then,
    }
}
