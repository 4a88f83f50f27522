//! One run of nodes: the values that are alive, and what is known of them.
//!
//! As a rule all facts are there before anything runs. Where shapes depend on numbers that only
//! the run can tell (`NonZero`, the bodies of loops), the shape rules are asked again, node by
//! node, once the inputs are there: so a rule has accepted the inputs of whatever runs.

use std::collections::{BTreeMap, HashMap, HashSet};

use burn_dispatch::DispatchTensor;

use super::flex::Junction;
use super::{Context, primitive};
use crate::graph::{Block, Facts, infer_node, refusal};
use crate::ops::{Activation, Op, OpError, Values};
use crate::{DType, Error, Fact, Node, Tensor};

/// The state of one run of a graph or block.
pub(crate) struct Frame<'a> {
    parameters: &'a BTreeMap<String, DispatchTensor>,
    facts: Facts,
    values: HashMap<&'a str, DispatchTensor>,
    /// How many readers of each value are still to come, outputs counted.
    left: HashMap<&'a str, usize>,
    /// Where values that gradients flow through go to several readers.
    junctions: HashMap<&'a str, Junction>,
    /// Values that have been rectified already: the rectifier that reads them has nothing to do.
    rectified: HashSet<&'a str>,
}

impl<'a> Frame<'a> {
    /// Before the run of `nodes`, of whose values `facts` are known.
    pub(crate) fn new(
        nodes: &'a [Node],
        outputs: &'a [String],
        parameters: &'a BTreeMap<String, DispatchTensor>,
        facts: Facts,
    ) -> Self {
        let mut left = HashMap::new();
        let read = nodes.iter().flat_map(|node| &node.inputs).chain(outputs);
        for name in read.filter(|name| !name.is_empty()) {
            *left.entry(name.as_str()).or_insert(0) += 1;
        }
        Self {
            parameters,
            facts,
            values: HashMap::new(),
            left,
            junctions: HashMap::new(),
            rectified: HashSet::new(),
        }
    }

    /// Whether anything reads the value `name`.
    pub(crate) fn reads(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// Gives the value `name`, which is kept if anything reads it.
    pub(crate) fn insert(&mut self, name: &'a str, value: DispatchTensor) {
        let readers = self.left.get(name).copied().unwrap_or(0);
        if readers > 1 {
            self.junctions.insert(name, Junction::default());
        }
        if readers > 0 {
            self.values.insert(name, value);
        }
    }

    /// Runs every node once, in order. A value is let go by its last reader, so that its buffer
    /// can be used again.
    pub(crate) fn run(&mut self, nodes: &'a [Node], context: &mut Context) -> Result<(), Error> {
        for (index, node) in nodes.iter().enumerate() {
            context.node = index;
            let made = match self.foretold(node) {
                Some(made) => made,
                None => self.infer_now(node)?,
            };
            // What is known beforehand is uploaded where something reads it, not computed.
            if !made.is_empty() && made.iter().all(|fact| fact.known.is_some()) {
                continue;
            }
            let operands =
                node.inputs.iter().map(|name| self.take(name, context)).collect::<Vec<_>>();
            if node.inputs.len() == 1
                && self.rectified.contains(node.inputs[0].as_str())
                && let [Some(value)] = operands.as_slice()
            {
                self.insert(&node.outputs[0], value.clone());
                continue;
            }
            let rectifiable = self.rectifier_follows(nodes, index);
            context.foretell_rectifier(rectifiable);
            let outputs = node.op.run(Values(operands), &made, context).map_err(|source| {
                let facts: Vec<_> = node.inputs.iter().map(|name| self.facts.get(name)).collect();
                refusal(node, &facts, source)
            })?;
            if rectifiable && !context.rectifier_follows() {
                self.rectified.insert(&node.outputs[0]);
            }
            context.foretell_rectifier(false);
            for (name, output) in node.outputs.iter().zip(outputs) {
                self.insert(name, output);
            }
        }
        Ok(())
    }

    /// Whether node `index` makes one value, which only a rectifier reads.
    fn rectifier_follows(&self, nodes: &[Node], index: usize) -> bool {
        let [made] = nodes[index].outputs.as_slice() else { return false };
        if !nodes[index].op.may_rectify() || self.left.get(made.as_str()) != Some(&1) {
            return false;
        }
        let reader = nodes[index + 1..].iter().find(|node| node.inputs.contains(made));
        reader.is_some_and(|node| node.op == Op::Activation(Activation::Relu))
    }

    /// The values called `names`, once everything has run.
    pub(crate) fn outputs(
        &mut self,
        names: &[String],
        context: &Context,
    ) -> Result<Vec<DispatchTensor>, Error> {
        let each = names.iter().map(|name| {
            let missing = || {
                Error::Graph(crate::graph::GraphError::Undefined {
                    name: name.clone(),
                    reader: "the outputs".to_owned(),
                })
            };
            self.take(name, context).ok_or_else(missing)
        });
        each.collect()
    }

    /// The facts of what `node` makes, if they are known without a run.
    fn foretold(&self, node: &Node) -> Option<Vec<Fact>> {
        let named = node.outputs.iter().filter(|name| !name.is_empty());
        let mut made = Vec::with_capacity(node.outputs.len());
        for name in &node.outputs {
            match self.facts.get(name) {
                Some(fact) => made.push(fact.clone()),
                // Nothing reads it, and it has no name under which to know it.
                None if name.is_empty() => made.push(Fact::float([0])),
                None => return None,
            }
        }
        (named.count() > 0).then_some(made)
    }

    /// Asks the shape rule of `node`, now that its inputs are there; none where not even that is
    /// enough, which inference-only operators are allowed.
    fn infer_now(&mut self, node: &Node) -> Result<Vec<Fact>, Error> {
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            let tensor = self.values.get(name.as_str()).or_else(|| self.parameters.get(name));
            if let Some(tensor) = tensor
                && self.facts.get(name).is_none_or(|fact| fact.known.is_none())
            {
                self.facts.insert(name.clone(), fact_of(tensor));
            }
        }
        let operands: Vec<_> = node.inputs.iter().map(|name| self.facts.get(name)).collect();
        match infer_node(node, &operands) {
            Ok(made) => {
                for (name, fact) in node.outputs.iter().zip(&made) {
                    self.facts.insert(name.clone(), fact.clone());
                }
                Ok(made)
            }
            Err(source) if source.is_about_values() && node.op.is_inference_only() => {
                Ok(Vec::new())
            }
            Err(source) => Err(refusal(node, &operands, source)),
        }
    }

    /// A value for one of its readers: moved out for the last one.
    fn take(&mut self, name: &str, context: &Context) -> Option<DispatchTensor> {
        if name.is_empty() {
            return None;
        }
        if let Some(parameter) = self.parameters.get(name) {
            return Some(parameter.clone());
        }
        let last = self.left.get_mut(name).is_none_or(|count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
        let value = if last { self.values.remove(name) } else { self.values.get(name).cloned() };
        if let Some(value) = value {
            let junction = self.junctions.get(name).filter(|_| context.kernels());
            return Some(junction.and_then(|at| at.branch(&value)).unwrap_or(value));
        }
        self.known(name, context)
    }

    /// The value `name` where its numbers are known without a run.
    fn known(&self, name: &str, context: &Context) -> Option<DispatchTensor> {
        let fact = self.facts.get(name)?;
        let known = fact.known.as_ref()?;
        if fact.dtype == DType::Bool {
            let bytes: Vec<u8> = known.iter().map(|&value| u8::from(value != 0)).collect();
            let tensor = Tensor::new(DType::Bool, fact.shape.clone(), bytes.into())?;
            return Some(primitive::upload(&tensor, context.device()));
        }
        Some(primitive::from_i64(known, &fact.shape, context.device()))
    }
}

/// The most whole numbers that are read back from a device to learn a shape: far more than any
/// rank, few enough to wait for.
const MAX_READ: usize = 1024;

/// What is known of a tensor that is there: for a few whole numbers, everything.
fn fact_of(tensor: &DispatchTensor) -> Fact {
    let dtype = primitive::kind(tensor);
    let shape = primitive::shape(tensor);
    if dtype != DType::F32 && shape.iter().product::<usize>() <= MAX_READ {
        return Fact::of_tensor(&primitive::download(tensor.clone()));
    }
    Fact { dtype, shape, known: None }
}

/// Runs `block` on the values of its inputs.
pub(crate) fn run_block(
    block: &Block,
    inputs: Vec<Option<DispatchTensor>>,
    context: &mut Context,
) -> Result<Vec<DispatchTensor>, OpError> {
    context.enter_block(block.nodes.len())?;
    let parameters = BTreeMap::new();
    let mut frame = Frame::new(&block.nodes, &block.outputs, &parameters, Facts::new());
    for (name, value) in block.inputs.iter().zip(inputs) {
        let value =
            value.ok_or_else(|| OpError::new(format!("the block's input `{name}` is missing")))?;
        frame.insert(name, value);
    }
    let node = context.node;
    let outputs = frame
        .run(&block.nodes, context)
        .and_then(|()| frame.outputs(&block.outputs, context))
        .map_err(|error| OpError::new(inside(&error)));
    context.node = node;
    outputs
}

/// An error inside a block as the reason of the node around it.
fn inside(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
