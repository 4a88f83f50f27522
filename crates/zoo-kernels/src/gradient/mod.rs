//! Training: convolutions forward and backward, normalisation, pooling and what transformers do row by
//! row, on all processors.
//!
//! Where inference packs weights once and runs many times, a training step meets new weights each
//! time, so everything here packs them anew, and gives a freshly made list. Images are channels
//! last throughout. The work is cut where the sizes say, never by the number of threads, and parts
//! of a sum are added in order: the same numbers come out on one thread and on many.

mod depthwise;
mod elementwise;
mod forward;
mod geometry;
mod input;
mod normalize;
mod pack;
mod parallel;
mod pooling;
mod product;
mod rows;
mod transpose;
mod weight;
mod winograd;

pub use elementwise::{accumulate, add, rectifier_gradient, rectify, scale};
pub use geometry::Geometry;
pub use normalize::{Moments, Normalization, Sums};
pub use pooling::Maxima;
pub use rows::{
    LayerNormGradients, add_rows, gelu, gelu_gradient, layer_norm, layer_norm_gradients, softmax,
    softmax_gradient, sum_of_rows,
};
pub use transpose::{to_channels_first, to_channels_last};
