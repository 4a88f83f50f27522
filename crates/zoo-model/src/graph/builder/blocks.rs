//! What convolutional networks have beside convolutions: gates, shuffled channels, pools of
//! other kinds.

use super::{ConvSpec, GraphBuilder, Value};
use crate::Op;
use crate::ops::{Activation, BatchNorm, Binary, GlobalPool, Layout, Padding, Pool, PoolKind};

impl GraphBuilder {
    /// As [`GraphBuilder::batch_norm`], with this epsilon and momentum.
    pub fn batch_norm_with(&mut self, name: &str, x: &Value, norm: BatchNorm) -> Value {
        let shape = vec![x.channels];
        let parameters =
            [("weight", true), ("bias", true), ("running_mean", false), ("running_var", false)];
        let mut inputs = vec![x.name.clone()];
        for (parameter, trainable) in parameters {
            inputs.push(self.parameter(name, parameter, shape.clone(), trainable));
        }
        self.node(name, Op::BatchNorm(norm), inputs, x.channels)
    }

    /// Each number times its sigmoid.
    pub fn silu(&mut self, x: &Value) -> Value {
        self.activate(x, Activation::Silu)
    }

    /// Each number times its hard sigmoid.
    pub fn hard_swish(&mut self, x: &Value) -> Value {
        self.activate(x, Activation::HardSwish)
    }

    /// The largest number of each square window, the last of which may hang over the end.
    pub fn max_pool_ceil(
        &mut self,
        x: &Value,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Value {
        let pool = Pool { ceil_mode: true, ..square(PoolKind::Max, kernel, stride, padding) };
        self.unnamed(Op::Pool(pool), &[x], x.channels)
    }

    /// The mean of those numbers of each square window that are inside `x`.
    pub fn average_pool_inside(
        &mut self,
        x: &Value,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Value {
        let pool = square(PoolKind::Mean, kernel, stride, padding);
        self.unnamed(Op::Pool(pool), &[x], x.channels)
    }

    /// `x [batch, channels, height, width]` as `[batch, channels * places]`, where `places` is
    /// height by width.
    pub fn flatten(&mut self, x: &Value, places: usize) -> Value {
        let layout = Layout::Flatten { axis: 1 };
        self.unnamed(Op::Layout(layout), &[x], x.channels * places)
    }

    /// Each channel times a gate that is computed from the means of all: the 1 x 1 convolutions
    /// `{name}.fc1` to `squeezed` channels and `{name}.fc2` back, each followed by one of
    /// `activations`. Source: Hu et al.: *Squeeze-and-excitation networks*, 2018, figure 1.
    pub fn squeeze_excitation(
        &mut self,
        name: &str,
        x: &Value,
        squeezed: usize,
        activations: [Activation; 2],
    ) -> Value {
        let mut gate = self.global_pool(x, GlobalPool::Mean);
        let layers = [("fc1", squeezed), ("fc2", x.channels)];
        for ((part, outputs), activation) in layers.into_iter().zip(activations) {
            let spec = ConvSpec { bias: true, ..ConvSpec::new(outputs, 1) };
            gate = self.conv(&format!("{name}.{part}"), &gate, spec);
            gate = self.activate(&gate, activation);
        }
        self.combine(Binary::Mul, x, &gate)
    }

    /// The first half of the channels, and the second.
    pub fn halves(&mut self, x: &Value) -> [Value; 2] {
        let half = x.channels / 2;
        [0, half].map(|start| {
            let part = self.slice(x, &[(1, start, start + half, 1)]);
            Value { channels: half, ..part }
        })
    }

    /// The channels dealt out anew: the first of each of `groups`, then the second of each, and
    /// so on. Source: Zhang et al.: `ShuffleNet`, 2018, section 3.1.
    pub fn shuffle_channels(&mut self, x: &Value, groups: usize) -> Value {
        let each = x.channels / groups.max(1);
        let grouped = self.reshape(x, &[0, groups as i64, each as i64, -1]);
        let dealt = self.permute(&grouped, &[0, 2, 1, 3]);
        // Height and width are not known here.
        let shape = Layout::Shape { start: 0, end: None };
        let shape = self.unnamed(Op::Layout(shape), &[x], 0);
        let layout = Layout::Reshape { shape: None };
        self.unnamed(Op::Layout(layout), &[&dealt, &shape], x.channels)
    }
}

fn square(kind: PoolKind, kernel: usize, stride: usize, padding: usize) -> Pool {
    Pool {
        kind,
        kernel: vec![kernel; 2],
        stride: vec![stride; 2],
        padding: Padding::symmetric(padding, 2),
        dilation: vec![1; 2],
        ceil_mode: false,
    }
}
