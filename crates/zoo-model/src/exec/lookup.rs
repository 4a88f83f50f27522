//! Rows of large tables, taken from where the table lies.
//!
//! A model of words has a row of numbers for each of some hundred thousand of them, and a text needs
//! a few dozen. So the table is not brought to the device: what a node would look up in it becomes
//! an input of the graph instead, and those rows are read from the mapped file.

use crate::{DType, Error, Graph, Tensor, ValueInfo, Weights};

/// The lookups that were taken out of a graph.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookups {
    /// The graph as it was.
    whole: Option<Graph>,
    each: Vec<Lookup>,
}

#[derive(Debug, Clone)]
struct Lookup {
    /// `[rows, columns]`.
    table: Tensor,
    /// Which input of the graph has the numbers of the rows.
    input: usize,
}

impl Lookups {
    /// Takes every node out of `graph` that looks rows up by an input, in a table of `weights` that
    /// nothing else reads. What they made become inputs, after the others.
    pub(super) fn take(graph: &mut Graph, weights: &Weights) -> Self {
        let mut each = Vec::new();
        let whole = graph.clone();
        for lookup in whole.lookups() {
            let (node, name, input) = (lookup.node, lookup.table, lookup.input);
            let reads = whole.nodes.iter().flat_map(|node| &node.inputs).chain(&whole.outputs);
            if reads.filter(|read| *read == name).count() > 1 {
                continue;
            }
            let (parameter, Some(table)) = (&whole.parameters[name], weights.get(name)) else {
                continue;
            };
            let [_, columns] = parameter.shape[..] else { continue };
            if table.shape() != parameter.shape || !table.dtype().is_float() {
                continue;
            }
            let mut shape = whole.inputs[input].shape.clone();
            shape.push(Some(columns));
            let name_of_rows = node.outputs[0].clone();
            graph.inputs.push(ValueInfo { name: name_of_rows, dtype: DType::F32, shape });
            graph.nodes.retain(|other| other.name != node.name);
            graph.parameters.remove(name);
            each.push(Lookup { table: table.clone(), input });
        }
        Self { whole: (!each.is_empty()).then_some(whole), each }
    }

    /// The graph before anything was taken out, if something was.
    pub(super) fn whole(&self) -> Option<&Graph> {
        self.whole.as_ref()
    }

    /// The shapes of all inputs, from those of the graph as it was.
    pub(super) fn shapes(&self, inputs: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let rows = self.each.iter().filter_map(|lookup| {
            Some([inputs.get(lookup.input)?, &lookup.table.shape()[1..]].concat())
        });
        inputs.iter().cloned().chain(rows).collect()
    }

    /// All inputs, from those of the graph as it was.
    ///
    /// Fails where an input names a row that a table does not have.
    pub(super) fn inputs(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let mut all = inputs.to_vec();
        let Some(whole) = &self.whole else { return Ok(all) };
        if inputs.len() != whole.inputs.len() {
            return Err(Error::InputCount { expected: whole.inputs.len(), found: inputs.len() });
        }
        for lookup in &self.each {
            let info = &whole.inputs[lookup.input];
            let rows = lookup.table.shape()[0];
            let refuse = |found: String| Error::Input {
                name: info.name.clone(),
                expected: format!("whole numbers below {rows}"),
                found,
            };
            let given = &inputs[lookup.input];
            let numbers = given.to_i64().ok_or_else(|| refuse(given.dtype().to_string()))?;
            let mut chosen = Vec::with_capacity(numbers.len());
            for number in numbers {
                // As ONNX's Gather does, negative ones count from the end.
                let row = if number < 0 { number + rows as i64 } else { number };
                let row = usize::try_from(row).ok().filter(|row| *row < rows);
                chosen.push(row.ok_or_else(|| refuse(number.to_string()))?);
            }
            let shape = [given.shape(), &lookup.table.shape()[1..]].concat();
            all.push(lookup.table.rows(&chosen, &shape));
        }
        Ok(all)
    }
}
