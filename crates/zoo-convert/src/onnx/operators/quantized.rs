//! Quantised operators.
//!
//! A constant that is only dequantised becomes the floating-point weight that it stands for, so
//! that heads are found and can be trained. What quantises values on the way stays: its rounding
//! is part of what the model computes.

use zoo_model::DType::{I8, I16, I32, U8};
use zoo_model::ops::host::Width;
use zoo_model::ops::{Conv, Host};
use zoo_model::{Op, Tensor};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::layers::{check_axes, padding};

/// The type of a zero point, input `index`, which is that of the result; bytes if it is not there.
fn width(node: &NodeView, index: usize) -> Result<Width, Refusal> {
    if !node.has(index) {
        return Ok(Width::U8);
    }
    let of_constant = node.constant(index).map(Tensor::dtype);
    Ok(match (of_constant, node.data_type(index)) {
        // Without any type, it is the zero point of a dynamic quantisation, which makes bytes.
        (Some(U8), _) | (None, Some(2) | None) => Width::U8,
        (Some(I8), _) | (None, Some(3)) => Width::I8,
        (Some(I16), _) | (None, Some(5)) => Width::I16,
        // Unsigned numbers of 16 bits are held in 32.
        (Some(I32), _) | (None, Some(4)) => Width::U16,
        _ => return Err("it quantises to a type that is not known".to_owned()),
    })
}

fn axis(node: &NodeView) -> Result<i64, Refusal> {
    if node.attributes().int("block_size")?.is_some_and(|size| size != 0) {
        return Err("it has scales for blocks".to_owned());
    }
    Ok(node.attributes().int("axis")?.unwrap_or(1))
}

pub(super) fn quantize(node: &mut NodeView) -> Result<(), Refusal> {
    let (axis, width) = (axis(node)?, width(node, 2)?);
    if node.attributes().has("output_dtype") && !node.has(2) {
        return Err("it names its type without a zero point".to_owned());
    }
    let inputs = node.inputs(3)?;
    node.emit(Op::Host(Host::Quantize { axis, width }), inputs)
}

pub(super) fn dequantize(node: &mut NodeView) -> Result<(), Refusal> {
    let axis = axis(node)?;
    if let Some(weight) = folded(node, axis)? {
        return node.set_constant(weight);
    }
    let inputs = node.inputs(3)?;
    node.emit(Op::Host(Host::Dequantize { axis }), inputs)
}

/// What a constant stands for, with constant scales.
fn folded(node: &NodeView, axis: i64) -> Result<Option<Tensor>, Refusal> {
    let (Some(steps), Some(scales)) = (node.constant(0), node.constant(1)) else {
        return Ok(None);
    };
    if node.is_computed(2) {
        return Ok(None);
    }
    let (shape, scales) = (steps.shape(), scales.to_f32());
    let steps = steps.to_i64().ok_or("its steps are no whole numbers")?;
    let zero_points = match node.constant(2) {
        Some(tensor) => tensor.to_i64().ok_or("its zero point is no whole number")?,
        None => vec![0],
    };
    let rank = shape.len() as i64;
    let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).unwrap_or(usize::MAX);
    let length = shape.get(axis).copied().unwrap_or(1);
    let inner: usize = shape.iter().skip(axis.saturating_add(1)).product();
    if [scales.len(), zero_points.len()].iter().any(|&len| len != 1 && len != length) {
        return Err(format!("its axis of {length} has {} scales", scales.len()));
    }
    let each = steps.iter().enumerate().map(|(position, step)| {
        let index = position / inner.max(1);
        let zero_point = zero_points[index % zero_points.len()];
        step.wrapping_sub(zero_point) as f32 * scales[index % scales.len()]
    });
    Ok(Some(Tensor::from_f32(shape, &each.collect::<Vec<_>>())))
}

pub(super) fn dynamic(node: &mut NodeView) -> Result<(), Refusal> {
    let inputs = node.inputs(1)?;
    node.emit_all(Op::Host(Host::DynamicQuantize), inputs);
    Ok(())
}

pub(super) fn mat_mul(node: &mut NodeView) -> Result<(), Refusal> {
    let width = width(node, 7)?;
    let inputs = node.inputs(8)?;
    node.emit(Op::Host(Host::QuantizedMatMul { width }), inputs)
}

pub(super) fn mat_mul_integer(node: &mut NodeView) -> Result<(), Refusal> {
    let inputs = node.inputs(4)?;
    node.emit(Op::Host(Host::MatMulInteger), inputs)
}

pub(super) fn conv(node: &mut NodeView) -> Result<(), Refusal> {
    let (conv, width) = (window(node, 3)?, width(node, 7)?);
    let inputs = node.inputs(9)?;
    node.emit(Op::Host(Host::QuantizedConv { conv, width }), inputs)
}

pub(super) fn conv_integer(node: &mut NodeView) -> Result<(), Refusal> {
    let conv = window(node, 1)?;
    let inputs = node.inputs(4)?;
    node.emit(Op::Host(Host::ConvInteger(conv)), inputs)
}

/// How the kernel, input `weight`, slides.
fn window(node: &NodeView, weight: usize) -> Result<Conv, Refusal> {
    let attributes = node.attributes();
    let axes = match attributes.ints("kernel_shape")? {
        Some(kernel) => kernel.len(),
        None => node.rank(weight)?.saturating_sub(2),
    };
    check_axes(axes)?;
    let groups = attributes.int("group")?.unwrap_or(1);
    Ok(Conv {
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        dilation: attributes.counts("dilations", axes, 1)?,
        groups: usize::try_from(groups).map_err(|_| format!("it has {groups} groups"))?,
    })
}
