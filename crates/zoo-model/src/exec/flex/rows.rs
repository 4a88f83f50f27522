//! What transformers do row by row, without gradients.

use burn_backend::{Bytes, DType, TensorMetadata};
use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::flex::{FlexTensor, Layout};
use zoo_kernels::{Isa, rows};

use super::images::{dense, numbers};
use super::operand::{Operand, plain};

/// `x Phi(x)`.
pub(crate) fn gelu(x: &DispatchTensor) -> Option<DispatchTensor> {
    changed(x, |values, _| {
        rows::gelu(Isa::best(), values);
        Some(())
    })
}

/// Exponentials that sum to one along the last axis.
pub(crate) fn softmax(x: &DispatchTensor) -> Option<DispatchTensor> {
    changed(x, |values, length| {
        rows::softmax(Isa::best(), values, length);
        Some(())
    })
}

/// Layer normalisation over the last axis.
pub(crate) fn layer_norm(
    x: &DispatchTensor,
    scale: &DispatchTensor,
    shift: &DispatchTensor,
    epsilon: f32,
) -> Option<DispatchTensor> {
    let [Operand::Plain(scale), Operand::Plain(shift)] = Operand::all([scale, shift])? else {
        return None;
    };
    let (scale, shift) = (dense(&scale), dense(&shift));
    changed(x, |values, length| {
        let (scale, shift) = (numbers(&scale), numbers(&shift));
        let fits = scale.len() == length && shift.len() == length;
        fits.then(|| rows::layer_norm(Isa::best(), values, scale, shift, epsilon))
    })
}

/// The numbers of `x` after `change`, which is told the length of the last axis; `None` where they are
/// tracked, or none.
fn changed(
    x: &DispatchTensor,
    change: impl FnOnce(&mut [f32], usize) -> Option<()>,
) -> Option<DispatchTensor> {
    let Operand::Plain(x) = Operand::of(x)? else { return None };
    let shape = x.shape();
    let length = *shape.to_vec().last()?;
    if x.layout().num_elements() == 0 {
        return None;
    }
    let mut values = numbers(&dense(&x)).to_vec();
    change(&mut values, length)?;
    let layout = Layout::contiguous(shape);
    Some(plain(FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)))
}
