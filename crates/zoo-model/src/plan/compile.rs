//! From a graph to the draft of a plan, node by node.

use std::collections::{BTreeMap, HashMap};

use burn_dispatch::DispatchTensor;
use zoo_kernels::Activation as Epilogue;

use super::attention::Attention;
use super::draft::{Draft, Kernel, Source, Value, ValueId};
use super::elementwise::epilogue;
use super::gelu::Gelu;
use super::layers::two_axes;
use crate::exec::primitive;
use crate::graph::Facts;
use crate::ops::{Constant, GlobalPool, Layout, Reduction};
use crate::{DType, Fact, Graph, Node, Op};

/// Makes the draft of a graph for inputs of known shapes.
pub(super) struct Compiler<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a Facts,
    parameters: &'a BTreeMap<String, DispatchTensor>,
    /// How many nodes and outputs read each name.
    pub(super) readers: HashMap<&'a str, usize>,
    constants: HashMap<&'a str, &'a Constant>,
    /// Nodes that nothing computed goes into: Burn runs them when something that it runs reads them, and
    /// not at all where kernels take their numbers as they are.
    waiting: HashMap<&'a str, usize>,
    /// Whether values of three axes are tokens: rows of channels, one after the other.
    tokens: bool,
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
        let constants = graph.nodes.iter().filter_map(|node| match &node.op {
            Op::Constant(constant) => Some((node.outputs.first()?.as_str(), constant)),
            _ => None,
        });
        Self {
            graph,
            facts,
            parameters,
            readers,
            constants: constants.collect(),
            waiting: HashMap::new(),
            tokens: false,
            names: HashMap::new(),
            values: Vec::new(),
            drafts: Vec::new(),
        }
    }

    /// Takes every node. Where something is attention, values of three axes are tokens.
    pub(super) fn compile(&mut self) {
        let links = self.links();
        let attentions = self.find_attention(&links);
        self.tokens = !attentions.is_empty();
        let gelus = self.find_gelu(&links);
        let wholes = attentions.iter().map(Whole::Attention).chain(gelus.iter().map(Whole::Gelu));
        let members = wholes.flat_map(|whole| whole.nodes().iter().map(move |&at| (at, whole)));
        let members: HashMap<usize, Whole> = members.collect();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if is_known(node, self.facts) {
                continue;
            }
            match members.get(&index) {
                Some(whole) if whole.nodes().last() == Some(&index) => {
                    if self.whole(node, whole).is_none() {
                        for &at in whole.nodes() {
                            self.leave_to_burn(at);
                        }
                    }
                }
                Some(_) => {}
                None if self.may_wait(node) => {
                    self.waiting.insert(&node.outputs[0], index);
                }
                None => {
                    if self.node(node).is_none() {
                        self.leave_to_burn(index);
                    }
                }
            }
        }
        for name in &self.graph.outputs {
            self.summon(name);
        }
    }

    fn whole(&mut self, node: &'a Node, whole: &Whole<'_, 'a>) -> Option<()> {
        match whole {
            Whole::Attention(attention) => self.attention(node, attention),
            Whole::Gelu(gelu) => self.gelu(node, gelu),
        }
    }

    /// Whether nothing computed goes into `node`.
    fn may_wait(&self, node: &Node) -> bool {
        node.outputs.len() == 1
            && match &node.op {
                Op::Constant(_) => true,
                Op::Layout(Layout::Transpose { .. }) => {
                    self.graph.parameters.contains_key(&node.inputs[0])
                }
                _ => false,
            }
    }

    /// Lets Burn run what makes `name`, if that has waited for a reader.
    fn summon(&mut self, name: &str) {
        if let Some(node) = self.waiting.remove(name) {
            self.drafts.push(Draft::Burn { node, reads: Vec::new() });
        }
    }

    fn leave_to_burn(&mut self, index: usize) {
        let inputs = &self.graph.nodes[index].inputs;
        for name in inputs {
            self.summon(name);
        }
        let known = |name: &String| Some((name.clone(), *self.names.get(name.as_str())?));
        let reads = inputs.iter().filter_map(known).collect();
        self.drafts.push(Draft::Burn { node: index, reads });
    }

    /// Takes `node` if there is a kernel for it.
    fn node(&mut self, node: &'a Node) -> Option<()> {
        let [output] = node.outputs.as_slice() else { return None };
        let made = self.facts.get(output).filter(|fact| fact.dtype == DType::F32)?;
        let shape = self.images_shape(made)?;
        let rank = made.shape.len();
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
            Op::MatMul if rank <= 3 => self.linear(node, shape, true),
            Op::LayerNorm(norm) if rank <= 3 => self.layer_norm(node, shape, norm),
            Op::BatchNorm(norm) if rank != 3 => {
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
                self.activation(node, vec![node.name.clone()], shape, input, activation);
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

    /// The shape of a parameter, or of a constant.
    pub(super) fn dims(&self, name: &str) -> Option<&'a [usize]> {
        if let Some(constant) = self.constants.get(name) {
            return Some(&constant.shape);
        }
        let info = self.graph.parameters.get(name).filter(|info| info.dtype.is_float())?;
        Some(&info.shape)
    }

    /// A parameter's numbers, or a constant's.
    pub(super) fn parameter(&self, name: &str) -> Option<Vec<f32>> {
        if let Some(constant) = self.constants.get(name) {
            return Some(constant.values.clone());
        }
        self.dims(name)?;
        Some(primitive::read_f32(self.parameters.get(name)?.clone()))
    }

    /// The parameter that `name` is, and whether it stands turned round there.
    pub(super) fn matrix(&self, name: &'a str) -> Option<(&'a str, bool)> {
        if self.graph.parameters.contains_key(name) {
            return Some((name, false));
        }
        let node = &self.graph.nodes[*self.waiting.get(name)?];
        let is_turned = matches!(&node.op, Op::Layout(Layout::Transpose { permutation }) if permutation == &[1, 0]);
        is_turned.then_some((node.inputs[0].as_str(), true))
    }

    /// A value that kernels made.
    pub(super) fn known_value(&self, name: &str) -> Option<ValueId> {
        self.names.get(name).copied()
    }

    /// A value that kernels made, or one that enters for them.
    pub(super) fn value(&mut self, name: &'a str) -> Option<ValueId> {
        if let Some(id) = self.known_value(name) {
            return Some(id);
        }
        let fact = self.facts.get(name).filter(|fact| fact.dtype == DType::F32)?;
        if self.graph.parameters.contains_key(name) || fact.known.is_some() {
            return None;
        }
        let shape = self.images_shape(fact)?;
        self.summon(name);
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
    pub(super) fn push(&mut self, node: &'a Node, shape: [usize; 4], kernel: Kernel) -> ValueId {
        self.push_for(node, vec![node.name.clone()], shape, kernel)
    }

    /// Appends a step that computes all nodes of these `names`, of which `node` is the last.
    pub(super) fn push_for(
        &mut self,
        node: &'a Node,
        names: Vec<String>,
        shape: [usize; 4],
        kernel: Kernel,
    ) -> ValueId {
        let name = node.outputs[0].as_str();
        let id = self.values.len();
        let readers = self.readers.get(name).copied().unwrap_or(0);
        self.values.push(Value { shape, part_of: None, readers, producer: self.drafts.len() });
        self.drafts.push(Draft::Kernel { kernel, out: id, nodes: names });
        self.names.insert(name, id);
        id
    }

    /// Calls `id` by the name of what `node` makes as well.
    pub(super) fn rename(&mut self, node: &'a Node, id: ValueId) {
        let name = node.outputs[0].as_str();
        let readers = self.readers.get(name).copied().unwrap_or(0);
        self.values[id].readers = (self.values[id].readers + readers).saturating_sub(1);
        self.names.insert(name, id);
    }

    /// The kernel that makes `id`, if nothing but one node reads that.
    pub(super) fn open(&mut self, id: ValueId) -> Option<(&mut Kernel, &mut Vec<String>)> {
        let value = &self.values[id];
        if value.readers != 1 || value.part_of.is_some() {
            return None;
        }
        match self.drafts.get_mut(value.producer)? {
            Draft::Kernel { kernel, nodes, out } if *out == id => Some((kernel, nodes)),
            _ => None,
        }
    }

    /// A tensor's shape as that of images: `[batch, channels]` are images of one pixel, and so is each
    /// token of `[batch, tokens, channels]`.
    pub(super) fn images_shape(&self, fact: &Fact) -> Option<[usize; 4]> {
        let shape = match fact.shape[..] {
            [batch, channels] => [batch, 1, 1, channels],
            [batch, tokens, channels] if self.tokens => {
                [batch.checked_mul(tokens)?, 1, 1, channels]
            }
            [batch, channels, height, width] => [batch, height, width, channels],
            _ => return None,
        };
        (!shape.contains(&0)).then_some(shape)
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

/// Several nodes that are taken as one, behind the last of them.
#[derive(Debug, Clone, Copy)]
enum Whole<'f, 'a> {
    Attention(&'f Attention<'a>),
    Gelu(&'f Gelu<'a>),
}

impl<'f> Whole<'f, '_> {
    /// The nodes, in order.
    fn nodes(self) -> &'f [usize] {
        match self {
            Self::Attention(attention) => &attention.nodes,
            Self::Gelu(gelu) => &gelu.nodes,
        }
    }
}

/// Whether all that `node` makes follows from shapes and constants.
pub(super) fn is_known(node: &Node, facts: &Facts) -> bool {
    let known =
        |name: &String| name.is_empty() || facts.get(name).is_some_and(|fact| fact.known.is_some());
    node.outputs.iter().all(known)
}

/// `numbers` for each of `channels`, of which they may be one for all.
pub(super) fn spread(numbers: &[f32], channels: usize) -> Option<Vec<f32>> {
    match numbers {
        [one] => Some(vec![*one; channels]),
        each if each.len() == channels => Some(each.to_vec()),
        _ => None,
    }
}
