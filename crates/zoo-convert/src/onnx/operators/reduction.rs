//! Reductions along axes.

use zoo_model::Op;
use zoo_model::ops::{Binary, Layout, Reduce, Reduction, Unary};

use super::super::attributes::Refusal;
use super::super::node::NodeView;

/// A reduction; the norms become a step before it and perhaps one after.
pub(super) fn reduce(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axes = node.list("axes", 1)?.unwrap_or_default();
    let x = node.input(0)?;
    let nothing = axes.is_empty() && attributes.flag("noop_with_empty_axes")?;
    let kind = match node.op_type() {
        "ReduceMean" => Reduction::Mean,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Prod,
        _ => Reduction::Sum,
    };
    let keep_dims = attributes.int("keepdims")?.unwrap_or(1) != 0;
    let op = if nothing {
        Op::Layout(Layout::Identity)
    } else {
        Op::Reduce(Reduce { kind, axes, keep_dims })
    };
    match node.op_type() {
        "ReduceL1" => {
            let x = node.step(Op::Unary(Unary::Abs), vec![x]);
            node.emit(op, vec![x])
        }
        "ReduceL2" => {
            let x = node.step(Op::Binary(Binary::Mul), vec![x.clone(), x]);
            let x = node.step(op, vec![x]);
            node.emit(Op::Unary(Unary::Sqrt), vec![x])
        }
        "ReduceSumSquare" => {
            let x = node.step(Op::Binary(Binary::Mul), vec![x.clone(), x]);
            node.emit(op, vec![x])
        }
        _ => node.emit(op, vec![x]),
    }
}
