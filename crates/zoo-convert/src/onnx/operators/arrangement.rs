//! The same elements in another shape or order, and shapes as values.

use zoo_model::ops::{Layout, Reduce, Reduction};
use zoo_model::{DType, Op, Tensor};

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
    if node.attributes().flag("allowzero")? {
        return node.emit(Op::Layout(Layout::ReshapeWithZeros { shape }), inputs);
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

/// The inputs of an operator on axes, and those axes unless they are computed.
fn with_axes(node: &mut NodeView) -> Result<(Vec<String>, Option<Vec<i64>>), Refusal> {
    let mut inputs = vec![node.input(0)?];
    if node.is_computed(1) {
        inputs.push(node.input(1)?);
        return Ok((inputs, Some(Vec::new())));
    }
    Ok((inputs, node.list("axes", 1)?))
}

pub(super) fn squeeze(node: &mut NodeView) -> Result<(), Refusal> {
    let (inputs, axes) = with_axes(node)?;
    node.emit(Op::Layout(Layout::Squeeze { axes: axes.unwrap_or_default() }), inputs)
}

pub(super) fn unsqueeze(node: &mut NodeView) -> Result<(), Refusal> {
    let (inputs, axes) = with_axes(node)?;
    let axes = axes.ok_or("it does not say where the new axes stand")?;
    node.emit(Op::Layout(Layout::Unsqueeze { axes }), inputs)
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

/// Padding by a constant, the edge or a mirror image. The list gives what goes before each axis,
/// then what goes after each; from version 18 on, perhaps for some axes only. A negative number
/// cuts off.
pub(super) fn pad(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let mode = attributes.text("mode")?.unwrap_or("constant");
    let old = if attributes.has("paddings") { "paddings" } else { "pads" };
    let value = match attributes.float("value")? {
        Some(value) => value,
        None if node.is_computed(2) || node.dtype(0) != Some(DType::F32) => 0.0,
        None => node.constant_float(2)?.unwrap_or(0.0),
    };
    let given = mode == "constant"
        && node.has(2)
        && (node.is_computed(2) || node.dtype(0) != Some(DType::F32) || !value.is_finite());
    let mut inputs = vec![node.input(0)?];
    let mut pads = Vec::new();
    if node.is_computed(1) || node.is_computed(3) {
        inputs.push(node.input(1)?);
    } else {
        inputs.push(String::new());
        let list = node.list(old, 1)?.ok_or("it does not say how much")?;
        pads = pairs(&list, node.rank(0)?, node.constant_ints(3)?)?;
    }
    inputs.push(if given { node.input(2)? } else { String::new() });
    if node.has(3) && pads.is_empty() {
        inputs.push(node.input(3)?);
    }
    if pads.iter().any(|&(before, after)| before < 0 || after < 0) {
        let starts = pads.iter().map(|pad| (-pad.0).max(0)).collect();
        let end = |pad: &(i64, i64)| if pad.1 < 0 { pad.1 } else { i64::MAX };
        let ends = pads.iter().map(end).collect();
        let cut = Layout::Slice { starts: Some(starts), ends: Some(ends), axes: None, steps: None };
        inputs[0] = node.step(Op::Layout(cut), vec![inputs[0].clone()]);
    }
    let counted = |pad: (i64, i64)| (pad.0.max(0) as usize, pad.1.max(0) as usize);
    let pads: Vec<(usize, usize)> = pads.into_iter().map(counted).collect();
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let value = if value.is_finite() { value } else { 0.0 };
    let layout = match mode {
        "constant" => Layout::Pad { pads, value },
        "reflect" => Layout::PadReflect { pads },
        "edge" => Layout::PadEdge { pads },
        other => return Err(format!("its mode is `{other}`")),
    };
    node.emit(Op::Layout(layout), inputs)
}

/// What `list` adds before and after each of `rank` axes.
fn pairs(list: &[i64], rank: usize, axes: Option<Vec<i64>>) -> Result<Vec<(i64, i64)>, Refusal> {
    let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
    if list.len() != 2 * axes.len() {
        return Err(format!("{} numbers pad {} axes", list.len(), axes.len()));
    }
    let mut pads = vec![(0, 0); rank];
    for (index, &axis) in axes.iter().enumerate() {
        let counted = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis });
        let place = counted.ok().and_then(|axis| pads.get_mut(axis));
        *place.ok_or_else(|| format!("it pads axis {axis} of {rank}"))? =
            (list[index], list[axes.len() + index]);
    }
    Ok(pads)
}

pub(super) fn tile(node: &mut NodeView) -> Result<(), Refusal> {
    let mut inputs = vec![node.input(0)?];
    if node.opset() < 6 {
        return Err("version 1 of it repeats one axis".to_owned());
    }
    let repeats = if node.is_computed(1) {
        inputs.push(node.input(1)?);
        None
    } else {
        Some(node.constant_ints(1)?.ok_or("it does not say how often")?)
    };
    node.emit(Op::Layout(Layout::Tile { repeats }), inputs)
}

pub(super) fn depth_to_space(node: &mut NodeView) -> Result<(), Refusal> {
    let crd = match node.attributes().text("mode")? {
        None | Some("DCR") => false,
        Some("CRD") => true,
        Some(other) => return Err(format!("its mode is `{other}`")),
    };
    let (block, input) = (block(node)?, node.input(0)?);
    node.emit(Op::Layout(Layout::DepthToSpace { block, crd }), vec![input])
}

pub(super) fn space_to_depth(node: &mut NodeView) -> Result<(), Refusal> {
    let (block, input) = (block(node)?, node.input(0)?);
    node.emit(Op::Layout(Layout::SpaceToDepth { block }), vec![input])
}

fn block(node: &NodeView) -> Result<usize, Refusal> {
    let block = node.attributes().int("blocksize")?.unwrap_or(0);
    usize::try_from(block).ok().filter(|&block| block > 0).ok_or(format!("its block is {block}"))
}

pub(super) fn trilu(node: &mut NodeView) -> Result<(), Refusal> {
    let upper = node.attributes().int("upper")?.unwrap_or(1) != 0;
    let mut inputs = vec![node.input(0)?];
    if node.has(1) {
        inputs.push(node.input(1)?);
    }
    node.emit(Op::Trilu { upper }, inputs)
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
    let product = Reduce {
        kind: Reduction::Prod,
        axes: Vec::new(),
        keep_dims: false,
        noop_with_empty_axes: false,
    };
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
