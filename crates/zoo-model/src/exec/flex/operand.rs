use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, DType, TensorMetadata};
use burn_dispatch::backends::autodiff::checkpoint::strategy::NoCheckpointing;
use burn_dispatch::backends::autodiff::ops::{Backward, OpsKind};
use burn_dispatch::backends::{Autodiff, Flex, flex::FlexTensor};
use burn_dispatch::{
    BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind,
    GradientCheckpointingStrategy,
};

/// Burn's processor backend with gradients.
pub(super) type Tracking = Autodiff<Flex>;
/// A tensor with a place in the graph of gradients.
pub(super) type Tracked = FloatTensor<Tracking>;

/// A tensor of `f32` on the processor.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// Without gradients.
    Plain(FlexTensor),
    /// On the side where gradients are kept, be they wanted for it or not.
    Tracked(Tracked),
}

impl Operand {
    /// Takes `tensor` apart, if it is one.
    pub(super) fn of(tensor: &DispatchTensor) -> Option<Self> {
        if tensor.dtype() != DType::F32 {
            return None;
        }
        match (&tensor.kind, tensor.autodiff) {
            (
                DispatchTensorKind::Flex(BackendTensor::Float(tensor)),
                DispatchAutodiffContext::Disabled,
            ) => Some(Self::Plain(tensor.clone())),
            (
                DispatchTensorKind::Autodiff(tensor),
                DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Disabled),
            ) => match &**tensor {
                DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => {
                    Some(Self::Tracked(tensor.clone()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes all of `tensors` apart, if they are such.
    pub(super) fn all<const N: usize>(tensors: [&DispatchTensor; N]) -> Option<[Self; N]> {
        let operands: Vec<Self> =
            tensors.iter().map(|tensor| Self::of(tensor)).collect::<Option<_>>()?;
        operands.try_into().ok()
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &FlexTensor {
        match self {
            Self::Plain(tensor) => tensor,
            Self::Tracked(tensor) => tensor.primitive(),
        }
    }

    /// Whether something that is trained goes into it.
    pub(super) fn is_tracked(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tracked(tensor) => tensor.is_tracked(),
        }
    }

    /// The same with a place in the graph of gradients, where it counts as a constant if it had
    /// none.
    pub(super) fn into_tracked(self) -> Tracked {
        match self {
            Self::Plain(tensor) => Tracking::from_inner(tensor),
            Self::Tracked(tensor) => tensor,
        }
    }
}

/// Whether `tensor` is one that operators of our own take.
pub(crate) fn serves(tensor: &DispatchTensor) -> bool {
    Operand::of(tensor).is_some()
}

/// A tensor for Burn's operators, without gradients.
pub(super) fn plain(tensor: FlexTensor) -> DispatchTensor {
    DispatchTensor {
        kind: DispatchTensorKind::Flex(BackendTensor::Float(tensor)),
        autodiff: DispatchAutodiffContext::Disabled,
    }
}

/// What was `made` of `operands`, for Burn's operators: in the graph of gradients, with the `step` back and
/// what that needs, if one of the operands is there.
pub(super) fn made_of<S: Backward<Flex, N>, const N: usize>(
    operands: [Operand; N],
    step: S,
    state: S::State,
    made: FlexTensor,
) -> DispatchTensor {
    if operands.iter().all(|operand| matches!(operand, Operand::Plain(_))) {
        return plain(made);
    }
    let nodes = operands.map(|operand| operand.into_tracked().node());
    tracked(match step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => preparation.finish(state, made),
        OpsKind::UnTracked(preparation) => preparation.finish(made),
    })
}

/// A tensor for Burn's operators, with gradients.
pub(super) fn tracked(tensor: Tracked) -> DispatchTensor {
    let tensor = DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor));
    DispatchTensor {
        kind: DispatchTensorKind::Autodiff(Box::new(tensor)),
        autodiff: DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Disabled),
    }
}
