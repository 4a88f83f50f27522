//! The same elements in another shape or order, and shapes as values.

use zoo_model::ops::{Layout, Reduce, Reduction};
use zoo_model::{Op, Tensor};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::super::tensor;

pub(super) fn identity(node: &mut NodeView) -> Result<(), Refusal> {
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Identity), vec![input])
}

pub(super) fn flatten(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = node.attributes().int("axis")?.unwrap_or(1);
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Flatten { axis }), vec![input])
}

/// A shape that is a constant goes into the operator; one that is computed stays an input.
pub(super) fn reshape(node: &mut NodeView) -> Result<(), Refusal> {
    let mut inputs = vec![node.input(0)?];
    let shape = if node.attributes().has("shape") || node.constant(1).is_some() {
        Some(node.list("shape", 1)?.unwrap_or_default())
    } else {
        inputs.push(node.input(1)?);
        None
    };
    // By default, 0 stands for the length as it was; only an empty tensor needs it as it is.
    let empty = shape.as_ref().is_none_or(|shape| shape.contains(&0));
    if node.attributes().flag("allowzero")? && empty {
        return Err("its shape may have a 0 that is meant".to_owned());
    }
    node.emit(Op::Layout(Layout::Reshape { shape }), inputs)
}

pub(super) fn transpose(node: &mut NodeView) -> Result<(), Refusal> {
    let permutation = match node.attributes().ints("perm")? {
        Some(axes) => node.attributes().counts("perm", axes.len(), 0)?,
        None => (0..node.rank(0)?).rev().collect(),
    };
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Transpose { permutation }), vec![input])
}

pub(super) fn squeeze(node: &mut NodeView) -> Result<(), Refusal> {
    let axes = node.list("axes", 1)?.unwrap_or_default();
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Squeeze { axes }), vec![input])
}

pub(super) fn unsqueeze(node: &mut NodeView) -> Result<(), Refusal> {
    let axes = node.list("axes", 1)?.ok_or("it does not say where the new axes stand")?;
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Unsqueeze { axes }), vec![input])
}

pub(super) fn expand(node: &mut NodeView) -> Result<(), Refusal> {
    let mut inputs = vec![node.input(0)?];
    let shape = if node.constant(1).is_some() {
        node.constant_ints(1)?
    } else {
        inputs.push(node.input(1)?);
        None
    };
    node.emit(Op::Layout(Layout::Expand { shape }), inputs)
}

/// Padding by a constant or by a mirror. The list gives what goes before each axis, then what
/// goes after each; from version 18 on, perhaps for some axes only.
pub(super) fn pad(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let old = if attributes.has("paddings") { "paddings" } else { "pads" };
    let list = node.list(old, 1)?.ok_or("it does not say how much")?;
    let counts: Option<Vec<usize>> = list.iter().map(|&n| usize::try_from(n).ok()).collect();
    let counts = counts.ok_or("it cuts off where a number is negative")?;
    let rank = node.rank(0)?;
    let axes = node.constant_ints(3)?.unwrap_or_else(|| (0..rank as i64).collect());
    if counts.len() != 2 * axes.len() {
        return Err(format!("{} numbers pad {} axes", counts.len(), axes.len()));
    }
    let mut pads = vec![(0, 0); rank];
    for (index, &axis) in axes.iter().enumerate() {
        let counted = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis });
        let place = counted.ok().and_then(|axis| pads.get_mut(axis));
        *place.ok_or_else(|| format!("it pads axis {axis} of {rank}"))? =
            (counts[index], counts[axes.len() + index]);
    }
    let value = match attributes.float("value")? {
        Some(value) => value,
        None => node.constant_float(2)?.unwrap_or(0.0),
    };
    let layout = match attributes.text("mode")?.unwrap_or("constant") {
        "constant" if value.is_finite() => Layout::Pad { pads, value },
        "constant" => return Err(format!("it pads with {value}")),
        "reflect" => Layout::PadReflect { pads },
        other => return Err(format!("its mode is `{other}`")),
    };
    let input = node.input(0)?;
    node.emit(Op::Layout(layout), vec![input])
}

pub(super) fn shape(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let (start, end) = (attributes.int("start")?.unwrap_or(0), attributes.int("end")?);
    let input = node.input(0)?;
    node.emit(Op::Layout(Layout::Shape { start, end }), vec![input])
}

/// How many elements there are: the product of the shape.
pub(super) fn size(node: &mut NodeView) -> Result<(), Refusal> {
    let input = node.input(0)?;
    let shape = node.step(Op::Layout(Layout::Shape { start: 0, end: None }), vec![input]);
    let product = Reduce { kind: Reduction::Prod, axes: Vec::new(), keep_dims: false };
    node.emit(Op::Reduce(product), vec![shape])
}

/// One number in a shape: that number, expanded.
pub(super) fn constant_of_shape(node: &mut NodeView) -> Result<(), Refusal> {
    let value = match node.attributes().tensor("value")? {
        None => Tensor::from_f32(&[], &[0.0]),
        // Such a tensor is too small to lie in another file.
        Some(proto) => tensor::read(proto, std::path::Path::new(""))?,
    };
    let value = Tensor::new(value.dtype(), Vec::new(), value.bytes().to_vec().into())
        .ok_or("its value is not one number")?;
    let mut inputs = vec![node.own_parameter("value", value)];
    let shape = if node.constant(0).is_some() {
        node.constant_ints(0)?
    } else {
        inputs.push(node.input(0)?);
        None
    };
    node.emit(Op::Layout(Layout::Expand { shape }), inputs)
}
