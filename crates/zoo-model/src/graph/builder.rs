mod arrange;
mod attention;
mod blocks;
mod tokens;
mod waves;

use std::collections::BTreeMap;

pub use waves::TimeConv;

use super::{Graph, Node, Parameter, ValueInfo};
use crate::ops::{
    Activation, BatchNorm, Binary, Conv, Gemm, GlobalPool, Layout, Padding, Pool, PoolKind,
};
use crate::{DType, Error, Op};

/// Builds a graph node by node, naming parameters as PyTorch modules name theirs.
///
/// A node is called after its module (`layer1.0.conv1`); one without parameters, after its
/// operator and a number (`relu_3`).
#[derive(Debug, Default)]
pub struct GraphBuilder {
    inputs: Vec<ValueInfo>,
    nodes: Vec<Node>,
    parameters: BTreeMap<String, Parameter>,
}

/// A value of a graph that is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    name: String,
    channels: usize,
}

impl Value {
    /// The length of its second axis: the channels of an image, the length of a feature. Of
    /// tokens, and of images with channels last, the length of the last axis.
    pub fn channels(&self) -> usize {
        self.channels
    }
}

/// A square convolution without bias, as most networks use.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSpec {
    /// Output channels.
    pub outputs: usize,
    /// The lengths of the kernel: height, width.
    pub kernel: [usize; 2],
    /// The step along both axes.
    pub stride: usize,
    /// What is added around.
    pub padding: Padding,
    /// Into how many groups the channels fall.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl ConvSpec {
    /// `outputs` channels by a kernel of `kernel` by `kernel`, with stride 1 and as much
    /// padding as keeps the size.
    pub fn new(outputs: usize, kernel: usize) -> Self {
        let padding = Padding::symmetric(kernel / 2, 2);
        Self { outputs, kernel: [kernel, kernel], stride: 1, padding, groups: 1, bias: false }
    }

    /// With the step `stride`.
    #[must_use]
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With this padding.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// With so many groups; as many as channels make it depthwise.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With a kernel of `height` by `width` and as much padding as keeps the size.
    #[must_use]
    pub fn kernel(self, height: usize, width: usize) -> Self {
        let padding = Padding::Explicit(vec![(height / 2, height / 2), (width / 2, width / 2)]);
        Self { kernel: [height, width], padding, ..self }
    }
}

impl GraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// An input of floating-point numbers; `None` for an axis of any length.
    pub fn input(&mut self, name: &str, shape: &[Option<usize>]) -> Value {
        let channels = shape.get(1).copied().flatten().unwrap_or_default();
        let (name, shape) = (name.to_owned(), shape.to_vec());
        self.inputs.push(ValueInfo { name: name.clone(), dtype: DType::F32, shape });
        Value { name, channels }
    }

    /// Goes on with a graph; what were its outputs are values.
    pub fn on(graph: Graph) -> Self {
        let Graph { inputs, nodes, parameters, .. } = graph;
        Self { inputs, nodes, parameters }
    }

    /// The value called `name` of a graph that is gone on with, of so many channels.
    pub fn value(&self, name: &str, channels: usize) -> Value {
        Value { name: name.to_owned(), channels }
    }

    /// A convolution with the parameters `{name}.weight` and, if asked for, `{name}.bias`.
    pub fn conv(&mut self, name: &str, x: &Value, spec: ConvSpec) -> Value {
        let [height, width] = spec.kernel;
        let shape = vec![spec.outputs, x.channels / spec.groups.max(1), height, width];
        let mut inputs = vec![x.name.clone(), self.parameter(name, "weight", shape, true)];
        if spec.bias {
            inputs.push(self.parameter(name, "bias", vec![spec.outputs], true));
        }
        let op = Op::Conv(Conv {
            stride: vec![spec.stride; 2],
            padding: spec.padding,
            dilation: vec![1; 2],
            groups: spec.groups,
        });
        self.node(name, op, inputs, spec.outputs)
    }

    /// Batch normalisation with the four parameters of PyTorch's `BatchNorm2d`, and its momentum.
    pub fn batch_norm(&mut self, name: &str, x: &Value, epsilon: f32) -> Value {
        self.batch_norm_with(name, x, BatchNorm { epsilon, momentum: 0.1 })
    }

    /// A linear layer from `x [batch, inputs]` with the parameters `{name}.weight [outputs,
    /// inputs]` and `{name}.bias [outputs]`.
    pub fn linear(&mut self, name: &str, x: &Value, inputs: usize, outputs: usize) -> Value {
        let weight = self.parameter(name, "weight", vec![outputs, inputs], true);
        let bias = self.parameter(name, "bias", vec![outputs], true);
        self.node(name, Op::Gemm(Gemm::LINEAR), vec![x.name.clone(), weight, bias], outputs)
    }

    /// The larger of each number and zero.
    pub fn relu(&mut self, x: &Value) -> Value {
        self.unnamed(Op::Activation(Activation::Relu), &[x], x.channels)
    }

    /// Each number, kept between 0 and 6.
    pub fn relu6(&mut self, x: &Value) -> Value {
        let clip = Activation::Clip { min: Some(0.0), max: Some(6.0) };
        self.unnamed(Op::Activation(clip), &[x], x.channels)
    }

    /// The sum of two values of one shape.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.unnamed(Op::Binary(Binary::Add), &[a, b], a.channels)
    }

    /// The channels of `values`, one value after the other.
    pub fn concat(&mut self, values: &[&Value]) -> Value {
        let channels = values.iter().map(|value| value.channels).sum();
        self.unnamed(Op::Layout(Layout::Concat { axis: 1 }), values, channels)
    }

    /// The largest number of each square window.
    pub fn max_pool(&mut self, x: &Value, kernel: usize, stride: usize, padding: usize) -> Value {
        self.pool(PoolKind::Max, x, [kernel, stride, padding])
    }

    /// The mean of each square window, padding counted as zeros.
    pub fn average_pool(
        &mut self,
        x: &Value,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Value {
        self.pool(PoolKind::MeanWithPadding, x, [kernel, stride, padding])
    }

    fn pool(&mut self, kind: PoolKind, x: &Value, [kernel, stride, padding]: [usize; 3]) -> Value {
        let pool = Pool {
            kind,
            kernel: vec![kernel; 2],
            stride: vec![stride; 2],
            padding: Padding::symmetric(padding, 2),
            dilation: vec![1; 2],
            ceil_mode: false,
        };
        self.unnamed(Op::Pool(pool), &[x], x.channels)
    }

    /// The mean of each channel, as `[batch, channels]`.
    pub fn global_average(&mut self, x: &Value) -> Value {
        let pooled = self.unnamed(Op::GlobalPool(GlobalPool::Mean), &[x], x.channels);
        self.unnamed(Op::Layout(Layout::Flatten { axis: 1 }), &[&pooled], x.channels)
    }

    /// Drops numbers at random while training.
    pub fn dropout(&mut self, x: &Value, probability: f32) -> Value {
        self.unnamed(Op::Dropout { probability }, &[x], x.channels)
    }

    /// The graph, whose outputs are these values under these names.
    ///
    /// Fails where a name stands for two things.
    pub fn finish(mut self, outputs: &[(&str, &Value)]) -> Result<Graph, Error> {
        for (name, value) in outputs {
            if value.name == *name {
                continue;
            }
            for node in &mut self.nodes {
                let places = node.outputs.iter_mut().chain(&mut node.inputs);
                places
                    .filter(|place| **place == value.name)
                    .for_each(|place| (*name).clone_into(place));
            }
        }
        let outputs = outputs.iter().map(|(name, _)| (*name).to_owned()).collect();
        let Self { inputs, nodes, parameters } = self;
        let graph = Graph { inputs, nodes, outputs, parameters };
        graph.check()?;
        Ok(graph)
    }

    fn parameter(
        &mut self,
        module: &str,
        name: &str,
        shape: Vec<usize>,
        trainable: bool,
    ) -> String {
        let name = format!("{module}.{name}");
        self.parameters.insert(name.clone(), Parameter { dtype: DType::F32, shape, trainable });
        name
    }

    fn unnamed(&mut self, op: Op, inputs: &[&Value], channels: usize) -> Value {
        let name = format!("{}_{}", op.name(), self.nodes.len());
        let inputs = inputs.iter().map(|value| value.name.clone()).collect();
        self.node(&name, op, inputs, channels)
    }

    fn node(&mut self, name: &str, op: Op, inputs: Vec<String>, channels: usize) -> Value {
        let output = format!("{name}:0");
        let outputs = vec![output.clone()];
        self.nodes.push(Node { name: name.to_owned(), op, inputs, outputs });
        Value { name: output, channels }
    }
}
