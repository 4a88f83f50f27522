//! A new head on an old trunk.

use super::{Cuts, Graph, Node, Parameter};
use crate::ops::{Gemm, GlobalPool, Layout};
use crate::{DType, Error, Op};

/// A graph whose head was replaced by one linear layer.
#[derive(Debug, Clone)]
pub struct NewHead {
    /// The graph; its only output is the logits.
    pub graph: Graph,
    /// The name of the head's matrix `[classes, features]`.
    pub weight: String,
    /// The name of the head's bias `[classes]`.
    pub bias: String,
    /// Where the new graph falls into trunk, head and stages.
    pub cuts: Cuts,
}

impl Graph {
    /// The part of this graph that computes the feature `[batch, features]` from the inputs, up
    /// to axes of length one: its only output.
    #[must_use]
    pub fn trunk(&self, cuts: &Cuts) -> Self {
        let mut graph = self.until(&cuts.feature);
        if cuts.pooled {
            let name = format!("{}.pooled", cuts.feature);
            let output = format!("{name}:0");
            graph.nodes.push(Node {
                name,
                op: Op::GlobalPool(GlobalPool::Mean),
                inputs: std::mem::replace(&mut graph.outputs, vec![output.clone()]),
                outputs: vec![output],
            });
        }
        graph
    }

    /// Replaces everything after the feature by a linear layer of `classes` logits.
    ///
    /// Where the old head was a linear layer, the new one keeps its names, so that the weights
    /// still fit the architecture they came from (`fc.weight`); otherwise they are
    /// `head.weight` and `head.bias`. Dropout before the head stays, for further training. The
    /// output keeps its name.
    ///
    /// Fails where `cuts` are not this graph's.
    pub fn with_head(&self, cuts: &Cuts, classes: usize) -> Result<NewHead, Error> {
        let old = self.nodes.iter().find(|node| {
            cuts.head.contains(&node.name)
                && matches!(&node.op, Op::Gemm(gemm) if *gemm == Gemm::LINEAR)
        });
        let (weight, bias) = match old.map(|node| node.inputs.as_slice()) {
            Some([_, weight, bias]) => (weight.clone(), bias.clone()),
            _ => ("head.weight".to_owned(), "head.bias".to_owned()),
        };
        let name = old.map_or("head", |node| node.name.as_str()).to_owned();
        let dropout = self
            .nodes
            .iter()
            .find(|node| cuts.head.contains(&node.name) && matches!(node.op, Op::Dropout { .. }));

        let mut graph = self.trunk(cuts);
        let mut value = graph.outputs[0].clone();
        let (feature, nodes_of_trunk) = (value.clone(), graph.nodes.len());
        if let Some(dropout) = dropout {
            let output = format!("{}:0", dropout.name);
            let (inputs, outputs) = (vec![value.clone()], vec![output.clone()]);
            graph.nodes.push(Node { inputs, outputs, ..dropout.clone() });
            value = output;
        }
        // A feature that pooling left as [batch, n, 1, 1] is [batch, n] to a linear layer; one
        // that is so already passes through.
        let flat = format!("{name}.flat:0");
        graph.nodes.push(Node {
            name: format!("{name}.flat"),
            op: Op::Layout(Layout::Flatten { axis: 1 }),
            inputs: vec![value],
            outputs: vec![flat.clone()],
        });
        // Of a trunk alone the output is the feature.
        let is_trunk = self.outputs[0] == cuts.feature;
        let output = if is_trunk { "logits".to_owned() } else { self.outputs[0].clone() };
        graph.nodes.push(Node {
            name,
            op: Op::Gemm(Gemm::LINEAR),
            inputs: vec![flat, weight.clone(), bias.clone()],
            outputs: vec![output.clone()],
        });
        graph.outputs = vec![output.clone()];
        let parameter = |shape| Parameter { dtype: DType::F32, shape, trainable: true };
        graph.parameters.insert(weight.clone(), parameter(vec![classes, cuts.feature_length]));
        graph.parameters.insert(bias.clone(), parameter(vec![classes]));
        graph.check()?;
        let mut stages = cuts.stages.clone();
        if cuts.pooled {
            stages.pop();
            stages.push(feature.clone());
        }
        let cuts = Cuts {
            feature,
            pooled: false,
            feature_length: cuts.feature_length,
            head: graph.nodes[nodes_of_trunk..].iter().map(|node| node.name.clone()).collect(),
            logits: output,
            stages,
        };
        Ok(NewHead { graph, weight, bias, cuts })
    }
}
