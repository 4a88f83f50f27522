//! Convolution over one to three axes.

use burn_backend::ops::{ConvOptions, FloatTensorOps, ModuleOps, PadMode};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::flex::{self, Conv2d};
use crate::exec::{Context, primitive};

/// Convolution: `x [batch, channels, spatial...]`, `weight [outputs, channels / groups,
/// kernel...]`, `bias [outputs]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// The step of the kernel along each spatial axis.
    pub stride: Vec<usize>,
    /// What is added around each spatial axis.
    pub padding: Padding,
    /// The step between the elements of the kernel along each spatial axis.
    pub dilation: Vec<usize>,
    /// Into how many groups the channels fall, each convolved on its own.
    pub groups: usize,
}

/// The zeros added around the spatial axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Padding {
    /// So many before and after, for each axis.
    Explicit(Vec<(usize, usize)>),
    /// As many as make the output `input / stride` long, rounded up; the odd one goes after.
    /// TensorFlow's `SAME`, ONNX `SAME_UPPER`.
    SameUpper,
    /// The same, but the odd one goes before. ONNX `SAME_LOWER`.
    SameLower,
}

impl Padding {
    /// The same number on both sides of each of `axes` axes.
    pub fn symmetric(padding: usize, axes: usize) -> Self {
        Self::Explicit(vec![(padding, padding); axes])
    }

    /// Zeros before and after each axis, for an input of the spatial shape `input`.
    pub fn resolve(
        &self,
        input: &[usize],
        kernel: &[usize],
        stride: &[usize],
        dilation: &[usize],
    ) -> Vec<(usize, usize)> {
        let same = |axis: usize| {
            let reach = (kernel[axis] - 1) * dilation[axis] + 1;
            let output = input[axis].div_ceil(stride[axis]);
            ((output - 1) * stride[axis] + reach).saturating_sub(input[axis])
        };
        match self {
            Self::Explicit(pads) => pads.clone(),
            Self::SameUpper => {
                (0..input.len()).map(same).map(|all| (all / 2, all - all / 2)).collect()
            }
            Self::SameLower => {
                (0..input.len()).map(same).map(|all| (all - all / 2, all / 2)).collect()
            }
        }
    }
}

/// A window that slides over spatial axes: what convolution and pooling have in common.
pub(super) struct Window<'a> {
    pub(super) kernel: &'a [usize],
    pub(super) stride: &'a [usize],
    pub(super) dilation: &'a [usize],
    pub(super) padding: &'a Padding,
    /// Whether a last window that hangs over the end counts.
    pub(super) ceil_mode: bool,
}

impl Window<'_> {
    /// The lengths of the spatial axes that sliding over `input` makes.
    pub(super) fn output(&self, input: &[usize]) -> Result<Vec<usize>, OpError> {
        /// No network steps or reaches further; products of such numbers stay far from overflow.
        const MAX: usize = 1 << 20;
        let axes = input.len();
        let lists = [self.kernel, self.stride, self.dilation];
        if lists.iter().any(|list| list.len() != axes) {
            return Err(OpError::new(format!(
                "kernel, stride and dilation must have {axes} numbers, for {axes} spatial axes"
            )));
        }
        if lists.iter().any(|list| list.iter().any(|n| !(1..=MAX).contains(n))) {
            return Err(OpError::new("kernel, stride and dilation must be at least 1, and sane"));
        }
        if let Padding::Explicit(pads) = self.padding
            && (pads.len() != axes || pads.iter().any(|(a, b)| *a > MAX || *b > MAX))
        {
            return Err(OpError::new(format!("padding must have {axes} sane pairs of numbers")));
        }
        let pads = self.padding.resolve(input, self.kernel, self.stride, self.dilation);
        let mut output = Vec::with_capacity(axes);
        for axis in 0..axes {
            let (before, after) = pads[axis];
            let padded = input[axis] + before + after;
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let stride = self.stride[axis];
            let Some(room) = padded.checked_sub(reach) else {
                return Err(OpError::new(format!(
                    "the kernel reaches over {reach}, the padded input has only {padded}"
                )));
            };
            let mut steps = if self.ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
            // A window that begins in the padding after the input sees nothing.
            if self.ceil_mode && (steps - 1) * stride >= input[axis] + before {
                steps -= 1;
            }
            output.push(steps);
        }
        Ok(output)
    }
}

impl Conv {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(3)?;
        let (x, weight) = (inputs.float(0)?, inputs.float(1)?);
        let shape = self.shape(&x.shape, &weight.shape)?;
        let outputs = shape[1];
        if let Some(bias) = inputs.optional(2)
            && bias.shape != [outputs]
        {
            return Err(OpError::new(format!(
                "the bias has shape {:?}, not [{outputs}]",
                bias.shape
            )));
        }
        Ok(Fact::float(shape))
    }

    /// What convolving `x` with `weight` makes, given by their shapes.
    pub(super) fn shape(&self, x: &[usize], weight: &[usize]) -> Result<Vec<usize>, OpError> {
        let axes = x.len().saturating_sub(2);
        if !(1..=3).contains(&axes) || weight.len() != x.len() {
            return Err(OpError::new("input and weight must have rank 3 to 5, the same for both"));
        }
        let (outputs, channels) = (weight[0], weight[1]);
        if self.groups == 0 || outputs == 0 || outputs % self.groups != 0 {
            return Err(OpError::new(format!(
                "{outputs} output channels do not fall into {} groups",
                self.groups
            )));
        }
        if channels.checked_mul(self.groups) != Some(x[1]) {
            return Err(OpError::new(format!(
                "the weight takes {channels} x {} channels, the input has {}",
                self.groups, x[1]
            )));
        }
        let mut shape = vec![x[0], outputs];
        shape.extend(self.window(&weight[2..]).output(&x[2..])?);
        bounded(shape)
    }

    fn window<'a>(&'a self, kernel: &'a [usize]) -> Window<'a> {
        let (stride, dilation, padding) = (&self.stride, &self.dilation, &self.padding);
        Window { kernel, stride, dilation, padding, ceil_mode: false }
    }

    pub(super) fn run(&self, mut inputs: Values, context: &Context) -> DispatchTensor {
        let (x, weight, bias) = (inputs.take(0), inputs.take(1), inputs.optional(2));
        let (input, kernel) = (primitive::shape(&x), primitive::shape(&weight));
        let pads = self.padding.resolve(&input[2..], &kernel[2..], &self.stride, &self.dilation);
        if let ([s], [p], [d]) = (self.stride.as_slice(), pads.as_slice(), self.dilation.as_slice())
        {
            if context.kernels()
                && let Some(made) = self.over_time(&x, &weight, bias.as_ref(), *p)
            {
                return made;
            }
            let options = ConvOptions::new_with_padding([*s], [*p], [*d], self.groups);
            return Dispatch::conv1d(x, weight, bias, options);
        }
        if let ([s0, s1, s2], [p0, p1, p2], [d0, d1, d2]) =
            (self.stride.as_slice(), pads.as_slice(), self.dilation.as_slice())
        {
            let (stride, dilation) = ([*s0, *s1, *s2], [*d0, *d1, *d2]);
            // Padded beforehand: Burn 0.22.1 errs in the gradient of uneven padding here.
            let around = [(0, 0), (0, 0), *p0, *p1, *p2];
            let x = Dispatch::float_pad(x, &around, PadMode::Constant(0.0));
            let options = ConvOptions::new(stride, [0; 3], dilation, self.groups);
            return Dispatch::conv3d(x, weight, bias, options);
        }
        let conv = Conv2d {
            stride: [self.stride[0], self.stride[1]],
            padding: [pads[0], pads[1]],
            dilation: [self.dilation[0], self.dilation[1]],
            groups: self.groups,
        };
        if context.kernels()
            && let Some(made) = flex::conv2d(&x, &weight, bias.as_ref(), &conv)
        {
            return made;
        }
        let options = ConvOptions::new_with_padding(
            [self.stride[0], self.stride[1]],
            [pads[0], pads[1]],
            [self.dilation[0], self.dilation[1]],
            self.groups,
        );
        Dispatch::conv2d(x, weight, bias, options)
    }

    /// A convolution over one axis by the kernels for two, the other of which is one long.
    fn over_time(
        &self,
        x: &DispatchTensor,
        weight: &DispatchTensor,
        bias: Option<&DispatchTensor>,
        padding: (usize, usize),
    ) -> Option<DispatchTensor> {
        let as_images = |tensor: &DispatchTensor| {
            let shape = primitive::shape(tensor);
            primitive::reshape(tensor.clone(), &[&shape[..], &[1]].concat())
        };
        let conv = Conv2d {
            stride: [self.stride[0], 1],
            padding: [padding, (0, 0)],
            dilation: [self.dilation[0], 1],
            groups: self.groups,
        };
        let made = flex::conv2d(&as_images(x), &as_images(weight), bias, &conv)?;
        let shape = primitive::shape(&made);
        Some(primitive::reshape(made, &shape[..3]))
    }
}
