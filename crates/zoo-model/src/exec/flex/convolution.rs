use burn_backend::TensorMetadata;
use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::autodiff::NodeId;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops};
use burn_dispatch::backends::{Flex, flex::FlexTensor};
use zoo_kernels::gradient::Geometry;
use zoo_kernels::{Isa, Window};

use super::images::{Images, dense, from_numbers, numbers};
use super::operand::{Operand, made_of};

/// How a kernel slides over height and width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv2d {
    pub(crate) stride: [usize; 2],
    /// Zeros above and below, to the left and to the right.
    pub(crate) padding: [(usize, usize); 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) groups: usize,
}

impl Conv2d {
    /// All sizes, for an input and a weight of these shapes.
    fn sizes(&self, x: &[usize], weight: &[usize]) -> Geometry {
        let kernel = [weight[2], weight[3]];
        let out = |axis: usize| {
            let (before, after) = self.padding[axis];
            let reach = (kernel[axis] - 1) * self.dilation[axis] + 1;
            (x[axis + 2] + before + after - reach) / self.stride[axis] + 1
        };
        Geometry {
            batch: x[0],
            channels: x[1],
            size: [x[2], x[3]],
            outputs: weight[0],
            out_size: [out(0), out(1)],
            groups: self.groups,
            window: Window {
                kernel,
                stride: self.stride,
                dilation: self.dilation,
                padding: self.padding.map(|(before, _)| before),
            },
        }
    }
}

/// Convolves `x` `[batch, channels, height, width]` with `weight` `[outputs, channels / groups,
/// kernel height, kernel width]` and adds `bias` `[outputs]`; the shapes must have been checked.
pub(crate) fn conv2d(
    x: &DispatchTensor,
    weight: &DispatchTensor,
    bias: Option<&DispatchTensor>,
    conv: &Conv2d,
) -> Option<DispatchTensor> {
    let [x, weight] = Operand::all([x, weight])?;
    let bias = match bias {
        Some(bias) => Some(Operand::of(bias)?),
        None => None,
    };
    if !Images::may_be(x.numbers()) || weight.numbers().layout().num_elements() == 0 {
        return None;
    }
    let sizes = conv.sizes(&x.numbers().shape(), &weight.numbers().shape());
    // Groups of a few channels leave most of each vector empty; Burn's are quicker.
    let each = (sizes.channels / sizes.groups).min(sizes.outputs / sizes.groups);
    let depthwise = sizes.groups == sizes.channels && sizes.groups == sizes.outputs;
    if sizes.groups > 1 && each < Isa::best().lanes() && !depthwise {
        return None;
    }
    let images = Images::of(x.numbers());
    let kernel = dense(weight.numbers());
    let added = bias.as_ref().map(|bias| dense(bias.numbers()));
    let made =
        sizes.forward(Isa::best(), images.numbers(), numbers(&kernel), added.as_ref().map(numbers));
    let [height, width] = sizes.out_size;
    let made = Images::new(made, [sizes.batch, sizes.outputs, height, width]).into_tensor();
    let state = State {
        sizes,
        images: weight.is_tracked().then_some(images),
        kernel: x.is_tracked().then_some(kernel),
    };
    Some(match bias {
        Some(bias) => made_of([x, weight, bias], Conv2dBackward, state, made),
        None => made_of([x, weight], Conv2dBackward, state, made),
    })
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct State {
    sizes: Geometry,
    /// The input, for the gradient of the weight.
    images: Option<Images>,
    /// The weight, for the gradient of the input.
    kernel: Option<FlexTensor>,
}

/// The way back: of input, weight and, if there is one, bias.
#[derive(Debug)]
struct Conv2dBackward;

impl<const N: usize> Backward<Flex, N> for Conv2dBackward {
    type State = State;

    fn backward(self, ops: Ops<State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let State { sizes, images, kernel } = ops.state;
        let gradient = Images::of(&gradients.consume::<Flex>(&ops.node));
        let node = |index: usize| -> Option<NodeId> {
            ops.parents.get(index)?.as_ref().map(|node| node.id)
        };
        let isa = Isa::best();
        if let (Some(node), Some(kernel)) = (node(0), kernel) {
            let made = sizes.input_gradient(isa, gradient.numbers(), numbers(&kernel));
            let [height, width] = sizes.size;
            let made = Images::new(made, [sizes.batch, sizes.channels, height, width]);
            gradients.register::<Flex>(node, made.into_tensor());
        }
        if let (Some(node), Some(images)) = (node(1), images) {
            let made = sizes.weight_gradient(isa, images.numbers(), gradient.numbers());
            let [height, width] = sizes.window.kernel;
            let shape = vec![sizes.outputs, sizes.channels / sizes.groups, height, width];
            gradients.register::<Flex>(node, from_numbers(made, shape));
        }
        if let Some(node) = node(2) {
            let made = sizes.bias_gradient(isa, gradient.numbers());
            gradients.register::<Flex>(node, from_numbers(made, vec![sizes.outputs]));
        }
    }
}
