//! What networks of recordings are made of: convolutions over time, recurrence.

use super::{ConvSpec, GraphBuilder, Value};
use crate::Op;
use crate::ops::{
    Activation, Cell, Conv, Direction, Layout, Padding, Pool, PoolKind, Recurrent, Unary,
};

/// A convolution over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeConv {
    /// Output channels.
    pub outputs: usize,
    /// The length of the kernel.
    pub kernel: usize,
    /// The step.
    pub stride: usize,
    /// Zeros before and after.
    pub padding: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl GraphBuilder {
    /// A convolution of `x [batch, channels, time]`, with the parameters `{name}.weight [outputs,
    /// channels / groups, kernel]` and, if asked for, `{name}.bias`.
    pub fn conv_over_time(&mut self, name: &str, x: &Value, spec: TimeConv) -> Value {
        let shape = vec![spec.outputs, x.channels / spec.groups.max(1), spec.kernel];
        let mut inputs = vec![x.name.clone(), self.parameter(name, "weight", shape, true)];
        if spec.bias {
            inputs.push(self.parameter(name, "bias", vec![spec.outputs], true));
        }
        let op = Op::Conv(Conv {
            stride: vec![spec.stride],
            padding: Padding::symmetric(spec.padding, 1),
            dilation: vec![1],
            groups: spec.groups,
        });
        self.node(name, op, inputs, spec.outputs)
    }

    /// Each channel of `x [batch, channels, time]` brought to mean 0 and deviation 1 over the time,
    /// with the parameters `{name}.weight` and `{name}.bias`: group normalisation by groups of one.
    pub fn norm_over_time(&mut self, name: &str, x: &Value, epsilon: f32) -> Value {
        let weight = self.parameter(name, "weight", vec![x.channels], true);
        let bias = self.parameter(name, "bias", vec![x.channels], true);
        let op = Op::InstanceNorm { epsilon };
        self.node(name, op, vec![x.name.clone(), weight, bias], x.channels)
    }

    /// From `[batch, channels, time]` to `[batch, time, channels]`, and back.
    pub fn swap_time_and_channels(&mut self, x: &Value) -> Value {
        self.permute(x, &[0, 2, 1])
    }

    /// `x [batch, channels, time]` with `before` and `after` of its mirror image around the time.
    pub fn mirror_over_time(&mut self, x: &Value, before: usize, after: usize) -> Value {
        let pads = vec![(0, 0), (0, 0), (before, after)];
        self.unnamed(Op::Layout(Layout::PadReflect { pads }), &[x], x.channels)
    }

    /// The largest of each `length` numbers along the height of an image, as it stands one after
    /// another.
    pub fn max_over_height(&mut self, x: &Value, length: usize) -> Value {
        let pool = Pool {
            kind: PoolKind::Max,
            kernel: vec![length, 1],
            stride: vec![length, 1],
            padding: Padding::symmetric(0, 2),
            dilation: vec![1; 2],
            ceil_mode: false,
        };
        self.unnamed(Op::Pool(pool), &[x], x.channels)
    }

    /// A convolution over the height of an image by a kernel `[height, 1]`, with so many zeros
    /// before and after.
    pub fn conv_over_height(
        &mut self,
        name: &str,
        x: &Value,
        [outputs, height, stride]: [usize; 3],
        padding: (usize, usize),
    ) -> Value {
        let kernel = [height, 1];
        let padding = Padding::Explicit(vec![padding, (0, 0)]);
        let spec = ConvSpec { outputs, kernel, stride, padding, groups: 1, bias: true };
        self.conv(name, x, spec)
    }

    /// The first axes of `like` and one more of `channels` that takes what is left of `x`: from
    /// `[batch time, channels]` to `[batch, time, channels]`.
    pub fn unfold(&mut self, x: &Value, like: &Value, axes: i64, channels: usize) -> Value {
        let lengths = Op::Layout(Layout::Shape { start: 0, end: Some(axes) });
        let lengths = self.unnamed(lengths, &[like], 0);
        // The length of a new axis is that of one that is sliced out of a shape: it is known.
        let rest = self.reshape(x, &[-1, channels as i64]);
        let last = self.unnamed(Op::Layout(Layout::Shape { start: 1, end: None }), &[&rest], 0);
        let shape = self.join(&[&lengths, &last], 0);
        let layout = Op::Layout(Layout::Reshape { shape: None });
        let unfolded = self.unnamed(layout, &[x, &shape], channels);
        Value { channels, ..unfolded }
    }

    /// The same value, of which the axis of channels is known to be so long.
    pub fn with_channels(&mut self, x: &Value, channels: usize) -> Value {
        Value { channels, ..x.clone() }
    }

    /// An elementwise function.
    pub fn elementwise(&mut self, function: Unary, x: &Value) -> Value {
        self.unnamed(Op::Unary(function), &[x], x.channels)
    }

    /// A long short-term memory over `x [batch, time, inputs]`, with the parameters of PyTorch's
    /// `LSTMCell`, whose gates stand in another order than ONNX's: `[batch, time, hidden]`.
    pub fn lstm_cell(&mut self, name: &str, x: &Value, hidden: usize) -> Value {
        let rows = 4 * hidden;
        let in_order = |b: &mut Self, value: &Value| {
            // Input, forget, cell, output there; input, output, forget, cell here.
            let parts = [0, 3, 1, 2]
                .map(|gate| b.slice(value, &[(0, gate * hidden, (gate + 1) * hidden, 1)]));
            let [i, o, f, c] = &parts;
            let joined = b.join(&[i, o, f, c], 0);
            b.unsqueeze(&joined, 0)
        };
        let weight = self.weight(&format!("{name}.weight_ih"), &[rows, x.channels]);
        let recurrent = self.weight(&format!("{name}.weight_hh"), &[rows, hidden]);
        let biases = ["bias_ih", "bias_hh"]
            .map(|bias| self.weight(&format!("{name}.{bias}"), &[rows]))
            .map(|bias| in_order(self, &bias));
        let (weight, recurrent) = (in_order(self, &weight), in_order(self, &recurrent));
        let bias = self.join(&[&biases[0], &biases[1]], 1);
        let op = Op::Recurrent(Recurrent {
            cell: Cell::Lstm { input_forget: false },
            hidden,
            direction: Direction::Forward,
            activations: vec![vec![Activation::Sigmoid, Activation::Tanh, Activation::Tanh]],
            clip: None,
            batch_first: true,
        });
        let inputs = [x, &weight, &recurrent, &bias].map(|value| value.name.clone());
        let states = self.node(name, op, inputs.to_vec(), hidden);
        self.pick(&states, 2, 0)
    }
}
