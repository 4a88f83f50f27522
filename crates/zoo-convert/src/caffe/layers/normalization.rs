//! Local response normalisation, batch normalisation, and the scale that follows it.

use zoo_model::ops::{BatchNorm, Binary, Lrn};
use zoo_model::{Op, Tensor};

use super::super::blob::Blob;
use super::super::lowering::{Lowering, Refusal};
use super::super::network::Settings;
use super::super::wiring::Step;
use super::{blobs, finite, only_bottom, unary};

/// `LRN`, across channels.
pub(super) fn local_response(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Lrn)?;
    if settings.integer(4).unwrap_or(0) != 0 {
        return Err(Refusal::unsupported("normalisation within a channel"));
    }
    let size = settings.integer(1).unwrap_or(5);
    let size = usize::try_from(size).ok().filter(|size| size % 2 == 1);
    let size = size.ok_or_else(|| "its window is not odd".to_owned())?;
    let setting = |field, default| finite(settings.float(field).unwrap_or(default));
    let (alpha, beta, bias) = (setting(2, 1.0)?, setting(3, 0.75)?, setting(5, 1.0)?);
    unary(lowering, step, Op::Lrn(Lrn { size, alpha, beta, bias }))
}

/// `BatchNorm`: sums of means and variances, and by what they are to be divided. It only
/// normalises; where nothing but a `Scale` reads it, that becomes part of it.
pub(super) fn batch_norm(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::BatchNorm)?;
    let epsilon = finite(settings.float(3).unwrap_or(1e-5))?;
    let fraction = finite(settings.float(2).unwrap_or(0.999))?;
    let blobs = blobs(step, 3)?;
    let divisor = match blobs[2].list()?.to_f32()[..] {
        [0.0] => f32::INFINITY,
        [divisor] => divisor,
        _ => return Err(format!("its divisor has the shape {:?}", blobs[2].shape).into()),
    };
    let statistic = |blob: &Blob| -> Result<Tensor, Refusal> {
        let values: Vec<f32> = blob.list()?.to_f32().iter().map(|sum| sum / divisor).collect();
        Ok(Tensor::from_f32(&[values.len()], &values))
    };
    let (mean, variance) = (statistic(&blobs[0])?, statistic(&blobs[1])?);
    let channels = mean.len();
    let x = only_bottom(lowering, step)?;
    let module = lowering.node_name(&step.layer.name);
    let scale = lowering.only_reader(step).filter(|(_, next)| is_scale_of(next, step));
    let (weight, bias, output) = if let Some((index, next)) = scale {
        lowering.merge(index);
        let (weight, bias) = scale_parameters(next)?;
        let name = lowering.node_name(&next.layer.name);
        let weight = lowering.parameter(&name, "weight", weight.list()?, true);
        let bias = match bias {
            Some(bias) => lowering.parameter(&name, "bias", bias.list()?, true),
            None => lowering.parameter(&name, "bias", filled(channels, 0.0), false),
        };
        (weight, bias, lowering.top(next, 0))
    } else {
        let weight = lowering.parameter(&module, "weight", filled(channels, 1.0), false);
        let bias = lowering.parameter(&module, "bias", filled(channels, 0.0), false);
        (weight, bias, lowering.top(step, 0))
    };
    let mean = lowering.parameter(&module, "running_mean", mean, false);
    let variance = lowering.parameter(&module, "running_var", variance, false);
    let op = Op::BatchNorm(BatchNorm { epsilon, momentum: 1.0 - fraction });
    lowering.push(module, op, vec![x, weight, bias, mean, variance], output);
    Ok(())
}

/// Whether `next` scales each channel of what `step` makes, and does nothing else.
fn is_scale_of(next: &Step, step: &Step) -> bool {
    next.layer.kind == "Scale"
        && next.bottoms == step.tops
        && next.tops.len() == 1
        && scale_parameters(next).is_ok()
}

/// The factors of a `Scale`, and what it adds if anything.
fn scale_parameters(step: &Step) -> Result<(Blob, Option<Blob>), Refusal> {
    let settings = step.layer.settings(Settings::Scale)?;
    if settings.integer(1).unwrap_or(1) != 1 || settings.integer(2).unwrap_or(1) != 1 {
        return Err(Refusal::unsupported("factors that are not one for each channel"));
    }
    if step.bottoms.len() != 1 {
        return Err(Refusal::unsupported("factors that are computed"));
    }
    let has_bias = settings.flag(4).unwrap_or(false);
    let mut blobs = blobs(step, 1 + usize::from(has_bias))?.into_iter();
    let weight = blobs.next().ok_or_else(|| "it has no factors".to_owned())?;
    Ok((weight, blobs.next()))
}

/// `Scale` by itself: each channel times its factor, plus what belongs to it.
pub(super) fn scale(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let (weight, bias) = scale_parameters(step)?;
    let x = only_bottom(lowering, step)?;
    // One for each channel, along the second axis of what is scaled.
    let after = lowering.shape(&x).map_or(2, |shape| shape.len().saturating_sub(2));
    let spread = |blob: &Blob| -> Result<Tensor, Refusal> {
        let mut shape = vec![blob.len()];
        shape.resize(1 + after, 1);
        Ok(blob.tensor(&shape)?)
    };
    let module = lowering.node_name(&step.layer.name);
    let weight = lowering.parameter(&module, "weight", spread(&weight)?, true);
    let Some(bias) = bias else {
        let output = lowering.top(step, 0);
        lowering.push(module, Op::Binary(Binary::Mul), vec![x, weight], output);
        return Ok(());
    };
    let bias = lowering.parameter(&module, "bias", spread(&bias)?, true);
    let scaled = lowering.unused_value(&format!("{module}/scaled"));
    let add = lowering.node_name(&format!("{module}/bias"));
    lowering.push(module, Op::Binary(Binary::Mul), vec![x, weight], scaled.clone());
    let output = lowering.top(step, 0);
    lowering.push(add, Op::Binary(Binary::Add), vec![scaled, bias], output);
    Ok(())
}

fn filled(channels: usize, value: f32) -> Tensor {
    Tensor::from_f32(&[channels], &vec![value; channels])
}
