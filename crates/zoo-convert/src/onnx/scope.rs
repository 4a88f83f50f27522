//! Graphs inside nodes: what they read from around them, and what they become.
//!
//! A block sees nothing but its inputs. So each name that a branch or body reads and does not
//! define is handed in, through all the blocks in between; a constant becomes a parameter of the
//! outermost graph, and is handed in as well. What a block defines hides what is called the same
//! around it.

use std::collections::{HashMap, HashSet};

use onnx_ir::{GraphProto, NodeProto};
use zoo_model::graph::{Block, Facts};
use zoo_model::{Fact, Node, Tensor};

use super::attributes::Refusal;
use super::lowering::{Lowering, Role, declared, needed, operator};
use super::tensor;
use crate::names;

/// What holds inside one graph of the file only.
#[derive(Default)]
pub(super) struct Scope<'a> {
    /// Initialisers and constants, by the names of their values.
    pub(super) constants: HashMap<&'a str, Tensor>,
    /// Values that are others under a second name.
    pub(super) aliases: HashMap<&'a str, &'a str>,
    /// Values that something reads.
    pub(super) read: HashSet<&'a str>,
    /// Types and shapes where every open axis has length one. Only types and ranks may be relied
    /// on: a length may be another at another batch.
    pub(super) facts: Facts,
    /// The names of nodes.
    pub(super) node_names: HashSet<String>,
    /// What the file says of values: the number of their type, and the shape if it says that.
    pub(super) declared: HashMap<&'a str, (i32, Option<Vec<usize>>)>,
    /// The nodes so far.
    pub(super) nodes: Vec<Node>,
    /// The parameters that constants of graphs have become, or will.
    pub(super) origins: HashMap<&'a str, String>,
    /// What comes from around: the name there, and the name here.
    pub(super) captured: Vec<(String, String)>,
    /// The nodes around it, for names of parameters.
    pub(super) path: String,
}

/// A graph of the file as a block, and what it reads.
pub(super) struct Lowered {
    /// The block, whose inputs are the graph's own.
    pub(super) block: Block,
    /// What else it reads: the name around it, and the name inside.
    pub(super) captured: Vec<(String, String)>,
}

impl<'a> Lowering<'a> {
    /// Makes a block of `proto`, inside the node `name`. `inputs` tell what is known of its
    /// inputs where the file does not.
    pub(super) fn block(
        &mut self,
        name: &str,
        proto: &'a GraphProto,
        inputs: &[Option<Fact>],
    ) -> Result<Lowered, Refusal> {
        let nodes = needed(proto);
        let mut scope = Scope { declared: declared(proto), ..Scope::default() };
        scope.path = format!("{}{name}/", self.scope.path);
        let mut free: Vec<&'a str> = Vec::new();
        let mut defined = defined(proto);
        for &node in &nodes {
            free.extend(reads(node));
        }
        free.extend(proto.output.iter().map(|info| info.name.as_str()));
        scope.read.extend(&free);
        for initializer in &proto.initializer {
            let tensor = tensor::read(initializer, &self.folder)
                .map_err(|reason| format!("the tensor `{}`: {reason}", initializer.name))?;
            if scope.constants.insert(&initializer.name, tensor).is_some() {
                return Err(format!("the tensor `{}` is there twice", initializer.name));
            }
        }
        for name in free {
            if !name.is_empty() && defined.insert(name) {
                self.hand_in(name, &mut scope)?;
            }
        }
        for (info, fact) in proto.input.iter().zip(inputs) {
            let known = scope.declared.get(info.name.as_str());
            if let (None | Some((_, None)), Some(fact)) = (known, fact) {
                scope.facts.insert(info.name.clone(), fact.clone());
            }
        }
        self.outer.push(std::mem::replace(&mut self.scope, scope));
        let made = self.block_inside(proto, nodes);
        let outer = self.outer.pop().unwrap_or_default();
        let scope = std::mem::replace(&mut self.scope, outer);
        let inputs = proto.input.iter().map(|info| info.name.clone()).collect();
        let block = Block { inputs, nodes: scope.nodes, outputs: made? };
        Ok(Lowered { block, captured: scope.captured })
    }

    /// Lowers the nodes of the innermost scope; what comes back are its outputs.
    fn block_inside(
        &mut self,
        proto: &'a GraphProto,
        nodes: Vec<&'a NodeProto>,
    ) -> Result<Vec<String>, Refusal> {
        let outputs: HashSet<&str> = proto.output.iter().map(|info| info.name.as_str()).collect();
        let mut refused = Vec::new();
        for node in nodes {
            if let Err(reason) = self.node(node, &outputs) {
                refused.push(format!("{} (node \"{}\"): {reason}", operator(node), node.name));
            }
        }
        if !refused.is_empty() {
            return Err(format!("inside it, {}", refused.join(", ")));
        }
        let each = proto.output.iter().map(|info| {
            let name = self.resolve(&info.name);
            self.parameter(name, Role::Operand)
        });
        Ok(each.collect())
    }

    /// Makes `name`, which stands around `inner`, known inside it.
    fn hand_in(&mut self, name: &'a str, inner: &mut Scope<'a>) -> Result<(), Refusal> {
        let around = self.resolve(name);
        if let Some(reason) = self.foreign.get(around) {
            return Err(format!("its block reads `{name}`: {reason}"));
        }
        if let Some(declared) = self.scope.declared.get(around) {
            inner.declared.insert(name, declared.clone());
        }
        if let Some(tensor) = self.scope.constants.get(around).cloned() {
            let origin = match self.scope.origins.get(around) {
                Some(origin) => origin.clone(),
                None if self.outer.is_empty() => around.to_owned(),
                None => self.unused_parameter(around),
            };
            self.scope.origins.insert(around, origin.clone());
            inner.origins.insert(name, origin);
            inner.constants.insert(name, tensor);
            return Ok(());
        }
        if let Some(fact) = self.scope.facts.get(around) {
            inner.facts.insert(name.to_owned(), fact.clone());
        }
        inner.captured.push((around.to_owned(), name.to_owned()));
        Ok(())
    }

    /// A name for a parameter of the innermost block that nothing else has.
    pub(super) fn unused_parameter(&mut self, name: &str) -> String {
        let wanted = format!("{}{name}", self.scope.path);
        names::unused(&mut self.taken, &wanted, 1)
    }

    /// Hands the parameter `name` in, through all the blocks around.
    pub(super) fn capture_parameter(&mut self, name: &str, fact: &Fact) {
        let inside = self.outer.iter_mut().skip(1).chain(std::iter::once(&mut self.scope));
        for scope in inside {
            if !scope.captured.iter().any(|(_, inner)| inner == name) {
                scope.captured.push((name.to_owned(), name.to_owned()));
            }
            scope.facts.insert(name.to_owned(), fact.clone());
        }
    }
}

/// Every name that a graph of the file or one inside it gives to something.
pub(super) fn every_name(proto: &GraphProto, names: &mut HashSet<String>) {
    names.extend(defined(proto).into_iter().map(str::to_owned));
    for node in &proto.node {
        graphs(node).for_each(|graph| every_name(graph, names));
    }
}

/// The names that `proto` gives to something.
pub(super) fn defined(proto: &GraphProto) -> HashSet<&str> {
    let inputs = proto.input.iter().map(|info| info.name.as_str());
    let tensors = proto.initializer.iter().map(|tensor| tensor.name.as_str());
    let made = proto.node.iter().flat_map(|node| &node.output).map(String::as_str);
    inputs.chain(tensors).chain(made).collect()
}

/// The graphs inside a node.
fn graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .filter_map(|attribute| attribute.g.as_ref())
        .chain(node.attribute.iter().flat_map(|attribute| &attribute.graphs))
}

/// What `node` reads from around it, the graphs inside it included.
pub(super) fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).collect();
    for graph in graphs(node) {
        let inside = defined(graph);
        let read = graph.node.iter().flat_map(reads);
        let read = read.chain(graph.output.iter().map(|info| info.name.as_str()));
        names.extend(read.filter(|name| !inside.contains(name)));
    }
    names
}
