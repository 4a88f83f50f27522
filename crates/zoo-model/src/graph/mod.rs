//! The graph: values, the nodes that compute them, and the parameters they need.
//!
//! Values have names. A name is a graph input, a parameter, or an output of exactly one node;
//! nodes stand in an order in which each comes after what it reads. [`Graph::check`] proves
//! this and that every shape fits, before anything is run.

mod block;
mod builder;
mod check;
mod cuts;
mod fact;
mod infer;
mod lookups;
mod surgery;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use block::Block;
pub use builder::{ConvSpec, GraphBuilder, TimeConv, Value};
pub use check::GraphError;
pub use cuts::Cuts;
pub use fact::{Fact, Facts};
pub(crate) use infer::{infer_node, refusal};
pub use lookups::Lookup;
pub use surgery::NewHead;

use crate::{DType, Hasher, Op};

/// A model's computation, without the numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// What comes in, in order.
    pub inputs: Vec<ValueInfo>,
    /// What is computed, in an order in which each node comes after what it reads.
    pub nodes: Vec<Node>,
    /// The names of the values that come out, in order.
    pub outputs: Vec<String>,
    /// What must be among the weights, by name.
    pub parameters: BTreeMap<String, Parameter>,
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueInfo {
    /// The value's name.
    pub name: String,
    /// The type of its elements.
    pub dtype: DType,
    /// The length of each axis; `None` for one of any length, such as the batch.
    pub shape: Vec<Option<usize>>,
}

impl ValueInfo {
    /// The shape as people write it, such as `[?, 3, 224, 224]`.
    pub fn shape_text(&self) -> String {
        let dims: Vec<String> = self
            .shape
            .iter()
            .map(|dim| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string()))
            .collect();
        format!("[{}]", dims.join(", "))
    }

    /// The shape with every open axis set to `length`.
    pub fn shape_with(&self, length: usize) -> Vec<usize> {
        self.shape.iter().map(|dim| dim.unwrap_or(length)).collect()
    }
}

/// One operator applied to values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// A name for messages; unique in the graph.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// The values read, in the operator's order; an empty name stands for an optional input
    /// that is not there.
    pub inputs: Vec<String>,
    /// The values made; an empty name stands for one that nothing reads.
    pub outputs: Vec<String>,
}

/// What a graph says of a parameter. Its numbers are among the [`Weights`](crate::Weights).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The type of its elements in the computation; floating-point weights may be stored
    /// with fewer bits than this.
    pub dtype: DType,
    /// The length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// Whether training may change it by its gradient: true of weights and biases, false of
    /// running statistics and constants.
    pub trainable: bool,
}

impl Parameter {
    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Graph {
    /// The node that makes the value `name`, and where it stands.
    pub fn producer(&self, name: &str) -> Option<(usize, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .find(|(_, node)| node.outputs.iter().any(|output| output == name))
    }

    /// How many numbers training may change.
    pub fn trainable_elements(&self) -> usize {
        self.parameters.values().filter(|p| p.trainable).map(Parameter::elements).sum()
    }

    /// The part of this graph that computes `value` from the inputs, with `value` as its only
    /// output: the trunk, where `value` is the feature.
    #[must_use]
    pub fn until(&self, value: &str) -> Self {
        let mut needed: std::collections::BTreeSet<&str> = [value].into();
        let mut nodes: Vec<&Node> = Vec::new();
        for node in self.nodes.iter().rev() {
            if node.outputs.iter().any(|output| needed.contains(output.as_str())) {
                needed.extend(node.inputs.iter().map(String::as_str));
                nodes.push(node);
            }
        }
        Self {
            inputs: self.inputs.clone(),
            nodes: nodes.into_iter().rev().cloned().collect(),
            outputs: vec![value.to_owned()],
            parameters: self
                .parameters
                .iter()
                .filter(|(name, _)| needed.contains(name.as_str()))
                .map(|(name, parameter)| (name.clone(), parameter.clone()))
                .collect(),
        }
    }

    /// The part of this graph that computes its outputs from `value`, which becomes its first
    /// input with the shape `shape`; of the inputs that it had those stay that are still read.
    ///
    /// What is left refers to nothing before `value` where `value` is a cut: a value through
    /// which everything passes.
    #[must_use]
    pub fn after(&self, value: &str, dtype: DType, shape: Vec<Option<usize>>) -> Self {
        let mut reached: std::collections::BTreeSet<&str> =
            self.outputs.iter().map(String::as_str).collect();
        let mut nodes: Vec<&Node> = Vec::new();
        for node in self.nodes.iter().rev() {
            let needed = node.outputs.iter().any(|output| reached.contains(output.as_str()));
            if needed && !node.outputs.iter().any(|output| output == value) {
                reached
                    .extend(node.inputs.iter().map(String::as_str).filter(|name| *name != value));
                nodes.push(node);
            }
        }
        let first = ValueInfo { name: value.to_owned(), dtype, shape };
        let others = self.inputs.iter().filter(|info| reached.contains(info.name.as_str()));
        Self {
            inputs: [first].into_iter().chain(others.cloned()).collect(),
            nodes: nodes.into_iter().rev().cloned().collect(),
            outputs: self.outputs.clone(),
            parameters: self
                .parameters
                .iter()
                .filter(|(name, _)| reached.contains(name.as_str()))
                .map(|(name, parameter)| (name.clone(), parameter.clone()))
                .collect(),
        }
    }

    /// A digest of the graph as it is written to disk.
    pub fn digest(&self) -> crate::Digest {
        Hasher::new().piece(self.to_json()).digest()
    }

    /// The graph as JSON, one node a line, for people and for `diff`.
    pub fn to_json(&self) -> String {
        fn lines<T: Serialize>(items: &[T]) -> String {
            // A graph is maps with text keys, numbers and texts: nothing that JSON refuses.
            let items: Vec<String> =
                items.iter().filter_map(|item| serde_json::to_string(item).ok()).collect();
            items.join(",\n    ")
        }
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .filter_map(|(name, parameter)| {
                let name = serde_json::to_string(name).ok()?;
                Some(format!("{name}: {}", serde_json::to_string(parameter).ok()?))
            })
            .collect();
        format!(
            "{{\n  \"inputs\": [\n    {}\n  ],\n  \"nodes\": [\n    {}\n  ],\n  \"outputs\": [\n    {}\n  ],\n  \"parameters\": {{\n    {}\n  }}\n}}\n",
            lines(&self.inputs),
            lines(&self.nodes),
            lines(&self.outputs),
            parameters.join(",\n    "),
        )
    }
}
