//! Transposed convolution: the gradient of a convolution, run forwards.

use burn_backend::ops::{ConvTransposeOptions, FloatTensorOps, ModuleOps, PadMode};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::convolution::Padding;
use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// Transposed convolution: `x [batch, channels, spatial...]`, `weight [channels, outputs /
/// groups, kernel...]`, `bias? [outputs]`. ONNX `ConvTranspose`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose {
    /// The step of the kernel in the output, along each spatial axis.
    pub stride: Vec<usize>,
    /// What is cut off around each spatial axis; `Same*` leaves the input's length times the
    /// stride.
    pub padding: Padding,
    /// What is added after each spatial axis.
    pub output_padding: Vec<usize>,
    /// The lengths of the output's spatial axes, in place of explicit padding.
    pub output_shape: Option<Vec<usize>>,
    /// The step between the elements of the kernel.
    pub dilation: Vec<usize>,
    /// Into how many groups the channels fall.
    pub groups: usize,
}

impl ConvTranspose {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        /// No network steps or reaches further; products of such numbers stay far from overflow.
        const MAX: usize = 1 << 20;
        inputs.at_most(3)?;
        let (x, weight) = (&inputs.float(0)?.shape, &inputs.float(1)?.shape);
        let axes = x.len().saturating_sub(2);
        if !(1..=3).contains(&axes) || weight.len() != x.len() {
            return Err(OpError::new("input and weight must have rank 3 to 5, the same for both"));
        }
        let steps = [&self.stride, &self.dilation];
        let explicit = match &self.padding {
            Padding::Explicit(pads) => {
                pads.len() == axes && pads.iter().all(|(a, b)| *a <= MAX && *b <= MAX)
            }
            _ => true,
        };
        if !explicit
            || steps
                .iter()
                .any(|list| list.len() != axes || list.iter().any(|n| !(1..=MAX).contains(n)))
            || self.output_padding.len() != axes
            || self.output_padding.iter().any(|&n| n > MAX)
            || self.output_shape.as_ref().is_some_and(|shape| shape.len() != axes)
        {
            return Err(OpError::new(format!("its lists must have {axes} sane numbers")));
        }
        if weight[2..].iter().any(|n| !(1..=MAX).contains(n)) || x.iter().any(|&n| n > 1 << 40) {
            return Err(OpError::new("the kernel must have something in it, and be sane"));
        }
        if self.groups == 0 || weight[0] != x[1] || x[1] % self.groups != 0 {
            return Err(OpError::new(format!(
                "the weight takes {} channels in {} groups, the input has {}",
                weight[0], self.groups, x[1]
            )));
        }
        let outputs = weight[1].checked_mul(self.groups);
        let outputs = outputs.ok_or_else(|| OpError::new("it makes too many channels"))?;
        if let Some(bias) = inputs.optional(2)
            && bias.shape != [outputs]
        {
            return Err(OpError::new(format!(
                "the bias has shape {:?}, not [{outputs}]",
                bias.shape
            )));
        }
        let mut shape = vec![x[0], outputs];
        for (_, _, length) in self.ranges(&x[2..], &weight[2..]) {
            shape.push(length);
        }
        if shape[2..].contains(&0) {
            return Err(OpError::new("the padding takes everything"));
        }
        Ok(Fact::float(bounded(shape)?))
    }

    /// For each spatial axis: how long everything is, where the output begins in it, and how
    /// long that is, perhaps beyond the end.
    fn ranges(&self, input: &[usize], kernel: &[usize]) -> Vec<(usize, usize, usize)> {
        let range = |axis: usize| {
            let stride = self.stride[axis];
            let reach = (kernel[axis] - 1) * self.dilation[axis] + 1;
            let full = (input[axis].max(1) - 1) * stride + reach;
            let extended = full + self.output_padding[axis];
            let asked = match (&self.output_shape, &self.padding) {
                (Some(shape), _) => shape[axis],
                (None, Padding::Explicit(pads)) => {
                    let (before, after) = pads[axis];
                    return (full, before, extended.saturating_sub(before + after));
                }
                (None, _) => input[axis] * stride,
            };
            let cut = extended.saturating_sub(asked);
            let before = if self.padding == Padding::SameUpper { cut / 2 } else { cut - cut / 2 };
            (full, before, asked)
        };
        (0..input.len()).map(range).collect()
    }

    pub(super) fn run(&self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let (x, weight, bias) = (inputs.take(0), inputs.take(1), inputs.optional(2));
        let (input, kernel) = (primitive::shape(&x), primitive::shape(&weight));
        let ranges = self.ranges(&input[2..], &kernel[2..]);
        let full = self.full(x, weight);
        let mut cut = vec![(0, shape[0], 1), (0, shape[1], 1)];
        let mut pads = vec![(0, 0), (0, 0)];
        for (full, before, length) in ranges {
            let (from, to) = (before.min(full), (before + length).min(full));
            cut.push((from, to, 1));
            pads.push((0, length - (to - from)));
        }
        let mut y = primitive::slice(full, &cut);
        if pads.iter().any(|&(_, after)| after > 0) {
            y = Dispatch::float_pad(y, &pads, PadMode::Constant(0.0));
        }
        let Some(bias) = bias else { return y };
        let mut lifted = vec![1; shape.len()];
        lifted[1] = shape[1];
        Dispatch::float_add(y, primitive::reshape(bias, &lifted))
    }

    /// Everything, without padding.
    fn full(&self, x: DispatchTensor, weight: DispatchTensor) -> DispatchTensor {
        fn options<const N: usize>(op: &ConvTranspose) -> ConvTransposeOptions<N> {
            let list = |from: &[usize]| std::array::from_fn(|axis| from[axis]);
            ConvTransposeOptions::new(
                list(&op.stride),
                [0; N],
                [0; N],
                list(&op.dilation),
                op.groups,
            )
        }
        match self.stride.len() {
            1 => Dispatch::conv_transpose1d(x, weight, None, options(self)),
            2 => Dispatch::conv_transpose2d(x, weight, None, options(self)),
            _ => Dispatch::conv_transpose3d(x, weight, None, options(self)),
        }
    }
}
