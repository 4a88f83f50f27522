//! Training: convolutions forward and backward, normalisation and pooling, on all processors.
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
mod transpose;
mod weight;
mod winograd;

pub use elementwise::{accumulate, add, rectifier_gradient, rectify};
pub use geometry::Geometry;
pub use normalize::{Moments, Normalization, Sums};
pub use pooling::Maxima;
pub use transpose::{to_channels_first, to_channels_last};
