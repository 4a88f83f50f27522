//! Pooling.

use zoo_model::ops::host::WindowIndices;
use zoo_model::ops::{GlobalPool, Host, Pool, PoolKind};
use zoo_model::{DType, Op};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::layers::padding;

pub(super) fn pool(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let kernel = attributes.ints("kernel_shape")?.ok_or("it has no window")?;
    let axes = kernel.len();
    if !(1..=6).contains(&axes) {
        return Err(format!("its window has {axes} axes, only 1 to 6 can be run"));
    }
    let kind = match (node.op_type(), attributes.flag("count_include_pad")?) {
        ("MaxPool", _) => PoolKind::Max,
        (_, true) => PoolKind::MeanWithPadding,
        _ => PoolKind::Mean,
    };
    let pool = Pool {
        kind,
        kernel: attributes.counts("kernel_shape", axes, 1)?,
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        dilation: attributes.counts("dilations", axes, 1)?,
        ceil_mode: attributes.flag("ceil_mode")?,
    };
    if kind != PoolKind::Max && pool.dilation.iter().any(|&step| step != 1) {
        return Err("the window of its mean is dilated".to_owned());
    }
    let input = node.input(0)?;
    // Bytes are exact as floating-point numbers.
    let whole = node.dtype(0) == Some(DType::I64);
    let input = if whole { node.step(Op::Cast { to: DType::F32 }, vec![input]) } else { input };
    let indices = node.is_output_read(1).then(|| window(node, &pool)).transpose()?;
    if let Some(window) = indices {
        node.emit_output(1, Op::Host(Host::MaxPoolIndices(window)), vec![input.clone()])?;
    }
    if whole {
        let pooled = node.step(Op::Pool(pool), vec![input]);
        return node.emit_output(0, Op::Cast { to: DType::I64 }, vec![pooled]);
    }
    node.emit_output(0, Op::Pool(pool), vec![input])
}

/// The same window, for positions.
fn window(node: &NodeView, pool: &Pool) -> Result<WindowIndices, Refusal> {
    Ok(WindowIndices {
        kernel: pool.kernel.clone(),
        stride: pool.stride.clone(),
        padding: pool.padding.clone(),
        dilation: pool.dilation.clone(),
        ceil_mode: pool.ceil_mode,
        column_major: node.attributes().flag("storage_order")?,
    })
}

pub(super) fn max_unpool(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axes = attributes.ints("kernel_shape")?.ok_or("it has no window")?.len();
    let window = WindowIndices {
        kernel: attributes.counts("kernel_shape", axes, 1)?,
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        dilation: vec![1; axes],
        ceil_mode: false,
        column_major: false,
    };
    let inputs = node.inputs(3)?;
    node.emit(Op::Host(Host::MaxUnpool(window)), inputs)
}

pub(super) fn global_pool(node: &mut NodeView) -> Result<(), Refusal> {
    let pool = if node.op_type() == "GlobalMaxPool" { GlobalPool::Max } else { GlobalPool::Mean };
    let input = node.input(0)?;
    node.emit(Op::GlobalPool(pool), vec![input])
}
