//! Parts of values, and values made of parts.

use zoo_model::Op;
use zoo_model::ops::Layout;

use super::super::attributes::Refusal;
use super::super::node::NodeView;

pub(super) fn concat(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(1);
    let inputs = node.all_inputs()?;
    node.emit(Op::Layout(Layout::Concat { axis }), inputs)
}

/// Each of starts, ends, axes and steps goes into the operator where it is an attribute (before
/// version 10) or a constant, and stays an input where it is computed.
pub(super) fn slice(node: &mut NodeView) -> Result<(), Refusal> {
    let mut inputs = vec![node.input(0)?];
    let mut lists = Vec::new();
    for (index, name) in ["starts", "ends", "axes", "steps"].into_iter().enumerate() {
        let index = index + 1;
        let computed = node.has(index) && node.constant(index).is_none();
        inputs.push(if computed { node.input(index)? } else { String::new() });
        lists.push(if computed { None } else { node.list(name, index)? });
    }
    if lists[3].as_ref().is_some_and(|steps| steps.iter().any(|&step| step < 1)) {
        return Err("it steps backwards".to_owned());
    }
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let mut lists = lists.into_iter();
    let mut next = || lists.next().flatten();
    let slice = Layout::Slice { starts: next(), ends: next(), axes: next(), steps: next() };
    node.emit(Op::Layout(slice), inputs)
}

/// A slice for each part; their lengths must be given.
pub(super) fn split(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(0);
    let lengths = node.list("split", 1)?.ok_or("it does not say how long its parts are")?;
    if lengths.len() != node.output_count() || lengths.iter().any(|&length| length < 0) {
        return Err(format!("its parts are {lengths:?} long"));
    }
    let input = node.input(0)?;
    let mut start = 0i64;
    for (index, length) in lengths.into_iter().enumerate() {
        let end = start.saturating_add(length);
        let (starts, ends) = (Some(vec![start]), Some(vec![end]));
        let slice = Layout::Slice { starts, ends, axes: Some(vec![axis]), steps: None };
        node.emit_output(index, Op::Layout(slice), vec![input.clone()])?;
        start = end;
    }
    Ok(())
}

/// Elements at indices. One index counted from the end, which is how exporters take the last
/// element or length, becomes a slice.
pub(super) fn gather(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(0);
    let x = node.input(0)?;
    let indices = node.constant(1).map(|tensor| (tensor.to_i64(), tensor.shape().len()));
    let (index, rank) = match indices {
        Some((Some(list), rank)) if list.iter().any(|&index| index < 0) => match list[..] {
            [index] if rank < 2 => (index, rank),
            _ => return Err("it counts several indices from the end".to_owned()),
        },
        _ => {
            let inputs = vec![x, node.input(1)?];
            return node.emit(Op::Layout(Layout::Gather { axis }), inputs);
        }
    };
    let (starts, ends) =
        (Some(vec![index]), Some(vec![if index == -1 { i64::MAX } else { index + 1 }]));
    let slice = Op::Layout(Layout::Slice { starts, ends, axes: Some(vec![axis]), steps: None });
    if rank == 1 {
        return node.emit(slice, vec![x]);
    }
    let x = node.step(slice, vec![x]);
    node.emit(Op::Layout(Layout::Squeeze { axes: vec![axis] }), vec![x])
}
