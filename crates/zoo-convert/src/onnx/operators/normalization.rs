//! Normalisation by statistics of what is normalised.

use zoo_model::ops::{Binary, LayerNorm, Layout, Lrn, Reduce, Reduction, Unary};
use zoo_model::{Op, Tensor};

use super::super::attributes::Refusal;
use super::super::lowering::Role;
use super::super::node::NodeView;

pub(super) fn instance_norm(node: &mut NodeView) -> Result<(), Refusal> {
    let epsilon = node.attributes().float("epsilon")?.unwrap_or(1e-5);
    let inputs =
        vec![node.input(0)?, node.input_as(1, Role::Weight)?, node.input_as(2, Role::Weight)?];
    node.emit(Op::InstanceNorm { epsilon }, inputs)
}

pub(super) fn lrn(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let size = attributes.int("size")?.ok_or("it does not say over how many channels")?;
    let op = Op::Lrn(Lrn {
        size: usize::try_from(size).map_err(|_| format!("its window has {size} channels"))?,
        alpha: attributes.float("alpha")?.unwrap_or(1e-4),
        beta: attributes.float("beta")?.unwrap_or(0.75),
        bias: attributes.float("bias")?.unwrap_or(1.0),
    });
    let input = node.input(0)?;
    node.emit(op, vec![input])
}

/// What is left of `x` without its mean along `axes`, and the mean of its squares.
fn centred(node: &mut NodeView, x: String, axes: &[i64]) -> (String, String, String) {
    let mean = |node: &mut NodeView, x: String| {
        let (axes, kind) = (axes.to_vec(), Reduction::Mean);
        let mean = Reduce { kind, axes, keep_dims: true, noop_with_empty_axes: false };
        node.step(Op::Reduce(mean), vec![x])
    };
    let average = mean(node, x.clone());
    let centred = node.step(Op::Binary(Binary::Sub), vec![x, average.clone()]);
    let square = node.step(Op::Binary(Binary::Mul), vec![centred.clone(), centred.clone()]);
    let variance = mean(node, square);
    (average, centred, variance)
}

/// `(x - mean) / (deviation + 1e-9)` along some axes: by default, all but the channels.
pub(super) fn mean_variance(node: &mut NodeView) -> Result<(), Refusal> {
    let axes = node.attributes().ints("axes")?.unwrap_or(&[0, 2, 3]).to_vec();
    let x = node.input(0)?;
    let (_, centred, variance) = centred(node, x, &axes);
    let deviation = node.step(Op::Unary(Unary::Sqrt), vec![variance]);
    let epsilon = node.own_parameter("epsilon", Tensor::from_f32(&[], &[1e-9]));
    let deviation = node.step(Op::Binary(Binary::Add), vec![deviation, epsilon]);
    node.emit(Op::Binary(Binary::Div), vec![centred, deviation])
}

/// Normalisation over the last axes; mean and inverse deviation are made where they are read.
pub(super) fn layer_norm(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axis = attributes.int("axis")?.unwrap_or(-1);
    let epsilon = attributes.float("epsilon")?.unwrap_or(1e-5);
    let x = node.input(0)?;
    let mut inputs = vec![x.clone(), node.input_as(1, Role::Weight)?];
    if node.has(2) {
        inputs.push(node.input_as(2, Role::Weight)?);
    }
    node.emit_output(0, Op::LayerNorm(LayerNorm { axis, epsilon }), inputs)?;
    if !node.is_output_read(1) && !node.is_output_read(2) {
        return Ok(());
    }
    let rank = node.rank(0)? as i64;
    let first = if axis < 0 { axis.saturating_add(rank) } else { axis };
    // Only axes that are there are listed: a file may give any number.
    if !(0..=rank).contains(&first) {
        return Err(format!("axis {axis} is beyond rank {rank}"));
    }
    let axes: Vec<i64> = (first..rank).collect();
    let (average, _, variance) = centred(node, x, &axes);
    if node.is_output_read(1) {
        node.emit_output(1, Op::Layout(Layout::Identity), vec![average])?;
    }
    if node.is_output_read(2) {
        let epsilon = node.own_parameter("epsilon", Tensor::from_f32(&[], &[epsilon]));
        let variance = node.step(Op::Binary(Binary::Add), vec![variance, epsilon]);
        let deviation = node.step(Op::Unary(Unary::Sqrt), vec![variance]);
        node.emit_output(2, Op::Unary(Unary::Reciprocal), vec![deviation])?;
    }
    Ok(())
}
