//! Channels that become space, space that becomes channels, and triangles.

use burn_backend::TensorData;
use burn_backend::ops::BoolTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};

use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// `[batch, channels, height, width]` with a block's channels laid out as a square.
pub(super) fn infer_to_space(block: usize, x: &Fact) -> Result<Fact, OpError> {
    let area = block.checked_mul(block).filter(|&area| area > 0);
    let [batch, channels, height, width] = x.shape[..] else {
        return Err(OpError::new("the input must be [batch, channels, height, width]"));
    };
    let area = area.filter(|area| channels.is_multiple_of(*area)).ok_or_else(|| {
        OpError::new(format!("{channels} channels do not make blocks of {block} by {block}"))
    })?;
    let shape =
        vec![batch, channels / area, height.saturating_mul(block), width.saturating_mul(block)];
    Ok(Fact { dtype: x.dtype, shape: bounded(shape)?, known: None })
}

/// `crd`: whether the channel is the slowest index among the channels, as in PyTorch's
/// `PixelShuffle`, not the place in the block.
pub(super) fn run_to_space(block: usize, crd: bool, x: DispatchTensor) -> DispatchTensor {
    let dims = primitive::shape(&x);
    let (batch, channels) = (dims[0], dims[1] / (block * block));
    let (height, width) = (dims[2], dims[3]);
    let (split, order) = if crd {
        ([batch, channels, block, block, height, width], [0, 1, 4, 2, 5, 3])
    } else {
        ([batch, block, block, channels, height, width], [0, 3, 4, 1, 5, 2])
    };
    let x = primitive::permute(primitive::reshape(x, &split), &order);
    primitive::reshape(x, &[batch, channels, height * block, width * block])
}

/// `[batch, channels, height, width]` with each square of space laid out as channels.
pub(super) fn infer_to_depth(block: usize, x: &Fact) -> Result<Fact, OpError> {
    let [batch, channels, height, width] = x.shape[..] else {
        return Err(OpError::new("the input must be [batch, channels, height, width]"));
    };
    if block == 0 || !height.is_multiple_of(block) || !width.is_multiple_of(block) {
        let reason = format!("{height} by {width} are no blocks of {block} by {block}");
        return Err(OpError::new(reason));
    }
    let shape = [Some(batch), block.checked_mul(block).and_then(|area| area.checked_mul(channels))];
    let [Some(batch), Some(channels)] = shape else {
        return Err(OpError::new("the blocks are too large"));
    };
    let shape = vec![batch, channels, height / block, width / block];
    Ok(Fact { dtype: x.dtype, shape: bounded(shape)?, known: None })
}

pub(super) fn run_to_depth(block: usize, x: DispatchTensor) -> DispatchTensor {
    let dims = primitive::shape(&x);
    let (batch, channels) = (dims[0], dims[1]);
    let (height, width) = (dims[2] / block, dims[3] / block);
    let x = primitive::reshape(x, &[batch, channels, height, block, width, block]);
    let x = primitive::permute(x, &[0, 3, 5, 1, 2, 4]);
    primitive::reshape(x, &[batch, channels * block * block, height, width])
}

/// `x, diagonal?`.
pub(super) fn infer_trilu(inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(2)?;
    let x = inputs.required(0)?;
    if x.shape.len() < 2 {
        return Err(OpError::new("the input must have two axes or more"));
    }
    if inputs.optional(1).is_some_and(|k| k.dtype != DType::I64 || k.elements() != 1) {
        return Err(OpError::new("the diagonal is not one whole number"));
    }
    Ok(Fact { known: None, ..x.clone() })
}

pub(super) fn run_trilu(upper: bool, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
    let x = inputs.take(0);
    if shape.contains(&0) {
        return x;
    }
    let diagonal = inputs.optional(1).map(primitive::read_i64);
    let diagonal = diagonal.and_then(|list| list.first().copied()).unwrap_or_default();
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let mut outside = Vec::with_capacity(rows * columns);
    for row in 0..rows as i64 {
        let start = row.saturating_add(diagonal);
        let beyond = |column| if upper { column < start } else { column > start };
        outside.extend((0..columns as i64).map(beyond));
    }
    let outside = TensorData::new(outside, [rows, columns]);
    let outside = Dispatch::bool_from_data(outside, &primitive::device(&x));
    primitive::zero_where(x, primitive::expand(outside, shape))
}
