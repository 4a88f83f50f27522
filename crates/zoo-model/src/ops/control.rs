//! Control flow: operators that run blocks. Inference only.

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::operand::{axis_of, bounded};
use super::{OpError, Operands, Values};
use crate::exec::{Context, primitive, run_block};
use crate::graph::Block;
use crate::{DType, Fact, Tensor};

/// Two blocks, of which one runs. Both have the node's inputs but the first as theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct If {
    /// What runs where the condition holds.
    pub then_branch: Block,
    /// What runs elsewhere.
    pub else_branch: Block,
}

impl If {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        condition(inputs.required(0)?)?;
        let given = inputs.len() - 1;
        for block in [&self.then_branch, &self.else_branch] {
            if block.inputs.len() != given {
                let wanted = block.inputs.len();
                return Err(OpError::new(format!("a block reads {wanted} values, not {given}")));
            }
        }
        Err(OpError::needs_values("which block runs depends on the data"))
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let condition = primitive::download(inputs.take(0)).to_i64().unwrap_or_default();
        let holds = condition.first().is_some_and(|&value| value != 0);
        let block = if holds { &self.then_branch } else { &self.else_branch };
        run_block(block, inputs.0.split_off(1), context)
    }
}

/// A block that runs again and again: `trip_count?, condition?, carried..., values that the
/// block reads...`.
///
/// The block takes the number of the iteration, the condition, the carried values and those that
/// it reads; it makes a condition, the carried values and one part of each collected value. The
/// loop makes the last carried values and the parts stacked along a new first axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// What runs.
    pub body: Block,
    /// How many values go from each iteration to the next; their shapes may change.
    pub carried: usize,
}

/// The most iterations of a loop or scan: a file may ask for 2^63 and never end.
const MAX_ITERATIONS: usize = 1 << 20;

impl Loop {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        if inputs.len() < 2 + self.carried
            || self.body.inputs.len() != inputs.len()
            || self.body.outputs.len() <= self.carried
        {
            return Err(OpError::new("its block does not take or make what it must"));
        }
        Err(OpError::needs_values("what a loop makes depends on its iterations"))
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let number = |value: Option<DispatchTensor>| {
            value.and_then(|value| primitive::download(value).to_i64()?.first().copied())
        };
        let trips = number(inputs.optional(0));
        let mut holds = number(inputs.optional(1)).is_none_or(|value| value != 0);
        let mut carried: Vec<_> = (2..2 + self.carried).map(|at| inputs.optional(at)).collect();
        let read: Vec<_> = inputs.0.drain((2 + self.carried).min(inputs.0.len())..).collect();
        let mut collected: Vec<Vec<DispatchTensor>> =
            vec![Vec::new(); self.body.outputs.len() - 1 - self.carried];
        let mut iteration = 0;
        while holds && trips.is_none_or(|trips| (iteration as i64) < trips) {
            if iteration == MAX_ITERATIONS {
                return Err(OpError::new(format!("it has not ended after {iteration} iterations")));
            }
            let count = primitive::from_i64(&[iteration as i64], &[], context.device());
            let mut handed = vec![Some(count), Some(truth(true, context))];
            handed.append(&mut carried);
            handed.extend(read.iter().cloned());
            let mut made = run_block(&self.body, handed, context)?.into_iter();
            holds = number(made.next()).is_none_or(|value| value != 0);
            carried = made.by_ref().take(self.carried).map(Some).collect();
            collect(made, &mut collected)?;
            iteration += 1;
        }
        let mut outputs: Vec<DispatchTensor> = carried.into_iter().flatten().collect();
        for parts in collected {
            outputs.push(stack(parts, 0, context)?);
        }
        Ok(outputs)
    }
}

/// A block that runs once for each part of some values: `initial states..., scanned values...,
/// values that the block reads...`.
///
/// The block takes the states, one part of each scanned value, and what it reads; it makes the
/// states and one part of each collected value. The scan makes the last states and the parts
/// stacked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// What runs.
    pub body: Block,
    /// How many states there are.
    pub states: usize,
    /// How each scanned value falls into parts.
    pub inputs: Vec<ScanAxis>,
    /// How the parts of each collected value are stacked.
    pub outputs: Vec<ScanAxis>,
    /// Whether everything has a batch as its first axis, which the block does not see: version 8
    /// of ONNX. Axes are counted without it.
    pub batched: bool,
}

/// Along which axis a value is scanned, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanAxis {
    /// The axis; negative counts from the last.
    pub axis: i64,
    /// Whether the last part comes first.
    pub reverse: bool,
}

impl Scan {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        if inputs.len() < self.states + self.inputs.len()
            || self.body.inputs.len() != inputs.len()
            || self.body.outputs.len() != self.states + self.outputs.len()
            || self.inputs.is_empty()
        {
            return Err(OpError::new("its block does not take or make what it must"));
        }
        Err(OpError::needs_values("what a scan makes depends on its block"))
    }

    pub(super) fn run(
        &self,
        inputs: Values,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        if !self.batched {
            return self.run_one(inputs.0, context);
        }
        let handed = self.states + self.inputs.len();
        let first = inputs.0.iter().take(handed).flatten().next();
        let batch = first.and_then(|value| primitive::shape(value).first().copied()).unwrap_or(0);
        if batch > MAX_ITERATIONS {
            return Err(OpError::new(format!("a batch of {batch} is too large")));
        }
        let mut outputs: Vec<Vec<DispatchTensor>> = vec![Vec::new(); self.body.outputs.len()];
        for sample in 0..batch {
            let mut values = Vec::with_capacity(inputs.0.len());
            for (index, value) in inputs.0.iter().enumerate() {
                values.push(match value {
                    Some(value) if index < handed => Some(part(value.clone(), 0, sample)?),
                    other => other.clone(),
                });
            }
            let made = self.run_one(values, context)?;
            made.into_iter().zip(&mut outputs).for_each(|(value, all)| all.push(value));
        }
        outputs.into_iter().map(|parts| stack(parts, 0, context)).collect()
    }

    fn run_one(
        &self,
        values: Vec<Option<DispatchTensor>>,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let mut values = values.into_iter();
        let mut states: Vec<_> = values.by_ref().take(self.states).collect();
        let scanned: Vec<DispatchTensor> =
            values.by_ref().take(self.inputs.len()).flatten().collect();
        let read: Vec<_> = values.collect();
        if scanned.len() != self.inputs.len() {
            return Err(OpError::new("a scanned value is missing"));
        }
        let mut axes = Vec::with_capacity(scanned.len());
        let mut length = None;
        for (value, scan) in scanned.iter().zip(&self.inputs) {
            let shape = primitive::shape(value);
            let axis = axis_of(scan.axis, shape.len())?;
            if *length.get_or_insert(shape[axis]) != shape[axis] {
                return Err(OpError::new("scanned values differ in length"));
            }
            axes.push(axis);
        }
        let length = length.unwrap_or(0);
        if length > MAX_ITERATIONS {
            return Err(OpError::new(format!("{length} parts are too many")));
        }
        let mut collected: Vec<Vec<DispatchTensor>> = vec![Vec::new(); self.outputs.len()];
        for step in 0..length {
            let mut handed = states;
            for ((value, scan), &axis) in scanned.iter().zip(&self.inputs).zip(&axes) {
                let at = if scan.reverse { length - 1 - step } else { step };
                handed.push(Some(part(value.clone(), axis, at)?));
            }
            handed.extend(read.iter().cloned());
            let mut made = run_block(&self.body, handed, context)?.into_iter();
            states = made.by_ref().take(self.states).map(Some).collect();
            collect(made, &mut collected)?;
        }
        let mut outputs: Vec<DispatchTensor> = states.into_iter().flatten().collect();
        for (mut parts, scan) in collected.into_iter().zip(&self.outputs) {
            if scan.reverse {
                parts.reverse();
            }
            outputs.push(stack(parts, scan.axis, context)?);
        }
        Ok(outputs)
    }
}

/// Adds what an iteration made to what the others did, while it can be held.
fn collect(
    made: impl Iterator<Item = DispatchTensor>,
    collected: &mut [Vec<DispatchTensor>],
) -> Result<(), OpError> {
    for (part, parts) in made.zip(collected) {
        bounded(vec![parts.len() + 1, primitive::shape(&part).iter().product()])?;
        parts.push(part);
    }
    Ok(())
}

/// Part `index` along `axis`, which goes.
fn part(value: DispatchTensor, axis: usize, index: usize) -> Result<DispatchTensor, OpError> {
    let mut shape = primitive::shape(&value);
    let mut ranges: Vec<_> = shape.iter().map(|&length| (0, length, 1)).collect();
    if axis >= shape.len() || index >= shape[axis] {
        return Err(OpError::new("the values differ in the length of their batch"));
    }
    ranges[axis] = (index, index + 1, 1);
    shape.remove(axis);
    Ok(primitive::reshape(primitive::slice(value, &ranges), &shape))
}

/// `parts`, which must be alike, along a new axis.
fn stack(
    parts: Vec<DispatchTensor>,
    axis: i64,
    context: &Context,
) -> Result<DispatchTensor, OpError> {
    let Some(first) = parts.first() else {
        // What the parts would have looked like, nothing says.
        return Ok(primitive::from_f32(Vec::new(), &[0], context.device()));
    };
    let (mut shape, kind) = (primitive::shape(first), primitive::kind(first));
    if parts.iter().any(|part| primitive::shape(part) != shape || primitive::kind(part) != kind) {
        return Err(OpError::new("what is collected differs from one iteration to the next"));
    }
    let axis = axis_of(axis, shape.len() + 1)?;
    let mut whole = shape.clone();
    whole.insert(axis, parts.len());
    bounded(whole)?;
    shape.insert(axis, 1);
    let parts = parts.into_iter().map(|part| primitive::reshape(part, &shape)).collect();
    Ok(primitive::concat(parts, axis))
}

/// One truth value.
fn truth(value: bool, context: &Context) -> DispatchTensor {
    let tensor = Tensor::new(DType::Bool, Vec::new(), vec![u8::from(value)].into());
    primitive::upload(&tensor.expect("one byte for one truth value"), context.device())
}

/// Checks that `fact` is one truth value.
fn condition(fact: &Fact) -> Result<(), OpError> {
    if fact.dtype == DType::Bool && fact.elements() == 1 {
        return Ok(());
    }
    Err(OpError::new(format!(
        "the condition is {} {:?}, not one truth value",
        fact.dtype, fact.shape
    )))
}
