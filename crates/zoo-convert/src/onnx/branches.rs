//! Branches that a constant chooses.
//!
//! Exporters leave an `If` where a setting of the module chose, with a condition that is written
//! into the file. No gradient comes out of a block, so what such a branch holds would never
//! train. The branch that is taken is put in the node's place, before anything is lowered; the
//! other is gone.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use onnx_ir::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::attributes::Attributes;
use super::parse::is_own_domain;
use super::scope::{defined, every_name};
use super::tensor;
use crate::names;

/// The number of the type of truth values in `TensorProto.DataType`.
const BOOL: i32 = 9;

/// Puts into `graph` the branches of its own `If` nodes whose conditions are constants, and of
/// those inside such branches. Names stay what they are where nothing else in `graph` has them. A
/// node that is not sound is left for whoever lowers it to refuse.
pub(super) fn resolve(graph: &mut GraphProto, folder: &Path) {
    if !graph.node.iter().any(is_if) {
        return;
    }
    let mut taken = HashSet::new();
    every_name(graph, &mut taken);
    let mut here: HashSet<String> = defined(graph).into_iter().map(str::to_owned).collect();
    let mut known = HashMap::new();
    for tensor in &graph.initializer {
        known.extend(truth(tensor, folder).map(|truth| (tensor.name.clone(), truth)));
    }
    // The last is the next: what a branch holds comes before what follows its node.
    let mut pending: Vec<NodeProto> = std::mem::take(&mut graph.node).into_iter().rev().collect();
    while let Some(mut node) = pending.pop() {
        if let Some((output, truth)) = constant(&node, &known, folder) {
            known.insert(output, truth);
        }
        let condition = node.input.first().and_then(|name| known.get(name));
        let branch = condition.filter(|_| is_if(&node)).copied();
        let Some(mut branch) = branch.and_then(|truth| taken_branch(&mut node, truth)) else {
            graph.node.push(node);
            continue;
        };
        let mut renamed = HashMap::new();
        for name in defined(&branch) {
            if here.contains(name) {
                let name_here = names::unused(&mut taken, &format!("{}/{name}", node.name), 1);
                renamed.insert(name.to_owned(), name_here);
            }
        }
        rename(&mut branch, &renamed);
        here.extend(defined(&branch).into_iter().map(str::to_owned));
        for tensor in &branch.initializer {
            known.extend(truth(tensor, folder).map(|truth| (tensor.name.clone(), truth)));
        }
        graph.initializer.append(&mut branch.initializer);
        graph.value_info.append(&mut branch.value_info);
        let outputs = node.output.iter().zip(&branch.output);
        let outputs = outputs.filter(|(output, _)| !output.is_empty());
        pending.extend(outputs.map(|(output, made)| NodeProto {
            name: format!("{}/{output}", node.name),
            op_type: "Identity".to_owned(),
            input: vec![made.name.clone()],
            output: vec![output.clone()],
            ..NodeProto::default()
        }));
        pending.extend(branch.node.into_iter().rev());
    }
}

fn is_if(node: &NodeProto) -> bool {
    node.op_type == "If" && is_own_domain(&node.domain)
}

/// The value that `node` makes and that is true or false whatever the input.
fn constant(
    node: &NodeProto,
    known: &HashMap<String, bool>,
    folder: &Path,
) -> Option<(String, bool)> {
    let [output] = node.output.as_slice() else { return None };
    let truth = match (node.op_type.as_str(), node.input.as_slice()) {
        _ if !is_own_domain(&node.domain) => None,
        ("Constant", []) => truth(Attributes(node).tensor("value").ok()??, folder),
        ("Identity", [input]) => known.get(input).copied(),
        ("Not", [input]) => known.get(input).map(|truth| !truth),
        _ => None,
    };
    Some((output.clone(), truth?))
}

/// The one truth value that `tensor` holds.
fn truth(tensor: &TensorProto, folder: &Path) -> Option<bool> {
    if tensor.data_type != BOOL || tensor.dims.iter().any(|&length| length != 1) {
        return None;
    }
    match tensor::read(tensor, folder).ok()?.bytes() {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

/// Takes the graph out of `node` that is run where its condition is `truth`; `None`, and `node` as
/// it was, where that makes too few values or takes any.
fn taken_branch(node: &mut NodeProto, truth: bool) -> Option<GraphProto> {
    let name = if truth { "then_branch" } else { "else_branch" };
    let branch = Attributes(node).graph(name).ok()?;
    if !branch.input.is_empty() || branch.output.len() < node.output.len() {
        return None;
    }
    let is_it = |attribute: &&mut AttributeProto| attribute.name == name;
    node.attribute.iter_mut().find(is_it)?.g.take()
}

/// Gives the values that `graph` defines, and all that reads them, their names in `renamed`.
fn rename(graph: &mut GraphProto, renamed: &HashMap<String, String>) {
    if renamed.is_empty() {
        return;
    }
    let change = |name: &mut String| {
        if let Some(new) = renamed.get(name.as_str()) {
            name.clone_from(new);
        }
    };
    graph.initializer.iter_mut().for_each(|tensor| change(&mut tensor.name));
    graph.value_info.iter_mut().for_each(|info| change(&mut info.name));
    graph.output.iter_mut().for_each(|info| change(&mut info.name));
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(change);
        let inside = node
            .attribute
            .iter_mut()
            .flat_map(|attribute| attribute.g.as_mut().into_iter().chain(&mut attribute.graphs));
        for inner in inside {
            // What a graph defines hides what is called the same around it.
            let hidden = defined(inner);
            let seen = renamed.iter().filter(|(name, _)| !hidden.contains(name.as_str()));
            let seen = seen.map(|(name, new)| (name.clone(), new.clone())).collect();
            rename(inner, &seen);
        }
    }
}
