//! Branches and loops.

use zoo_model::ops::{If, Loop, Scan, ScanAxis};
use zoo_model::{DType, Fact, Op};

use super::super::attributes::Refusal;
use super::super::node::NodeView;

/// Both blocks are handed what either reads.
pub(super) fn if_(node: &mut NodeView) -> Result<(), Refusal> {
    let mut inputs = vec![node.input(0)?];
    let mut branches = [node.block("then_branch", &[])?, node.block("else_branch", &[])?];
    let mut all: Vec<(String, String)> = Vec::new();
    for branch in &branches {
        for pair in &branch.captured {
            if !all.contains(pair) {
                all.push(pair.clone());
            }
        }
    }
    for branch in &mut branches {
        for (index, pair) in all.iter().enumerate() {
            // What only the other branch reads gets a name that hides nothing.
            let read = branch.captured.contains(pair);
            let unread = || format!("unread:{index}");
            branch.block.inputs.push(if read { pair.1.clone() } else { unread() });
        }
    }
    inputs.extend(all.into_iter().map(|(around, _)| around));
    let [then_branch, else_branch] = branches.map(|branch| branch.block);
    let outputs = node.output_count();
    if then_branch.outputs.len() < outputs || else_branch.outputs.len() < outputs {
        return Err(format!("a branch does not make {outputs} values"));
    }
    node.emit_all(Op::If(Box::new(If { then_branch, else_branch })), inputs);
    Ok(())
}

pub(super) fn loop_(node: &mut NodeView) -> Result<(), Refusal> {
    let carried = node.input_count().saturating_sub(2);
    let scalar = |dtype| Some(Fact { dtype, shape: Vec::new(), known: None });
    let mut known = vec![scalar(DType::I64), scalar(DType::Bool)];
    known.extend((2..2 + carried).map(|index| anew(node.fact(index))));
    let mut body = node.block("body", &known)?;
    let mut inputs = node.inputs(2 + carried)?;
    inputs.resize(2 + carried, String::new());
    if body.block.inputs.len() != 2 + carried
        || body.block.outputs.len() != 1 + node.output_count()
        || node.output_count() < carried
    {
        return Err("its body does not take or make as many values as it does".to_owned());
    }
    for (around, inner) in body.captured {
        inputs.push(around);
        body.block.inputs.push(inner);
    }
    node.emit_all(Op::Loop(Box::new(Loop { body: body.block, carried })), inputs);
    Ok(())
}

/// Version 8 has lengths as its first input, and a batch before everything.
pub(super) fn scan(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let batched = node.opset() < 9;
    if batched && node.has(0) {
        return Err("its sequences have lengths of their own".to_owned());
    }
    let first = usize::from(batched);
    let given = node.input_count().saturating_sub(first);
    let count = attributes.int("num_scan_inputs")?.unwrap_or(0);
    let scanned = usize::try_from(count).ok().filter(|count| (1..=given).contains(count));
    let scanned = scanned.ok_or_else(|| format!("it scans {count} of {given} inputs"))?;
    let states = given - scanned;
    let collected = node.output_count().checked_sub(states);
    let collected = collected.ok_or("it does not make its states")?;
    let axes = |count: usize, axes: &str, directions: &str| {
        let list = |name: &str| {
            let list = attributes.ints(name)?.map_or_else(|| vec![0; count], <[i64]>::to_vec);
            if list.len() == count { Ok(list) } else { Err(format!("its `{name}` are {list:?}")) }
        };
        let pairs = list(axes)?.into_iter().zip(list(directions)?);
        let pairs = pairs.map(|(axis, reverse)| ScanAxis { axis, reverse: reverse != 0 });
        Ok::<_, Refusal>(pairs.collect::<Vec<_>>())
    };
    let old = if batched { "directions" } else { "scan_input_directions" };
    let scan_inputs = axes(scanned, "scan_input_axes", old)?;
    let scan_outputs = axes(collected, "scan_output_axes", "scan_output_directions")?;
    let mut known: Vec<Option<Fact>> = Vec::new();
    for index in 0..given {
        let mut fact = anew(node.fact(first + index));
        if let Some(fact) = &mut fact {
            let gone = usize::from(batched) + usize::from(index >= states);
            fact.shape.drain(..gone.min(fact.shape.len()));
        }
        known.push(fact);
    }
    let mut body = node.block("body", &known)?;
    if body.block.inputs.len() != given || body.block.outputs.len() != node.output_count() {
        return Err("its body does not take or make as many values as it does".to_owned());
    }
    let mut inputs = Vec::with_capacity(given);
    for index in 0..given {
        inputs.push(node.input(first + index)?);
    }
    for (around, inner) in body.captured {
        inputs.push(around);
        body.block.inputs.push(inner);
    }
    let scan =
        Scan { body: body.block, states, inputs: scan_inputs, outputs: scan_outputs, batched };
    node.emit_all(Op::Scan(Box::new(scan)), inputs);
    Ok(())
}

/// A fact without its elements, which change from one iteration to the next.
fn anew(fact: Option<Fact>) -> Option<Fact> {
    fact.map(|fact| Fact { known: None, ..fact })
}
