//! Layers with weights, and what stands around them.

use zoo_model::Op;
use zoo_model::ops::{BatchNorm, Conv, Gemm, Layout, Padding};

use super::super::attributes::Refusal;
use super::super::lowering::Role;
use super::super::node::NodeView;

pub(super) fn conv(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axes = match attributes.ints("kernel_shape")? {
        Some(kernel) => kernel.len(),
        None => node.rank(1)?.saturating_sub(2),
    };
    check_axes(axes)?;
    let groups = attributes.int("group")?.unwrap_or(1);
    let op = Op::Conv(Conv {
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        dilation: attributes.counts("dilations", axes, 1)?,
        groups: usize::try_from(groups).map_err(|_| format!("it has {groups} groups"))?,
    });
    let mut inputs = vec![node.input(0)?, node.input_as(1, Role::Weight)?];
    if node.has(2) {
        inputs.push(node.input_as(2, Role::Weight)?);
    }
    node.emit(op, inputs)
}

/// Refuses windows over other than one or two axes.
pub(super) fn check_axes(axes: usize) -> Result<(), Refusal> {
    match axes {
        1 | 2 => Ok(()),
        axes => Err(format!("its window has {axes} axes, only 1 or 2 can be run")),
    }
}

/// What is added around `axes` spatial axes.
pub(super) fn padding(node: &NodeView, axes: usize) -> Result<Padding, Refusal> {
    let attributes = node.attributes();
    match attributes.text("auto_pad")? {
        None | Some("NOTSET" | "") => {
            let pads = attributes.counts("pads", 2 * axes, 0)?;
            let (before, after) = pads.split_at(axes);
            Ok(Padding::Explicit(before.iter().copied().zip(after.iter().copied()).collect()))
        }
        Some("VALID") => Ok(Padding::symmetric(0, axes)),
        Some("SAME_UPPER") => Ok(Padding::SameUpper),
        Some("SAME_LOWER") => Ok(Padding::SameLower),
        Some(other) => Err(format!("its `auto_pad` is `{other}`")),
    }
}

pub(super) fn batch_norm(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    if attributes.flag("training_mode")? {
        return Err("it takes the statistics of the batch".to_owned());
    }
    if attributes.int("spatial")? == Some(0) {
        return Err("it has statistics for each position".to_owned());
    }
    // ONNX keeps this share of the old statistics, PyTorch takes that of the new.
    let kept = attributes.float("momentum")?.unwrap_or(0.9);
    let epsilon = attributes.float("epsilon")?.unwrap_or(1e-5);
    let op = Op::BatchNorm(BatchNorm { epsilon, momentum: 1.0 - kept });
    let inputs = vec![
        node.input(0)?,
        node.input_as(1, Role::Weight)?,
        node.input_as(2, Role::Weight)?,
        node.input_as(3, Role::Statistic)?,
        node.input_as(4, Role::Statistic)?,
    ];
    node.emit(op, inputs)
}

pub(super) fn gemm(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let op = Op::Gemm(Gemm {
        alpha: attributes.float("alpha")?.unwrap_or(1.0),
        beta: attributes.float("beta")?.unwrap_or(1.0),
        transpose_a: attributes.flag("transA")?,
        transpose_b: attributes.flag("transB")?,
    });
    let mut inputs = vec![node.input_as(0, Role::Weight)?, node.input_as(1, Role::Weight)?];
    if node.has(2) {
        inputs.push(node.input_as(2, Role::Weight)?);
    }
    node.emit(op, inputs)
}

pub(super) fn mat_mul(node: &mut NodeView) -> Result<(), Refusal> {
    let inputs = vec![node.input_as(0, Role::Weight)?, node.input_as(1, Role::Weight)?];
    node.emit(Op::MatMul, inputs)
}

/// Softmax, its logarithm, and a one in place of the largest.
///
/// Before version 13, the exponentials sum to one over `axis` and all axes after it: the same
/// where it is the last.
pub(super) fn softmax(node: &mut NodeView) -> Result<(), Refusal> {
    let op_type = node.op_type();
    let along = |axis| match op_type {
        "Hardmax" => Op::Hardmax { axis },
        "LogSoftmax" => Op::LogSoftmax { axis },
        _ => Op::Softmax { axis },
    };
    let given = node.attributes().int("axis")?;
    let input = node.input(0)?;
    if node.opset() >= 13 {
        return node.emit(along(given.unwrap_or(-1)), vec![input]);
    }
    let (axis, rank) = (given.unwrap_or(1), node.rank(0)? as i64);
    if axis == rank - 1 || axis == -1 {
        return node.emit(along(axis), vec![input]);
    }
    let shape = node.step(Op::Layout(Layout::Shape { start: 0, end: None }), vec![input.clone()]);
    let flat = node.step(Op::Layout(Layout::Flatten { axis }), vec![input]);
    let flat = node.step(along(1), vec![flat]);
    node.emit(Op::Layout(Layout::Reshape { shape: None }), vec![flat, shape])
}

pub(super) fn dropout(node: &mut NodeView) -> Result<(), Refusal> {
    let probability = match node.attributes().float("ratio")? {
        Some(ratio) => ratio,
        None => node.constant_float(1)?.unwrap_or(0.5),
    };
    let input = node.input(0)?;
    node.emit(Op::Dropout { probability }, vec![input])
}
