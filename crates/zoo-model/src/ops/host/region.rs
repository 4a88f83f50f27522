//! Parts of pictures, and matrices as a whole.

use serde::{Deserialize, Serialize};

use super::super::convolution::Window;
use super::super::operand::bounded;
use super::super::{OpError, Operands, Padding};
use super::operands::{Inputs, strides};
use crate::{Fact, Tensor};

/// How boxes of pictures are pooled. Source: He et al.: *Mask R-CNN*, 2017.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoiAlign {
    /// Height and width of what comes out.
    pub output: [usize; 2],
    /// How many points are sampled along each side of a cell; 0 means as many as it covers.
    pub sampling: usize,
    /// From the coordinates of boxes to those of the input.
    pub scale: f32,
    /// Whether pixels have their coordinates at their centres.
    pub half_pixel: bool,
    /// Whether the largest sample is taken, not the mean.
    pub largest: bool,
}

/// The most points that are sampled along each side of a cell.
const MAX_SAMPLING: usize = 1 << 10;

impl RoiAlign {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        let (x, boxes) = (&inputs.float(0)?.shape, &inputs.float(1)?.shape);
        let ([_, channels, ..], [count, 4]) = (x.as_slice(), boxes.as_slice()) else {
            return Err(OpError::new("it takes pictures and boxes [count, 4]"));
        };
        if self.sampling > MAX_SAMPLING || x.contains(&0) {
            return Err(OpError::new("there must be pixels, and no more points than are of use"));
        }
        if x.len() != 4 || inputs.required(2)?.shape != [*count] {
            return Err(OpError::new("each box must say which picture of a batch it is in"));
        }
        let [height, width] = self.output;
        Ok(Fact::float(bounded(vec![*count, *channels, height, width])?))
    }

    pub(super) fn compute(&self, inputs: &Inputs) -> Result<Tensor, OpError> {
        let (x, boxes, batch) = (inputs.required(0)?, inputs.required(1)?, inputs.ints(2)?);
        let [pictures, channels, height, width] = *x.shape() else {
            return Err(OpError::new("it takes pictures"));
        };
        let values = x.to_f32();
        let [rows, columns] = self.output;
        let shift = if self.half_pixel { 0.5 } else { 0.0 };
        let mut made = Vec::with_capacity(batch.len() * channels * rows * columns);
        for (found, &picture) in boxes.to_f32().as_chunks::<4>().0.iter().zip(&batch) {
            let picture = usize::try_from(picture).ok().filter(|&picture| picture < pictures);
            let picture = picture.ok_or_else(|| OpError::new("a box is in no picture"))?;
            let [left, top, right, bottom] = found.map(|edge| edge * self.scale - shift);
            let (mut across, mut down) = (right - left, bottom - top);
            if !self.half_pixel {
                // As the first version of the operator did: no box is smaller than a pixel.
                (across, down) = (across.max(1.0), down.max(1.0));
            }
            let (cell_height, cell_width) = (down / rows as f32, across / columns as f32);
            let points = |cell: f32| match self.sampling {
                // None where a box is turned inside out. One larger than the picture is sampled no more finely than the picture.
                0 => (cell.ceil() as usize).min(height.max(width)),
                sampling => sampling,
            };
            let (points_down, points_across) = (points(cell_height), points(cell_width));
            for channel in 0..channels {
                let plane = &values[(picture * channels + channel) * height * width..];
                for cell in 0..rows * columns {
                    let (row, column) = (cell / columns, cell % columns);
                    let samples = (0..points_down * points_across).map(|point| {
                        let part = |at: usize, of: usize| (at as f32 + 0.5) / of as f32;
                        let y = top
                            + cell_height * (row as f32 + part(point / points_across, points_down));
                        let x = left
                            + cell_width
                                * (column as f32 + part(point % points_across, points_across));
                        corners(y, x, height, width)
                    });
                    made.push(self.pooled(plane, samples));
                }
            }
        }
        Ok(Tensor::from_f32(&[batch.len(), channels, rows, columns], &made))
    }

    fn pooled(&self, plane: &[f32], samples: impl Iterator<Item = [(usize, f32); 4]>) -> f32 {
        let (mut sum, mut count, mut largest) = (0.0, 0, f32::NEG_INFINITY);
        for corners in samples {
            let parts = corners.map(|(at, weight)| plane[at] * weight);
            sum += parts.iter().sum::<f32>();
            count += 1;
            // ONNX takes the largest of the weighted corners, not of their sums.
            largest = parts.into_iter().fold(largest, f32::max);
        }
        if self.largest && count > 0 { largest } else { sum / count.max(1) as f32 }
    }
}

/// The four pixels around a point and how much each counts; nothing far outside.
fn corners(y: f32, x: f32, height: usize, width: usize) -> [(usize, f32); 4] {
    let inside = |at: f32, length: usize| (-1.0..=length as f32).contains(&at);
    if !inside(y, height) || !inside(x, width) {
        return [(0, 0.0); 4];
    }
    let split = |at: f32, length: usize| {
        let at = at.clamp(0.0, (length - 1) as f32);
        let low = at.floor() as usize;
        (low, (low + 1).min(length - 1), at - low as f32)
    };
    let ((top, bottom, down), (left, right, across)) = (split(y, height), split(x, width));
    [
        (top * width + left, (1.0 - down) * (1.0 - across)),
        (top * width + right, (1.0 - down) * across),
        (bottom * width + left, down * (1.0 - across)),
        (bottom * width + right, down * across),
    ]
}

/// A window of a maximum pooling, whose positions are what counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowIndices {
    /// The lengths of the window.
    pub kernel: Vec<usize>,
    /// Its step along each axis.
    pub stride: Vec<usize>,
    /// What is added around each axis.
    pub padding: Padding,
    /// The step between its elements.
    pub dilation: Vec<usize>,
    /// Whether a last window that hangs over the end counts.
    pub ceil_mode: bool,
    /// Whether positions count along the first spatial axis first, as Fortran does.
    pub column_major: bool,
}

impl WindowIndices {
    /// The shape after pooling `x`.
    pub(super) fn pooled(&self, x: &[usize]) -> Result<Vec<usize>, OpError> {
        if x.len() < 3 || x.contains(&0) {
            return Err(OpError::new("the input must have spatial axes with something in them"));
        }
        let window = Window {
            kernel: &self.kernel,
            stride: &self.stride,
            dilation: &self.dilation,
            padding: &self.padding,
            ceil_mode: self.ceil_mode,
        };
        let mut shape = x[..2].to_vec();
        shape.extend(window.output(&x[2..])?);
        bounded(shape)
    }

    pub(super) fn indices(&self, inputs: &Inputs) -> Result<Tensor, OpError> {
        let x = inputs.required(0)?;
        let shape = self.pooled(x.shape())?;
        let (input, output) = (&x.shape()[2..], &shape[2..]);
        let pads = self.padding.resolve(input, &self.kernel, &self.stride, &self.dilation);
        let plane: usize = input.iter().product();
        let mut counted = strides(input);
        if self.column_major {
            let mut reversed = input.to_vec();
            reversed.reverse();
            counted = strides(&reversed);
            counted.reverse();
        }
        let (steps, taps) = (strides(input), self.kernel.iter().product::<usize>());
        let values = x.to_f32();
        let positions: usize = output.iter().product();
        let place = |position: usize, tap: usize| {
            let (mut position, mut tap, mut row, mut count) = (position, tap, 0, 0);
            for axis in (0..input.len()).rev() {
                let at = position % output[axis] * self.stride[axis]
                    + tap % self.kernel[axis] * self.dilation[axis];
                let at = at.checked_sub(pads[axis].0).filter(|&at| at < input[axis])?;
                row += at * steps[axis];
                count += at * counted[axis];
                position /= output[axis];
                tap /= self.kernel[axis];
            }
            Some((row, count))
        };
        let mut made = Vec::with_capacity(shape.iter().product());
        for channel in 0..shape[0] * shape[1] {
            for position in 0..positions {
                let mut best: Option<(f32, usize)> = None;
                for (row, count) in (0..taps).filter_map(|tap| place(position, tap)) {
                    let value = values[channel * plane + row];
                    if best.is_none_or(|(most, _)| value > most) {
                        best = Some((value, count));
                    }
                }
                let (_, count) =
                    best.ok_or_else(|| OpError::new("a window would see padding only"))?;
                made.push((channel * plane + count) as i64);
            }
        }
        Ok(Tensor::from_i64(&shape, &made))
    }

    pub(super) fn unpool(&self, inputs: &Inputs) -> Result<Tensor, OpError> {
        let (x, indices) = (inputs.required(0)?, inputs.ints(1)?);
        let axes = x.shape().len().saturating_sub(2);
        let lists = [self.kernel.len(), self.stride.len()];
        let Padding::Explicit(pads) = &self.padding else {
            return Err(OpError::new("its padding must be numbers"));
        };
        if axes == 0 || lists.iter().any(|&len| len != axes) || pads.len() != axes {
            return Err(OpError::new("window, steps and padding must fit the input"));
        }
        let mut shape = x.shape()[..2].to_vec();
        for (axis, &(before, after)) in pads.iter().enumerate() {
            let last = x.shape()[axis + 2].saturating_sub(1).checked_mul(self.stride[axis]);
            let length = last.and_then(|last| last.checked_add(self.kernel[axis]));
            let length = length.and_then(|length| length.checked_sub(before + after));
            shape.push(length.ok_or_else(|| OpError::new("the padding takes everything"))?);
        }
        let pooled = bounded(shape)?;
        let shape = if inputs.optional(2).is_some() {
            let wanted = inputs.ints(2)?;
            let wanted: Option<Vec<usize>> =
                wanted.iter().map(|&dim| usize::try_from(dim).ok()).collect();
            bounded(wanted.ok_or_else(|| OpError::new("a length is negative"))?)?
        } else {
            pooled.clone()
        };
        if shape.len() != pooled.len() || shape.iter().zip(&pooled).any(|(a, b)| a < b) {
            return Err(OpError::new(format!("{pooled:?} does not fit into {shape:?}")));
        }
        let (inside, outside) = (strides(&pooled), strides(&shape));
        let total: usize = pooled.iter().product();
        let mut made = vec![0.0; shape.iter().product()];
        for (value, index) in x.to_f32().into_iter().zip(indices) {
            let at = usize::try_from(index).ok().filter(|&at| at < total);
            let at = at.ok_or_else(|| OpError::new(format!("{index} is beyond {pooled:?}")))?;
            let place: usize = (0..pooled.len())
                .map(|axis| at / inside[axis] % pooled[axis] * outside[axis])
                .sum();
            made[place] = value;
        }
        Ok(Tensor::from_f32(&shape, &made))
    }
}

/// By elimination with the largest pivots, in 64 bits.
pub(super) fn det(inputs: &Inputs) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let [batch @ .., size, _] = x.shape() else {
        return Err(OpError::new("only square matrices have determinants"));
    };
    let size = *size;
    let mut made = Vec::new();
    let values = x.to_f32();
    for number in 0..batch.iter().product::<usize>() {
        let matrix = &values[number * size * size..][..size * size];
        let mut m: Vec<f64> = matrix.iter().map(|&value| f64::from(value)).collect();
        let mut det = 1.0;
        for column in 0..size {
            let pivot = (column..size)
                .max_by(|&a, &b| m[a * size + column].abs().total_cmp(&m[b * size + column].abs()))
                .unwrap_or(column);
            if pivot != column {
                (0..size).for_each(|at| m.swap(pivot * size + at, column * size + at));
                det = -det;
            }
            let value = m[column * size + column];
            det *= value;
            if value == 0.0 {
                break;
            }
            for row in column + 1..size {
                let factor = m[row * size + column] / value;
                for at in column..size {
                    m[row * size + at] -= factor * m[column * size + at];
                }
            }
        }
        made.push(det as f32);
    }
    Ok(Tensor::from_f32(batch, &made))
}
