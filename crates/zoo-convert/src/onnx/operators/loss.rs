//! Losses, which a file has when it was exported from training.

use zoo_model::Op;
use zoo_model::ops::{LossReduction, NegativeLogLikelihood};

use super::super::attributes::Refusal;
use super::super::node::NodeView;

fn loss(node: &NodeView) -> Result<Op, Refusal> {
    let reduction = match node.attributes().text("reduction")? {
        None | Some("mean") => LossReduction::Mean,
        Some("sum") => LossReduction::Sum,
        Some("none") => LossReduction::None,
        Some(other) => return Err(format!("its reduction is `{other}`")),
    };
    let ignore_index = node.attributes().int("ignore_index")?;
    Ok(Op::NegativeLogLikelihood(NegativeLogLikelihood { reduction, ignore_index }))
}

pub(super) fn negative_log_likelihood(node: &mut NodeView) -> Result<(), Refusal> {
    let (op, inputs) = (loss(node)?, node.all_inputs()?);
    node.emit(op, inputs)
}

/// The logarithm of a softmax over the classes, which may be read as well, and its loss.
pub(super) fn softmax_cross_entropy(node: &mut NodeView) -> Result<(), Refusal> {
    let (op, mut inputs) = (loss(node)?, node.all_inputs()?);
    let log = Op::LogSoftmax { axis: 1 };
    let scores = inputs.first_mut().ok_or("it has no input")?;
    *scores = if node.is_output_read(1) {
        node.emit_output(1, log, vec![scores.clone()])?;
        node.output(1)?
    } else {
        node.step(log, vec![scores.clone()])
    };
    node.emit_output(0, op, inputs)
}
