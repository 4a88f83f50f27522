//! Convolution and inner product.

use zoo_model::Op;
use zoo_model::ops::{Conv, Gemm, Layout, Padding};

use super::super::lowering::{Lowering, Refusal};
use super::super::network::Settings;
use super::super::wiring::Step;
use super::{blobs, check_outputs, height_width, only_bottom};

/// `Convolution`: weight `[outputs, channels / groups, height, width]`, bias `[outputs]`.
pub(super) fn convolution(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Convolution)?;
    if settings.integer(16).unwrap_or(1) != 1 {
        return Err(Refusal::unsupported("channels that are not the second axis"));
    }
    let kernel = height_width(&settings, 4, [11, 12], None)?
        .ok_or_else(|| "it does not say how large its kernel is".to_owned())?;
    let [pad_height, pad_width] = height_width(&settings, 3, [9, 10], Some(0))?.unwrap_or([0; 2]);
    let stride = height_width(&settings, 6, [13, 14], Some(1))?.unwrap_or([1; 2]);
    let dilation = height_width(&settings, 18, [0, 0], Some(1))?.unwrap_or([1; 2]);
    let groups = settings.integer(5).unwrap_or(1);
    let groups = usize::try_from(groups).map_err(|_| format!("it has {groups} groups"))?;
    let has_bias = settings.flag(2).unwrap_or(true);
    let blobs = blobs(step, 1 + usize::from(has_bias))?;
    let weight = &blobs[0];
    if !matches!(weight.shape[..], [_, _, height, width] if [height, width] == kernel) {
        let shape = &weight.shape;
        return Err(format!("its weight has the shape {shape:?}, its kernel is {kernel:?}").into());
    }
    check_outputs(&settings, weight.shape[0])?;
    let module = lowering.node_name(&step.layer.name);
    let weight = weight.tensor(&weight.shape)?;
    let mut inputs = vec![only_bottom(lowering, step)?];
    inputs.push(lowering.parameter(&module, "weight", weight, true));
    if let Some(bias) = blobs.get(1) {
        inputs.push(lowering.parameter(&module, "bias", bias.list()?, true));
    }
    let op = Op::Conv(Conv {
        stride: stride.to_vec(),
        padding: Padding::Explicit(vec![(pad_height, pad_height), (pad_width, pad_width)]),
        dilation: dilation.to_vec(),
        groups,
    });
    let output = lowering.top(step, 0);
    lowering.push(module, op, inputs, output);
    Ok(())
}

/// `InnerProduct`: weight `[outputs, inputs]`, or the other way round if so set; bias
/// `[outputs]`. Whatever axes the input has after the first are one.
pub(super) fn inner_product(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::InnerProduct)?;
    if settings.integer(5).unwrap_or(1) != 1 {
        return Err(Refusal::unsupported("a product over other axes than all but the first"));
    }
    let transposed = settings.flag(6).unwrap_or(false);
    let has_bias = settings.flag(2).unwrap_or(true);
    let blobs = blobs(step, 1 + usize::from(has_bias))?;
    let [rows, columns] = *blobs[0].trailing(2) else {
        return Err(format!("its weight has the shape {:?}", blobs[0].shape).into());
    };
    check_outputs(&settings, if transposed { columns } else { rows })?;
    let weight = blobs[0].tensor(&[rows, columns])?;
    let module = lowering.node_name(&step.layer.name);
    let mut x = only_bottom(lowering, step)?;
    if lowering.shape(&x).is_none_or(|shape| shape.len() != 2) {
        let flat = lowering.node_name(&format!("{}/flatten", step.layer.name));
        let output = lowering.unused_value(&format!("{x}/flat"));
        let layout = Layout::Flatten { axis: 1 };
        lowering.push(flat, Op::Layout(layout), vec![x], output.clone());
        x = output;
    }
    let mut inputs = vec![x, lowering.parameter(&module, "weight", weight, true)];
    if let Some(bias) = blobs.get(1) {
        inputs.push(lowering.parameter(&module, "bias", bias.list()?, true));
    }
    let op = Op::Gemm(Gemm { transpose_b: !transposed, ..Gemm::LINEAR });
    let output = lowering.top(step, 0);
    lowering.push(module, op, inputs, output);
    Ok(())
}
