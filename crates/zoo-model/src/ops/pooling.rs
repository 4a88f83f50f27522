//! Pooling, by windows and over everything.

use burn_backend::ops::{FloatTensorOps, ModuleOps, PadMode};
use burn_backend::{Scalar, Shape};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::convolution::{Padding, Window};
use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::{Context, flex, primitive};

/// Pooling of `x [batch, channels, spatial...]` with a window that slides over its
/// spatial axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// What is made of a window's elements.
    pub kind: PoolKind,
    /// The lengths of the window.
    pub kernel: Vec<usize>,
    /// The step of the window along each axis.
    pub stride: Vec<usize>,
    /// What is added around each axis.
    pub padding: Padding,
    /// The step between the window's elements along each axis; 1 for a mean.
    pub dilation: Vec<usize>,
    /// Whether a last window that hangs over the end counts.
    pub ceil_mode: bool,
}

/// What is made of a window's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest. Padding never is.
    Max,
    /// The mean of those in the input.
    Mean,
    /// The mean, with padding counted as zeros: PyTorch's default.
    MeanWithPadding,
}

impl Pool {
    pub(super) fn name(&self) -> &'static str {
        if self.kind == PoolKind::Max { "max_pool" } else { "average_pool" }
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.float(0)?;
        if !(3..=8).contains(&x.shape.len()) {
            return Err(OpError::new("the input must have rank 3 to 8"));
        }
        if self.kind != PoolKind::Max && self.dilation.iter().any(|&step| step != 1) {
            return Err(OpError::new("the window of a mean cannot be dilated"));
        }
        let (kernel, stride, dilation) = (&self.kernel, &self.stride, &self.dilation);
        let (padding, ceil_mode) = (&self.padding, self.ceil_mode);
        let window = Window { kernel, stride, dilation, padding, ceil_mode };
        let mut shape = x.shape[..2].to_vec();
        shape.extend(window.output(&x.shape[2..])?);
        let pads = padding.resolve(&x.shape[2..], kernel, stride, dilation);
        for (axis, (before, after)) in pads.iter().enumerate() {
            if *before.max(after) > (kernel[axis] - 1) * dilation[axis] {
                return Err(OpError::new("a window would see padding only"));
            }
        }
        Ok(Fact::float(bounded(shape)?))
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        shape: &[usize],
        context: &Context,
    ) -> DispatchTensor {
        let mut x = inputs.take(0);
        if context.kernels()
            && let Some(made) = self.maxima(&x, shape)
        {
            return made;
        }
        let axes = shape.len() - 2;
        // Maximum and mean of a box are those of its slices: two axes now, then one by one.
        for axis in 0..axes.saturating_sub(2) {
            let now = primitive::shape(&x);
            let (before, after) =
                (now[..axis + 2].iter().product(), now[axis + 3..].iter().product());
            let lines = Dispatch::float_reshape(x, Shape::from([before, now[axis + 2], after]));
            let lines = Dispatch::float_swap_dims(lines, 1, 2);
            let lines = self.along(axis..axis + 1).slide(lines, &[before, after, shape[axis + 2]]);
            let mut next = now.clone();
            next[axis + 2] = shape[axis + 2];
            x = Dispatch::float_reshape(Dispatch::float_swap_dims(lines, 1, 2), Shape::from(next));
        }
        if axes <= 2 {
            return self.slide(x, shape);
        }
        let now = primitive::shape(&x);
        let planes: usize = now[..axes].iter().product();
        let flat = [1, planes, now[axes], now[axes + 1]];
        let x = Dispatch::float_reshape(x, Shape::from(flat));
        let pooled =
            self.along(axes - 2..axes).slide(x, &[1, planes, shape[axes], shape[axes + 1]]);
        Dispatch::float_reshape(pooled, Shape::from(shape.to_vec()))
    }

    /// Maxima over height and width by our own operator, where it can.
    fn maxima(&self, x: &DispatchTensor, shape: &[usize]) -> Option<DispatchTensor> {
        let &[_, _, out_height, out_width] = shape else { return None };
        if self.kind != PoolKind::Max {
            return None;
        }
        let input = primitive::shape(x);
        let pads = self.padding.resolve(&input[2..], &self.kernel, &self.stride, &self.dilation);
        let two = |list: &[usize]| [list[0], list[1]];
        let window = zoo_kernels::Window {
            kernel: two(&self.kernel),
            stride: two(&self.stride),
            dilation: two(&self.dilation),
            padding: [pads[0].0, pads[1].0],
        };
        flex::max_pool2d(x, window, [out_height, out_width])
    }

    /// The same along some of the axes only.
    fn along(&self, axes: std::ops::Range<usize>) -> Self {
        let padding = match &self.padding {
            Padding::Explicit(pads) => Padding::Explicit(pads[axes.clone()].to_vec()),
            same => same.clone(),
        };
        Self {
            kind: self.kind,
            kernel: self.kernel[axes.clone()].to_vec(),
            stride: self.stride[axes.clone()].to_vec(),
            padding,
            dilation: self.dilation[axes].to_vec(),
            ceil_mode: self.ceil_mode,
        }
    }

    /// Slides over one or two spatial axes.
    fn slide(&self, x: DispatchTensor, shape: &[usize]) -> DispatchTensor {
        let input = primitive::shape(&x);
        let pads = self.padding.resolve(&input[2..], &self.kernel, &self.stride, &self.dilation);
        // One spatial axis is two, the first of length one.
        let two = |list: &[usize]| if let [n] = list { [1, *n] } else { [list[0], list[1]] };
        let pads = if let [pad] = pads[..] { [(0, 0), pad] } else { [pads[0], pads[1]] };
        let [height, width] = two(&input[2..]);
        let [out_height, out_width] = two(&shape[2..]);
        let (kernel, stride, dilation) =
            (two(&self.kernel), two(&self.stride), two(&self.dilation));
        let x = Dispatch::float_reshape(x, Shape::from([input[0], input[1], height, width]));

        let include_padding = self.kind == PoolKind::MeanWithPadding;
        let symmetric = pads.iter().all(|(before, after)| before == after) && !self.ceil_mode;
        let pooled = if symmetric && self.kind == PoolKind::Max {
            Dispatch::max_pool2d(x, kernel, stride, pads.map(|pad| pad.0), dilation, false)
        } else if symmetric {
            let padding = pads.map(|pad| pad.0);
            Dispatch::avg_pool2d(x, kernel, stride, padding, include_padding, false)
        } else {
            // What a window sees after the end, be it asked for or left over by rounding up.
            let after = |axis: usize, length: usize, output: usize| {
                let reach = (kernel[axis] - 1) * dilation[axis] + 1;
                ((output - 1) * stride[axis] + reach).saturating_sub(pads[axis].0 + length)
            };
            let after = [after(0, height, out_height), after(1, width, out_width)];
            let around = [(0, 0), (0, 0), (pads[0].0, after[0]), (pads[1].0, after[1])];
            let pad = |x, value| Dispatch::float_pad(x, &around, PadMode::Constant(value));
            if self.kind == PoolKind::Max {
                let x = pad(x, f32::NEG_INFINITY);
                Dispatch::max_pool2d(x, kernel, stride, [0, 0], dilation, false)
            } else {
                // A mean over everything, divided by the share of it that counts.
                let mean = |x| Dispatch::avg_pool2d(x, kernel, stride, [0, 0], true, false);
                let ones = primitive::ones([1, 1, height, width], &x);
                let counts = if include_padding {
                    let asked = [0, 1].map(|axis| (pads[axis].0, after[axis].min(pads[axis].1)));
                    let over = [0, 1].map(|axis| (0, after[axis] - asked[axis].1));
                    let asked = [(0, 0), (0, 0), asked[0], asked[1]];
                    let ones = Dispatch::float_pad(ones, &asked, PadMode::Constant(1.0));
                    let over = [(0, 0), (0, 0), over[0], over[1]];
                    Dispatch::float_pad(ones, &over, PadMode::Constant(0.0))
                } else {
                    pad(ones, 0.0)
                };
                Dispatch::float_div(mean(pad(x, 0.0)), mean(counts))
            }
        };
        Dispatch::float_reshape(pooled, Shape::from(shape.to_vec()))
    }
}

/// Pooling over all axes after the first two, which are kept with length one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlobalPool {
    /// The largest element of each channel.
    Max,
    /// The mean of each channel.
    Mean,
}

impl GlobalPool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Max => "global_max_pool",
            Self::Mean => "global_average_pool",
        }
    }

    pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        let x = inputs.float(0)?;
        if x.shape.len() < 3 || x.shape.contains(&0) {
            return Err(OpError::new("the input must have spatial axes with something in them"));
        }
        let mut shape = vec![1; x.shape.len()];
        shape[..2].copy_from_slice(&x.shape[..2]);
        Ok(Fact::float(shape))
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let x = inputs.take(0);
        let input = primitive::shape(&x);
        let inside: usize = input[2..].iter().product();
        let x = Dispatch::float_reshape(x, Shape::from([input[0], input[1], inside]));
        let pooled = match self {
            Self::Max => Dispatch::float_max_dim(x, 2),
            Self::Mean => {
                let sum = Dispatch::float_sum_dim(x, 2);
                Dispatch::float_mul_scalar(sum, Scalar::Float(1.0 / inside as f64))
            }
        };
        Dispatch::float_reshape(pooled, Shape::from(shape.to_vec()))
    }
}
