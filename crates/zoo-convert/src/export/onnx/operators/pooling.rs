//! Pooling.

use zoo_model::ops::{GlobalPool, Padding, Pool, PoolKind};

use super::super::attribute::{counts, flag};
use super::super::node::{NodeWriter, Refusal};
use super::layers::padding;

pub(super) fn pool(pool: &Pool, node: &mut NodeWriter) -> Result<(), Refusal> {
    let mut attributes = vec![
        counts("kernel_shape", &pool.kernel),
        counts("strides", &pool.stride),
        flag("ceil_mode", rounds_up(pool, node)),
        padding(node, &pool.padding, [&pool.kernel, &pool.stride, &pool.dilation])?,
    ];
    if pool.kind == PoolKind::Max {
        attributes.push(counts("dilations", &pool.dilation));
        node.emit("MaxPool", attributes);
    } else {
        attributes.push(flag("count_include_pad", pool.kind == PoolKind::MeanWithPadding));
        node.emit("AveragePool", attributes);
    }
    Ok(())
}

/// Whether a last window that hangs over the end counts, of which the size of the input may say
/// that it makes no difference.
///
/// A window that would begin in the padding after the input is left out here, in PyTorch and in
/// ONNX Runtime; the rule for shapes of this version of ONNX counts it nevertheless. So rounding
/// up is written only where some window is there because of it.
fn rounds_up(pool: &Pool, node: &NodeWriter) -> bool {
    let lengths = node.fixed_lengths(0).and_then(|lengths| lengths.get(1..));
    let made = node.made().and_then(|fact| fact.shape.get(2..));
    let (Padding::Explicit(pads), Some(lengths), Some(made)) = (&pool.padding, lengths, made)
    else {
        return pool.ceil_mode;
    };
    let rounded_down = |axis: usize| {
        let reach = (pool.kernel[axis] - 1) * pool.dilation[axis] + 1;
        (lengths[axis] + pads[axis].0 + pads[axis].1 - reach) / pool.stride[axis] + 1
    };
    pool.ceil_mode && made.iter().enumerate().any(|(axis, &count)| count != rounded_down(axis))
}

pub(super) fn global_pool(pool: GlobalPool, node: &mut NodeWriter) {
    let op_type = match pool {
        GlobalPool::Max => "GlobalMaxPool",
        GlobalPool::Mean => "GlobalAveragePool",
    };
    node.emit(op_type, Vec::new());
}
