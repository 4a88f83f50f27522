//! Layers with weights, and what stands around them.

use onnx_ir::AttributeProto;
use zoo_model::ops::{BatchNorm, Conv, Gemm, Padding};

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
/// Runtimes do not agree on `SAME` where the window has gaps: there the numbers are written.
pub(super) fn padding(
    node: &NodeWriter,
    padding: &Padding,
    [kernel, stride, dilation]: [&[usize]; 3],
) -> Result<AttributeProto, Refusal> {
    let explicit = |pads: &[(usize, usize)]| {
        let (before, after): (Vec<usize>, Vec<usize>) = pads.iter().copied().unzip();
        counts("pads", &[before, after].concat())
    };
    let same = match padding {
        Padding::Explicit(pads) => return Ok(explicit(pads)),
        Padding::SameUpper => "SAME_UPPER",
        Padding::SameLower => "SAME_LOWER",
    };
    if dilation.iter().all(|&step| step == 1) {
        return Ok(text("auto_pad", same));
    }
    let spatial = node.fixed_lengths(0).and_then(|lengths| lengths.get(1..));
    let spatial = spatial.ok_or("its padding depends on how large the input is")?;
    Ok(explicit(&padding.resolve(spatial, kernel, stride, dilation)))
}

pub(super) fn batch_norm(norm: BatchNorm, node: &mut NodeWriter) {
    // ONNX counts the share of the old statistics that is kept, PyTorch that of the new.
    let momentum = 1.0 - norm.momentum;
    let attributes = vec![float("epsilon", norm.epsilon), float("momentum", momentum)];
    node.emit("BatchNormalization", attributes);
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
