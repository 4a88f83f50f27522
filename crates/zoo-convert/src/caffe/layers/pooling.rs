//! Pooling.

use zoo_model::Op;
use zoo_model::ops::{GlobalPool, Padding, Pool, PoolKind};

use super::super::lowering::{Lowering, Refusal};
use super::super::network::Settings;
use super::super::wiring::Step;
use super::{height_width, only_bottom, unary};

/// `Pooling`. Caffe rounds up: a last window may hang over the end, unless padding is all that it
/// would begin with. Its mean counts padding as zeros, but not what hangs over the padding.
pub(super) fn lower(lowering: &mut Lowering, step: &Step) -> Result<(), Refusal> {
    let settings = step.layer.settings(Settings::Pooling)?;
    let is_max = match settings.integer(1).unwrap_or(0) {
        0 => true,
        1 => false,
        2 => return Err(Refusal::unsupported("stochastic pooling")),
        other => return Err(format!("there is no way {other} of pooling").into()),
    };
    if settings.flag(12).unwrap_or(false) {
        let op = if is_max { GlobalPool::Max } else { GlobalPool::Mean };
        return unary(lowering, step, Op::GlobalPool(op));
    }
    if settings.integers(13).iter().any(|&dilation| dilation != 1) {
        return Err(Refusal::unsupported("a window with holes"));
    }
    let kernel = height_width(&settings, 2, [5, 6], None)?
        .ok_or_else(|| "it does not say how large its window is".to_owned())?;
    let stride = height_width(&settings, 3, [7, 8], Some(1))?.unwrap_or([1; 2]);
    let pad = height_width(&settings, 4, [9, 10], Some(0))?.unwrap_or([0; 2]);
    let mut ceil_mode = true;
    let x = only_bottom(lowering, step)?;
    if let Some(&[_, _, height, width]) = lowering.shape(&x) {
        let axes = [(height, 0), (width, 1)];
        // Beyond these the operator's own rule refuses.
        let rest = |(length, axis): (usize, usize)| {
            let padded = length.checked_add(pad[axis].checked_mul(2)?)?;
            padded.checked_sub(kernel[axis])?.checked_rem(stride[axis])
        };
        // Without padding, Caffe does not look whether the last window sees anything. It begins
        // `stride - rest` behind the last one that fits.
        let sees_nothing = |(length, axis): (usize, usize)| {
            let rest = rest((length, axis)).filter(|&rest| rest > 0 && pad == [0; 2]);
            rest.is_some_and(|rest| stride[axis] - rest >= kernel[axis])
        };
        if axes.into_iter().any(sees_nothing) {
            return Err(Refusal::unsupported("its last window sees nothing of the input"));
        }
        ceil_mode = axes.into_iter().any(|axis| rest(axis) != Some(0));
    }
    let kind = if is_max { PoolKind::Max } else { PoolKind::MeanWithPadding };
    let op = Op::Pool(Pool {
        kind,
        kernel: kernel.to_vec(),
        stride: stride.to_vec(),
        padding: Padding::Explicit(vec![(pad[0], pad[0]), (pad[1], pad[1])]),
        dilation: vec![1; 2],
        ceil_mode,
    });
    unary(lowering, step, op)
}
