//! Convolutions, fully connected layers, norms and pools as steps of a plan.

use zoo_kernels::{Activation as Epilogue, Pooling, Window};

use super::compile::{Compiler, spread};
use super::draft::{Draft, Kernel, Linear, ValueId};
use crate::Node;
use crate::ops::{LayerNorm, Padding, Pool, PoolKind};

impl<'a> Compiler<'a> {
    pub(super) fn convolution(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        groups: usize,
        window: impl FnOnce(&[usize], &[usize]) -> Option<Window>,
    ) -> Option<()> {
        let (x, weight) = (self.facts.get(&node.inputs[0])?, self.facts.get(&node.inputs[1])?);
        let ([_, channels, height, width], [outputs, _, kernel @ ..]) =
            (x.shape.as_slice(), weight.shape.as_slice())
        else {
            return None;
        };
        let mut window = window(&[*height, *width], kernel)?;
        self.graph.parameters.get(&node.inputs[1])?;
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => self.parameter(name)?,
            None => vec![0.0; *outputs],
        };
        let input = self.value(&node.inputs[0])?;
        if groups == 1 && window.padding != [0, 0] {
            self.pad_entry(input, &mut window, shape);
        }
        let linear = Linear {
            weight: node.inputs[1].clone(),
            transposed: false,
            window,
            groups,
            channels: *channels,
            scale: vec![1.0; *outputs],
            bias,
        };
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Linear { linear, input, residual: None, activation });
        Some(())
    }

    /// Lets images of few channels enter with their padding: rows of the window are then one run.
    fn pad_entry(&mut self, input: ValueId, window: &mut Window, out: [usize; 4]) {
        let value = &self.values[input];
        let [_, height, width, channels] = value.shape;
        let Some(Draft::Kernel { kernel: Kernel::Enter { padding, .. }, .. }) =
            self.drafts.get_mut(value.producer)
        else {
            return;
        };
        if channels > 4 || value.readers != 1 || *padding != [0, 0] {
            return;
        }
        let reach = |axis: usize, outputs: usize, length: usize| {
            let last = (outputs - 1) * window.stride[axis];
            let end = last + (window.kernel[axis] - 1) * window.dilation[axis] + 1;
            end.max(length + window.padding[axis])
        };
        let padded = [reach(0, out[1], height), reach(1, out[2], width)];
        // Where padding is more than the picture, it is cheaper to find zeros than to keep them.
        if padded[0] > 2 * height + 16 || padded[1] > 2 * width + 16 {
            return;
        }
        *padding = window.padding;
        self.values[input].shape[1] = padded[0];
        self.values[input].shape[2] = padded[1];
        window.padding = [0, 0];
    }

    /// A fully connected layer: a convolution of images of one pixel.
    pub(super) fn linear(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        transposed: bool,
    ) -> Option<()> {
        let (a, b) = (self.facts.get(&node.inputs[0])?, self.facts.get(&node.inputs[1])?);
        let [.., _, channels] = a.shape[..] else { return None };
        (b.shape.len() == 2).then_some(())?;
        let (weight, turned) = self.matrix(&node.inputs[1])?;
        let outputs = shape[3];
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => {
                let dims = self.dims(name)?;
                // One number for each output, or one for all; not one for each row.
                let (columns, rows) = dims.split_last().unwrap_or((&1, &[]));
                let fits = rows.iter().all(|&rows| rows == 1) && [1, outputs].contains(columns);
                fits.then_some(())?;
                spread(&self.parameter(name)?, outputs)?
            }
            None => vec![0.0; outputs],
        };
        let input = self.value(&node.inputs[0])?;
        let linear = Linear {
            weight: weight.to_owned(),
            transposed: transposed != turned,
            window: Window::POINT,
            groups: 1,
            channels,
            scale: vec![1.0; outputs],
            bias,
        };
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Linear { linear, input, residual: None, activation });
        Some(())
    }

    /// A layer normalisation of each row.
    pub(super) fn layer_norm(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        norm: &LayerNorm,
    ) -> Option<()> {
        let rank = self.facts.get(&node.outputs[0])?.shape.len() as i64;
        [-1, rank - 1].contains(&norm.axis).then_some(())?;
        let scale = spread(&self.parameter(&node.inputs[1])?, shape[3])?;
        let shift = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => spread(&self.parameter(name)?, shape[3])?,
            None => vec![0.0; shape[3]],
        };
        let input = self.value(&node.inputs[0])?;
        let kernel = Kernel::LayerNorm { scale, shift, epsilon: norm.epsilon, input };
        self.push(node, shape, kernel);
        Some(())
    }

    pub(super) fn pool(&mut self, node: &'a Node, shape: [usize; 4], pool: &Pool) -> Option<()> {
        let x = self.facts.get(&node.inputs[0])?;
        let [_, _, spatial @ ..] = x.shape.as_slice() else { return None };
        let [_, _] = spatial else { return None };
        let window = two_axes(&pool.padding, spatial, &pool.kernel, &pool.stride, &pool.dilation)?;
        let pads = pool.padding.resolve(spatial, &pool.kernel, &pool.stride, &pool.dilation);
        let pooling = match pool.kind {
            PoolKind::Max => Pooling::Max,
            PoolKind::Mean => Pooling::Mean,
            PoolKind::MeanWithPadding => Pooling::MeanWithPadding { after: [pads[0].1, pads[1].1] },
        };
        let input = self.value(&node.inputs[0])?;
        self.push(node, shape, Kernel::Pool { window, pooling, input });
        Some(())
    }

    pub(super) fn pool_images(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        max: bool,
    ) -> Option<()> {
        (self.facts.get(&node.inputs[0])?.shape.len() == 4).then_some(())?;
        let input = self.value(&node.inputs[0])?;
        self.push(node, shape, Kernel::PoolImages { max, input });
        Some(())
    }
}

pub(super) fn two_axes(
    padding: &Padding,
    input: &[usize],
    kernel: &[usize],
    stride: &[usize],
    dilation: &[usize],
) -> Option<Window> {
    let pair = |list: &[usize]| <[usize; 2]>::try_from(list).ok();
    let pads = padding.resolve(input, kernel, stride, dilation);
    let [(top, _), (left, _)] = pads[..] else { return None };
    Some(Window {
        kernel: pair(kernel)?,
        stride: pair(stride)?,
        dilation: pair(dilation)?,
        padding: [top, left],
    })
}
