use super::{Fact, Facts, Graph, GraphError, Node};
use crate::ops::OpError;
use crate::{Error, Weights};

impl Graph {
    /// The type and shape of every value, for inputs of the given shapes.
    ///
    /// `weights` give the values of small constants, which shapes may depend on. This is where
    /// shapes are checked: what comes through here can be run. A value whose shape depends on
    /// numbers that only a run can tell is not among the facts; the same rules check it then.
    pub fn infer(&self, weights: &Weights, inputs: &[Vec<usize>]) -> Result<Facts, Error> {
        let mut facts = self.input_facts(inputs)?;
        let mut kept = Kept(0);
        for (name, parameter) in &self.parameters {
            let mut fact = Fact::float(parameter.shape.clone());
            fact.dtype = Fact::computed(parameter.dtype);
            if !parameter.dtype.is_float()
                && let Some(tensor) = weights.get(name)
            {
                fact.known = Fact::of_tensor(tensor).known;
            }
            facts.insert(name.clone(), kept.bounded(fact));
        }
        for node in &self.nodes {
            let known_inputs =
                node.inputs.iter().all(|name| name.is_empty() || facts.contains_key(name));
            if !known_inputs {
                continue;
            }
            let operands: Vec<Option<&Fact>> =
                node.inputs.iter().map(|name| facts.get(name)).collect();
            let made = match infer_node(node, &operands) {
                Ok(made) => made,
                Err(source) if source.is_about_values() => continue,
                Err(source) => return Err(refusal(node, &operands, source)),
            };
            for (name, fact) in node.outputs.iter().zip(made) {
                facts.insert(name.clone(), kept.bounded(fact));
            }
        }
        Ok(facts)
    }

    fn input_facts(&self, shapes: &[Vec<usize>]) -> Result<Facts, Error> {
        if shapes.len() != self.inputs.len() {
            return Err(Error::InputCount { expected: self.inputs.len(), found: shapes.len() });
        }
        let mut facts = Facts::new();
        let may_be_empty = self.nodes.iter().all(|node| node.op.takes_empty());
        for (info, shape) in self.inputs.iter().zip(shapes) {
            let fits = info.shape.len() == shape.len()
                && info.shape.iter().zip(shape).all(|(dim, len)| dim.is_none_or(|dim| dim == *len))
                && (may_be_empty || !shape.contains(&0));
            // What nothing reads cannot be wrong: exporters leave such inputs behind.
            let is_read = || {
                self.outputs.contains(&info.name)
                    || self.nodes.iter().any(|node| node.inputs.contains(&info.name))
            };
            if !fits && is_read() {
                return Err(Error::Input {
                    name: info.name.clone(),
                    expected: info.shape_text(),
                    found: format!("{shape:?}"),
                });
            }
            let mut fact = Fact::float(shape.clone());
            fact.dtype = Fact::computed(info.dtype);
            facts.insert(info.name.clone(), fact);
        }
        Ok(facts)
    }
}

/// The shape rule of `node`, for all the values that it makes.
pub(crate) fn infer_node(node: &Node, operands: &[Option<&Fact>]) -> Result<Vec<Fact>, OpError> {
    if !node.op.takes_empty() && operands.iter().flatten().any(|fact| fact.elements() == 0) {
        return Err(OpError::new("an axis of length 0 leaves nothing to compute"));
    }
    let made = node.op.infer(operands)?;
    if made.len() < node.outputs.len() {
        return Err(OpError::new(format!("it makes {} values", made.len())));
    }
    Ok(made)
}

/// That `node` does not take `operands`, because of `source`.
pub(crate) fn refusal(node: &Node, operands: &[Option<&Fact>], source: OpError) -> Error {
    Error::Graph(GraphError::Node {
        node: node.name.clone(),
        op: node.op.name().to_owned(),
        inputs: shapes_text(operands),
        source,
    })
}

/// How many numbers are known so far.
struct Kept(usize);

impl Kept {
    /// `fact` without its numbers where they are too many to carry around. Values double by being
    /// joined with themselves: a small file must not make them fill the memory.
    fn bounded(&mut self, fact: Fact) -> Fact {
        /// 128 MiB of them, in all.
        const MAX_IN_ALL: usize = 1 << 24;
        let count = fact.known.as_ref().map_or(0, Vec::len);
        if count > Fact::MAX_KNOWN || self.0 + count > MAX_IN_ALL {
            return Fact { known: None, ..fact };
        }
        self.0 += count;
        fact
    }
}

fn shapes_text(operands: &[Option<&Fact>]) -> String {
    let texts: Vec<String> = operands
        .iter()
        .map(|fact| fact.map_or_else(|| "-".to_owned(), |fact| format!("{:?}", fact.shape)))
        .collect();
    texts.join(" ")
}
