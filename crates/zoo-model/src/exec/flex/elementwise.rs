use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::Flex;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops};
use zoo_kernels::Isa;
use zoo_kernels::gradient;

use super::images::Images;
use super::operand::{Operand, made_of};

/// `max(x, 0)`, of images that lie channels last.
pub(crate) fn relu(x: &DispatchTensor) -> Option<DispatchTensor> {
    let x = Operand::of(x)?;
    let images = Images::lying(x.numbers())?;
    let made = gradient::rectify(Isa::best(), images.numbers());
    let made = Images::new(made, images.shape());
    Some(register([x], made, true))
}

/// `a + b`, and zero below zero if it is to be `rectified`, of images of one shape that lie
/// channels last.
pub(crate) fn add(
    a: &DispatchTensor,
    b: &DispatchTensor,
    rectified: bool,
) -> Option<DispatchTensor> {
    let operands = Operand::all([a, b])?;
    let a = Images::lying(operands[0].numbers())?;
    let b = Images::lying(operands[1].numbers())?;
    if a.shape() != b.shape() {
        return None;
    }
    let made = gradient::add(Isa::best(), a.numbers(), b.numbers(), rectified);
    let made = Images::new(made, a.shape());
    Some(register(operands, made, rectified))
}

/// What was made of `operands`, with its way back.
fn register<const N: usize>(
    operands: [Operand; N],
    made: Images,
    rectified: bool,
) -> DispatchTensor {
    made_of(operands, SumBackward, rectified.then(|| made.clone()), made.into_tensor())
}

/// The way back of a sum of one or more, which is rectified where its output is kept: all have
/// the same gradient.
#[derive(Debug)]
struct SumBackward;

impl<const N: usize> Backward<Flex, N> for SumBackward {
    type State = Option<Images>;

    fn backward(
        self,
        ops: Ops<Option<Images>, N>,
        gradients: &mut Gradients,
        _: &mut Checkpointer,
    ) {
        let mut passed = gradients.consume::<Flex>(&ops.node);
        if let Some(output) = ops.state {
            let gradient = Images::of(&passed);
            let isa = Isa::best();
            let made = gradient::rectifier_gradient(isa, output.numbers(), gradient.numbers());
            passed = Images::new(made, output.shape()).into_tensor();
        }
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<Flex>(node.id, passed.clone());
        }
    }
}
