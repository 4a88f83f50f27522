use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::Flex;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops};
use zoo_kernels::Isa;
use zoo_kernels::gradient::{Moments, Normalization};

use super::images::{Images, dense, from_numbers, numbers};
use super::operand::{Operand, made_of};

/// What [`batch_norm`] made.
pub(crate) struct Normalized {
    pub(crate) output: DispatchTensor,
    /// Mean and variance of the batch, if they were taken.
    pub(crate) moments: Option<(Vec<f32>, Vec<f32>)>,
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, and zero below zero if it is to be
/// `rectified`, for `x` `[batch, channels, height, width]`. Mean and variance are the batch's
/// where `running` has none.
pub(crate) fn batch_norm(
    x: &DispatchTensor,
    [weight, bias]: [&DispatchTensor; 2],
    running: Option<[&DispatchTensor; 2]>,
    epsilon: f32,
    rectified: bool,
) -> Option<Normalized> {
    let [x, weight, bias] = Operand::all([x, weight, bias])?;
    if !Images::may_be(x.numbers()) {
        return None;
    }
    let images = Images::of(x.numbers());
    let isa = Isa::best();
    let [_, channels, _, _] = images.shape();
    let from_batch = running.is_none();
    let moments = match running {
        Some(running) => {
            let [mean, variance] =
                Operand::all(running)?.map(|operand| numbers(&dense(operand.numbers())).to_vec());
            Moments { mean, variance }
        }
        None => Moments::of(isa, images.numbers(), channels),
    };
    let deviation: Vec<f32> =
        moments.variance.iter().map(|variance| (variance + epsilon).sqrt()).collect();
    let (factor, shift) = (dense(weight.numbers()), dense(bias.numbers()));
    let normalization = Normalization {
        mean: moments.mean.clone(),
        scale: numbers(&factor).iter().zip(&deviation).map(|(w, d)| w / d).collect(),
        shift: numbers(&shift).to_vec(),
        rectified,
    };
    let made = Images::new(normalization.forward(isa, images.numbers()), images.shape());
    let state = State { images, normalization, deviation, from_batch };
    let output = made_of([x, weight, bias], BatchNormBackward, state, made.into_tensor());
    let moments = from_batch.then_some((moments.mean, moments.variance));
    Some(Normalized { output, moments })
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct State {
    images: Images,
    normalization: Normalization,
    /// Square roots of the variances.
    deviation: Vec<f32>,
    /// Whether mean and variance depend on the input.
    from_batch: bool,
}

/// The way back: of input, weight and bias.
#[derive(Debug)]
struct BatchNormBackward;

impl Backward<Flex, 3> for BatchNormBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let State { images, normalization, deviation, from_batch } = ops.state;
        let gradient = Images::of(&gradients.consume::<Flex>(&ops.node));
        let isa = Isa::best();
        let [x, weight, bias] = ops.parents.map(|node| node.map(|node| node.id));
        let (from, gradient) = (images.numbers(), gradient.numbers());
        let wanted = weight.is_some() || bias.is_some() || from_batch;
        let sums = wanted.then(|| normalization.sums(isa, from, gradient));
        if let Some(node) = x {
            let made = match &sums {
                Some(sums) if from_batch => {
                    normalization.batch_gradient(isa, from, gradient, sums, &deviation)
                }
                _ => normalization.constant_gradient(isa, from, gradient),
            };
            gradients.register::<Flex>(node, Images::new(made, images.shape()).into_tensor());
        }
        let Some(sums) = sums else { return };
        let channels = deviation.len();
        if let Some(node) = weight {
            let made = sums.product.iter().zip(&deviation).map(|(sum, d)| sum / d).collect();
            gradients.register::<Flex>(node, from_numbers(made, vec![channels]));
        }
        if let Some(node) = bias {
            gradients.register::<Flex>(node, from_numbers(sums.gradient, vec![channels]));
        }
    }
}
