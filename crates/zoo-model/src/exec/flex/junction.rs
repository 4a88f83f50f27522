use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::checkpoint::strategy::NoCheckpointing;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops, OpsKind};
use burn_dispatch::backends::{Flex, flex::FlexTensor};
use zoo_kernels::Isa;

use super::images::{Images, dense, plus};
use super::operand::{Operand, tracked};

/// Where a value goes to several readers: on the way back their gradients are added up.
///
/// Burn adds what comes from each reader on one thread, number by number in the order of its axes, which
/// is the slowest order for images that lie channels last, and leaves the sum lying channels first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Junction {
    /// Whether the value has a gradient already, from a reader whose branch was walked back.
    begun: Arc<AtomicBool>,
}

impl Junction {
    /// `x`, the value at this junction, for one of its readers; none where Burn does it as well.
    pub(crate) fn branch(&self, x: &DispatchTensor) -> Option<DispatchTensor> {
        let Operand::Tracked(x) = Operand::of(x)? else { return None };
        if !x.is_tracked() {
            return None;
        }
        let made = x.primitive().clone();
        let are_images = Images::lying(&made).is_some();
        if !are_images && !made.layout().is_contiguous() {
            return None;
        }
        match BranchBackward.prepare::<NoCheckpointing>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let branch = Branch { junction: self.clone(), are_images };
                Some(tracked(preparation.finish(branch, made)))
            }
            OpsKind::UnTracked(_) => None,
        }
    }

    /// Whether a branch was walked back before; from now on one was.
    fn begin(&self) -> bool {
        self.begun.swap(true, Ordering::Relaxed)
    }
}

/// What the way back of one branch needs.
#[derive(Debug, Clone)]
struct Branch {
    junction: Junction,
    /// Whether the value lies channels last, not in the order of its axes.
    are_images: bool,
}

/// The way back of one branch.
#[derive(Debug)]
struct BranchBackward;

impl Backward<Flex, 1> for BranchBackward {
    type State = Branch;

    fn backward(self, ops: Ops<Branch, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = gradients.consume::<Flex>(&ops.node);
        let [Some(value)] = ops.parents else { return };
        let Branch { junction, are_images } = ops.state;
        // What was computed (and is no leaf) gives its gradient away when that is consumed.
        if value.order > 0 && junction.begin() {
            // By value: a sum that something else still holds could not grow in its place.
            let laid = |tensor: FlexTensor| {
                if are_images { Images::of(&tensor).into_tensor() } else { dense(&tensor) }
            };
            let sum = laid(gradients.consume::<Flex>(&value));
            gradient = plus(Isa::best(), sum, &laid(gradient));
        }
        gradients.register::<Flex>(value.id, gradient);
    }
}
