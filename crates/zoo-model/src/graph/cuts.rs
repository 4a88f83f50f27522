use serde::{Deserialize, Serialize};

use super::{Facts, Graph, Node};
use crate::ops::Layout;
use crate::{Error, Op, Weights};

/// Where a graph falls into parts: what adaptation is expressed with.
///
/// A probe cuts at the feature, a new head replaces the head's nodes, and fine-tuning trains
/// the stages after a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    /// The value that enters the head, `[batch, features]`, or where it is `pooled`, `[batch,
    /// features, height, width]`.
    pub feature: String,
    /// Whether the feature is the mean over height and width: the head is a convolution, and the
    /// graph pools only what that makes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pooled: bool,
    /// How many numbers a feature has.
    pub feature_length: usize,
    /// The nodes of the head, in order: from the feature to the logits. None where the model is a
    /// trunk alone.
    pub head: Vec<String>,
    /// The value that the head makes before any final softmax: the logits. The feature, where there
    /// is no head.
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
    /// one; or the last convolution's input, where what it makes is pooled to the logits. Stages are the values that cut the graph in two, where new parameters come after.
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
        let pooled = !is_feature && is_pooled(graph, &facts, last, logits);
        let passes = graph.cut_values();
        let ends_there = passes.iter().any(|value| value == feature);
        if !(is_feature || pooled) || !ends_there {
            return Ok(None);
        }
        let start = graph.producer(feature).map_or(0, |(index, _)| index + 1);
        let end = graph.producer(logits).map_or(graph.nodes.len(), |(index, _)| index + 1);
        let head = graph.nodes[start..end].iter().map(|node| node.name.clone()).collect();
        Ok(Some(Self {
            feature: feature.to_owned(),
            feature_length: if pooled { fact.shape[1] } else { length },
            pooled,
            head,
            logits: logits.to_owned(),
            stages: stages(graph, &passes, feature),
        }))
    }

    /// The cuts of a trunk that nobody has put a head on: the first output is the feature.
    ///
    /// `weights` may hold only the small constants that shapes depend on; `shapes` are those of the
    /// inputs for one example. `None` where what comes out is not `[1, n]` up to axes of length one.
    pub fn of_trunk(
        graph: &Graph,
        weights: &Weights,
        shapes: &[Vec<usize>],
    ) -> Result<Option<Self>, Error> {
        let facts = graph.infer(weights, shapes)?;
        let Some(feature) = graph.outputs.first() else { return Ok(None) };
        let Some(fact) = facts.get(feature) else { return Ok(None) };
        let length: usize = fact.shape.iter().product();
        if fact.shape.len() < 2 || fact.shape[1] != length || length == 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            feature: feature.clone(),
            feature_length: length,
            pooled: false,
            head: Vec::new(),
            logits: feature.clone(),
            // Other outputs, such as letters, stand beside the way to the feature.
            stages: stages(graph, &graph.until(feature).cut_values(), feature),
        }))
    }

    /// Whether there is something behind the feature that names classes.
    pub fn has_head(&self) -> bool {
        !self.head.is_empty()
    }
}

/// Whether the convolution at `last` makes one number for each class and place, of which only the
/// pooled one is in `logits`.
fn is_pooled(graph: &Graph, facts: &Facts, last: usize, logits: &str) -> bool {
    let node = &graph.nodes[last];
    let shape = |name: &String| facts.get(name).map(|fact| fact.shape.as_slice());
    let (Op::Conv(_), Some([_, _, _, _]), Some([_, classes, height, width])) =
        (&node.op, shape(&node.inputs[0]), shape(&node.outputs[0]))
    else {
        return false;
    };
    let only_pools = graph.nodes[last + 1..].iter().all(|node| {
        matches!(
            node.op,
            Op::Activation(_)
                | Op::BatchNorm(_)
                | Op::GlobalPool(_)
                | Op::Pool(_)
                | Op::Reduce(_)
                | Op::Layout(_)
                | Op::Dropout { .. }
                | Op::Softmax { .. }
                | Op::LogSoftmax { .. }
        ) || with_parameter(graph, node)
    });
    let made = facts.get(logits).map(|fact| fact.shape.iter().product::<usize>());
    only_pools && height * width > 1 && made == Some(*classes)
}

/// Follows `name` upwards past softmax, and what does not change the numbers.
fn before_softmax<'a>(graph: &'a Graph, name: &'a str) -> &'a str {
    // What only rearranges is passed where a softmax stands before it: the logits of a model
    // without any keep the shape that its output has.
    let (mut logits, mut name) = (name, name);
    while let Some((_, node)) = graph.producer(name) {
        let before = node.inputs.first().map_or("", String::as_str);
        match &node.op {
            Op::Softmax { .. } | Op::LogSoftmax { .. } => logits = before,
            Op::Layout(Layout::Identity) if logits == name => logits = before,
            Op::Dropout { .. }
            | Op::Layout(
                Layout::Identity
                | Layout::Flatten { .. }
                | Layout::Reshape { .. }
                | Layout::Squeeze { .. }
                | Layout::Unsqueeze { .. },
            ) => {}
            _ => break,
        }
        name = before;
    }
    logits
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
/// parameters behind each. The last is the feature.
fn stages(graph: &Graph, passes: &[String], feature: &str) -> Vec<String> {
    /// Where a stage may end, and whether it attends.
    struct Stage<'a> {
        value: &'a String,
        attends: bool,
    }
    let mut stages: Vec<Stage> = Vec::new();
    let (mut fresh, mut attends) = (false, false);
    let mut node_index = 0;
    for value in passes {
        let Some((index, _)) = graph.producer(value) else { continue };
        for node in &graph.nodes[node_index..=index] {
            fresh |= node.op.is_linear_map();
            attends |= matches!(node.op, Op::Softmax { .. });
        }
        node_index = index + 1;
        if value == feature {
            // What comes after the last linear map, such as a norm, belongs to its stage.
            if !fresh {
                attends |= stages.pop().is_some_and(|last| last.attends);
            }
            stages.push(Stage { value, attends });
            break;
        }
        if fresh && !continues(graph, value, index) {
            stages.push(Stage { value, attends });
            (fresh, attends) = (false, false);
        }
    }
    // A transformer's block is attention and then a perceptron: not two stages but one.
    let is_half = |index: usize| {
        stages[index].attends && stages.get(index + 1).is_some_and(|next| !next.attends)
    };
    let whole = (0..stages.len()).filter(|&index| !is_half(index));
    whole.map(|index| stages[index].value.clone()).collect()
}

/// Whether what follows the value that node `index` makes belongs to the same stage: a cut in
/// the middle of convolution, norm and activation would part what belongs together.
fn continues(graph: &Graph, value: &str, index: usize) -> bool {
    let mut readers = graph.nodes[index + 1..].iter().filter(|node| {
        let shape_only = matches!(node.op, Op::Layout(Layout::Shape { .. }));
        !shape_only && node.inputs.iter().any(|input| input == value)
    });
    let Some(reader) = readers.next() else { return false };
    let is_only = readers.next().is_none();
    match &reader.op {
        // Some are made of two nodes, as x sigmoid(x) is.
        Op::Activation(_) | Op::Dropout { .. } | Op::GlobalPool(_) => true,
        // Where a residual begins at the same value, so does a block.
        Op::BatchNorm(_) | Op::Layout(_) => is_only,
        Op::Binary(_) => is_only && with_parameter(graph, reader),
        Op::LayerNorm(_) => is_only && is_linear(graph, value),
        _ => false,
    }
}

/// Whether a node combines one value with parameters, as the addition of a bias does.
fn with_parameter(graph: &Graph, node: &Node) -> bool {
    let computed = node.inputs.iter().filter(|name| !graph.parameters.contains_key(*name));
    computed.count() == 1
}

/// Whether `name` is the result of a linear map, bias and rearrangement aside. A norm then belongs
/// to that map; behind a residual, it begins the next block.
fn is_linear(graph: &Graph, name: &str) -> bool {
    let mut name = name;
    while let Some((_, node)) = graph.producer(name) {
        let computed = node.inputs.iter().find(|name| !graph.parameters.contains_key(*name));
        match (&node.op, computed) {
            (op, _) if op.is_linear_map() => return true,
            (Op::Layout(Layout::Concat { .. }), _) => return false,
            (Op::Layout(_), Some(before)) => name = before,
            (Op::Binary(_), Some(before)) if with_parameter(graph, node) => name = before,
            _ => return false,
        }
    }
    false
}

impl Graph {
    /// The values through which everything passes on the way from the first input to the first
    /// output, in order: a graph cut there falls in two. Other inputs, such as the mask of a text,
    /// may enter anywhere.
    pub fn cut_values(&self) -> Vec<String> {
        // A value made at node i is open until its last reader. Where exactly one is open
        // between two nodes, it is a cut. Constants do not count: they are not computed from
        // the input.
        let mut last_reader = std::collections::HashMap::new();
        // The shape of a value is known without it, so it holds nothing open.
        let is_shape = |node: &Node| matches!(node.op, Op::Layout(Layout::Shape { .. }));
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| !is_shape(node)) {
            for name in &node.inputs {
                last_reader.insert(name.as_str(), index);
            }
        }
        for name in &self.outputs {
            last_reader.insert(name.as_str(), self.nodes.len());
        }
        let first = self.inputs.first().map(|input| input.name.as_str());
        let mut open: Vec<(&str, usize)> =
            first.into_iter().filter_map(|name| Some((name, *last_reader.get(name)?))).collect();
        let mut from_input: std::collections::HashSet<&str> = first.into_iter().collect();
        let mut cuts = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            open.retain(|(_, last)| *last > index);
            let computed = node.inputs.iter().any(|name| from_input.contains(name.as_str()));
            if computed && !is_shape(node) {
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
