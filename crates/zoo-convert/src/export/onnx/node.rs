//! A node of ours, as the operators see it.

use onnx_ir::AttributeProto;
use zoo_model::{Fact, Node, Tensor};

use super::graph::GraphWriter;

/// Why a node cannot be written, as a text for people.
pub(super) type Refusal = String;

/// A node that is being written: what it reads, and what it becomes.
pub(super) struct NodeWriter<'a> {
    node: &'a Node,
    graph: &'a mut GraphWriter,
}

impl<'a> NodeWriter<'a> {
    pub(super) fn new(node: &'a Node, graph: &'a mut GraphWriter) -> Self {
        Self { node, graph }
    }

    /// What the file calls input `index`; empty if it was not given.
    pub(super) fn input(&self, index: usize) -> String {
        self.node.inputs.get(index).map_or_else(String::new, |name| self.graph.read(name))
    }

    /// What the file calls all inputs.
    pub(super) fn inputs(&self) -> Vec<String> {
        self.node.inputs.iter().map(|name| self.graph.read(name)).collect()
    }

    /// What is known of input `index`, for a batch of one.
    pub(super) fn fact(&self, index: usize) -> Option<&Fact> {
        self.graph.fact(self.node.inputs.get(index)?)
    }

    /// What is known of the first output, for a batch of one.
    pub(super) fn made(&self) -> Option<&Fact> {
        self.graph.fact(self.node.outputs.first()?)
    }

    /// The shape of input `index` after its first axis, if it is the same in every run.
    pub(super) fn fixed_lengths(&self, index: usize) -> Option<&[usize]> {
        self.graph.lengths_are_fixed().then_some(self.fact(index)?.shape.get(1..)?)
    }

    /// Adds a list of whole numbers, called after the node and `name`.
    pub(super) fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let wanted = format!("{}:{name}", self.node.name);
        self.graph.constant(&wanted, &Tensor::from_i64(&[values.len()], values))
    }

    /// Adds a lone number, called after the node and `name`.
    pub(super) fn float(&mut self, name: &str, value: f32) -> String {
        let wanted = format!("{}:{name}", self.node.name);
        self.graph.constant(&wanted, &Tensor::from_f32(&[], &[value]))
    }

    /// Adds `op_type` as a step on the way; what it makes comes back.
    pub(super) fn step(
        &mut self,
        op_type: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name =
            self.graph.unused_name(&format!("{}/{}", self.node.name, op_type.to_lowercase()));
        let output = self.graph.unused_name(&format!("{name}:0"));
        self.graph.node(name, op_type, inputs, vec![output.clone()], attributes);
        output
    }

    /// Adds `op_type` as what makes the node's outputs of its inputs.
    pub(super) fn emit(&mut self, op_type: &str, attributes: Vec<AttributeProto>) {
        let inputs = self.inputs();
        self.emit_of(op_type, inputs, attributes);
    }

    /// Adds `op_type` as what makes the node's outputs of `inputs`.
    pub(super) fn emit_of(
        &mut self,
        op_type: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) {
        let (name, outputs) = (self.node.name.clone(), self.node.outputs.clone());
        self.graph.node(name, op_type, inputs, outputs, attributes);
    }
}
