//! From layers to a graph: the names, the parameters, and what is refused.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use zoo_model::graph::Facts;
use zoo_model::{DType, Fact, Graph, Node, Op, Parameter, Tensor, Weights};

use super::network::Network;
use super::wiring::{Step, Wiring};
use super::{CaffeModel, inputs, layers, malformed};
use crate::{Error, names};

/// Why a layer is not lowered, each the end of a sentence about it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It has no counterpart here.
    Unsupported(String),
    /// It is not what a layer of its type must be.
    Malformed(String),
}

impl Refusal {
    /// For what has no counterpart here.
    pub(super) fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported(reason.into())
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Malformed(reason)
    }
}

/// What is known while layers are lowered, one after the other.
pub(super) struct Lowering<'a> {
    wiring: &'a Wiring<'a>,
    /// What values are called.
    names: HashMap<usize, String>,
    /// Names of values that are taken.
    taken: HashSet<String>,
    node_names: HashSet<String>,
    /// The steps that read each value.
    readers: HashMap<usize, Vec<usize>>,
    /// Steps that became part of one before them.
    merged: HashSet<usize>,
    graph: Graph,
    weights: Weights,
    /// Shapes for a batch of one.
    facts: Facts,
}

/// Makes a graph of the network from the file at `path`.
pub(super) fn lower(
    path: &Path,
    network: &Network,
    size: Option<[usize; 2]>,
) -> Result<CaffeModel, Error> {
    let fail = |reason| malformed(path, reason);
    let wiring = Wiring::of(network).map_err(fail)?;
    let mut lowering = Lowering::new(&wiring);
    let mut preprocess = None;
    let mut refused = Vec::new();
    for input in &wiring.inputs {
        let info = inputs::info(network, input, size).map_err(fail)?;
        if wiring.inputs.len() == 1 {
            preprocess = inputs::preprocess(input, &info);
        }
        let name = lowering.name_value(input.value, input.name, input.name);
        lowering.facts.insert(name, Fact::float(info.shape_with(1)));
        lowering.graph.inputs.push(info);
    }
    for (index, step) in wiring.steps.iter().enumerate() {
        if lowering.merged.contains(&index) {
            continue;
        }
        match layers::lower(&mut lowering, step) {
            Ok(()) => {}
            Err(Refusal::Malformed(reason)) => {
                return Err(fail(format!("its {}: {reason}", step.layer.title())));
            }
            Err(Refusal::Unsupported(reason)) => {
                refused.push(format!("{}: {reason}", step.layer.title()));
                // What comes after it is looked at as well, to tell everything at once.
                for top in 0..step.tops.len() {
                    lowering.top(step, top);
                }
            }
        }
    }
    if !refused.is_empty() {
        return Err(Error::UnsupportedOperators { path: path.to_owned(), nodes: refused });
    }
    let (graph, weights) = lowering.finish()?;
    Ok(CaffeModel { graph, weights, preprocess })
}

impl<'a> Lowering<'a> {
    fn new(wiring: &'a Wiring<'a>) -> Self {
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, step) in wiring.steps.iter().enumerate() {
            for &bottom in &step.bottoms {
                readers.entry(bottom).or_default().push(index);
            }
        }
        Self {
            wiring,
            names: HashMap::new(),
            taken: HashSet::new(),
            node_names: HashSet::new(),
            readers,
            merged: HashSet::new(),
            graph: Graph::default(),
            weights: Weights::new(),
            facts: Facts::new(),
        }
    }

    /// Calls a value as its blob is called; or, where a layer changed that in place, after the
    /// layer.
    fn name_value(&mut self, value: usize, blob: &str, layer: &str) -> String {
        if let Some(name) = self.names.get(&value) {
            return name.clone();
        }
        // An empty name would stand for a value that is not there.
        let name = if !blob.is_empty() && self.taken.insert(blob.to_owned()) {
            blob.to_owned()
        } else {
            unused(&mut self.taken, if layer.is_empty() { "value" } else { layer })
        };
        self.names.insert(value, name.clone());
        name
    }

    /// A name for a value that the file does not have.
    pub(super) fn unused_value(&mut self, wanted: &str) -> String {
        unused(&mut self.taken, wanted)
    }

    /// What all bottoms are called, in order.
    pub(super) fn bottoms(&self, step: &Step) -> Result<Vec<String>, Refusal> {
        (0..step.bottoms.len()).map(|index| self.bottom(step, index)).collect()
    }

    /// What the bottom of this index is called.
    pub(super) fn bottom(&self, step: &Step, index: usize) -> Result<String, Refusal> {
        let name = step.bottoms.get(index).and_then(|value| self.names.get(value));
        name.cloned().ok_or_else(|| format!("it reads only {} blobs", step.bottoms.len()).into())
    }

    /// What the top of this index is called.
    pub(super) fn top(&mut self, step: &Step, index: usize) -> String {
        let layer = step.layer;
        match (step.tops.get(index), layer.tops.get(index)) {
            (Some(&value), Some(blob)) => self.name_value(value, blob, &layer.name),
            // Layers reach this only if an output depends on a top of theirs.
            _ => String::new(),
        }
    }

    /// Lets all tops be the bottom under other names.
    pub(super) fn alias(&mut self, step: &Step) -> Result<(), Refusal> {
        let bottom = self.bottom(step, 0)?;
        self.names.extend(step.tops.iter().map(|&top| (top, bottom.clone())));
        Ok(())
    }

    /// The shape of a value for a batch of one, unless it follows a layer that was refused.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.facts.get(name).map(|fact| fact.shape.as_slice())
    }

    /// The only step that reads the first top of `step`, which is no output.
    pub(super) fn only_reader(&self, step: &Step) -> Option<(usize, &'a Step<'a>)> {
        let top = step.tops.first()?;
        let is_output = self.wiring.outputs.iter().any(|(value, _)| value == top);
        match self.readers.get(top).map(Vec::as_slice) {
            Some(&[index]) if !is_output => Some((index, &self.wiring.steps[index])),
            _ => None,
        }
    }

    /// Leaves the step of this index out: the one at hand does its work.
    pub(super) fn merge(&mut self, index: usize) {
        self.merged.insert(index);
    }

    /// A name for a node: that of its layer, unless it has none or the name is taken.
    pub(super) fn node_name(&mut self, layer: &str) -> String {
        unused(&mut self.node_names, if layer.is_empty() { "layer" } else { layer })
    }

    /// Adds the parameter `{module}.{name}`, and says what it is called.
    pub(super) fn parameter(
        &mut self,
        module: &str,
        name: &str,
        tensor: Tensor,
        trainable: bool,
    ) -> String {
        let name = format!("{module}.{name}");
        let parameter = Parameter { dtype: DType::F32, shape: tensor.shape().to_vec(), trainable };
        self.facts.insert(name.clone(), Fact::float(parameter.shape.clone()));
        self.graph.parameters.insert(name.clone(), parameter);
        self.weights.insert(name.clone(), tensor);
        name
    }

    /// Adds a node that makes one value.
    pub(super) fn push(&mut self, name: String, op: Op, inputs: Vec<String>, output: String) {
        let operands: Vec<Option<&Fact>> =
            inputs.iter().map(|input| self.facts.get(input)).collect();
        // A misfit is reported when the whole graph is inferred, with the node's name.
        if let Ok([fact]) = op.infer(&operands).as_deref() {
            self.facts.insert(output.clone(), fact.clone());
        }
        self.graph.nodes.push(Node { name, op, inputs, outputs: vec![output] });
    }

    fn finish(mut self) -> Result<(Graph, Weights), Error> {
        for (value, _) in &self.wiring.outputs {
            self.graph.outputs.extend(self.names.get(value).cloned());
        }
        let Self { graph, weights, .. } = self;
        graph.check().map_err(zoo_model::Error::from)?;
        let shapes: Vec<_> = graph.inputs.iter().map(|info| info.shape_with(1)).collect();
        graph.infer(&weights, &shapes)?;
        Ok((graph, weights))
    }
}

/// `wanted`, or with a number after it that makes it unique among `taken`.
fn unused(taken: &mut HashSet<String>, wanted: &str) -> String {
    let first = taken.len();
    names::unused(taken, wanted, first)
}
