use burn_backend::{Bytes, DType, Shape, TensorMetadata};
use burn_dispatch::backends::flex::{FlexTensor, Layout};
use zoo_kernels::Isa;
use zoo_kernels::gradient::{self, to_channels_last};

/// From `[batch, channels, height, width]` to channels last.
const LAST: [usize; 4] = [0, 2, 3, 1];

/// Images whose numbers lie channels last: `[batch, channels, height, width]` by shape,
/// `[batch, height, width, channels]` in memory.
#[derive(Debug, Clone)]
pub(super) struct Images(FlexTensor);

impl Images {
    /// `tensor`, of rank 4, as it is if it lies so already; else turned.
    pub(super) fn of(tensor: &FlexTensor) -> Self {
        if is_dense(&tensor.layout().permute(&LAST)) {
            return Self(tensor.clone());
        }
        let dense = dense(tensor);
        let shape = sizes(&dense);
        let [batch, channels, height, width] = shape;
        let turned =
            to_channels_last(Isa::best(), numbers(&dense), batch, channels, height * width);
        Self::new(turned, shape)
    }

    /// Whether `tensor` can be made such: whether it has their rank, and something in it.
    pub(super) fn may_be(tensor: &FlexTensor) -> bool {
        tensor.shape().num_dims() == 4 && tensor.layout().num_elements() > 0
    }

    /// `tensor` if its numbers lie channels last, and not channels first as well.
    pub(super) fn lying(tensor: &FlexTensor) -> Option<Self> {
        let lies = Self::may_be(tensor)
            && !is_dense(tensor.layout())
            && is_dense(&tensor.layout().permute(&LAST));
        lies.then(|| Self(tensor.clone()))
    }

    /// Images of the sizes `[batch, channels, height, width]`, whose numbers lie channels last.
    pub(super) fn new(numbers: Vec<f32>, shape: [usize; 4]) -> Self {
        let [_, channels, height, width] = shape.map(|length| length as isize);
        let strides = vec![height * width * channels, 1, width * channels, channels];
        let layout = Layout::new(Shape::from(shape.to_vec()), strides, 0);
        Self(FlexTensor::new(Bytes::from_elems(numbers), layout, DType::F32))
    }

    /// `[batch, channels, height, width]`.
    pub(super) fn shape(&self) -> [usize; 4] {
        sizes(&self.0)
    }

    /// All numbers, channels last.
    pub(super) fn numbers(&self) -> &[f32] {
        numbers(&self.0)
    }

    pub(super) fn into_tensor(self) -> FlexTensor {
        self.0
    }
}

/// The sum of both, which have one shape and lie alike without gaps: in the place of the first where
/// nobody else reads it.
pub(super) fn plus(isa: Isa, mut sum: FlexTensor, other: &FlexTensor) -> FlexTensor {
    let (start, count) = (sum.layout().start_offset(), sum.layout().num_elements());
    if sum.is_unique() {
        let place = &mut sum.storage_mut::<f32>()[start..][..count];
        gradient::accumulate(isa, place, numbers(other));
        return sum;
    }
    let made = gradient::add(isa, numbers(&sum), numbers(other), false);
    let layout = Layout::new(sum.shape(), sum.layout().strides().to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(made), layout, DType::F32)
}

fn sizes(tensor: &FlexTensor) -> [usize; 4] {
    let shape = tensor.shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

/// Whether the numbers lie one after the other in the order of the axes.
fn is_dense(layout: &Layout) -> bool {
    layout.is_contiguous()
}

/// The same with its numbers in the order of its axes.
pub(super) fn dense(tensor: &FlexTensor) -> FlexTensor {
    if is_dense(tensor.layout()) { tensor.clone() } else { tensor.to_contiguous() }
}

/// The numbers of a tensor without gaps, as they lie.
pub(super) fn numbers(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<f32>()[start..][..tensor.layout().num_elements()]
}

/// A dense tensor of `shape`.
pub(super) fn from_numbers(numbers: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(numbers), Layout::contiguous(Shape::from(shape)), DType::F32)
}
