//! A plan while it is made: kernels on values that have no place yet.

use std::collections::HashMap;

use zoo_kernels::{Activation, Attention, Combine, Pooling, Window};

/// A value, by the order in which they were found.
pub(super) type ValueId = usize;

/// A value that kernels make: `[batch, height, width, channels]`.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) shape: [usize; 4],
    /// The value that it is a part of, and the first of its channels there: what is
    /// concatenated is written where it will be read.
    pub(super) part_of: Option<(ValueId, usize)>,
    /// How many nodes and outputs read it that no kernel has taken over.
    pub(super) readers: usize,
    /// The draft that makes it.
    pub(super) producer: usize,
}

/// One step, before places are known.
#[derive(Debug)]
pub(super) enum Draft {
    /// A kernel and the names of the nodes that it computes.
    Kernel { kernel: Kernel, out: ValueId, nodes: Vec<String> },
    /// A node that Burn runs.
    Burn { node: usize, reads: Vec<(String, ValueId)> },
    /// A step that was moved behind others.
    Moved,
}

/// What a step computes.
#[derive(Debug)]
pub(super) enum Kernel {
    Enter {
        source: Source,
        size: [usize; 2],
        padding: [usize; 2],
    },
    Linear {
        linear: Linear,
        input: ValueId,
        residual: Option<ValueId>,
        activation: Activation,
    },
    /// A convolution and the depthwise one behind it, line by line.
    Chain(Box<Chain>),
    Pool {
        window: Window,
        pooling: Pooling,
        input: ValueId,
    },
    PoolImages {
        max: bool,
        input: ValueId,
    },
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
        input: ValueId,
        activation: Activation,
    },
    Combine {
        how: Combine,
        a: ValueId,
        b: ValueId,
        spread: usize,
        activation: Activation,
    },
    Flatten {
        input: ValueId,
    },
    LayerNorm {
        scale: Vec<f32>,
        shift: Vec<f32>,
        epsilon: f32,
        input: ValueId,
    },
    Attention {
        heads: Attention,
        /// Queries, keys and values.
        tokens: [ValueId; 3],
        bias: Option<ValueId>,
    },
}

/// A convolution whose output only a depthwise one reads.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) input: ValueId,
    pub(super) first: Linear,
    /// What follows the first one.
    pub(super) between: Activation,
    /// The height and width of what the first one makes.
    pub(super) middle: [usize; 2],
    pub(super) then: Linear,
    /// What follows the second one.
    pub(super) activation: Activation,
}

/// Where a value comes from that enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The graph's input of this position.
    Input(usize),
    /// What Burn computed under this name.
    Burn(String),
}

/// A convolution or matrix product with what follows it, channel by channel, folded in.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    /// The parameter that holds the weights.
    pub(super) weight: String,
    /// Whether that is a matrix `[inputs, outputs]`.
    pub(super) transposed: bool,
    pub(super) window: Window,
    pub(super) groups: usize,
    pub(super) channels: usize,
    /// The factor of each output.
    pub(super) scale: Vec<f32>,
    /// The summand of each output.
    pub(super) bias: Vec<f32>,
}

impl Linear {
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels && self.bias.len() == self.channels
    }
}

impl Kernel {
    /// The values that it reads.
    pub(super) fn inputs(&self) -> Vec<ValueId> {
        match self {
            Self::Enter { .. } => Vec::new(),
            Self::Linear { input, residual, .. } => {
                std::iter::once(*input).chain(*residual).collect()
            }
            Self::Chain(chain) => vec![chain.input],
            Self::Pool { input, .. }
            | Self::PoolImages { input, .. }
            | Self::Affine { input, .. }
            | Self::Flatten { input }
            | Self::LayerNorm { input, .. } => vec![*input],
            Self::Combine { a, b, .. } => vec![*a, *b],
            Self::Attention { tokens, bias, .. } => tokens.iter().chain(bias).copied().collect(),
        }
    }

    /// Its activation, if it may have one and has none yet.
    pub(super) fn open_activation(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Linear { activation, .. }
            | Self::Affine { activation, .. }
            | Self::Combine { activation, .. }
                if *activation == Activation::NONE =>
            {
                Some(activation)
            }
            _ => None,
        }
    }

    /// Folds a factor and a summand for each channel in, if nothing stands between.
    pub(super) fn fold(&mut self, scale: &[f32], shift: &[f32]) -> bool {
        let (own_scale, own_shift) = match self {
            Self::Linear { linear, residual: None, activation: Activation::NONE, .. } => {
                (&mut linear.scale, &mut linear.bias)
            }
            Self::Affine { scale, shift, activation: Activation::NONE, .. } => (scale, shift),
            _ => return false,
        };
        for (own, factor) in own_scale.iter_mut().zip(scale) {
            *own *= factor;
        }
        for ((own, factor), shift) in own_shift.iter_mut().zip(scale).zip(shift) {
            *own = *own * factor + shift;
        }
        true
    }
}

/// Where each value lies in the arena, and how long that is.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) offsets: HashMap<ValueId, usize>,
    pub(super) len: usize,
}

/// Numbers that an arena has at most, 16 GiB: what needs more is left to Burn.
pub(super) const MOST: usize = 1 << 32;

/// Gives each value that is no part of another a place, so that values that are alive at the same
/// time are apart: the largest first, each as far forward as it fits.
pub(super) fn allocate(values: &[Value], drafts: &[Draft], kept: &[ValueId]) -> Layout {
    /// Numbers in a cache line.
    const LINE: usize = 16;
    let root = |mut id: ValueId| {
        while let Some((whole, _)) = values[id].part_of {
            id = whole;
        }
        id
    };
    let mut spans: HashMap<ValueId, (usize, usize)> = HashMap::new();
    let mut seen = |id: ValueId, at: usize| {
        let span = spans.entry(root(id)).or_insert((at, at));
        span.1 = at;
    };
    for (at, draft) in drafts.iter().enumerate() {
        match draft {
            Draft::Kernel { kernel, out, .. } => {
                kernel.inputs().into_iter().for_each(|id| seen(id, at));
                seen(*out, at);
            }
            Draft::Burn { reads, .. } => reads.iter().for_each(|(_, id)| seen(*id, at)),
            Draft::Moved => {}
        }
    }
    for &id in kept {
        seen(id, drafts.len());
    }
    // What is too much to count is too much to have: the plan is then given up.
    let size = |id: ValueId| {
        let lengths = values[id].shape.iter();
        lengths.fold(1, |size: usize, &length| size.saturating_mul(length)).div_ceil(LINE)
    };
    let mut order: Vec<ValueId> = spans.keys().copied().collect();
    order.sort_by_key(|&id| (std::cmp::Reverse(size(id)), id));
    let mut layout = Layout { offsets: HashMap::new(), len: 0 };
    for (index, &id) in order.iter().enumerate() {
        let (begin, end) = spans[&id];
        let mut taken: Vec<(usize, usize)> = order[..index]
            .iter()
            .filter(|other| spans[other].0 <= end && begin <= spans[other].1)
            .map(|&other| (layout.offsets[&other], size(other)))
            .collect();
        taken.sort_unstable();
        let mut offset: usize = 0;
        for (start, length) in taken {
            if offset.saturating_add(size(id)) <= start {
                break;
            }
            offset = offset.max(start.saturating_add(length));
        }
        layout.offsets.insert(id, offset);
        layout.len = layout.len.max(offset.saturating_add(size(id)));
    }
    layout.len = layout.len.saturating_mul(LINE);
    for offset in layout.offsets.values_mut() {
        *offset = offset.saturating_mul(LINE);
    }
    layout
}
