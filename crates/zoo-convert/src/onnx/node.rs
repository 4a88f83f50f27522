//! A node of the file, as the operators see it.

use onnx_ir::NodeProto;
use zoo_model::{DType, Fact, Op, Tensor};

use super::attributes::{Attributes, Refusal};
use super::lowering::{Lowering, Role};
use super::scope::Lowered;

/// A node that is being lowered: what it reads, and what it becomes.
pub(super) struct NodeView<'a, 'b> {
    proto: &'a NodeProto,
    name: String,
    /// Whether a node with this one's own name is there already.
    named: bool,
    lowering: &'b mut Lowering<'a>,
}

impl<'a, 'b> NodeView<'a, 'b> {
    pub(super) fn new(proto: &'a NodeProto, name: String, lowering: &'b mut Lowering<'a>) -> Self {
        Self { proto, name, named: false, lowering }
    }

    /// The operator's name.
    pub(super) fn op_type(&self) -> &'a str {
        &self.proto.op_type
    }

    /// The operator's domain.
    pub(super) fn domain(&self) -> &'a str {
        &self.proto.domain
    }

    /// The version of ONNX's operators.
    pub(super) fn opset(&self) -> i64 {
        self.lowering.opset
    }

    /// The attributes.
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes(self.proto)
    }

    /// How many inputs the node lists.
    pub(super) fn input_count(&self) -> usize {
        self.proto.input.len()
    }

    /// How many outputs the node lists.
    pub(super) fn output_count(&self) -> usize {
        self.proto.output.len()
    }

    /// The name of output `index`.
    pub(super) fn output(&self, index: usize) -> Result<String, Refusal> {
        let name = self.proto.output.get(index).filter(|name| !name.is_empty());
        name.cloned().ok_or_else(|| format!("it has no output {index}"))
    }

    fn value(&self, index: usize) -> Option<&'a str> {
        let name = self.proto.input.get(index).filter(|name| !name.is_empty())?;
        Some(self.lowering.resolve(name))
    }

    /// Whether input `index` is there.
    pub(super) fn has(&self, index: usize) -> bool {
        self.value(index).is_some()
    }

    /// Input `index`, which must be there, as the name of a value or parameter.
    pub(super) fn input(&mut self, index: usize) -> Result<String, Refusal> {
        self.input_as(index, Role::Operand)
    }

    /// Input `index`, which must be there, in the role `role` if it is a parameter.
    pub(super) fn input_as(&mut self, index: usize, role: Role) -> Result<String, Refusal> {
        let name = self.value(index).ok_or_else(|| format!("it lacks its input {index}"))?;
        Ok(self.lowering.parameter(name, role))
    }

    /// All inputs, each of which must be there.
    pub(super) fn all_inputs(&mut self) -> Result<Vec<String>, Refusal> {
        (0..self.input_count()).map(|index| self.input(index)).collect()
    }

    /// The first `count` inputs, empty where one is not given; none of those after the last given.
    pub(super) fn inputs(&mut self, count: usize) -> Result<Vec<String>, Refusal> {
        let mut names = Vec::with_capacity(count);
        for index in 0..count {
            names.push(if self.has(index) { self.input(index)? } else { String::new() });
        }
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        Ok(names)
    }

    /// Makes output 0 the constant `tensor`.
    pub(super) fn set_constant(&mut self, tensor: Tensor) -> Result<(), Refusal> {
        let output = self.proto.output.first().ok_or("it has no output")?;
        self.lowering.scope.constants.insert(output, tensor);
        Ok(())
    }

    /// Whether input `index` is there, and no constant.
    pub(super) fn is_computed(&self, index: usize) -> bool {
        self.has(index) && self.constant(index).is_none()
    }

    /// Input `index`, if it is a constant.
    pub(super) fn constant(&self, index: usize) -> Option<&Tensor> {
        self.lowering.scope.constants.get(self.value(index)?)
    }

    /// The whole numbers of input `index`, which must be a constant; `None` if it is not there.
    pub(super) fn constant_ints(&self, index: usize) -> Result<Option<Vec<i64>>, Refusal> {
        if !self.has(index) {
            return Ok(None);
        }
        let values = self.constant(index).and_then(Tensor::to_i64);
        let refuse = || format!("its input {index} is no constant of whole numbers");
        values.map(Some).ok_or_else(refuse)
    }

    /// The single number of input `index`, which must be a constant; `None` if it is not there.
    pub(super) fn constant_float(&self, index: usize) -> Result<Option<f32>, Refusal> {
        if !self.has(index) {
            return Ok(None);
        }
        match self.constant(index).map(Tensor::to_f32).as_deref() {
            Some([value]) => Ok(Some(*value)),
            _ => Err(format!("its input {index} is no constant with one element")),
        }
    }

    /// The list that older versions give as the attribute `name` and newer ones as the constant
    /// input `index`.
    pub(super) fn list(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>, Refusal> {
        match self.attributes().ints(name)? {
            Some(list) => Ok(Some(list.to_vec())),
            None => self.constant_ints(index),
        }
    }

    /// How many axes input `index` has.
    pub(super) fn rank(&self, index: usize) -> Result<usize, Refusal> {
        let fact = self.value(index).and_then(|name| self.lowering.fact(name));
        fact.map(|fact| fact.shape.len())
            .ok_or_else(|| format!("it is not known how many axes its input {index} has"))
    }

    /// The type in which input `index` is computed, if known.
    pub(super) fn dtype(&self, index: usize) -> Option<DType> {
        Some(self.lowering.fact(self.value(index)?)?.dtype)
    }

    /// The number of the type in which the file stores input `index`, if it says so: one of
    /// `TensorProto.DataType`.
    pub(super) fn data_type(&self, index: usize) -> Option<i32> {
        self.lowering.data_type(self.value(index)?)
    }

    /// Whether anything reads output `index`.
    pub(super) fn is_output_read(&self, index: usize) -> bool {
        let name = self.proto.output.get(index).filter(|name| !name.is_empty());
        name.is_some_and(|name| self.lowering.is_read(name))
    }

    /// Makes `tensor` a parameter of this node, called after it and `name`.
    pub(super) fn own_parameter(&mut self, name: &str, tensor: Tensor) -> String {
        let name = format!("{}.{name}", self.name);
        self.lowering.add_parameter(&name, tensor, Role::Operand)
    }

    /// What is known of input `index`.
    pub(super) fn fact(&self, index: usize) -> Option<Fact> {
        self.lowering.fact(self.value(index)?)
    }

    /// The graph `name` inside the node as a block; `inputs` tell what is known of its inputs.
    pub(super) fn block(
        &mut self,
        name: &str,
        inputs: &[Option<Fact>],
    ) -> Result<Lowered, Refusal> {
        let proto = self.attributes().graph(name)?;
        self.lowering.block(&format!("{}/{name}", self.name), proto, inputs)
    }

    /// Adds `op` as a step on the way; what it makes comes back.
    pub(super) fn step(&mut self, op: Op, inputs: Vec<String>) -> String {
        let name = self.lowering.unused_name(&format!("{}/{}", self.name, op.name()));
        let output = format!("{name}:0");
        self.lowering.push(name, op, inputs, &output);
        output
    }

    /// Adds `op` as what makes the node's only output.
    pub(super) fn emit(&mut self, op: Op, inputs: Vec<String>) -> Result<(), Refusal> {
        let extra = self.proto.output.iter().skip(1).find(|name| self.lowering.is_read(name));
        if let Some(extra) = extra.filter(|name| !name.is_empty()) {
            return Err(format!("only its first output is computed, but `{extra}` is read"));
        }
        self.emit_output(0, op, inputs)
    }

    /// Adds `op` as what makes all outputs of the node, in order.
    pub(super) fn emit_all(&mut self, op: Op, inputs: Vec<String>) {
        self.named = true;
        let outputs = self.proto.output.clone();
        self.lowering.push_all(self.name.clone(), op, inputs, outputs);
    }

    /// Adds `op` as what makes output `index`.
    pub(super) fn emit_output(
        &mut self,
        index: usize,
        op: Op,
        inputs: Vec<String>,
    ) -> Result<(), Refusal> {
        let output = self.output(index)?;
        let name = if self.named {
            self.lowering.unused_name(&format!("{}/{index}", self.name))
        } else {
            self.named = true;
            self.name.clone()
        };
        self.lowering.push(name, op, inputs, &output);
        Ok(())
    }
}
