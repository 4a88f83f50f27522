//! Where inputs look up rows of tables, as the numbers of words do.

use super::{Graph, Node};
use crate::Op;
use crate::ops::Layout;

/// A node that takes the rows of a parameter that an input names.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The node.
    pub node: &'a Node,
    /// The parameter, whose first axis is that of the rows.
    pub table: &'a str,
    /// Which input of the graph has the numbers of the rows.
    pub input: usize,
}

impl Graph {
    /// Every lookup, in the order of the nodes.
    pub fn lookups(&self) -> impl Iterator<Item = Lookup<'_>> {
        self.nodes.iter().filter_map(|node| {
            let (Op::Layout(Layout::Gather { axis: 0 }), [table, rows]) =
                (&node.op, &node.inputs[..])
            else {
                return None;
            };
            let input = self.inputs.iter().position(|info| info.name == *rows)?;
            self.parameters.contains_key(table).then_some(Lookup { node, table, input })
        })
    }
}
