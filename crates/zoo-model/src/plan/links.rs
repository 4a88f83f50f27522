//! Which node makes a value, and which one reads it, for what is found among several nodes.

use std::collections::HashMap;

use super::compile::{Compiler, is_known};
use crate::ops::Binary;
use crate::{Node, Op};

/// The node that makes each value, and one that reads it.
pub(super) struct Links<'a> {
    pub(super) producers: HashMap<&'a str, usize>,
    /// The last one of several: whoever asks is content with one only.
    pub(super) readers: HashMap<&'a str, usize>,
}

impl<'a> Compiler<'a> {
    pub(super) fn links(&self) -> Links<'a> {
        let (mut producers, mut readers) = (HashMap::new(), HashMap::new());
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if !is_known(node, self.facts) {
                producers.extend(node.outputs.iter().map(|name| (name.as_str(), index)));
                readers.extend(node.inputs.iter().map(|name| (name.as_str(), index)));
            }
        }
        Links { producers, readers }
    }

    /// Whether nobody but `nodes`, which are in order, reads what they make, but for the last one's `made`.
    pub(super) fn is_closed(&self, nodes: &[usize], made: &str) -> bool {
        let all = || nodes.iter().map(|&index| &self.graph.nodes[index]);
        let is_last = all().next_back().is_some_and(|node| node.outputs == [made]);
        is_last
            && all().flat_map(|node| &node.outputs).all(|name| {
                name == made || self.readers.get(name.as_str()) == Some(&self.reads(nodes, name))
            })
    }

    /// How often `nodes` read `name`.
    pub(super) fn reads(&self, nodes: &[usize], name: &str) -> usize {
        let inputs = nodes.iter().flat_map(|&index| &self.graph.nodes[index].inputs);
        inputs.filter(|input| *input == name).count()
    }

    /// What `nodes` are called.
    pub(super) fn names_of(&self, nodes: &[usize]) -> Vec<String> {
        nodes.iter().map(|&index| self.graph.nodes[index].name.clone()).collect()
    }

    /// What `node` makes a multiple of, by which number.
    pub(super) fn multiple(&self, node: &'a Node) -> Option<(&'a str, f32)> {
        let [a, b] = node.inputs.as_slice() else { return None };
        match node.op {
            Op::Binary(Binary::Div) => Some((a, 1.0 / self.number(b)?)),
            Op::Binary(Binary::Mul) => match self.number(b) {
                Some(factor) => Some((a, factor)),
                None => Some((b, self.number(a)?)),
            },
            _ => None,
        }
    }

    /// The number that `name` is, where that is one and the same for all inputs.
    pub(super) fn number(&self, name: &str) -> Option<f32> {
        let count: usize = self.dims(name)?.iter().product();
        if count == 1 { self.parameter(name)?.first().copied() } else { None }
    }
}
