//! Activations, sums and products, number by number or channel by channel, as steps of a plan or as parts
//! of those before.

use zoo_kernels::{Activation as Epilogue, Combine};

use super::compile::{Compiler, spread};
use super::draft::{Draft, Kernel, ValueId};
use crate::Node;
use crate::ops::{Activation, Binary};

impl<'a> Compiler<'a> {
    pub(super) fn affine(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        input: ValueId,
        scale: Vec<f32>,
        shift: Vec<f32>,
    ) {
        if let Some((kernel, nodes)) = self.open(input)
            && kernel.fold(&scale, &shift)
        {
            nodes.push(node.name.clone());
            self.rename(node, input);
            return;
        }
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Affine { scale, shift, input, activation });
    }

    /// An activation, which all nodes of these `names` are, the last of them `node`.
    pub(super) fn activation(
        &mut self,
        node: &'a Node,
        names: Vec<String>,
        shape: [usize; 4],
        input: ValueId,
        activation: Epilogue,
    ) {
        if let Some((kernel, nodes)) = self.open(input)
            && let Some(open) = kernel.open_activation()
        {
            *open = activation;
            nodes.extend(names);
            self.rename(node, input);
            return;
        }
        let (scale, shift) = (vec![1.0; shape[3]], vec![0.0; shape[3]]);
        let kernel = Kernel::Affine { scale, shift, input, activation };
        self.push_for(node, names, shape, kernel);
    }

    pub(super) fn binary(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        binary: Binary,
    ) -> Option<()> {
        let how = match binary {
            Binary::Add => Combine::Add,
            Binary::Sub => Combine::Subtract,
            Binary::Mul => Combine::Multiply,
            _ => return None,
        };
        let [a, b] = node.inputs.as_slice() else { return None };
        let (Some(a), Some(b)) = (self.known_value(a), self.known_value(b)) else {
            return self.with_parameter(node, shape, how);
        };
        let (of_a, of_b) = (self.values[a].shape, self.values[b].shape);
        // Broadcasting goes by the last axes: a row `[batch, channels]` is no pixel of images.
        let ranks = node.inputs.iter().chain(&node.outputs);
        let ranks = ranks.map(|name| self.facts.get(name).map(|fact| fact.shape.len()));
        let same_rank = ranks.collect::<std::collections::HashSet<_>>().len() == 1;
        let is_pixel = |of: [usize; 4]| same_rank && of == [shape[0], 1, 1, shape[3]];
        let spread = shape[1] * shape[2];
        if of_a == shape && of_b == shape {
            if how == Combine::Add && a != b && self.add_residual(node, a, b).is_some() {
                return Some(());
            }
            self.combine(node, shape, how, (a, b), 1);
        } else if of_a == shape && is_pixel(of_b) {
            self.combine(node, shape, how, (a, b), spread);
        } else if of_b == shape && is_pixel(of_a) && how != Combine::Subtract {
            self.combine(node, shape, how, (b, a), spread);
        } else {
            return None;
        }
        Some(())
    }

    fn combine(
        &mut self,
        node: &'a Node,
        shape: [usize; 4],
        how: Combine,
        (a, b): (ValueId, ValueId),
        spread: usize,
    ) {
        let activation = Epilogue::NONE;
        self.push(node, shape, Kernel::Combine { how, a, b, spread, activation });
    }

    /// Lets the convolution that makes one of two values add the other one, which then must be
    /// there before it: it moves to the end.
    fn add_residual(&mut self, node: &'a Node, a: ValueId, b: ValueId) -> Option<()> {
        let mut order = [(a, b), (b, a)];
        order.sort_by_key(|(id, _)| std::cmp::Reverse(self.values[*id].producer));
        for (id, other) in order {
            let Some((kernel, nodes)) = self.open(id) else { continue };
            let Kernel::Linear { linear, residual, activation, .. } = kernel else { continue };
            if residual.is_some() || *activation != Epilogue::NONE || linear.is_depthwise() {
                continue;
            }
            *residual = Some(other);
            nodes.push(node.name.clone());
            let moved = std::mem::replace(&mut self.drafts[self.values[id].producer], Draft::Moved);
            self.values[id].producer = self.drafts.len();
            self.drafts.push(moved);
            self.rename(node, id);
            return Some(());
        }
        None
    }

    /// A value combined with a number for each channel, or with one for all.
    fn with_parameter(&mut self, node: &'a Node, shape: [usize; 4], how: Combine) -> Option<()> {
        let [first, second] = node.inputs.as_slice() else { return None };
        let (input, name, reversed) = match (self.known_value(first), self.known_value(second)) {
            (Some(input), None) => (input, second, false),
            (None, Some(input)) => (input, first, true),
            _ => return None,
        };
        (self.values[input].shape == shape).then_some(())?;
        let rank = self.facts.get(&node.outputs[0])?.shape.len();
        let dims = self.dims(name)?;
        let channel_axis = if rank == 4 { 3 } else { 1 };
        let per_channel = dims.len() <= rank
            && dims
                .iter()
                .rev()
                .enumerate()
                .all(|(index, &dim)| dim == 1 || index + 1 == channel_axis);
        per_channel.then_some(())?;
        let numbers = spread(&self.parameter(name)?, shape[3])?;
        let zeros = vec![0.0; shape[3]];
        let (scale, shift) = match (how, reversed) {
            (Combine::Multiply, _) => (numbers, zeros),
            (Combine::Add, _) => (vec![1.0; shape[3]], numbers),
            (Combine::Subtract, false) => {
                (vec![1.0; shape[3]], numbers.iter().map(|number| -number).collect())
            }
            (Combine::Subtract, true) => (vec![-1.0; shape[3]], numbers),
        };
        self.affine(node, shape, input, scale, shift);
        Some(())
    }
}

/// The activation as kernels know it.
pub(super) fn epilogue(activation: Activation) -> Option<Epilogue> {
    Some(match activation {
        Activation::Relu => Epilogue::RELU,
        Activation::Clip { min, max } => {
            Epilogue::Clamp(min.unwrap_or(f32::NEG_INFINITY), max.unwrap_or(f32::INFINITY))
        }
        Activation::LeakyRelu { alpha } => Epilogue::LeakyRelu { slope: alpha },
        Activation::Sigmoid => Epilogue::Sigmoid,
        Activation::HardSigmoid { alpha, beta } => {
            Epilogue::HardSigmoid { slope: alpha, offset: beta }
        }
        Activation::HardSwish => Epilogue::HardSwish,
        Activation::Silu => Epilogue::Silu,
        Activation::Gelu => Epilogue::Gelu,
        _ => return None,
    })
}
