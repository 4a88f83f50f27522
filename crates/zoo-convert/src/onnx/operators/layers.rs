//! Layers with weights, and what stands around them.

use zoo_model::ops::{BatchNorm, Binary, Conv, Gemm, Layout, Padding, Reduce, Reduction, Unary};
use zoo_model::{DType, Op, Tensor};

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

/// Refuses kernels over other than one to three axes.
pub(super) fn check_axes(axes: usize) -> Result<(), Refusal> {
    match axes {
        1..=3 => Ok(()),
        axes => Err(format!("its window has {axes} axes, only 1 to 3 can be run")),
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
        return batch_norm_training(node);
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

/// Batch normalisation by the statistics of the batch, step by step: what comes out besides are
/// the running statistics, moved.
fn batch_norm_training(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let kept = attributes.float("momentum")?.unwrap_or(0.9);
    let epsilon = attributes.float("epsilon")?.unwrap_or(1e-5);
    let rank = node.rank(0)?;
    let x = node.input(0)?;
    let axes: Vec<i64> = (0..rank as i64).filter(|&axis| axis != 1).collect();
    let mean = |axes: &[i64]| {
        Op::Reduce(Reduce {
            kind: Reduction::Mean,
            axes: axes.to_vec(),
            keep_dims: true,
            noop_with_empty_axes: false,
        })
    };
    let binary = |node: &mut NodeView, kind, a: &str, b: String| {
        node.step(Op::Binary(kind), vec![a.to_owned(), b])
    };
    let batch_mean = node.step(mean(&axes), vec![x.clone()]);
    let centred = binary(node, Binary::Sub, &x, batch_mean.clone());
    let square = binary(node, Binary::Mul, &centred, centred.clone());
    let batch_variance = node.step(mean(&axes), vec![square]);
    let number = |node: &mut NodeView, name: &str, value: f32| {
        node.own_parameter(name, Tensor::from_f32(&[], &[value]))
    };
    let epsilon = number(node, "epsilon", epsilon);
    let variance = binary(node, Binary::Add, &batch_variance, epsilon);
    let deviation = node.step(Op::Unary(Unary::Sqrt), vec![variance]);
    let mut y = binary(node, Binary::Div, &centred, deviation);
    // Scale and bias stand along the second axis.
    let mut lifted = vec![1; rank.saturating_sub(1)];
    *lifted.first_mut().ok_or("its input has no channels")? = -1;
    for (index, kind) in [(1, Binary::Mul), (2, Binary::Add)] {
        let operand = node.input_as(index, Role::Weight)?;
        let lift = Op::Layout(Layout::Reshape { shape: Some(lifted.clone()) });
        let operand = node.step(lift, vec![operand]);
        if index == 2 {
            node.emit_output(0, Op::Binary(kind), vec![y, operand])?;
            break;
        }
        y = binary(node, kind, &y, operand);
    }
    for (output, input, batch) in [(1, 3, batch_mean), (2, 4, batch_variance)] {
        if !node.is_output_read(output) {
            continue;
        }
        let flat = Op::Layout(Layout::Reshape { shape: Some(vec![-1]) });
        let batch = node.step(flat, vec![batch]);
        let running = node.input_as(input, Role::Statistic)?;
        let (old, new) = (number(node, "kept", kept), number(node, "moved", 1.0 - kept));
        let running = binary(node, Binary::Mul, &running, old);
        let batch = binary(node, Binary::Mul, &batch, new);
        node.emit_output(output, Op::Binary(Binary::Add), vec![running, batch])?;
    }
    if (3..5).any(|output| node.is_output_read(output)) {
        return Err("it makes statistics that only the first versions did".to_owned());
    }
    Ok(())
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

/// Dropout, which at inference changes nothing: its mask is then true everywhere.
pub(super) fn dropout(node: &mut NodeView) -> Result<(), Refusal> {
    let given = node.attributes().float("ratio")?;
    let training = node.constant(2).and_then(Tensor::to_i64).is_some_and(|list| list != [0]);
    if node.is_computed(2) || (training && node.constant_float(1)? != Some(0.0)) {
        return Err("its numbers are random".to_owned());
    }
    let probability = match given {
        Some(ratio) => ratio,
        // One that is computed is for training elsewhere; what counts here is the default.
        None if node.is_computed(1) => 0.5,
        None => node.constant_float(1)?.unwrap_or(0.5),
    };
    let input = node.input(0)?;
    let op = Op::Dropout { probability };
    if !node.is_output_read(1) {
        return node.emit(op, vec![input]);
    }
    node.emit_output(0, op, vec![input.clone()])?;
    let shape = node.step(Op::Layout(Layout::Shape { start: 0, end: None }), vec![input]);
    let kept = Tensor::new(DType::Bool, Vec::new(), vec![1].into()).ok_or("one byte is one")?;
    let kept = node.own_parameter("kept", kept);
    node.emit_output(1, Op::Layout(Layout::Expand { shape: None }), vec![kept, shape])
}
