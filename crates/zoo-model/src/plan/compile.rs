//! From a graph to the draft of a plan, node by node.

use std::collections::{BTreeMap, HashMap};

use burn_dispatch::DispatchTensor;
use zoo_kernels::{Activation as Epilogue, Combine, Pooling, Window};

use super::draft::{Draft, Kernel, Linear, Source, Value, ValueId};
use crate::exec::primitive;
use crate::graph::Facts;
use crate::ops::{Activation, Binary, GlobalPool, Layout, Padding, Pool, PoolKind, Reduction};
use crate::{DType, Fact, Graph, Node, Op};

/// Makes the draft of a graph for inputs of known shapes.
pub(super) struct Compiler<'a> {
    graph: &'a Graph,
    facts: &'a Facts,
    parameters: &'a BTreeMap<String, DispatchTensor>,
    /// How many nodes and outputs read each name.
    readers: HashMap<&'a str, usize>,
    pub(super) names: HashMap<&'a str, ValueId>,
    pub(super) values: Vec<Value>,
    pub(super) drafts: Vec<Draft>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        facts: &'a Facts,
        parameters: &'a BTreeMap<String, DispatchTensor>,
    ) -> Self {
        let mut readers = HashMap::new();
        let computed = graph.nodes.iter().filter(|node| !is_known(node, facts));
        for name in computed.flat_map(|node| &node.inputs).chain(&graph.outputs) {
            *readers.entry(name.as_str()).or_insert(0) += 1;
        }
        let (names, values, drafts) = (HashMap::new(), Vec::new(), Vec::new());
        Self { graph, facts, parameters, readers, names, values, drafts }
    }

    /// Takes every node.
    pub(super) fn compile(&mut self) {
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if is_known(node, self.facts) {
                continue;
            }
            if self.node(node).is_none() {
                let reads = node
                    .inputs
                    .iter()
                    .filter_map(|name| Some((name.clone(), *self.names.get(name.as_str())?)));
                let draft = Draft::Burn { node: index, reads: reads.collect() };
                self.drafts.push(draft);
            }
        }
    }

    /// Takes `node` if there is a kernel for it.
    fn node(&mut self, node: &'a Node) -> Option<()> {
        let [output] = node.outputs.as_slice() else { return None };
        let made = self.facts.get(output).filter(|fact| fact.dtype == DType::F32)?;
        let shape = images_shape(made)?;
        match &node.op {
            Op::Conv(conv) => {
                let window = |x: &[usize], kernel: &[usize]| {
                    two_axes(&conv.padding, x, kernel, &conv.stride, &conv.dilation)
                };
                self.convolution(node, shape, conv.groups, window)
            }
            Op::Gemm(gemm) if gemm.alpha == 1.0 && gemm.beta == 1.0 && !gemm.transpose_a => {
                self.linear(node, shape, !gemm.transpose_b)
            }
            Op::MatMul if made.shape.len() == 2 => self.linear(node, shape, true),
            Op::BatchNorm(norm) => {
                let input = self.known_value(&node.inputs[0])?;
                let [weight, bias, mean, variance] =
                    [1, 2, 3, 4].map(|index| self.parameter(&node.inputs[index]));
                let (weight, bias, mean, variance) = (weight?, bias?, mean?, variance?);
                let scale: Vec<f32> = weight
                    .iter()
                    .zip(&variance)
                    .map(|(weight, variance)| weight / (variance + norm.epsilon).sqrt())
                    .collect();
                let shift: Vec<f32> = bias
                    .iter()
                    .zip(&mean)
                    .zip(&scale)
                    .map(|((bias, mean), scale)| bias - mean * scale)
                    .collect();
                self.affine(node, shape, input, scale, shift);
                Some(())
            }
            Op::Activation(activation) => {
                let activation = epilogue(*activation)?;
                let input = self.known_value(&node.inputs[0])?;
                self.activation(node, shape, input, activation);
                Some(())
            }
            Op::Binary(binary) => self.binary(node, shape, *binary),
            Op::Pool(pool) => self.pool(node, shape, pool),
            Op::GlobalPool(pool) => self.pool_images(node, shape, *pool == GlobalPool::Max),
            Op::Reduce(reduce) if matches!(reduce.kind, Reduction::Mean | Reduction::Max) => {
                let spatial = matches!(reduce.axes[..], [2 | -2, 3 | -1] | [3 | -1, 2 | -2]);
                let rank = self.facts.get(&node.inputs[0])?.shape.len();
                if rank != 4 || !spatial || node.inputs.len() != 1 {
                    return None;
                }
                self.pool_images(node, shape, reduce.kind == Reduction::Max)
            }
            Op::Dropout { .. } | Op::Layout(Layout::Identity) => {
                let input = self.known_value(&node.inputs[0])?;
                self.rename(node, input);
                Some(())
            }
            Op::Layout(Layout::Concat { axis: 1 | -3 }) => {
                (made.shape.len() == 4).then_some(())?;
                self.concat(node, shape)
            }
            Op::Layout(
                Layout::Flatten { .. }
                | Layout::Reshape { .. }
                | Layout::ReshapeWithZeros { .. }
                | Layout::Squeeze { .. }
                | Layout::Unsqueeze { .. },
            ) => self.flatten(node, shape),
            _ => None,
        }
    }

    /// A parameter's numbers.
    fn parameter(&self, name: &str) -> Option<Vec<f32>> {
        let info = self.graph.parameters.get(name)?;
        let tensor = self.parameters.get(name).filter(|_| info.dtype.is_float())?;
        Some(primitive::read_f32(tensor.clone()))
    }

    /// A value that kernels made.
    fn known_value(&self, name: &str) -> Option<ValueId> {
        self.names.get(name).copied()
    }

    /// A value that kernels made, or one that enters for them.
    fn value(&mut self, name: &'a str) -> Option<ValueId> {
        if let Some(id) = self.known_value(name) {
            return Some(id);
        }
        let fact = self.facts.get(name).filter(|fact| fact.dtype == DType::F32)?;
        if self.graph.parameters.contains_key(name) || fact.known.is_some() {
            return None;
        }
        let shape = images_shape(fact)?;
        let input = self.graph.inputs.iter().position(|info| info.name == name);
        let source = input.map_or_else(|| Source::Burn(name.to_owned()), Source::Input);
        let kernel = Kernel::Enter { source, size: [shape[1], shape[2]], padding: [0, 0] };
        let readers = self.readers.get(name).copied().unwrap_or(0);
        let id = self.values.len();
        self.values.push(Value { shape, part_of: None, readers, producer: self.drafts.len() });
        self.drafts.push(Draft::Kernel { kernel, out: id, nodes: Vec::new() });
        self.names.insert(name, id);
        Some(id)
    }

    /// Appends a step that makes what `node` makes.
    fn push(&mut self, node: &'a Node, shape: [usize; 4], kernel: Kernel) -> ValueId {
        let name = node.outputs[0].as_str();
        let id = self.values.len();
        let readers = self.readers.get(name).copied().unwrap_or(0);
        self.values.push(Value { shape, part_of: None, readers, producer: self.drafts.len() });
        self.drafts.push(Draft::Kernel { kernel, out: id, nodes: vec![node.name.clone()] });
        self.names.insert(name, id);
        id
    }

    /// Calls `id` by the name of what `node` makes as well.
    fn rename(&mut self, node: &'a Node, id: ValueId) {
        let name = node.outputs[0].as_str();
        let readers = self.readers.get(name).copied().unwrap_or(0);
        self.values[id].readers = (self.values[id].readers + readers).saturating_sub(1);
        self.names.insert(name, id);
    }

    /// The kernel that makes `id`, if nothing but one node reads that.
    fn open(&mut self, id: ValueId) -> Option<(&mut Kernel, &mut Vec<String>)> {
        let value = &self.values[id];
        if value.readers != 1 || value.part_of.is_some() {
            return None;
        }
        match self.drafts.get_mut(value.producer)? {
            Draft::Kernel { kernel, nodes, out } if *out == id => Some((kernel, nodes)),
            _ => None,
        }
    }

    fn convolution(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        groups: usize,
        window: impl FnOnce(&[usize], &[usize]) -> Option<Window>,
    ) -> Option<()> {
        let (x, weight) = (self.facts.get(&node.inputs[0])?, self.facts.get(&node.inputs[1])?);
        let ([_, channels, height, width], [outputs, _, kernel @ ..]) =
            (x.shape.as_slice(), weight.shape.as_slice())
        else {
            return None;
        };
        let mut window = window(&[*height, *width], kernel)?;
        self.graph.parameters.get(&node.inputs[1])?;
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.parameter(name)?,
            None => vec![0.0; *outputs],
        };
        let input = self.value(&node.inputs[0])?;
        if groups == 1 && window.padding != [0, 0] {
            self.pad_entry(input, &mut window, shape);
        }
        let linear = Linear {
            weight: node.inputs[1].clone(),
            transposed: false,
            window,
            groups,
            channels: *channels,
            scale: vec![1.0; *outputs],
            bias,
        };
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Linear { linear, input, residual: None, activation });
        Some(())
    }

    /// Lets images of few channels enter with their padding: rows of the window are then one run.
    fn pad_entry(&mut self, input: ValueId, window: &mut Window, out: [usize; 4]) {
        let value = &self.values[input];
        let [_, height, width, channels] = value.shape;
        let Some(Draft::Kernel { kernel: Kernel::Enter { padding, .. }, .. }) =
            self.drafts.get_mut(value.producer)
        else {
            return;
        };
        if channels > 4 || value.readers != 1 || *padding != [0, 0] {
            return;
        }
        let reach = |axis: usize, outputs: usize, length: usize| {
            let last = (outputs - 1) * window.stride[axis];
            let end = last + (window.kernel[axis] - 1) * window.dilation[axis] + 1;
            end.max(length + window.padding[axis])
        };
        let padded = [reach(0, out[1], height), reach(1, out[2], width)];
        // Where padding is more than the picture, it is cheaper to find zeros than to keep them.
        if padded[0] > 2 * height + 16 || padded[1] > 2 * width + 16 {
            return;
        }
        *padding = window.padding;
        self.values[input].shape[1] = padded[0];
        self.values[input].shape[2] = padded[1];
        window.padding = [0, 0];
    }

    /// A fully connected layer: a convolution of images of one pixel.
    fn linear(&mut self, node: &'a Node, shape: [usize; 4], transposed: bool) -> Option<()> {
        let (a, b) = (self.facts.get(&node.inputs[0])?, self.facts.get(&node.inputs[1])?);
        let [_, channels] = a.shape[..] else { return None };
        (b.shape.len() == 2).then_some(())?;
        self.graph.parameters.get(&node.inputs[1])?;
        let outputs = shape[3];
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => {
                let dims = &self.graph.parameters.get(name)?.shape;
                // One number for each output, or one for all; not one for each row.
                let (columns, rows) = dims.split_last().unwrap_or((&1, &[]));
                let fits = rows.iter().all(|&rows| rows == 1) && [1, outputs].contains(columns);
                fits.then_some(())?;
                spread(&self.parameter(name)?, outputs)?
            }
            None => vec![0.0; outputs],
        };
        let input = self.value(&node.inputs[0])?;
        let linear = Linear {
            weight: node.inputs[1].clone(),
            transposed,
            window: Window::POINT,
            groups: 1,
            channels,
            scale: vec![1.0; outputs],
            bias,
        };
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Linear { linear, input, residual: None, activation });
        Some(())
    }

    fn affine(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        input: ValueId,
        scale: Vec<f32>,
        shift: Vec<f32>,
    ) {
        if let Some((kernel, nodes)) = self.open(input)
            && kernel.fold(&scale, &shift)
        {
            nodes.push(node.name.clone());
            self.rename(node, input);
            return;
        }
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Affine { scale, shift, input, activation });
    }

    fn activation(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        input: ValueId,
        activation: Epilogue,
    ) {
        if let Some((kernel, nodes)) = self.open(input)
            && let Some(open) = kernel.open_activation()
        {
            *open = activation;
            nodes.push(node.name.clone());
            self.rename(node, input);
            return;
        }
        let (scale, shift) = (vec![1.0; shape[3]], vec![0.0; shape[3]]);
        self.push(node, shape, Kernel::Affine { scale, shift, input, activation });
    }

    fn binary(&mut self, node: &'a Node, shape: [usize; 4], binary: Binary) -> Option<()> {
        let how = match binary {
            Binary::Add => Combine::Add,
            Binary::Sub => Combine::Subtract,
            Binary::Mul => Combine::Multiply,
            _ => return None,
        };
        let [a, b] = node.inputs.as_slice() else { return None };
        let (Some(a), Some(b)) = (self.known_value(a), self.known_value(b)) else {
            return self.with_parameter(node, shape, how);
        };
        let (of_a, of_b) = (self.values[a].shape, self.values[b].shape);
        // Broadcasting goes by the last axes: a row `[batch, channels]` is no pixel of images.
        let ranks = node.inputs.iter().chain(&node.outputs);
        let ranks = ranks.map(|name| self.facts.get(name).map(|fact| fact.shape.len()));
        let same_rank = ranks.collect::<std::collections::HashSet<_>>().len() == 1;
        let is_pixel = |of: [usize; 4]| same_rank && of == [shape[0], 1, 1, shape[3]];
        let spread = shape[1] * shape[2];
        if of_a == shape && of_b == shape {
            if how == Combine::Add && a != b && self.add_residual(node, a, b).is_some() {
                return Some(());
            }
            self.combine(node, shape, how, (a, b), 1);
        } else if of_a == shape && is_pixel(of_b) {
            self.combine(node, shape, how, (a, b), spread);
        } else if of_b == shape && is_pixel(of_a) && how != Combine::Subtract {
            self.combine(node, shape, how, (b, a), spread);
        } else {
            return None;
        }
        Some(())
    }

    fn combine(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        how: Combine,
        (a, b): (ValueId, ValueId),
        spread: usize,
    ) {
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Combine { how, a, b, spread, activation });
    }

    /// Lets the convolution that makes one of two values add the other one, which then must be
    /// there before it: it moves to the end.
    fn add_residual(&mut self, node: &'a Node, a: ValueId, b: ValueId) -> Option<()> {
        let mut order = [(a, b), (b, a)];
        order.sort_by_key(|(id, _)| std::cmp::Reverse(self.values[*id].producer));
        for (id, other) in order {
            let Some((kernel, nodes)) = self.open(id) else { continue };
            let Kernel::Linear { linear, residual, activation, .. } = kernel else { continue };
            if residual.is_some() || *activation != Epilogue::NONE || linear.is_depthwise() {
                continue;
            }
            *residual = Some(other);
            nodes.push(node.name.clone());
            let moved = std::mem::replace(&mut self.drafts[self.values[id].producer], Draft::Moved);
            self.values[id].producer = self.drafts.len();
            self.drafts.push(moved);
            self.rename(node, id);
            return Some(());
        }
        None
    }

    /// A value combined with a number for each channel, or with one for all.
    fn with_parameter(&mut self, node: &'a Node, shape: [usize; 4], how: Combine) -> Option<()> {
        let [first, second] = node.inputs.as_slice() else { return None };
        let (input, name, reversed) = match (self.known_value(first), self.known_value(second)) {
            (Some(input), None) => (input, second, false),
            (None, Some(input)) => (input, first, true),
            _ => return None,
        };
        (self.values[input].shape == shape).then_some(())?;
        let rank = self.facts.get(&node.outputs[0])?.shape.len();
        let dims = &self.graph.parameters.get(name)?.shape;
        let channel_axis = if rank == 4 { 3 } else { 1 };
        let per_channel = dims.len() <= rank
            && dims
                .iter()
                .rev()
                .enumerate()
                .all(|(index, &dim)| dim == 1 || index + 1 == channel_axis);
        per_channel.then_some(())?;
        let numbers = spread(&self.parameter(name)?, shape[3])?;
        let zeros = vec![0.0; shape[3]];
        let (scale, shift) = match (how, reversed) {
            (Combine::Multiply, _) => (numbers, zeros),
            (Combine::Add, _) => (vec![1.0; shape[3]], numbers),
            (Combine::Subtract, false) => {
                (vec![1.0; shape[3]], numbers.iter().map(|number| -number).collect())
            }
            (Combine::Subtract, true) => (vec![-1.0; shape[3]], numbers),
        };
        self.affine(node, shape, input, scale, shift);
        Some(())
    }

    fn pool(&mut self, node: &'a Node, shape: [usize; 4], pool: &Pool) -> Option<()> {
        let x = self.facts.get(&node.inputs[0])?;
        let [_, _, spatial @ ..] = x.shape.as_slice() else { return None };
        let [_, _] = spatial else { return None };
        let window = two_axes(&pool.padding, spatial, &pool.kernel, &pool.stride, &pool.dilation)?;
        let pads = pool.padding.resolve(spatial, &pool.kernel, &pool.stride, &pool.dilation);
        let pooling = match pool.kind {
            PoolKind::Max => Pooling::Max,
            PoolKind::Mean => Pooling::Mean,
            PoolKind::MeanWithPadding => Pooling::MeanWithPadding { after: [pads[0].1, pads[1].1] },
        };
        let input = self.value(&node.inputs[0])?;
        self.push(node, shape, Kernel::Pool { window, pooling, input });
        Some(())
    }

    fn pool_images(&mut self, node: &'a Node, shape: [usize; 4], max: bool) -> Option<()> {
        (self.facts.get(&node.inputs[0])?.shape.len() == 4).then_some(())?;
        let input = self.value(&node.inputs[0])?;
        self.push(node, shape, Kernel::PoolImages { max, input });
        Some(())
    }

    /// Values one after the other along the channels: each is written where it will be read,
    /// unless it stands in another value already.
    fn concat(&mut self, node: &'a Node, shape: [usize; 4]) -> Option<()> {
        let parts: Option<Vec<ValueId>> =
            node.inputs.iter().map(|name| self.known_value(name)).collect();
        let parts = parts?;
        let whole = self.values.len();
        let name = node.outputs[0].as_str();
        let readers = self.readers.get(name).copied().unwrap_or(0);
        self.values.push(Value { shape, part_of: None, readers, producer: usize::MAX });
        let mut channel = 0;
        for part in parts {
            let channels = self.values[part].shape[3];
            let entered = matches!(
                self.drafts.get(self.values[part].producer),
                Some(Draft::Kernel { kernel: Kernel::Enter { .. }, .. })
            );
            if self.values[part].part_of.is_none() && !entered && part != whole {
                self.values[part].part_of = Some((whole, channel));
            } else {
                let copy = self.values.len();
                let (scale, shift) = (vec![1.0; channels], vec![0.0; channels]);
                let activation = Epilogue::NONE;
                let kernel = Kernel::Affine { scale, shift, input: part, activation };
                self.values.push(Value {
                    shape: self.values[part].shape,
                    part_of: Some((whole, channel)),
                    readers: 0,
                    producer: self.drafts.len(),
                });
                let nodes = vec![node.name.clone()];
                self.drafts.push(Draft::Kernel { kernel, out: copy, nodes });
            }
            channel += channels;
        }
        self.names.insert(name, whole);
        Some(())
    }

    /// Images of one pixel as rows, and whole images as rows of their planes.
    fn flatten(&mut self, node: &'a Node, shape: [usize; 4]) -> Option<()> {
        let input = self.known_value(&node.inputs[0])?;
        let of = self.values[input].shape;
        if of == shape {
            self.rename(node, input);
            return Some(());
        }
        let rows = of[0] == shape[0] && shape[1] == 1 && shape[2] == 1;
        (rows && self.facts.get(&node.inputs[0])?.shape.len() == 4).then_some(())?;
        self.push(node, shape, Kernel::Flatten { input });
        Some(())
    }
}

/// Whether all that `node` makes follows from shapes and constants.
fn is_known(node: &Node, facts: &Facts) -> bool {
    let known =
        |name: &String| name.is_empty() || facts.get(name).is_some_and(|fact| fact.known.is_some());
    node.outputs.iter().all(known)
}

/// A tensor's shape as that of images: `[batch, channels]` are images of one pixel.
fn images_shape(fact: &Fact) -> Option<[usize; 4]> {
    let shape = match fact.shape[..] {
        [batch, channels] => [batch, 1, 1, channels],
        [batch, channels, height, width] => [batch, height, width, channels],
        _ => return None,
    };
    (!shape.contains(&0)).then_some(shape)
}

/// `numbers` for each of `channels`, of which they may be one for all.
fn spread(numbers: &[f32], channels: usize) -> Option<Vec<f32>> {
    match numbers {
        [one] => Some(vec![*one; channels]),
        each if each.len() == channels => Some(each.to_vec()),
        _ => None,
    }
}

fn two_axes(
    padding: &Padding,
    input: &[usize],
    kernel: &[usize],
    stride: &[usize],
    dilation: &[usize],
) -> Option<Window> {
    let pair = |list: &[usize]| <[usize; 2]>::try_from(list).ok();
    let pads = padding.resolve(input, kernel, stride, dilation);
    let [(top, _), (left, _)] = pads[..] else { return None };
    Some(Window {
        kernel: pair(kernel)?,
        stride: pair(stride)?,
        dilation: pair(dilation)?,
        padding: [top, left],
    })
}

/// The activation as kernels know it.
fn epilogue(activation: Activation) -> Option<Epilogue> {
    Some(match activation {
        Activation::Relu => Epilogue::RELU,
        Activation::Clip { min, max } => {
            Epilogue::Clamp(min.unwrap_or(f32::NEG_INFINITY), max.unwrap_or(f32::INFINITY))
        }
        Activation::LeakyRelu { alpha } => Epilogue::LeakyRelu { slope: alpha },
        Activation::Sigmoid => Epilogue::Sigmoid,
        Activation::HardSigmoid { alpha, beta } => {
            Epilogue::HardSigmoid { slope: alpha, offset: beta }
        }
        Activation::HardSwish => Epilogue::HardSwish,
        Activation::Silu => Epilogue::Silu,
        _ => return None,
    })
}
