//! Reductions along axes.

use zoo_model::ops::{ArgExtreme, Binary, Layout, Reduce, Reduction, Unary};
use zoo_model::{DType, Op};

use super::super::attributes::Refusal;
use super::super::node::NodeView;

/// A reduction; the norms become a step before it and perhaps one after.
pub(super) fn reduce(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let x = node.input(0)?;
    let noop = attributes.flag("noop_with_empty_axes")?;
    let computed = node.is_computed(1).then(|| node.input(1)).transpose()?;
    let axes =
        if computed.is_some() { Vec::new() } else { node.list("axes", 1)?.unwrap_or_default() };
    let kind = match node.op_type() {
        "ReduceMean" => Reduction::Mean,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Prod,
        "ReduceLogSumExp" => Reduction::LogSumExp,
        _ => Reduction::Sum,
    };
    let keep_dims = attributes.int("keepdims")?.unwrap_or(1) != 0;
    let op = if computed.is_none() && axes.is_empty() && noop {
        Op::Layout(Layout::Identity)
    } else {
        let noop_with_empty_axes = noop && computed.is_some();
        Op::Reduce(Reduce { kind, axes, keep_dims, noop_with_empty_axes })
    };
    let of = |x: String| std::iter::once(x).chain(computed.clone()).collect::<Vec<_>>();
    match node.op_type() {
        "ReduceL1" => {
            let x = node.step(Op::Unary(Unary::Abs), vec![x]);
            node.emit(op, of(x))
        }
        "ReduceL2" => {
            let whole = node.dtype(0) == Some(DType::I64);
            let x = node.step(Op::Binary(Binary::Mul), vec![x.clone(), x]);
            let mut x = node.step(op, of(x));
            if !whole {
                return node.emit(Op::Unary(Unary::Sqrt), vec![x]);
            }
            x = node.step(Op::Cast { to: DType::F32 }, vec![x]);
            x = node.step(Op::Unary(Unary::Sqrt), vec![x]);
            node.emit(Op::Cast { to: DType::I64 }, vec![x])
        }
        "ReduceSumSquare" => {
            let x = node.step(Op::Binary(Binary::Mul), vec![x.clone(), x]);
            node.emit(op, of(x))
        }
        "ReduceLogSum" => {
            let x = node.step(op, of(x));
            node.emit(Op::Unary(Unary::Log), vec![x])
        }
        _ => node.emit(op, of(x)),
    }
}

/// The index of the largest or smallest element.
pub(super) fn arg_extreme(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let op = Op::ArgExtreme(ArgExtreme {
        largest: node.op_type() == "ArgMax",
        axis: attributes.int("axis")?.unwrap_or(0),
        keep_dims: attributes.int("keepdims")?.unwrap_or(1) != 0,
        last: attributes.flag("select_last_index")?,
    });
    let x = node.input(0)?;
    node.emit(op, vec![x])
}
