//! From messages to a graph: the names, the parameters and the order of things.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use onnx_ir::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use zoo_model::{DType, Fact, Graph, Node, Op, Parameter, Tensor, ValueInfo, Weights};

use super::attributes::{Attributes, Refusal};
use super::node::NodeView;
use super::parse::{is_own_domain, opset};
use super::scope::{Scope, every_name, reads};
use super::{OnnxModel, malformed, operators, tensor};
use crate::{Error, names};

/// The most numbers an input may have when every open axis has length one: what a graph asks
/// for is held in memory.
const MAX_INPUT: usize = 1 << 31;

/// What is known while nodes are lowered, one after the other.
pub(super) struct Lowering<'a> {
    /// Where external data is looked for.
    pub(super) folder: PathBuf,
    /// The version of ONNX's own operators.
    pub(super) opset: i64,
    /// The graph whose nodes are being lowered.
    pub(super) scope: Scope<'a>,
    /// Those around it, the outermost first.
    pub(super) outer: Vec<Scope<'a>>,
    /// Names that parameters must not have.
    pub(super) taken: HashSet<String>,
    /// Parameters that hold statistics, which no gradient moves.
    statistics: HashSet<String>,
    graph: Graph,
    weights: Weights,
    /// Inputs that are no tensors of numbers, and why.
    pub(super) foreign: HashMap<&'a str, Refusal>,
}

/// What a parameter is to the operator that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A weight or bias of a layer.
    Weight,
    /// A running mean or variance.
    Statistic,
    /// An operand like any other.
    Operand,
}

/// Makes a graph of what the file at `path` holds.
pub(super) fn lower(path: &Path, model: &ModelProto) -> Result<OnnxModel, Error> {
    let proto = &*model.graph;
    let nodes = needed(proto);
    if nodes.iter().any(|node| is_own_domain(&node.domain)) && opset(model).is_none() {
        return Err(malformed(path, "it does not say which version of ONNX's operators it uses"));
    }
    let mut lowering = Lowering::new(path, opset(model).unwrap_or(i64::MAX), proto, &nodes)?;
    lowering.inputs(path, proto)?;
    let mut refused = Vec::new();
    let outputs: HashSet<&str> = proto.output.iter().map(|info| info.name.as_str()).collect();
    for node in nodes {
        if let Err(reason) = lowering.node(node, &outputs) {
            refused.push(format!("{} (node \"{}\"): {reason}", operator(node), node.name));
        }
    }
    if refused.is_empty() {
        let each = lowering.foreign.iter();
        refused.extend(each.map(|(name, reason)| format!("input \"{name}\": {reason}")));
    }
    if !refused.is_empty() {
        return Err(Error::UnsupportedOperators { path: path.to_owned(), nodes: refused });
    }
    lowering.finish(proto)
}

/// The operator of `node`, with its domain unless that is ONNX's own.
pub(super) fn operator(node: &NodeProto) -> String {
    if is_own_domain(&node.domain) {
        node.op_type.clone()
    } else {
        format!("{}::{}", node.domain, node.op_type)
    }
}

/// The nodes that the outputs depend on, in the file's order.
pub(super) fn needed(proto: &GraphProto) -> Vec<&NodeProto> {
    let mut wanted: HashSet<&str> = proto.output.iter().map(|info| info.name.as_str()).collect();
    let mut nodes = Vec::new();
    for node in proto.node.iter().rev() {
        if node.output.iter().any(|name| !name.is_empty() && wanted.contains(name.as_str())) {
            wanted.extend(reads(node));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

impl<'a> Lowering<'a> {
    fn new(
        path: &Path,
        opset: i64,
        proto: &'a GraphProto,
        nodes: &[&'a NodeProto],
    ) -> Result<Self, Error> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut read: HashSet<&str> = nodes.iter().copied().flat_map(reads).collect();
        read.extend(proto.output.iter().map(|info| info.name.as_str()));
        let mut constants = HashMap::new();
        for initializer in &proto.initializer {
            let name = initializer.name.as_str();
            if !read.contains(name) {
                continue;
            }
            let tensor = tensor::read(initializer, &folder)
                .map_err(|reason| malformed(path, format!("the tensor `{name}`: {reason}")))?;
            if constants.insert(name, tensor).is_some() {
                return Err(malformed(path, format!("the tensor `{name}` is there twice")));
            }
        }
        let mut taken = HashSet::new();
        every_name(proto, &mut taken);
        Ok(Self {
            folder,
            opset,
            scope: Scope { constants, read, declared: declared(proto), ..Scope::default() },
            outer: Vec::new(),
            taken,
            statistics: HashSet::new(),
            graph: Graph::default(),
            weights: Weights::new(),
            foreign: HashMap::new(),
        })
    }

    /// Takes over the inputs. Those that cannot be held are refused by whatever reads them.
    fn inputs(&mut self, path: &Path, proto: &'a GraphProto) -> Result<(), Error> {
        let initializers: HashSet<&str> =
            proto.initializer.iter().map(|t| t.name.as_str()).collect();
        for info in &proto.input {
            // Before version 4 of the format, initialisers are inputs with a default.
            if initializers.contains(info.name.as_str()) {
                continue;
            }
            let input = match value_info(info) {
                Ok(input) => input,
                Err(reason) => {
                    self.foreign.insert(&info.name, reason);
                    continue;
                }
            };
            let shape = input.shape_with(1);
            let elements = shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim));
            if elements.is_none_or(|elements| elements > MAX_INPUT) {
                let reason = format!("its input `{}` has the shape {shape:?}", input.name);
                return Err(malformed(path, reason));
            }
            let mut fact = Fact::float(shape);
            fact.dtype = Fact::computed(input.dtype);
            self.scope.facts.insert(input.name.clone(), fact);
            self.graph.inputs.push(input);
        }
        Ok(())
    }

    pub(super) fn node(
        &mut self,
        proto: &'a NodeProto,
        outputs: &HashSet<&str>,
    ) -> Result<(), Refusal> {
        let own = is_own_domain(&proto.domain);
        for name in proto.input.iter().filter(|_| own) {
            if let Some(reason) = self.foreign.get(name.as_str()) {
                return Err(format!("its input `{name}`: {reason}"));
            }
        }
        if let ("Constant", [output], true) = (proto.op_type.as_str(), proto.output.as_slice(), own)
        {
            let tensor = constant(Attributes(proto), &self.folder)?;
            self.scope.constants.insert(output, tensor);
            return Ok(());
        }
        if let ("Identity", [input], [output], true) =
            (proto.op_type.as_str(), proto.input.as_slice(), proto.output.as_slice(), own)
            && !outputs.contains(output.as_str())
        {
            let source = self.resolve(input);
            self.scope.aliases.insert(output, source);
            return Ok(());
        }
        let name = self.node_name(proto);
        operators::lower(&mut NodeView::new(proto, name, self))
    }

    /// A name for the node: the file's, unless that is empty or taken.
    fn node_name(&mut self, proto: &NodeProto) -> String {
        let wanted =
            if proto.name.is_empty() { proto.op_type.to_lowercase() } else { proto.name.clone() };
        self.unused_name(&wanted)
    }

    /// `wanted`, or with a number after it that makes it unique among the nodes.
    pub(super) fn unused_name(&mut self, wanted: &str) -> String {
        let first = self.scope.node_names.len();
        names::unused(&mut self.scope.node_names, wanted, first)
    }

    /// The value that `name` stands for, once nodes that do nothing are left out.
    pub(super) fn resolve(&self, name: &'a str) -> &'a str {
        self.scope.aliases.get(name).copied().unwrap_or(name)
    }

    /// Whether anything reads the value `name`.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.scope.read.contains(name)
    }

    /// What is known of the value `name`; lengths only for open axes of length one.
    pub(super) fn fact(&self, name: &str) -> Option<Fact> {
        let constant = self.scope.constants.get(name).map(Fact::of_tensor);
        let declared = || {
            let (data_type, shape) = self.scope.declared.get(name)?;
            let dtype = Fact::computed(tensor::dtype(*data_type).ok()?);
            Some(Fact { dtype, shape: shape.clone()?, known: None })
        };
        constant.or_else(|| self.scope.facts.get(name).cloned()).or_else(declared)
    }

    /// The number of the type in which the file stores the value `name`, if it says so.
    pub(super) fn data_type(&self, name: &str) -> Option<i32> {
        self.scope.declared.get(name).map(|(data_type, _)| *data_type)
    }

    /// Makes `name`, if it is a constant, a parameter that an operator reads as `role`; the name
    /// under which it is read comes back.
    pub(super) fn parameter(&mut self, name: &'a str, role: Role) -> String {
        let Some(tensor) = self.scope.constants.get(name).cloned() else { return name.to_owned() };
        if self.outer.is_empty() {
            return self.add_parameter(name, tensor, role);
        }
        let origin = match self.scope.origins.get(name) {
            Some(origin) => origin.clone(),
            None => self.unused_parameter(name),
        };
        self.scope.origins.insert(name, origin.clone());
        self.add_inner_parameter(origin, tensor)
    }

    /// Makes `tensor` the parameter `name`, unless it is that already; the name under which it
    /// is read comes back.
    pub(super) fn add_parameter(&mut self, name: &str, tensor: Tensor, role: Role) -> String {
        if !self.outer.is_empty() {
            let name = self.unused_parameter(name);
            return self.add_inner_parameter(name, tensor);
        }
        let float = tensor.dtype().is_float();
        if role == Role::Statistic {
            self.statistics.insert(name.to_owned());
        }
        // What has infinities among it is a mask, not a weight.
        let operand = || tensor.len() > 1 && tensor.first_non_finite().is_none();
        let learned = float && (role == Role::Weight || operand());
        let trainable = learned && !self.statistics.contains(name);
        if let Some(parameter) = self.graph.parameters.get_mut(name) {
            parameter.trainable |= trainable;
            parameter.trainable &= !self.statistics.contains(name);
            self.scope.facts.insert(name.to_owned(), Fact::of_tensor(&tensor));
            return name.to_owned();
        }
        let dtype = if float { DType::F32 } else { tensor.dtype() };
        let parameter = Parameter { dtype, shape: tensor.shape().to_vec(), trainable };
        self.graph.parameters.insert(name.to_owned(), parameter);
        self.scope.facts.insert(name.to_owned(), Fact::of_tensor(&tensor));
        self.weights.insert(name, tensor);
        name.to_owned()
    }

    /// Makes `tensor` the parameter `name` of the outermost graph, which hands it in. No gradient
    /// comes out of blocks, so it is not trained unless something else reads it.
    fn add_inner_parameter(&mut self, name: String, tensor: Tensor) -> String {
        self.capture_parameter(&name, &Fact::of_tensor(&tensor));
        if !self.graph.parameters.contains_key(&name) {
            let dtype = if tensor.dtype().is_float() { DType::F32 } else { tensor.dtype() };
            let shape = tensor.shape().to_vec();
            let parameter = Parameter { dtype, shape, trainable: false };
            self.graph.parameters.insert(name.clone(), parameter);
            self.weights.insert(&name, tensor);
        }
        name
    }

    /// Adds a node that makes one value.
    pub(super) fn push(&mut self, name: String, op: Op, inputs: Vec<String>, output: &str) {
        self.push_all(name, op, inputs, vec![output.to_owned()]);
    }

    /// Adds a node that makes `outputs`, of which some may have no name.
    pub(super) fn push_all(
        &mut self,
        name: String,
        op: Op,
        inputs: Vec<String>,
        outputs: Vec<String>,
    ) {
        let operands: Vec<Option<&Fact>> =
            inputs.iter().map(|input| self.scope.facts.get(input)).collect();
        // A misfit is reported when the whole graph is inferred, with the node's name.
        if let Ok(made) = op.infer(&operands) {
            for (output, fact) in outputs.iter().zip(made) {
                self.scope.facts.insert(output.clone(), fact);
            }
        }
        self.scope.nodes.push(Node { name, op, inputs, outputs });
    }

    fn finish(mut self, proto: &'a GraphProto) -> Result<OnnxModel, Error> {
        for info in &proto.output {
            let name = self.resolve(&info.name);
            let name = self.parameter(name, Role::Operand);
            self.graph.outputs.push(name);
        }
        let Self { mut graph, weights, scope, .. } = self;
        graph.nodes = scope.nodes;
        graph.check().map_err(zoo_model::Error::from)?;
        let shapes: Vec<_> = graph.inputs.iter().map(|info| info.shape_with(1)).collect();
        graph.infer(&weights, &shapes)?;
        Ok(OnnxModel { graph, weights })
    }
}

/// What the file says of values.
pub(super) fn declared(proto: &GraphProto) -> HashMap<&str, (i32, Option<Vec<usize>>)> {
    let initializers =
        proto.initializer.iter().map(|tensor| (&*tensor.name, (tensor.data_type, None)));
    let infos = proto.input.iter().chain(&proto.value_info).chain(&proto.output);
    let infos = infos.filter(|info| info.type_.has_tensor_type()).map(|info| {
        let shape = value_info(info).ok().map(|info| info.shape_with(1));
        (&*info.name, (info.type_.tensor_type().elem_type, shape))
    });
    initializers.chain(infos).collect()
}

/// An input, with `None` for each axis that the file leaves open.
fn value_info(info: &ValueInfoProto) -> Result<ValueInfo, Refusal> {
    if !info.type_.has_tensor_type() {
        return Err("it is no tensor".to_owned());
    }
    let ty = info.type_.tensor_type();
    let dtype = tensor::dtype(ty.elem_type)?;
    let shape = ty.shape.as_ref().ok_or("it has no shape")?;
    // Some writers put 0 or -1 where an axis is open.
    let dim = |value: i64| usize::try_from(value).ok().filter(|&length| length > 0);
    let shape = shape.dim.iter().map(|axis| dim(axis.dim_value())).collect();
    Ok(ValueInfo { name: info.name.clone(), dtype, shape })
}

/// The tensor of a `Constant` node.
fn constant(attributes: Attributes, folder: &Path) -> Result<Tensor, Refusal> {
    if let Some(proto) = attributes.tensor("value")? {
        return tensor::read(proto, folder);
    }
    if let Some(values) = attributes.floats("value_floats")? {
        return Ok(Tensor::from_f32(&[values.len()], values));
    }
    if let Some(values) = attributes.ints("value_ints")? {
        return Ok(Tensor::from_i64(&[values.len()], values));
    }
    if let Some(value) = attributes.float("value_float")? {
        return Ok(Tensor::from_f32(&[], &[value]));
    }
    match attributes.int("value_int")? {
        Some(value) => Ok(Tensor::from_i64(&[], &[value])),
        None => Err("it is neither a tensor nor numbers".to_owned()),
    }
}
