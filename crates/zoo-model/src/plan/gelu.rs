//! GELU, found by its error function where a graph writes it down in five nodes, as PyTorch exports it:
//! `x (1 + erf(x / sqrt 2)) / 2`, in any order of the products.

use std::f32::consts::FRAC_1_SQRT_2;

use zoo_kernels::Activation as Epilogue;

use super::compile::Compiler;
use super::links::Links;
use crate::ops::{Binary, Unary};
use crate::{Node, Op};

/// Nodes that are GELU together.
#[derive(Debug)]
pub(super) struct Gelu<'a> {
    x: &'a str,
    /// The nodes, in order.
    pub(super) nodes: Vec<usize>,
}

impl<'a> Compiler<'a> {
    /// Every GELU of several nodes. No two have a node in common.
    pub(super) fn find_gelu(&self, links: &Links<'a>) -> Vec<Gelu<'a>> {
        let nodes = self.graph.nodes.iter().enumerate();
        let erf = nodes.filter(|(_, node)| node.op == Op::Unary(Unary::Erf));
        erf.filter_map(|(at, node)| self.gelu_around(links, at, node)).collect()
    }

    fn gelu_around(&self, links: &Links<'a>, at: usize, erf: &'a Node) -> Option<Gelu<'a>> {
        let node = |index: usize| &self.graph.nodes[index];
        let scaled = *links.producers.get(erf.inputs.first()?.as_str())?;
        let (x, factor) = self.multiple(node(scaled))?;
        is_near(factor, FRAC_1_SQRT_2).then_some(())?;
        let reader = |of: usize| Some(*links.readers.get(node(of).outputs.first()?.as_str())?);
        let sum = reader(at)?;
        let [a, b] = node(sum).inputs.as_slice() else { return None };
        let one = if Some(a) == erf.outputs.first() { b } else { a };
        (node(sum).op == Op::Binary(Binary::Add) && self.number(one)? == 1.0).then_some(())?;
        let made = node(sum).outputs.first()?;

        // The sum times x and a half, whichever comes first.
        let first = reader(sum)?;
        let mut nodes = vec![scaled, at, sum, first];
        if let Some((of, factor)) = self.multiple(node(first)) {
            (of == made && factor == 0.5).then_some(())?;
            let last = reader(first)?;
            nodes.push(last);
            is_product(node(last), x, node(first).outputs.first()?).then_some(())?;
        } else if is_product(node(first), x, made) {
            let last = reader(first)?;
            nodes.push(last);
            let (of, factor) = self.multiple(node(last))?;
            (Some(of) == node(first).outputs.first().map(String::as_str) && factor == 0.5)
                .then_some(())?;
        } else {
            let [a, b] = node(first).inputs.as_slice() else { return None };
            let half = if a == made { b } else { a };
            let halved = *links.producers.get(half.as_str())?;
            nodes.push(halved);
            is_product(node(first), half, made).then_some(())?;
            (self.multiple(node(halved))? == (x, 0.5)).then_some(())?;
        }
        nodes.sort_unstable();
        nodes.dedup();
        let last = node(*nodes.last()?);
        let is_whole = self.is_closed(&nodes, last.outputs.first()?)
            && self.facts.get(x)?.shape == self.facts.get(last.outputs.first()?)?.shape;
        is_whole.then_some(Gelu { x, nodes })
    }

    /// Takes all nodes of `gelu` as one, of which `node` is the last.
    pub(super) fn gelu(&mut self, node: &'a Node, gelu: &Gelu<'a>) -> Option<()> {
        let shape = self.images_shape(self.facts.get(node.outputs.first()?)?)?;
        let input = self.known_value(gelu.x)?;
        let reads = self.reads(&gelu.nodes, gelu.x);
        self.values[input].readers = (self.values[input].readers + 1).saturating_sub(reads);
        let names = self.names_of(&gelu.nodes);
        self.activation(node, names, shape, input, Epilogue::Gelu);
        Some(())
    }
}

fn is_product(node: &Node, a: &str, b: &str) -> bool {
    let of = node.inputs.iter().map(String::as_str);
    let is_both = of.clone().eq([a, b]) || of.eq([b, a]);
    node.op == Op::Binary(Binary::Mul) && is_both
}

fn is_near(x: f32, number: f32) -> bool {
    (x - number).abs() <= 1e-5
}
