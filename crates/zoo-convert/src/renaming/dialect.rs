//! Networks that have the same names and shapes and compute differently.

use zoo_model::ops::Padding;
use zoo_model::{Graph, Op};

/// How timm's networks pad and normalise. Neither the names in a file nor their shapes tell.
#[derive(Debug, PartialEq)]
pub struct Dialect {
    /// What the names of such networks begin with here: `timm.`, `timm.tf-`.
    pub prefix: &'static str,
    /// Added to the variance in batch norms.
    epsilon: f32,
    /// Where the zeros around a picture go that a convolution reads.
    pads: Pads,
}

#[derive(Debug, PartialEq)]
enum Pads {
    /// As many on both sides, half of the kernel.
    Symmetric,
    /// As TensorFlow has them: with a stride of two, on an even side, the odd one goes after.
    TensorFlow,
}

impl Dialect {
    /// timm's own networks: PyTorch's defaults.
    pub(super) const TIMM: Self = Self { prefix: "timm.", epsilon: 1e-5, pads: Pads::Symmetric };

    /// timm's networks for weights that were trained in TensorFlow.
    pub(super) const TENSORFLOW: Self =
        Self { prefix: "timm.tf-", epsilon: 1e-3, pads: Pads::TensorFlow };

    /// The dialect that the name of an architecture states: `timm.efficientnet-b0`,
    /// `tf_efficientnet_b0`.
    pub(crate) fn stated(name: &str) -> Option<&'static Self> {
        let bare = name.strip_prefix("timm.").unwrap_or(name);
        if bare.starts_with("tf_") || bare.starts_with("tf-") {
            return Some(&Self::TENSORFLOW);
        }
        (bare != name).then_some(&Self::TIMM)
    }

    /// Makes `graph` compute as this dialect does. Convolutions must have odd kernels.
    pub(crate) fn apply(&self, graph: &mut Graph) {
        for node in &mut graph.nodes {
            match &mut node.op {
                Op::BatchNorm(norm) => norm.epsilon = self.epsilon,
                Op::Conv(conv) => {
                    let weight = node.inputs.get(1).and_then(|name| graph.parameters.get(name));
                    let kernel = weight.map_or(&[][..], |weight| &weight.shape[2..]);
                    conv.padding = match self.pads {
                        Pads::Symmetric => {
                            Padding::Explicit(kernel.iter().map(|k| (k / 2, k / 2)).collect())
                        }
                        Pads::TensorFlow => Padding::SameUpper,
                    };
                }
                _ => {}
            }
        }
    }
}
