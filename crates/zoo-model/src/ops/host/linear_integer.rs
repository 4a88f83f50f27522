//! Matrix products and convolutions of whole numbers, exact.

use super::super::linear::mat_mul_shape;
use super::super::{Conv, OpError};
use super::operands::{Inputs, strides};
use super::quantize::{Steps, Width};
use crate::Tensor;

/// Whole numbers from which a zero point has been taken.
struct Centred {
    shape: Vec<usize>,
    values: Vec<i64>,
}

/// Input `index` without the zero point of input `zero_point`, which may be a list along `axis`.
fn centred(
    inputs: &Inputs,
    index: usize,
    zero_point: usize,
    axis: i64,
) -> Result<Centred, OpError> {
    let x = inputs.required(index)?;
    let one = Tensor::from_f32(&[], &[1.0]);
    let steps = Steps::new(x.shape(), axis, &one, inputs.optional(zero_point))?;
    let each = inputs.ints(index)?.into_iter().enumerate();
    let values = each.map(|(position, value)| value.wrapping_sub(steps.at(position).1)).collect();
    Ok(Centred { shape: x.shape().to_vec(), values })
}

/// The product, and its shape.
fn product(a: &Centred, b: &Centred) -> Result<(Vec<i64>, Vec<usize>), OpError> {
    let shape = mat_mul_shape(&a.shape, &b.shape)?;
    // A vector stands for a matrix of one row on the left, of one column on the right.
    let (mut a_shape, mut b_shape, mut whole) = (a.shape.clone(), b.shape.clone(), shape.clone());
    if a_shape.len() == 1 {
        a_shape.insert(0, 1);
        let at = whole.len() - usize::from(b_shape.len() > 1);
        whole.insert(at, 1);
    }
    if b_shape.len() == 1 {
        b_shape.push(1);
        whole.push(1);
    }
    let rank = whole.len();
    let (rows, columns) = (whole[rank - 2], whole[rank - 1]);
    let inner = a_shape[a_shape.len() - 1];
    // Where the matrix for each index of the batch begins.
    let begin = |of: &[usize], mut at: usize| {
        let steps = strides(of);
        let mut begin = 0;
        for axis in (0..rank - 2).rev() {
            let index = at % whole[axis];
            at /= whole[axis];
            if let Some(axis) = (axis + of.len()).checked_sub(rank)
                && of[axis] != 1
            {
                begin += index * steps[axis];
            }
        }
        begin
    };
    let batches: usize = whole[..rank - 2].iter().product();
    let mut made = Vec::with_capacity(batches * rows * columns);
    for batch in 0..batches {
        let (a_begin, b_begin) = (begin(&a_shape, batch), begin(&b_shape, batch));
        for row in 0..rows {
            let left = &a.values[a_begin + row * inner..][..inner];
            let mut sums = vec![0_i64; columns];
            for (at, &left) in left.iter().enumerate() {
                let right = &b.values[b_begin + at * columns..][..columns];
                sums.iter_mut()
                    .zip(right)
                    .for_each(|(sum, &right)| *sum = sum.wrapping_add(left.wrapping_mul(right)));
            }
            made.extend(sums);
        }
    }
    Ok((made, shape))
}

pub(super) fn mat_mul(inputs: &Inputs) -> Result<Tensor, OpError> {
    let (made, shape) = product(&centred(inputs, 0, 2, -2)?, &centred(inputs, 1, 3, -1)?)?;
    Ok(Tensor::from_i64(&shape, &made))
}

pub(super) fn quantized_mat_mul(width: Width, inputs: &Inputs) -> Result<Tensor, OpError> {
    let (a, b) = (centred(inputs, 0, 2, -2)?, centred(inputs, 3, 5, -1)?);
    let (made, shape) = product(&a, &b)?;
    let left = Steps::new(&shape, -2, inputs.required(1)?, None)?;
    let right = Steps::new(&shape, -1, inputs.required(4)?, None)?;
    let result = Steps::new(&shape, -1, inputs.required(6)?, inputs.optional(7))?;
    let each = made.into_iter().enumerate().map(|(position, sum)| {
        let (scale, zero_point) = result.at(position);
        let factor = left.at(position).0 * right.at(position).0 / scale;
        width.saturated(sum as f32 * factor, zero_point)
    });
    Ok(Tensor::from_i64(&shape, &each.collect::<Vec<_>>()))
}

/// The convolution, and its shape. Padding is the zero point, hence zero here.
fn convolved(
    conv: &Conv,
    x: &Centred,
    weight: &Centred,
) -> Result<(Vec<i64>, Vec<usize>), OpError> {
    let shape = conv.shape(&x.shape, &weight.shape)?;
    let (input, kernel, output) = (&x.shape[2..], &weight.shape[2..], &shape[2..]);
    let pads = conv.padding.resolve(input, kernel, &conv.stride, &conv.dilation);
    let (positions, taps) = (output.iter().product::<usize>(), kernel.iter().product::<usize>());
    let (plane, channels) = (input.iter().product::<usize>(), weight.shape[1]);
    // For each position and tap, where in a plane it reads; none in the padding.
    let source = |position: usize, tap: usize| {
        let (mut position, mut tap, mut place, mut stride) = (position, tap, 0, 1);
        for axis in (0..input.len()).rev() {
            let at = position % output[axis] * conv.stride[axis]
                + tap % kernel[axis] * conv.dilation[axis];
            let at = at.checked_sub(pads[axis].0).filter(|&at| at < input[axis])?;
            place += at * stride;
            stride *= input[axis];
            position /= output[axis];
            tap /= kernel[axis];
        }
        Some(place)
    };
    let mut made = vec![0_i64; shape.iter().product()];
    let per_group = shape[1] / conv.groups;
    for position in 0..positions {
        let sources: Vec<(usize, usize)> =
            (0..taps).filter_map(|tap| Some((tap, source(position, tap)?))).collect();
        for sample in 0..shape[0] {
            for filter in 0..shape[1] {
                let first = filter / per_group * channels;
                let mut sum = 0_i64;
                for channel in 0..channels {
                    let plane = (sample * x.shape[1] + first + channel) * plane;
                    let weights = (filter * channels + channel) * taps;
                    for (tap, place) in &sources {
                        let (a, b) = (x.values[plane + place], weight.values[weights + tap]);
                        sum = sum.wrapping_add(a.wrapping_mul(b));
                    }
                }
                made[(sample * shape[1] + filter) * positions + position] = sum;
            }
        }
    }
    Ok((made, shape))
}

pub(super) fn conv(conv: &Conv, inputs: &Inputs) -> Result<Tensor, OpError> {
    let (made, shape) = convolved(conv, &centred(inputs, 0, 2, 1)?, &centred(inputs, 1, 3, 0)?)?;
    Ok(Tensor::from_i64(&shape, &made))
}

pub(super) fn quantized_conv(
    conv: &Conv,
    width: Width,
    inputs: &Inputs,
) -> Result<Tensor, OpError> {
    let (x, weight) = (centred(inputs, 0, 2, 1)?, centred(inputs, 3, 5, 0)?);
    let (made, shape) = convolved(conv, &x, &weight)?;
    let bias = if inputs.optional(8).is_some() { inputs.ints(8)? } else { vec![0; shape[1]] };
    if bias.len() != shape[1] {
        return Err(OpError::new(format!("the bias must have {} elements", shape[1])));
    }
    let x_scale = inputs.float(1)?.unwrap_or(1.0);
    let scales = Steps::new(&shape, 1, inputs.required(4)?, None)?;
    let result = Steps::new(&shape, 1, inputs.required(6)?, inputs.optional(7))?;
    let positions = shape[2..].iter().product::<usize>().max(1);
    let each = made.into_iter().enumerate().map(|(position, sum)| {
        let sum = sum.wrapping_add(bias[position / positions % shape[1]]);
        let (scale, zero_point) = result.at(position);
        width.saturated(sum as f32 * (x_scale * scales.at(position).0 / scale), zero_point)
    });
    Ok(Tensor::from_i64(&shape, &each.collect::<Vec<_>>()))
}
