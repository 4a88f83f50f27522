use std::collections::HashSet;

use super::{Graph, Node};
use crate::ops::OpError;

/// Why a graph cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A text that is not a graph.
    #[error("graph.json cannot be read")]
    Json(#[source] serde_json::Error),
    /// Two things of one name.
    #[error("`{name}` is defined twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A value that is read before it is made, or never made.
    #[error("`{reader}` reads `{name}`, which nothing before it makes")]
    Undefined {
        /// The value's name.
        name: String,
        /// The node that reads it, or `the graph's outputs`.
        reader: String,
    },
    /// A graph with nothing to compute.
    #[error("the graph has no {0}")]
    Empty(&'static str),
    /// Blocks within blocks within blocks.
    #[error("blocks are nested more than {limit} deep")]
    Nesting {
        /// The most that run.
        limit: usize,
    },
    /// An operator that does not take its inputs.
    #[error("node `{node}` ({op}) does not take its inputs {inputs}")]
    Node {
        /// The node's name.
        node: String,
        /// Its operator.
        op: String,
        /// The shapes of its inputs.
        inputs: String,
        /// Why not.
        source: OpError,
    },
}

impl Graph {
    /// Reads a graph and checks its names (not its shapes, which need the weights).
    pub fn from_json(text: &str) -> Result<Self, GraphError> {
        let graph: Self = serde_json::from_str(text).map_err(GraphError::Json)?;
        graph.check()?;
        Ok(graph)
    }

    /// Checks that names are unique and that each node comes after what it reads.
    pub fn check(&self) -> Result<(), GraphError> {
        if self.outputs.is_empty() {
            return Err(GraphError::Empty("output"));
        }
        let mut values: HashSet<&str> = HashSet::new();
        let mut define = |name| {
            if values.insert(name) {
                Ok(())
            } else {
                Err(GraphError::Duplicate { name: String::from(name) })
            }
        };
        self.inputs.iter().try_for_each(|input| define(&input.name))?;
        self.parameters.keys().try_for_each(|name| define(name))?;
        check_nodes(&self.nodes, &mut values, 0)?;
        check_outputs(&self.outputs, &values, "the graph's outputs")
    }
}

/// Checks nodes that may read `values`, to which is added what they make. They stand `depth`
/// blocks deep.
fn check_nodes<'a>(
    all: &'a [Node],
    values: &mut HashSet<&'a str>,
    depth: usize,
) -> Result<(), GraphError> {
    /// Blocks within blocks, each of which takes some of the stack when it runs.
    const MAX_DEPTH: usize = 16;
    if depth > MAX_DEPTH {
        return Err(GraphError::Nesting { limit: MAX_DEPTH });
    }
    let mut nodes: HashSet<&str> = HashSet::new();
    for node in all {
        if !nodes.insert(&node.name) {
            return Err(GraphError::Duplicate { name: node.name.clone() });
        }
        if node.outputs.iter().all(String::is_empty) {
            return Err(GraphError::Empty("output at one of its nodes"));
        }
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            if !values.contains(name.as_str()) {
                let (name, reader) = (name.clone(), node.name.clone());
                return Err(GraphError::Undefined { name, reader });
            }
        }
        for block in node.op.blocks() {
            let mut inside = HashSet::new();
            for name in &block.inputs {
                if !inside.insert(name.as_str()) {
                    return Err(GraphError::Duplicate { name: name.clone() });
                }
            }
            check_nodes(&block.nodes, &mut inside, depth + 1)?;
            check_outputs(&block.outputs, &inside, &node.name)?;
        }
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            if !values.insert(name) {
                return Err(GraphError::Duplicate { name: name.clone() });
            }
        }
    }
    Ok(())
}

fn check_outputs(
    outputs: &[String],
    values: &HashSet<&str>,
    reader: &str,
) -> Result<(), GraphError> {
    match outputs.iter().find(|name| !values.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => Err(GraphError::Undefined { name: name.clone(), reader: reader.to_owned() }),
    }
}
