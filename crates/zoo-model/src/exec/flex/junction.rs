use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::Flex;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::checkpoint::strategy::NoCheckpointing;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops, OpsKind};
use zoo_kernels::Isa;

use super::images::Images;
use super::operand::{Operand, tracked};

/// Where a value goes to several readers: on the way back their gradients are added up.
///
/// Burn adds what comes from each reader number by number in the order of its axes, which is the
/// slowest order for images that lie channels last, and leaves the sum lying channels first.
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
        let made = Images::lying(x.primitive())?.into_tensor();
        match BranchBackward.prepare::<NoCheckpointing>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => Some(tracked(preparation.finish(self.clone(), made))),
            OpsKind::UnTracked(_) => None,
        }
    }

    /// Whether a branch was walked back before; from now on one was.
    fn begin(&self) -> bool {
        self.begun.swap(true, Ordering::Relaxed)
    }
}

/// The way back of one branch.
#[derive(Debug)]
struct BranchBackward;

impl Backward<Flex, 1> for BranchBackward {
    type State = Junction;

    fn backward(self, ops: Ops<Junction, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = gradients.consume::<Flex>(&ops.node);
        let [Some(value)] = ops.parents else { return };
        // What was computed (and is no leaf) gives its gradient away when that is consumed.
        if value.order > 0 && ops.state.begin() {
            let sum = Images::of(&gradients.consume::<Flex>(&value));
            gradient = sum.plus(Isa::best(), Images::of(&gradient)).into_tensor();
        }
        gradients.register::<Flex>(value.id, gradient);
    }
}
