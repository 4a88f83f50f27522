//! The rows of tables of words that occur in some texts, as tables of their own.

use std::collections::{BTreeMap, BTreeSet};

use zoo_model::{DType, Graph, Tensor, Weights};

/// Tables that inputs look rows up in, narrowed to some of their rows.
pub(super) struct Tables(Vec<Table>);

struct Table {
    /// The parameter.
    name: String,
    /// Which input has the numbers of the rows.
    input: usize,
    /// The rows that are kept, ascending: the first of them is the new row 0.
    rows: Vec<usize>,
}

impl Tables {
    /// The parameters of `graph` that inputs look rows up in, and the number of that input.
    pub(super) fn of(graph: &Graph) -> impl Iterator<Item = (&str, usize)> {
        let matrices =
            graph.lookups().filter(|lookup| graph.parameters[lookup.table].shape.len() == 2);
        matrices.map(|lookup| (lookup.table, lookup.input))
    }

    /// The tables of `graph`, which is changed to take those with only the rows that occur in
    /// `examples`.
    pub(super) fn seen(graph: &mut Graph, examples: &[Vec<Tensor>]) -> Self {
        // Two tables that one input looks up in keep the same rows; a table that two inputs look up
        // in stays as it is.
        let found: Vec<(String, usize)> =
            Self::of(graph).map(|(name, input)| (name.to_owned(), input)).collect();
        let mut tables = Vec::new();
        for (name, input) in &found {
            if found.iter().filter(|(other, _)| other == name).count() > 1 {
                return Self(Vec::new());
            }
            let numbers = |inputs: &Vec<Tensor>| inputs[*input].to_i64().unwrap_or_default();
            let rows: BTreeSet<usize> =
                examples.iter().flat_map(numbers).filter_map(|row| row.try_into().ok()).collect();
            // Row 0 is what batches are filled up with.
            let rows: Vec<usize> =
                rows.into_iter().chain([0]).collect::<BTreeSet<_>>().into_iter().collect();
            tables.push(Table { name: name.clone(), input: *input, rows });
        }
        for table in &tables {
            if let Some(parameter) = graph.parameters.get_mut(&table.name) {
                parameter.shape[0] = table.rows.len();
            }
        }
        Self(tables)
    }

    /// The inputs with the new numbers of their rows.
    pub(super) fn renumbered(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut inputs = inputs.to_vec();
        let by_input: BTreeMap<usize, &Table> =
            self.0.iter().map(|table| (table.input, table)).collect();
        for (input, table) in by_input {
            let tensor = &inputs[input];
            let numbers = tensor.to_i64().unwrap_or_default();
            let new = |row: i64| table.rows.partition_point(|&known| (known as i64) < row) as i64;
            let numbers: Vec<i64> = numbers.into_iter().map(new).collect();
            inputs[input] = Tensor::from_i64(tensor.shape(), &numbers);
        }
        inputs
    }

    /// Leaves only the rows that are kept.
    pub(super) fn narrow(&self, weights: &mut Weights) {
        for table in &self.0 {
            if let Some(whole) = weights.get(&table.name) {
                let narrow = whole.rows(&table.rows, &[table.rows.len(), whole.shape()[1]]);
                weights.insert(&table.name, narrow);
            }
        }
    }

    /// Puts the rows and all other parameters of `narrow` into `weights`.
    pub(super) fn put_back(&self, narrow: Weights, weights: &mut Weights) {
        for (name, tensor) in narrow {
            let Some(table) = self.0.iter().find(|table| table.name == name) else {
                weights.insert(name, tensor);
                continue;
            };
            let Some(whole) = weights.get(&name) else { continue };
            let same = whole.rows(&table.rows, tensor.shape());
            if same == tensor {
                continue;
            }
            // What moved by little must not be lost to rounding.
            let mut bytes = whole.to_float(DType::F32).bytes().to_vec();
            let size = 4 * whole.shape()[1];
            for (row, values) in table.rows.iter().zip(tensor.bytes().chunks_exact(size)) {
                bytes[row * size..(row + 1) * size].copy_from_slice(values);
            }
            if let Some(whole) = Tensor::new(DType::F32, whole.shape().to_vec(), bytes.into()) {
                weights.insert(name, whole);
            }
        }
    }
}
