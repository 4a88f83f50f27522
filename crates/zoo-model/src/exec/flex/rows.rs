//! What transformers do row by row: of what lies in the order of its axes.

use burn_backend::TensorMetadata;
use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops};
use burn_dispatch::backends::{Flex, flex::FlexTensor};
use zoo_kernels::{Isa, gradient};

use super::images::{dense, from_numbers, numbers};
use super::operand::{Operand, made_of};

/// `x Phi(x)`.
pub(crate) fn gelu(x: &DispatchTensor) -> Option<DispatchTensor> {
    let x = Operand::of(x)?;
    let from = dense(x.numbers());
    let made = gradient::gelu(Isa::best(), numbers(&from));
    let made = from_numbers(made, from.shape().to_vec());
    Some(made_of([x], FunctionBackward, Function::Gelu(from), made))
}

/// Exponentials that sum to one along the last axis.
pub(crate) fn softmax(x: &DispatchTensor) -> Option<DispatchTensor> {
    let x = Operand::of(x)?;
    let from = dense(x.numbers());
    let shape = from.shape().to_vec();
    let length = *shape.last().filter(|length| **length > 0)?;
    let made = from_numbers(gradient::softmax(Isa::best(), numbers(&from), length), shape);
    Some(made_of([x], FunctionBackward, Function::Softmax(made.clone(), length), made))
}

/// `x` times a number that nothing is trained in.
pub(crate) fn scale(x: &DispatchTensor, factor: &DispatchTensor) -> Option<DispatchTensor> {
    let [x, factor] = Operand::all([x, factor])?;
    if factor.is_tracked() || factor.numbers().layout().num_elements() != 1 {
        return None;
    }
    let factor = numbers(&dense(factor.numbers()))[0];
    let from = dense(x.numbers());
    let made = gradient::scale(Isa::best(), numbers(&from), factor);
    let made = from_numbers(made, from.shape().to_vec());
    Some(made_of([x], FunctionBackward, Function::Scale(factor), made))
}

/// A function of one value, with what its way back needs.
#[derive(Debug, Clone)]
enum Function {
    /// Of this.
    Gelu(FlexTensor),
    /// Which made this, of rows of this length.
    Softmax(FlexTensor, usize),
    /// By this number.
    Scale(f32),
}

/// The way back of a function of one value.
#[derive(Debug)]
struct FunctionBackward;

impl Backward<Flex, 1> for FunctionBackward {
    type State = Function;

    fn backward(self, ops: Ops<Function, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = dense(&gradients.consume::<Flex>(&ops.node));
        let [Some(node)] = ops.parents else { return };
        let (isa, shape) = (Isa::best(), gradient.shape().to_vec());
        let gradient = numbers(&gradient);
        let made = match ops.state {
            Function::Gelu(x) => gradient::gelu_gradient(isa, numbers(&x), gradient),
            Function::Softmax(made, length) => {
                gradient::softmax_gradient(isa, numbers(&made), gradient, length)
            }
            Function::Scale(factor) => gradient::scale(isa, gradient, factor),
        };
        gradients.register::<Flex>(node.id, from_numbers(made, shape));
    }
}

/// Layer normalisation over the last axis.
pub(crate) fn layer_norm(
    x: &DispatchTensor,
    scale: &DispatchTensor,
    shift: &DispatchTensor,
    epsilon: f32,
) -> Option<DispatchTensor> {
    let operands = Operand::all([x, scale, shift])?;
    let [from, factor, added] = operands.each_ref().map(|operand| dense(operand.numbers()));
    let shape = from.shape().to_vec();
    let length = *shape.last().filter(|length| **length > 0)?;
    if numbers(&factor).len() != length || numbers(&added).len() != length {
        return None;
    }
    let isa = Isa::best();
    let made =
        gradient::layer_norm(isa, numbers(&from), numbers(&factor), numbers(&added), epsilon);
    let made = from_numbers(made, shape);
    let state = LayerNorm { x: from, scale: factor, shift: added, epsilon };
    Some(made_of(operands, LayerNormBackward, state, made))
}

/// What the way back of a layer normalisation needs: what it took.
#[derive(Debug, Clone)]
struct LayerNorm {
    x: FlexTensor,
    scale: FlexTensor,
    /// For its shape.
    shift: FlexTensor,
    epsilon: f32,
}

/// The way back of a layer normalisation: of input, scale and shift.
#[derive(Debug)]
struct LayerNormBackward;

impl Backward<Flex, 3> for LayerNormBackward {
    type State = LayerNorm;

    fn backward(self, ops: Ops<LayerNorm, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let LayerNorm { x, scale, shift, epsilon } = ops.state;
        let gradient = dense(&gradients.consume::<Flex>(&ops.node));
        let made = gradient::layer_norm_gradients(
            Isa::best(),
            numbers(&x),
            numbers(&scale),
            epsilon,
            numbers(&gradient),
        );
        let made = [(made.input, x), (made.scale, scale), (made.shift, shift)];
        for (node, (numbers, of)) in ops.parents.into_iter().zip(made) {
            if let Some(node) = node {
                gradients.register::<Flex>(node.id, from_numbers(numbers, of.shape().to_vec()));
            }
        }
    }
}

/// `a + b`, where both lie in the order of their axes: of one shape, or rows along the last axis to
/// each of which a row of `b` is added. Of such rows gradients come back only where all of `a`'s get
/// the same one.
pub(crate) fn add_rows(a: &DispatchTensor, b: &DispatchTensor) -> Option<DispatchTensor> {
    let [a, b] = Operand::all([a, b])?;
    let (shape, other_shape) = (a.numbers().shape().to_vec(), b.numbers().shape().to_vec());
    if shape.len() != other_shape.len() {
        return None;
    }
    let length = *shape.last().filter(|length| **length > 0)?;
    let is_dense = |operand: &Operand| operand.numbers().layout().is_contiguous();
    if shape.contains(&0) || other_shape.last() != Some(&length) || !is_dense(&a) || !is_dense(&b) {
        return None;
    }
    let isa = Isa::best();
    let (from, other) = (numbers(a.numbers()), numbers(b.numbers()));
    let is_one = other.len() == length;
    let made = if shape == other_shape {
        gradient::add(isa, from, other, false)
    } else if is_one || !b.is_tracked() {
        gradient::add_rows(isa, from, other, &starts(&shape, &other_shape)?, length)
    } else {
        return None;
    };
    let made = from_numbers(made, shape.clone());
    let state = (shape != other_shape).then_some(other_shape);
    Some(made_of([a, b], AddBackward, state, made))
}

/// Where the row of `other` begins that goes with each row of `shape`; `None` where `other` does not
/// broadcast to `shape`.
fn starts(shape: &[usize], other: &[usize]) -> Option<Vec<usize>> {
    let (length, before) = shape.split_last()?;
    let mut starts = Vec::with_capacity(before.iter().product());
    starts.push(0);
    let mut stride = *length;
    // From the last axis but one to the first: what is there is repeated for each index of it.
    for (&count, &of_other) in before.iter().zip(other).rev() {
        let step = match of_other {
            1 => 0,
            same if same == count => stride,
            _ => return None,
        };
        let inner = starts.len();
        for index in 1..count {
            starts.extend_from_within(..inner);
            starts[index * inner..].iter_mut().for_each(|at| *at += index * step);
        }
        stride *= of_other;
    }
    Some(starts)
}

/// The way back of a sum; with the shape of the second operand, where that is one row.
#[derive(Debug)]
struct AddBackward;

impl Backward<Flex, 2> for AddBackward {
    type State = Option<Vec<usize>>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let [a, b] = ops.parents;
        if let Some(node) = b {
            let passed = match ops.state {
                None => gradient.clone(),
                Some(shape) => {
                    let length = shape.last().copied().unwrap_or(1);
                    let rows = dense(&gradient);
                    from_numbers(gradient::sum_of_rows(Isa::best(), numbers(&rows), length), shape)
                }
            };
            gradients.register::<Flex>(node.id, passed);
        }
        if let Some(node) = a {
            gradients.register::<Flex>(node.id, gradient);
        }
    }
}
