//! Pooling.

use zoo_model::Op;
use zoo_model::ops::{GlobalPool, Pool, PoolKind};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::layers::{check_axes, padding};

pub(super) fn pool(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let kernel = attributes.ints("kernel_shape")?.ok_or("it has no window")?;
    let axes = kernel.len();
    check_axes(axes)?;
    let kind = match (node.op_type(), attributes.flag("count_include_pad")?) {
        ("MaxPool", _) => PoolKind::Max,
        (_, true) => PoolKind::MeanWithPadding,
        _ => PoolKind::Mean,
    };
    let op = Op::Pool(Pool {
        kind,
        kernel: attributes.counts("kernel_shape", axes, 1)?,
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        dilation: attributes.counts("dilations", axes, 1)?,
        ceil_mode: attributes.flag("ceil_mode")?,
    });
    let input = node.input(0)?;
    node.emit(op, vec![input])
}

pub(super) fn global_pool(node: &mut NodeView) -> Result<(), Refusal> {
    let pool = if node.op_type() == "GlobalMaxPool" { GlobalPool::Max } else { GlobalPool::Mean };
    let input = node.input(0)?;
    node.emit(Op::GlobalPool(pool), vec![input])
}
