use serde::{Deserialize, Serialize};

use super::Node;

/// A graph inside a node: a branch or the body of a loop.
///
/// It has no parameters and sees nothing but its inputs: what it reads from the graph around
/// it, parameters included, the node hands in. Shapes are found when it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The names under which the values that come in are read.
    pub inputs: Vec<String>,
    /// What is computed, in an order in which each node comes after what it reads.
    pub nodes: Vec<Node>,
    /// The names of the values that come out, in order.
    pub outputs: Vec<String>,
}
