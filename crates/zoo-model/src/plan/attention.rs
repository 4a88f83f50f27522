//! Attention, found by its softmax among the nodes that write it down, and taken as one step.
//!
//! What is looked for is `softmax(q k' + bias) v` of several heads: `q`, `k` and `v` are reshaped from
//! `[batch, tokens, channels]` and their heads brought forward, or all three cut out of one such value; a
//! factor may stand on queries, keys or scores; the result goes back the same way.

use zoo_kernels::Attention as Heads;

use super::compile::Compiler;
use super::draft::{Kernel, Value, ValueId};
use super::links::Links;
use crate::ops::{Binary, Layout};
use crate::{DType, Node, Op};

/// Nodes that are attention together.
#[derive(Debug)]
pub(super) struct Attention<'a> {
    /// Queries, keys and values.
    tokens: [Tokens<'a>; 3],
    /// What is added to the scores of each key, `[1 or batch, 1, 1, keys]`.
    bias: Option<&'a str>,
    heads: Heads,
    /// The nodes, in order.
    pub(super) nodes: Vec<usize>,
}

/// Tokens `[batch, tokens, channels]`, which may be a part of the channels of a wider value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tokens<'a> {
    name: &'a str,
    part: usize,
    parts: usize,
    /// Batch, heads, tokens, and channels of a head.
    shape: [usize; 4],
}

/// Follows values to the nodes that make them, and gathers those.
struct Trace<'c, 'a> {
    compiler: &'c Compiler<'a>,
    links: &'c Links<'a>,
    nodes: Vec<usize>,
    scale: f32,
}

impl<'a> Compiler<'a> {
    /// Everything that is attention. No two have a node in common.
    pub(super) fn find_attention(&self, links: &Links<'a>) -> Vec<Attention<'a>> {
        let nodes = self.graph.nodes.iter().enumerate();
        let softmax = nodes.filter(|(_, node)| matches!(node.op, Op::Softmax { .. }));
        let found = softmax.filter_map(|(at, _)| {
            Trace { compiler: self, links, nodes: Vec::new(), scale: 1.0 }.attention(at)
        });
        found.collect()
    }

    /// Takes all nodes of `attention` as one step; `node` is the last of them.
    pub(super) fn attention(&mut self, node: &'a Node, attention: &Attention<'a>) -> Option<()> {
        let shape = self.images_shape(self.facts.get(node.outputs.first()?)?)?;
        let mut ids = [0; 3];
        for (id, tokens) in ids.iter_mut().zip(&attention.tokens) {
            *id = self.tokens(tokens)?;
        }
        let bias = match attention.bias {
            Some(name) => Some(self.value(name)?),
            None => None,
        };
        let kernel = Kernel::Attention { heads: attention.heads, tokens: ids, bias };
        self.push_for(node, self.names_of(&attention.nodes), shape, kernel);
        Some(())
    }

    /// The value that `tokens` are, or a new one for the part of it that they are.
    fn tokens(&mut self, tokens: &Tokens<'a>) -> Option<ValueId> {
        let whole = self.value(tokens.name)?;
        if tokens.parts == 1 {
            return Some(whole);
        }
        let [rows, _, _, channels] = self.values[whole].shape;
        let channels = channels / tokens.parts;
        self.values.push(Value {
            shape: [rows, 1, 1, channels],
            part_of: Some((whole, tokens.part * channels)),
            readers: 1,
            producer: usize::MAX,
        });
        Some(self.values.len() - 1)
    }
}

impl<'a> Trace<'_, 'a> {
    /// The attention around the softmax `at`.
    fn attention(mut self, at: usize) -> Option<Attention<'a>> {
        let nodes = &self.compiler.graph.nodes;
        let [scores] = nodes[at].inputs.as_slice() else { return None };
        let shape = self.shape(scores)?;
        let &[batch, heads, queries, keys] = shape else { return None };
        let last_axis = matches!(nodes[at].op, Op::Softmax { axis: -1 | 3 });
        last_axis.then_some(())?;

        // Back to the product of queries and keys.
        let mut scores = self.unscaled(scores);
        let mut bias = None;
        if let Some(sum) = self.made_by(scores, |op| *op == Op::Binary(Binary::Add)) {
            // What is scaled behind the bias would scale that as well.
            (self.scale == 1.0).then_some(())?;
            let [a, b] = sum.inputs.as_slice() else { return None };
            let (of_scores, other) = if self.shape(a)? == shape { (a, b) } else { (b, a) };
            bias = Some(self.bias(other, batch, keys)?);
            scores = self.unscaled(of_scores);
        }
        let product = self.made_by(scores, |op| *op == Op::MatMul)?;
        let [query, key] = product.inputs.as_slice() else { return None };
        let query = self.unscaled(query);
        let query = self.heads(query, false)?;
        let key = self.unscaled(key);
        let key = self.heads(key, true)?;

        // Forward to where the heads stand side by side again.
        self.nodes.push(at);
        let mut next = |name: &str, op: &dyn Fn(&Op) -> bool| {
            let index = *self.links.readers.get(name)?;
            op(&nodes[index].op).then(|| self.nodes.push(index))?;
            Some(&nodes[index])
        };
        let weights = nodes[at].outputs.first()?;
        let sums = next(weights, &|op| *op == Op::MatMul)?;
        (sums.inputs.first() == Some(weights)).then_some(())?;
        let turned = next(sums.outputs.first()?, &|op| is_transpose(op, &[0, 2, 1, 3]))?;
        let joined = next(turned.outputs.first()?, &is_reshape)?;
        let made = joined.outputs.first()?;
        let value = self.heads(sums.inputs.get(1)?, false)?;

        let channels = query.shape[3];
        let fits = query.shape == [batch, heads, queries, channels]
            && [key, value].iter().all(|of| of.shape == [batch, heads, keys, channels])
            && self.shape(made)? == [batch, queries, heads * channels];
        fits.then_some(())?;
        self.nodes.sort_unstable();
        self.nodes.dedup();
        self.compiler.is_closed(&self.nodes, made).then_some(())?;
        let heads = Heads { batch, heads, scale: self.scale };
        Some(Attention { tokens: [query, key, value], bias, heads, nodes: self.nodes })
    }

    fn shape(&self, name: &str) -> Option<&'a [usize]> {
        let fact = self.compiler.facts.get(name).filter(|fact| fact.dtype == DType::F32)?;
        Some(&fact.shape)
    }

    /// The node that makes `name`, if it is of this kind; it belongs to what is found.
    fn made_by(&mut self, name: &str, is_kind: impl Fn(&Op) -> bool) -> Option<&'a Node> {
        let index = *self.links.producers.get(name)?;
        let node = &self.compiler.graph.nodes[index];
        is_kind(&node.op).then(|| self.nodes.push(index))?;
        Some(node)
    }

    /// What `name` is a multiple of, by factors that are known.
    fn unscaled(&mut self, name: &'a str) -> &'a str {
        let mut name = name;
        while let Some(&index) = self.links.producers.get(name)
            && let Some((of, factor)) = self.compiler.multiple(&self.compiler.graph.nodes[index])
        {
            self.scale *= factor;
            self.nodes.push(index);
            name = of;
        }
        name
    }

    /// The tokens whose heads `name` is: `[batch, heads, tokens, channels]`, or, where they are
    /// `turned`, `[batch, heads, channels, tokens]`.
    fn heads(&mut self, name: &'a str, turned: bool) -> Option<Tokens<'a>> {
        let mut name = name;
        let mut order: &[usize] = &[0, 2, 1, 3];
        if turned {
            match self.made_by(name, |op| is_transpose(op, &[0, 1, 3, 2])) {
                Some(node) => name = self.unscaled(&node.inputs[0]),
                None => order = &[0, 2, 3, 1],
            }
        }
        if let Some(node) = self.made_by(name, |op| is_transpose(op, order)) {
            let split = self.made_by(node.inputs.first()?, is_reshape)?;
            let &[batch, tokens, heads, channels] = self.shape(&split.outputs[0])? else {
                return None;
            };
            return self.source(split, 0, 1, [batch, heads, tokens, channels]);
        }
        // One of several that were projected together.
        (order == [0, 2, 1, 3]).then_some(())?;
        let first = |op: &Op| matches!(op, Op::Layout(Layout::Squeeze { axes }) if axes == &[0]);
        let picked = self.made_by(name, first)?;
        let cut = self.made_by(picked.inputs.first()?, |op| cut_from(op).is_some())?;
        let part = cut_from(&cut.op)?;
        let turned = self.made_by(cut.inputs.first()?, |op| is_transpose(op, &[2, 0, 3, 1, 4]))?;
        let split = self.made_by(turned.inputs.first()?, is_reshape)?;
        let &[batch, tokens, parts, heads, channels] = self.shape(&split.outputs[0])? else {
            return None;
        };
        self.source(split, part, parts, [batch, heads, tokens, channels])
    }

    /// What `split` reshapes, if that is `[batch, tokens, parts * heads * channels]`.
    fn source(
        &self,
        split: &'a Node,
        part: usize,
        parts: usize,
        shape: [usize; 4],
    ) -> Option<Tokens<'a>> {
        let name = split.inputs.first()?.as_str();
        let [batch, heads, tokens, channels] = shape;
        let is_whole = self.shape(name)? == [batch, tokens, parts * heads * channels];
        let is_made = !self.compiler.graph.parameters.contains_key(name) && !shape.contains(&0);
        (is_whole && is_made && part < parts).then_some(Tokens { name, part, parts, shape })
    }

    /// `name`, if it is one number for each key.
    fn bias(&self, name: &'a str, batch: usize, keys: usize) -> Option<&'a str> {
        let is_made = !self.compiler.graph.parameters.contains_key(name);
        let shape = self.shape(name)?;
        let fits = [1, batch].iter().any(|&batch| *shape == [batch, 1, 1, keys]);
        (is_made && fits).then_some(name)
    }
}

fn is_transpose(op: &Op, order: &[usize]) -> bool {
    matches!(op, Op::Layout(Layout::Transpose { permutation }) if permutation == order)
}

fn is_reshape(op: &Op) -> bool {
    matches!(op, Op::Layout(Layout::Reshape { .. } | Layout::ReshapeWithZeros { .. }))
}

/// The index that `op` cuts out of the first axis, if it is one.
fn cut_from(op: &Op) -> Option<usize> {
    let Op::Layout(Layout::Slice { starts: Some(starts), ends: Some(ends), axes, steps }) = op
    else {
        return None;
    };
    let ([start], [end]) = (starts.as_slice(), ends.as_slice()) else { return None };
    let is_first = axes.as_ref().is_none_or(|axes| axes == &[0]);
    let is_plain = steps.as_ref().is_none_or(|steps| steps == &[1]);
    let index = usize::try_from(*start).ok()?;
    (is_first && is_plain && *end == start + 1).then_some(index)
}
