use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::Flex;
use burn_dispatch::backends::autodiff::checkpoint::base::Checkpointer;
use burn_dispatch::backends::autodiff::grads::Gradients;
use burn_dispatch::backends::autodiff::ops::{Backward, Ops};
use zoo_kernels::Window;
use zoo_kernels::gradient::Geometry;

use super::images::Images;
use super::operand::{Operand, made_of};

/// The largest number of each window, of images that lie channels last; `out_size` is the height
/// and width of what is made.
pub(crate) fn max_pool2d(
    x: &DispatchTensor,
    window: Window,
    out_size: [usize; 2],
) -> Option<DispatchTensor> {
    let x = Operand::of(x)?;
    let images = Images::lying(x.numbers())?;
    let [batch, channels, height, width] = images.shape();
    let sizes = Geometry {
        batch,
        channels,
        size: [height, width],
        outputs: channels,
        out_size,
        groups: channels,
        window,
    };
    if window.taps() > 256 {
        return None;
    }
    let made = sizes.maxima(images.numbers());
    let output = Images::new(made.numbers, [batch, channels, out_size[0], out_size[1]]);
    let state = State { sizes, taps: made.taps };
    Some(made_of([x], MaxPoolBackward, state, output.into_tensor()))
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct State {
    sizes: Geometry,
    taps: Vec<u8>,
}

/// The way back of a maximum.
#[derive(Debug)]
struct MaxPoolBackward;

impl Backward<Flex, 1> for MaxPoolBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let State { sizes, taps } = ops.state;
        let gradient = Images::of(&gradients.consume::<Flex>(&ops.node));
        let [node] = ops.parents;
        if let Some(node) = node {
            let made = sizes.maxima_gradient(&taps, gradient.numbers());
            let shape = [sizes.batch, sizes.channels, sizes.size[0], sizes.size[1]];
            gradients.register::<Flex>(node.id, Images::new(made, shape).into_tensor());
        }
    }
}
