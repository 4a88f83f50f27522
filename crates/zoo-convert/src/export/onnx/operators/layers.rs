//! Layers with weights, and what stands around them.

use onnx_ir::AttributeProto;
use zoo_model::ops::{BatchNorm, Conv, Gemm, LayerNorm, Padding};

use super::super::attribute::{counts, flag, float, int, text};
use super::super::node::{NodeWriter, Refusal};

pub(super) fn conv(conv: &Conv, node: &mut NodeWriter) -> Result<(), Refusal> {
    let kernel = node.fact(1).and_then(|weight| weight.shape.get(2..)).unwrap_or_default();
    let kernel = kernel.to_vec();
    let attributes = vec![
        counts("kernel_shape", &kernel),
        counts("strides", &conv.stride),
        counts("dilations", &conv.dilation),
        int("group", conv.groups as i64),
        padding(node, &conv.padding, [&kernel, &conv.stride, &conv.dilation])?,
    ];
    node.emit("Conv", attributes);
    Ok(())
}

/// What is added around the spatial axes of a window's first input.
///
/// As numbers where the size of the input is known: runtimes do not agree on `SAME` where the
/// window has gaps, or where its stride is longer than itself.
pub(super) fn padding(
    node: &NodeWriter,
    padding: &Padding,
    [kernel, stride, dilation]: [&[usize]; 3],
) -> Result<AttributeProto, Refusal> {
    let spatial = node.fixed_lengths(0).and_then(|lengths| lengths.get(1..));
    let pads = match (padding, spatial) {
        (Padding::Explicit(pads), _) => pads.clone(),
        (_, Some(spatial)) => padding.resolve(spatial, kernel, stride, dilation),
        (Padding::SameUpper, None) if is_dense(dilation) => {
            return Ok(text("auto_pad", "SAME_UPPER"));
        }
        (Padding::SameLower, None) if is_dense(dilation) => {
            return Ok(text("auto_pad", "SAME_LOWER"));
        }
        _ => return Err("its padding depends on how large the input is".to_owned()),
    };
    let (before, after): (Vec<usize>, Vec<usize>) = pads.into_iter().unzip();
    Ok(counts("pads", &[before, after].concat()))
}

/// Whether a window has no gaps.
fn is_dense(dilation: &[usize]) -> bool {
    dilation.iter().all(|&step| step == 1)
}

pub(super) fn batch_norm(norm: BatchNorm, node: &mut NodeWriter) {
    // ONNX counts the share of the old statistics that is kept, PyTorch that of the new.
    let momentum = 1.0 - norm.momentum;
    let attributes = vec![float("epsilon", norm.epsilon), float("momentum", momentum)];
    node.emit("BatchNormalization", attributes);
}

pub(super) fn layer_norm(norm: LayerNorm, node: &mut NodeWriter) {
    let attributes = vec![int("axis", norm.axis), float("epsilon", norm.epsilon)];
    node.emit("LayerNormalization", attributes);
}

pub(super) fn gemm(gemm: Gemm, node: &mut NodeWriter) {
    let attributes = vec![
        float("alpha", gemm.alpha),
        float("beta", gemm.beta),
        flag("transA", gemm.transpose_a),
        flag("transB", gemm.transpose_b),
    ];
    node.emit("Gemm", attributes);
}

pub(super) fn dropout(probability: f32, node: &mut NodeWriter) {
    let ratio = node.float("ratio", probability);
    node.emit_of("Dropout", vec![node.input(0), ratio], Vec::new());
}
