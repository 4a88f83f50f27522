//! Parts of values, and values made of parts.

use zoo_model::ops::{Layout, Split, Update};
use zoo_model::{DType, Op};

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
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let mut lists = lists.into_iter();
    let mut next = || lists.next().flatten();
    let slice = Layout::Slice { starts: next(), ends: next(), axes: next(), steps: next() };
    node.emit(Op::Layout(slice), inputs)
}

/// A slice for each part whose length is given; otherwise one operator.
pub(super) fn split(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(0);
    let mut inputs = vec![node.input(0)?];
    let computed = node.is_computed(1);
    let lengths = if computed { None } else { node.list("split", 1)? };
    let Some(lengths) = lengths else {
        if computed {
            inputs.push(node.input(1)?);
        }
        node.emit_all(Op::Split(Split { axis, parts: node.output_count() }), inputs);
        return Ok(());
    };
    if lengths.len() != node.output_count() || lengths.iter().any(|&length| length < 0) {
        return Err(format!("its parts are {lengths:?} long"));
    }
    let mut start = 0i64;
    for (index, length) in lengths.into_iter().enumerate() {
        let end = start.saturating_add(length);
        let (starts, ends) = (Some(vec![start]), Some(vec![end]));
        let slice = Layout::Slice { starts, ends, axes: Some(vec![axis]), steps: None };
        if node.is_output_read(index) {
            node.emit_output(index, Op::Layout(slice), inputs.clone())?;
        }
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
        Some((Some(list), rank)) if rank < 2 && matches!(list[..], [index] if index < 0) => {
            (list[0], rank)
        }
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

pub(super) fn gather_elements(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(0);
    let inputs = vec![node.input(0)?, node.input(1)?];
    node.emit(Op::GatherElements { axis }, inputs)
}

pub(super) fn gather_nd(node: &mut NodeView) -> Result<(), Refusal> {
    let batch_dims = node.attributes().int("batch_dims")?.unwrap_or(0);
    let batch_dims =
        usize::try_from(batch_dims).map_err(|_| format!("it has {batch_dims} batch axes"))?;
    let inputs = vec![node.input(0)?, node.input(1)?];
    node.emit(Op::GatherNd { batch_dims }, inputs)
}

pub(super) fn scatter_elements(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(0);
    let update = update(node)?;
    let inputs = node.all_inputs()?;
    node.emit(Op::ScatterElements { axis, update }, inputs)
}

pub(super) fn scatter_nd(node: &mut NodeView) -> Result<(), Refusal> {
    let update = update(node)?;
    let inputs = node.all_inputs()?;
    node.emit(Op::ScatterNd { update }, inputs)
}

fn update(node: &NodeView) -> Result<Update, Refusal> {
    Ok(match node.attributes().text("reduction")? {
        None | Some("none") => Update::Assign,
        Some("add") => Update::Add,
        Some("mul") => Update::Mul,
        Some("min") => Update::Min,
        Some("max") => Update::Max,
        Some(other) => return Err(format!("its reduction is `{other}`")),
    })
}

/// Indices and depth may be of any type of numbers.
pub(super) fn one_hot(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(-1);
    let mut inputs = node.all_inputs()?;
    for index in [0, 1] {
        if node.dtype(index) == Some(DType::F32) {
            inputs[index] = node.step(Op::Cast { to: DType::I64 }, vec![inputs[index].clone()]);
        }
    }
    node.emit(Op::OneHot { axis }, inputs)
}
