//! Inputs, outputs, parameters, and the nodes in between.

use std::collections::{HashMap, HashSet};

use onnx_ir::{GraphProto, NodeProto, TensorShapeProto, ValueInfoProto};
use zoo_model::graph::Facts;
use zoo_model::{Bundle, DType, Fact, Tensor};

use super::node::NodeWriter;
use super::{attribute, operators, tensor};
use crate::{Error, names};

/// What open first axes are called.
const BATCH: &str = "batch";

/// A graph that is being written.
pub(super) struct GraphWriter {
    proto: GraphProto,
    /// What is known of the values for a batch of one.
    facts: Facts,
    /// Whether nothing but the batch is open, so that all other lengths in `facts` hold.
    only_batch_is_open: bool,
    /// Inputs that nodes read under another name, because they come in another type than they
    /// are computed in.
    casts: HashMap<String, String>,
    /// Names that are given away: values and nodes have separate ones in ONNX, here all differ.
    taken: HashSet<String>,
}

/// Writes the graph and the parameters of `bundle`.
pub(super) fn write(bundle: &Bundle) -> Result<GraphProto, Error> {
    let graph = &bundle.graph;
    let mut writer = GraphWriter::new(bundle)?;
    let mut refused = Vec::new();
    for node in &graph.nodes {
        if let Err(reason) = operators::write(&node.op, &mut NodeWriter::new(node, &mut writer)) {
            refused.push(format!("{} (node \"{}\"): {reason}", node.op.name(), node.name));
        }
    }
    // An output is an input or a parameter only where a graph computes nothing of use.
    for name in graph.outputs.iter().filter(|name| graph.producer(name).is_none()) {
        refused.push(format!("the output `{name}`: no node makes it"));
    }
    if !refused.is_empty() {
        return Err(Error::NoCounterpart { format: "ONNX", nodes: refused });
    }
    writer.outputs(bundle);
    Ok(writer.proto)
}

impl GraphWriter {
    fn new(bundle: &Bundle) -> Result<Self, Error> {
        let graph = &bundle.graph;
        let taken = graph.inputs.iter().map(|info| &info.name);
        let taken = taken.chain(graph.parameters.keys());
        let made = graph.nodes.iter().flat_map(|node| node.outputs.iter().chain([&node.name]));
        let mut writer = Self {
            proto: GraphProto { name: bundle.card.name.clone(), ..GraphProto::default() },
            facts: graph.infer(&bundle.weights, &bundle.probe_shapes(1)?)?,
            only_batch_is_open: graph
                .inputs
                .iter()
                .all(|info| info.shape.iter().skip(1).all(Option::is_some)),
            casts: HashMap::new(),
            taken: taken.chain(made).cloned().collect(),
        };
        for info in &graph.inputs {
            let dims = info.shape.iter().enumerate().map(|(axis, length)| match (length, axis) {
                (Some(length), _) => Dim::Fixed(*length),
                (None, 0) => Dim::Named(BATCH.to_owned()),
                (None, axis) => Dim::Named(format!("{}_{axis}", info.name)),
            });
            let proto = value_info(&info.name, info.dtype, dims.collect());
            writer.proto.input.push(proto);
            writer.cast(&info.name, info.dtype);
        }
        for name in graph.parameters.keys() {
            let missing = || zoo_model::Error::MissingParameter { name: name.clone() };
            let tensor = bundle.weights.get(name).ok_or_else(missing)?;
            writer.proto.initializer.push(tensor::write(name, tensor));
        }
        Ok(writer)
    }

    /// Makes what nodes read as `name`, which comes in as `dtype`, what it is computed as.
    fn cast(&mut self, name: &str, dtype: DType) {
        let computed = Fact::computed(dtype);
        if dtype == computed {
            return;
        }
        let output = self.unused_name(&format!("{name}:{}", computed.name().to_lowercase()));
        let to = attribute::int("to", i64::from(tensor::number(computed)));
        let node = self.unused_name(&format!("{name}:cast"));
        self.node(node, "Cast", vec![name.to_owned()], vec![output.clone()], vec![to]);
        self.casts.insert(name.to_owned(), output);
    }

    /// Adds a node. Trailing inputs that are not there are left out.
    pub(super) fn node(
        &mut self,
        name: String,
        op_type: &str,
        mut input: Vec<String>,
        output: Vec<String>,
        attribute: Vec<onnx_ir::AttributeProto>,
    ) {
        while input.last().is_some_and(String::is_empty) {
            input.pop();
        }
        let op_type = op_type.to_owned();
        let node = NodeProto { name, op_type, input, output, attribute, ..NodeProto::default() };
        self.proto.node.push(node);
    }

    /// Adds an initialiser, called `wanted` or like it; its name comes back.
    pub(super) fn constant(&mut self, wanted: &str, values: &Tensor) -> String {
        let name = self.unused_name(wanted);
        self.proto.initializer.push(tensor::write(&name, values));
        name
    }

    /// What nodes read for the value `name`.
    pub(super) fn read(&self, name: &str) -> String {
        self.casts.get(name).map_or(name, String::as_str).to_owned()
    }

    /// What is known of the value `name`, for a batch of one.
    pub(super) fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts.get(name)
    }

    /// Whether the lengths of all axes but the first are those of every run.
    pub(super) fn lengths_are_fixed(&self) -> bool {
        self.only_batch_is_open
    }

    /// `wanted`, or with a number after it that makes it unique.
    pub(super) fn unused_name(&mut self, wanted: &str) -> String {
        names::unused(&mut self.taken, wanted, 1)
    }

    /// Declares the outputs, with as much of their shapes as holds for every run.
    fn outputs(&mut self, bundle: &Bundle) {
        let graph = &bundle.graph;
        let two = bundle.probe_shapes(2).and_then(|two| graph.infer(&bundle.weights, &two)).ok();
        for name in &graph.outputs {
            let Some(one) = self.facts.get(name) else {
                let name = name.clone();
                self.proto.output.push(ValueInfoProto { name, ..ValueInfoProto::default() });
                continue;
            };
            let two = two.as_ref().and_then(|facts| facts.get(name));
            let dims = one.shape.iter().enumerate().map(|(axis, &length)| {
                let of_two = two.and_then(|fact| fact.shape.get(axis).copied());
                match of_two {
                    Some(2) if axis == 0 && length == 1 => Dim::Named(BATCH.to_owned()),
                    Some(same) if same == length && self.only_batch_is_open => Dim::Fixed(length),
                    _ => Dim::Open,
                }
            });
            let proto = value_info(name, one.dtype, dims.collect());
            self.proto.output.push(proto);
        }
    }
}

/// The length of an axis.
enum Dim {
    Fixed(usize),
    /// Open, but the same wherever this name stands.
    Named(String),
    Open,
}

fn value_info(name: &str, dtype: DType, dims: Vec<Dim>) -> ValueInfoProto {
    let mut shape = TensorShapeProto::default();
    shape.dim.resize_with(dims.len(), Default::default);
    for (proto, dim) in shape.dim.iter_mut().zip(dims) {
        match dim {
            Dim::Fixed(length) => proto.set_dim_value(length as i64),
            Dim::Named(name) => proto.set_dim_param(name),
            Dim::Open => {}
        }
    }
    let mut info = ValueInfoProto { name: name.to_owned(), ..ValueInfoProto::default() };
    let ty = info.type_.mut_or_insert_default().mut_tensor_type();
    ty.elem_type = tensor::number(dtype);
    ty.shape = Some(shape).into();
    info
}
