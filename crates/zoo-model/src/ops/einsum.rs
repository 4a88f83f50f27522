//! Products and sums named by letters.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// A sum of products, as an equation such as `bij,bjk->bik` says: one operand for each term.
/// ONNX `Einsum`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Einsum {
    /// The equation.
    pub equation: String,
}

/// A letter, or an axis that `...` stands for, counted from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Open(std::cmp::Reverse<usize>),
    Letter(char),
}

/// The labels of each operand, those of the result, and the length that each stands for.
struct Plan {
    terms: Vec<Vec<Label>>,
    result: Vec<Label>,
    lengths: Vec<(Label, usize)>,
}

impl Plan {
    fn length(&self, label: Label) -> usize {
        self.lengths.iter().find(|(known, _)| *known == label).map_or(1, |(_, length)| *length)
    }
}

/// The labels of `term`, whose `...` stands for `open` axes.
fn labels(term: &str, open: usize) -> Result<Vec<Label>, OpError> {
    let every = |text: &str| {
        text.chars()
            .map(|letter| match letter {
                letter if letter.is_ascii_alphabetic() => Ok(Label::Letter(letter)),
                other => Err(OpError::new(format!("`{other}` is no letter of an equation"))),
            })
            .collect::<Result<Vec<_>, _>>()
    };
    let Some((before, after)) = term.split_once("...") else { return every(term) };
    let mut found = every(before)?;
    found.extend((0..open).rev().map(|axis| Label::Open(std::cmp::Reverse(axis))));
    found.extend(every(after)?);
    Ok(found)
}

impl Einsum {
    fn plan(&self, shapes: &[Vec<usize>]) -> Result<Plan, OpError> {
        let equation: String = self.equation.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match equation.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (equation.as_str(), None),
        };
        let texts: Vec<&str> = left.split(',').collect();
        if texts.len() != shapes.len() {
            return Err(OpError::new(format!("{} terms for {} inputs", texts.len(), shapes.len())));
        }
        let (mut terms, mut most_open) = (Vec::new(), 0);
        let mut lengths: Vec<(Label, usize)> = Vec::new();
        for (text, shape) in texts.iter().zip(shapes) {
            let open = (shape.len() + 3).saturating_sub(text.len());
            let term = labels(text, open)?;
            if term.len() != shape.len() {
                return Err(OpError::new(format!("`{text}` does not name {} axes", shape.len())));
            }
            if text.contains("...") {
                most_open = most_open.max(open);
            }
            for (at, (&label, &length)) in term.iter().zip(shape).enumerate() {
                // A diagonal is taken of what is square; nothing broadcasts to itself.
                let before = term[..at].iter().position(|&other| other == label);
                if before.is_some_and(|before| shape[before] != length) {
                    return Err(OpError::new(format!("one letter of `{text}` has two lengths")));
                }
                match lengths.iter_mut().find(|(known, _)| *known == label) {
                    None => lengths.push((label, length)),
                    Some((_, known)) if *known == length || length == 1 => {}
                    Some((_, known)) if *known == 1 => *known = length,
                    Some(_) => {
                        return Err(OpError::new(format!(
                            "one letter of `{text}` has two lengths"
                        )));
                    }
                }
            }
            terms.push(term);
        }
        let result = if let Some(right) = right {
            labels(right, most_open)?
        } else {
            // What occurs once, in the order of the alphabet, after what is open.
            let mut once: Vec<Label> = lengths.iter().map(|(label, _)| *label).collect();
            let count = |label: &Label| terms.iter().flatten().filter(|l| *l == label).count();
            once.retain(|label| matches!(label, Label::Open(_)) || count(label) == 1);
            once.sort_unstable();
            once
        };
        let mut sorted = result.clone();
        sorted.sort_unstable();
        let unknown = |label: &Label| !lengths.iter().any(|(known, _)| known == label);
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) || sorted.iter().any(unknown) {
            return Err(OpError::new("the result repeats a letter, or names one of its own"));
        }
        Ok(Plan { terms, result, lengths })
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        let shapes: Result<Vec<_>, _> = (0..inputs.len())
            .map(|index| inputs.float(index).map(|fact| fact.shape.clone()))
            .collect();
        let plan = self.plan(&shapes?)?;
        // What is in between is no larger than everything that has a letter.
        bounded(plan.lengths.iter().map(|(_, length)| *length).collect())?;
        let shape = plan.result.iter().map(|&label| plan.length(label)).collect();
        Ok(Fact::float(bounded(shape)?))
    }

    pub(super) fn run(&self, inputs: Values, shape: &[usize]) -> Result<DispatchTensor, OpError> {
        let operands: Vec<DispatchTensor> = inputs.0.into_iter().flatten().collect();
        let shapes: Vec<_> = operands.iter().map(primitive::shape).collect();
        let plan = self.plan(&shapes)?;
        let mut operands = operands.into_iter().zip(plan.terms.iter().cloned());
        let (first, labels) = operands.next().ok_or_else(|| OpError::new("it has no input"))?;
        let mut all = diagonal((first, labels));
        let mut left: Vec<Vec<Label>> = plan.terms[1..].to_vec();
        for (next, labels) in operands {
            left.remove(0);
            let kept = |label: &Label| {
                plan.result.contains(label) || left.iter().flatten().any(|other| other == label)
            };
            all = contract(all, diagonal((next, labels)), &plan, kept);
        }
        let (mut x, mut labels) = all;
        let summed: Vec<Label> =
            labels.iter().copied().filter(|label| !plan.result.contains(label)).collect();
        x = sum(x, &mut labels, &summed);
        let x = arranged(x, &labels, &plan.result);
        Ok(primitive::reshape(x, shape))
    }
}

/// An operand and the labels of its axes.
type Labelled = (DispatchTensor, Vec<Label>);

/// Only the elements at which two axes of one label agree.
fn diagonal((mut x, mut labels): Labelled) -> Labelled {
    loop {
        let twice = (0..labels.len()).find_map(|first| {
            let second = (first + 1..labels.len()).find(|&second| labels[second] == labels[first]);
            Some((first, second?))
        });
        let Some((first, second)) = twice else { return (x, labels) };
        let rank = labels.len();
        let mut order: Vec<usize> = (0..rank).filter(|&at| at != first && at != second).collect();
        order.extend([first, second]);
        let mut shape: Vec<usize> = {
            let shape = primitive::shape(&x);
            order.iter().map(|&at| shape[at]).collect()
        };
        let length = shape[rank - 1].min(shape[rank - 2]);
        let step = shape[rank - 1] + 1;
        shape.truncate(rank - 2);
        let mut flat = shape.clone();
        flat.push(length * (step - 1));
        let indices: Vec<i64> = (0..length).map(|at| (at * step) as i64).collect();
        let indices = primitive::from_i64(&indices, &[length], &primitive::device(&x));
        x = primitive::reshape(primitive::permute(x, &order), &flat);
        x = primitive::select(x, rank - 2, indices);
        labels = order[..rank - 1].iter().map(|&at| labels[at]).collect();
    }
}

/// Sums over `summed`, which goes from `labels`.
fn sum(mut x: DispatchTensor, labels: &mut Vec<Label>, summed: &[Label]) -> DispatchTensor {
    for label in summed {
        let Some(axis) = labels.iter().position(|other| other == label) else { continue };
        let mut shape = primitive::shape(&x);
        shape.remove(axis);
        labels.remove(axis);
        x = primitive::reshape(Dispatch::float_sum_dim(x, axis), &shape);
    }
    x
}

/// With axes in the order of `wanted`; those that `labels` lacks have length one.
fn arranged(x: DispatchTensor, labels: &[Label], wanted: &[Label]) -> DispatchTensor {
    let there = wanted.iter().filter_map(|label| labels.iter().position(|other| other == label));
    let order: Vec<usize> = there.collect();
    let shape = primitive::shape(&x);
    let length = |label| labels.iter().position(|other| other == label).map_or(1, |at| shape[at]);
    let lengths: Vec<usize> = wanted.iter().map(length).collect();
    primitive::reshape(primitive::permute(x, &order), &lengths)
}

/// The product of two operands, summed over what both have and nothing needs any more.
fn contract(
    (mut a, mut a_labels): Labelled,
    (mut b, mut b_labels): Labelled,
    plan: &Plan,
    kept: impl Fn(&Label) -> bool,
) -> Labelled {
    let alone = |mine: &[Label], others: &[Label]| -> Vec<Label> {
        mine.iter().copied().filter(|label| !kept(label) && !others.contains(label)).collect()
    };
    let (a_alone, b_alone) = (alone(&a_labels, &b_labels), alone(&b_labels, &a_labels));
    a = sum(a, &mut a_labels, &a_alone);
    b = sum(b, &mut b_labels, &b_alone);
    let both = || a_labels.iter().copied().filter(|label| b_labels.contains(label));
    let batch: Vec<Label> = both().filter(&kept).collect();
    let inner: Vec<Label> = both().filter(|label| !kept(label)).collect();
    let rest = |mine: &[Label], others: &[Label]| -> Vec<Label> {
        mine.iter().copied().filter(|label| !others.contains(label)).collect()
    };
    let (rows, columns) = (rest(&a_labels, &b_labels), rest(&b_labels, &a_labels));
    let count = |labels: &[Label]| labels.iter().map(|&l| plan.length(l)).product::<usize>();
    let fit = |x, labels: &[Label], groups: [&[Label]; 3]| {
        let wanted: Vec<Label> = groups.concat();
        let whole: Vec<usize> = wanted.iter().map(|&label| plan.length(label)).collect();
        let x = primitive::expand(arranged(x, labels, &wanted), &whole);
        primitive::reshape(x, &groups.map(count))
    };
    let a = fit(a, &a_labels, [&batch, &rows, &inner]);
    let b = fit(b, &b_labels, [&batch, &inner, &columns]);
    let labels = [batch, rows, columns].concat();
    let whole: Vec<usize> = labels.iter().map(|&label| plan.length(label)).collect();
    (primitive::reshape(Dispatch::float_matmul(a, b), &whole), labels)
}
