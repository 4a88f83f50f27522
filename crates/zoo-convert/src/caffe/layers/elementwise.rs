//! Several values of one shape, element by element.

use zoo_model::ops::Binary;
use zoo_model::{Op, Tensor};

use super::super::lowering::{Lowering, Refusal};
use super::super::network::Settings;
use super::super::wiring::Step;
use super::finite;

/// `Eltwise`: the product, the sum with coefficients, or the largest.
pub(super) fn lower(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Eltwise)?;
    let binary = match settings.integer(1).unwrap_or(1) {
        0 => Binary::Mul,
        1 => Binary::Add,
        2 => Binary::Max,
        other => return Err(format!("there is no operation {other}").into()),
    };
    let count = step.bottoms.len();
    if count < 2 {
        return Err(format!("it reads only {count} blobs").into());
    }
    let coefficients = match settings.floats(2) {
        none if none.is_empty() => vec![1.0; count],
        all if all.len() == count && binary == Binary::Add => all,
        all => return Err(format!("it has {} coefficients for {count} blobs", all.len()).into()),
    };
    let bottoms = lowering.bottoms(step)?;
    // Operators broadcast, Caffe's layer does not.
    let shapes: Vec<_> = bottoms.iter().filter_map(|name| lowering.shape(name)).collect();
    if shapes.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(format!("it reads blobs of different shapes {shapes:?}").into());
    }
    let module = lowering.node_name(&step.layer.name);
    let mut sum = None;
    for (index, (mut value, coefficient)) in bottoms.into_iter().zip(coefficients).enumerate() {
        let is_subtracted = coefficient == -1.0 && index > 0;
        if coefficient != 1.0 && !is_subtracted {
            let factor = Tensor::from_f32(&[], &[finite(coefficient)?]);
            let name = format!("coefficient{index}");
            let factor = lowering.parameter(&module, &name, factor, false);
            let scaled = lowering.unused_value(&format!("{module}/{index}"));
            let node = lowering.node_name(&format!("{module}/{index}"));
            lowering.push(node, Op::Binary(Binary::Mul), vec![value, factor], scaled.clone());
            value = scaled;
        }
        let Some(before) = sum.replace(value.clone()) else { continue };
        let op = Op::Binary(if is_subtracted { Binary::Sub } else { binary });
        let is_last = index + 1 == count;
        let (node, output) = if is_last {
            (module.clone(), lowering.top(step, 0))
        } else {
            let partial = format!("{module}/up to {index}");
            (lowering.node_name(&partial), lowering.unused_value(&partial))
        };
        lowering.push(node, op, vec![before, value], output.clone());
        sum = Some(output);
    }
    Ok(())
}
