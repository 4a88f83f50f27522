use serde::{Deserialize, Serialize};

use super::Graph;
use crate::ops::Layout;
use crate::{Error, Op, Weights};

/// Where a graph falls into parts: what adaptation is expressed with.
///
/// A probe cuts at the feature, a new head replaces the head's nodes, and fine-tuning trains
/// the stages after a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    /// The value that enters the head, `[batch, features]`.
    pub feature: String,
    /// How many numbers a feature has.
    pub feature_length: usize,
    /// The nodes of the head, in order: from the feature to the logits.
    pub head: Vec<String>,
    /// The value that the head makes before any final softmax: the logits.
    pub logits: String,
    /// Values through which everything passes, from the input to the feature: fine-tuning can
    /// start at any.
    pub stages: Vec<String>,
}

impl Cuts {
    /// Finds the cuts of a classifier, whatever it is called and wherever it came from.
    ///
    /// The logits are the first output, or what a final softmax was made of. The head is the
    /// last matrix product or convolution on the way to it, with what follows; its input, once
    /// dropout is left out, is the feature, which must be `[batch, n]` up to axes of length
    /// one. Stages are the values that cut the graph in two, where new parameters come after.
    ///
    /// `weights` may hold only the small constants that shapes depend on. `None` where there is
    /// no such head: a model that is no classifier.
    pub fn find(graph: &Graph, weights: &Weights) -> Result<Option<Self>, Error> {
        let shapes: Vec<Vec<usize>> = graph.inputs.iter().map(|info| info.shape_with(1)).collect();
        let facts = graph.infer(weights, &shapes)?;
        let Some(logits) = graph.outputs.first().map(|name| before_softmax(graph, name)) else {
            return Ok(None);
        };
        let Some(last) = last_linear_map(graph, logits) else { return Ok(None) };
        let feature = before_dropout(graph, &graph.nodes[last].inputs[0]);
        let Some(fact) = facts.get(feature) else { return Ok(None) };
        let length: usize = fact.shape.iter().product();
        // What pooling left as [1, n, 1, 1] is a feature just as [1, n] is.
        let is_feature = fact.shape.len() >= 2 && fact.shape[1] == length && length > 0;
        let passes = graph.cut_values();
        let ends_there = passes.iter().any(|value| value == feature);
        if !is_feature || !ends_there {
            return Ok(None);
        }
        let start = graph.producer(feature).map_or(0, |(index, _)| index + 1);
        let end = graph.producer(logits).map_or(graph.nodes.len(), |(index, _)| index + 1);
        let head = graph.nodes[start..end].iter().map(|node| node.name.clone()).collect();
        Ok(Some(Self {
            feature: feature.to_owned(),
            feature_length: length,
            head,
            logits: logits.to_owned(),
            stages: stages(graph, &passes, feature),
        }))
    }
}

/// Follows `name` upwards past softmax, and what does not change the numbers.
fn before_softmax<'a>(graph: &'a Graph, name: &'a str) -> &'a str {
    let mut name = name;
    while let Some((_, node)) = graph.producer(name) {
        match node.op {
            Op::Softmax { .. } | Op::LogSoftmax { .. } | Op::Layout(Layout::Identity) => {
                name = &node.inputs[0];
            }
            _ => break,
        }
    }
    name
}

/// Follows `name` upwards past dropout and identity.
fn before_dropout<'a>(graph: &'a Graph, name: &'a str) -> &'a str {
    let mut name = name;
    while let Some((_, node)) = graph.producer(name) {
        match node.op {
            Op::Dropout { .. } | Op::Layout(Layout::Identity) => name = &node.inputs[0],
            _ => break,
        }
    }
    name
}

/// The last node on the way to `name` that maps by learned weights.
fn last_linear_map(graph: &Graph, name: &str) -> Option<usize> {
    let end = graph.producer(name)?.0;
    (0..=end).rev().find(|&index| {
        let node = &graph.nodes[index];
        node.op.is_linear_map()
            && node.inputs.get(1).is_some_and(|weight| graph.parameters.contains_key(weight))
    })
}

/// The values before and at the feature where a stage may end: cuts with new trainable
/// parameters behind each.
fn stages(graph: &Graph, passes: &[String], feature: &str) -> Vec<String> {
    let mut stages = Vec::new();
    let mut fresh = false;
    let mut node_index = 0;
    for value in passes {
        let Some((index, _)) = graph.producer(value) else { continue };
        for node in &graph.nodes[node_index..=index] {
            fresh |= node.op.is_linear_map();
        }
        node_index = index + 1;
        // A cut in the middle of convolution, norm and activation would part what belongs
        // together: it waits for the next that is not followed by an elementwise node.
        let continues = graph.nodes.get(index + 1).is_some_and(|next| {
            matches!(next.op, Op::BatchNorm(_) | Op::Activation(_) | Op::Dropout { .. })
                || matches!(next.op, Op::Layout(Layout::Flatten { .. } | Layout::Identity))
                || matches!(next.op, Op::GlobalPool(_))
        });
        if fresh && (!continues || value == feature) {
            stages.push(value.clone());
            fresh = false;
        }
        if value == feature {
            break;
        }
    }
    stages
}

impl Graph {
    /// The values through which everything passes on the way from the first input to the first
    /// output, in order: a graph cut there falls in two.
    pub fn cut_values(&self) -> Vec<String> {
        // A value made at node i is open until its last reader. Where exactly one is open
        // between two nodes, it is a cut. Constants do not count: they are not computed from
        // the input.
        let mut last_reader = std::collections::HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for name in &node.inputs {
                last_reader.insert(name.as_str(), index);
            }
        }
        for name in &self.outputs {
            last_reader.insert(name.as_str(), self.nodes.len());
        }
        let mut open: Vec<(&str, usize)> = self
            .inputs
            .iter()
            .filter_map(|input| Some((input.name.as_str(), *last_reader.get(input.name.as_str())?)))
            .collect();
        let mut from_input: std::collections::HashSet<&str> =
            self.inputs.iter().map(|input| input.name.as_str()).collect();
        let mut cuts = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            open.retain(|(_, last)| *last > index);
            let computed = node.inputs.iter().any(|name| from_input.contains(name.as_str()));
            // The shape of a value is known without it, so it holds nothing open.
            let shape_only = matches!(node.op, Op::Layout(Layout::Shape { .. }));
            if computed && !shape_only {
                for name in &node.outputs {
                    from_input.insert(name);
                    if let Some(&last) = last_reader.get(name.as_str()) {
                        open.push((name, last));
                    }
                }
            }
            if let [(name, _)] = open[..]
                && node.outputs.iter().any(|output| output == name)
            {
                cuts.push(name.to_owned());
            }
        }
        cuts
    }
}
