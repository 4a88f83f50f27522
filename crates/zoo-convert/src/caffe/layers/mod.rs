//! One layer of Caffe to one operator, or a few.
//!
//! Source of what layers compute: `src/caffe/layers/` of BVLC/caffe.

mod elementwise;
mod linear;
mod normalization;
mod pooling;

use zoo_model::Op;
use zoo_model::ops::{Activation, Layout};

use super::blob::Blob;
use super::lowering::{Lowering, Refusal};
use super::network::Settings;
use super::wire::Message;
use super::wiring::Step;

/// Lowers the layer of `step`.
pub(super) fn lower(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let kind = step.layer.kind.as_str();
    if step.tops.len() != 1 && kind != "Split" {
        return Err(Refusal::unsupported(format!("it makes {} blobs", step.tops.len())));
    }
    match kind {
        "Convolution" => linear::convolution(lowering, step),
        "InnerProduct" => linear::inner_product(lowering, step),
        "Pooling" => pooling::lower(lowering, step),
        "LRN" => normalization::local_response(lowering, step),
        "BatchNorm" => normalization::batch_norm(lowering, step),
        "Scale" => normalization::scale(lowering, step),
        "Eltwise" => elementwise::lower(lowering, step),
        "ReLU" => relu(lowering, step),
        "Sigmoid" => unary(lowering, step, Op::Activation(Activation::Sigmoid)),
        "TanH" => unary(lowering, step, Op::Activation(Activation::Tanh)),
        "Dropout" => dropout(lowering, step),
        "Softmax" => softmax(lowering, step),
        "Concat" => concat(lowering, step),
        "Flatten" => flatten(lowering, step),
        "Split" => lowering.alias(step),
        _ => Err(Refusal::unsupported("a layer without a counterpart")),
    }
}

/// Adds the layer as one node that reads its only bottom.
fn unary(lowering: &mut Lowering, step: &Step, op: Op) -> Result<(), Refusal> {
    let inputs = vec![only_bottom(lowering, step)?];
    let (name, output) = (lowering.node_name(&step.layer.name), lowering.top(step, 0));
    lowering.push(name, op, inputs, output);
    Ok(())
}

/// What the only bottom is called.
fn only_bottom(lowering: &Lowering, step: &Step) -> Result<String, Refusal> {
    match step.bottoms.len() {
        1 => lowering.bottom(step, 0),
        count => Err(Refusal::unsupported(format!("it reads {count} blobs"))),
    }
}

fn relu(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let slope = step.layer.settings(Settings::Relu)?.float(1).unwrap_or(0.0);
    let relu = match finite(slope)? {
        0.0 => Activation::Relu,
        alpha => Activation::LeakyRelu { alpha },
    };
    unary(lowering, step, Op::Activation(relu))
}

fn dropout(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Dropout)?;
    // NVIDIA's fork may scale while testing.
    if settings.flag(2) == Some(false) {
        return Err(Refusal::unsupported("it scales while testing"));
    }
    unary(lowering, step, Op::Dropout { probability: settings.float(1).unwrap_or(0.5) })
}

fn softmax(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let axis = step.layer.settings(Settings::Softmax)?.integer(2).unwrap_or(1);
    unary(lowering, step, Op::Softmax { axis })
}

fn concat(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Concat)?;
    // `concat_dim` is what `axis` was called first.
    let axis = settings.integer(2).or_else(|| settings.integer(1)).unwrap_or(1);
    let inputs = lowering.bottoms(step)?;
    let (name, output) = (lowering.node_name(&step.layer.name), lowering.top(step, 0));
    lowering.push(name, Op::Layout(Layout::Concat { axis }), inputs, output);
    Ok(())
}

fn flatten(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Flatten)?;
    if settings.integer(1).unwrap_or(1) != 1 || settings.integer(2).unwrap_or(-1) != -1 {
        return Err(Refusal::unsupported("not all axes but the first are flattened"));
    }
    unary(lowering, step, Op::Layout(Layout::Flatten { axis: 1 }))
}

/// The blobs of the layer, of which there must be `count`.
fn blobs(step: &Step, count: usize) -> Result<Vec<Blob>, Refusal> {
    let blobs = step.layer.blobs()?;
    if blobs.len() != count {
        let found = blobs.len();
        return Err(format!("its settings ask for {count} blobs, it has {found}").into());
    }
    Ok(blobs)
}

/// That the setting `num_output` is what the parameters say; it may be left out.
fn check_outputs(settings: &Message, outputs: usize) -> Result<(), Refusal> {
    match settings.integer(1) {
        Some(stated) if usize::try_from(stated) != Ok(outputs) => {
            Err(format!("it has {stated} outputs by its settings, {outputs} by its weight").into())
        }
        _ => Ok(()),
    }
}

/// What is given once for height and width or once for each (`field`), or as two settings. No
/// setting has the number 0.
fn height_width(
    settings: &Message,
    field: u32,
    [height, width]: [u32; 2],
    default: Option<usize>,
) -> Result<Option<[usize; 2]>, Refusal> {
    let count = |value: i64| {
        usize::try_from(value).map_err(|_| Refusal::Malformed(format!("a length is {value}")))
    };
    let either = (settings.integer(height), settings.integer(width));
    if either != (None, None) {
        let each = |value: Option<i64>| value.map(count).transpose();
        return Ok(each(either.0)?
            .or(default)
            .zip(each(either.1)?.or(default))
            .map(|(h, w)| [h, w]));
    }
    match settings.integers(field)[..] {
        [] => Ok(default.map(|default| [default; 2])),
        [both] => Ok(Some([count(both)?; 2])),
        [height, width] => Ok(Some([count(height)?, count(width)?])),
        ref all => Err(Refusal::unsupported(format!("{} spatial axes", all.len()))),
    }
}

/// A setting, which must be a number.
fn finite(value: f32) -> Result<f32, Refusal> {
    if value.is_finite() { Ok(value) } else { Err(format!("a setting is {value}").into()) }
}
