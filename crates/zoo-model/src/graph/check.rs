use std::collections::HashSet;

use super::Graph;
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
        if self.inputs.is_empty() {
            return Err(GraphError::Empty("input"));
        }
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
        let mut nodes: HashSet<&str> = HashSet::new();
        for node in &self.nodes {
            if !nodes.insert(&node.name) {
                return Err(GraphError::Duplicate { name: node.name.clone() });
            }
            if node.outputs.is_empty() {
                return Err(GraphError::Empty("output at one of its nodes"));
            }
            for name in node.inputs.iter().filter(|name| !name.is_empty()) {
                if !values.contains(name.as_str()) {
                    let (name, reader) = (name.clone(), node.name.clone());
                    return Err(GraphError::Undefined { name, reader });
                }
            }
            for name in &node.outputs {
                if !values.insert(name) {
                    return Err(GraphError::Duplicate { name: name.clone() });
                }
            }
        }
        match self.outputs.iter().find(|name| !values.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(GraphError::Undefined {
                name: name.clone(),
                reader: "the graph's outputs".to_owned(),
            }),
        }
    }
}
