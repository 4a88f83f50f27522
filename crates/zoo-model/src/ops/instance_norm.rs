use burn_backend::Scalar;
use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};

use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// `x [batch, channels, ...], scale [channels], bias [channels]`.
pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(3)?;
    let x = inputs.float(0)?;
    if x.shape.len() < 3 || x.elements() == 0 {
        return Err(OpError::new("the input must have a batch, channels and axes beyond them"));
    }
    for (index, name) in [(1, "scale"), (2, "bias")] {
        let shape = &inputs.float(index)?.shape;
        if shape != &[x.shape[1]] {
            return Err(OpError::new(format!(
                "the {name} has shape {shape:?}, not [{}]",
                x.shape[1]
            )));
        }
    }
    Ok(Fact::float(x.shape.clone()))
}

/// Source: Ulyanov et al.: *Instance normalization*, 2016. The variance is biased.
pub(super) fn run(epsilon: f32, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
    let (x, scale, bias) = (inputs.take(0), inputs.take(1), inputs.take(2));
    let (batch, channels) = (shape[0], shape[1]);
    let length: usize = shape[2..].iter().product();
    let x = primitive::reshape(x, &[batch, channels, length]);
    let centred = Dispatch::float_sub(x.clone(), Dispatch::float_mean_dim(x, 2));
    let square = Dispatch::float_mul(centred.clone(), centred.clone());
    let variance = Dispatch::float_mean_dim(square, 2);
    let deviation =
        Dispatch::float_sqrt(Dispatch::float_add_scalar(variance, Scalar::Float(epsilon.into())));
    let each = |tensor| primitive::reshape(tensor, &[1, channels, 1]);
    let scaled = Dispatch::float_mul(Dispatch::float_div(centred, deviation), each(scale));
    primitive::reshape(Dispatch::float_add(scaled, each(bias)), shape)
}
