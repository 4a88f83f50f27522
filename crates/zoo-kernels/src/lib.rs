//! Convolutions, pooling and matrix products on slices, at the speed of the processor.
//!
//! Plain functions: no graph, no tensors, no allocation after the first call. Images are
//! *channels last*, `[batch, height, width, channels]`, so that a pointwise convolution is a matrix
//! product as it stands and everything else works on whole vectors of channels.
//!
//! Everything is written once, in terms of a few vector operations, and compiled for each
//! instruction set; the processor's best is chosen at run time. The plain version of
//! each kernel is what the others are tested against. Sums are taken in an order that depends
//! on the layer alone, never on threads, on the batch or on where a pixel lies: the same image
//! gives the same bits.

#![allow(
    unsafe_code,
    reason = "vector instructions and shared buffers; each block says why it holds"
)]
#![allow(clippy::inline_always, reason = "kernels must be compiled inside functions with features")]

mod activation;
mod attention;
mod buffer;
mod chain;
mod convolution;
mod depthwise;
mod elementwise;
pub mod gradient;
mod images;
mod isa;
mod lanes;
mod layout;
mod matrix;
mod panels;
mod peak;
mod pool;
mod program;
mod recycler;
pub mod rows;
mod scratch;
mod team;
mod tile;
mod vectorized;
mod window;
mod winograd;

pub use activation::Activation;
pub use attention::{Attention, Tokens};
pub use buffer::Buffer;
pub use chain::Chain;
pub use convolution::{Convolution, Epilogue, Part};
pub use depthwise::Depthwise;
pub use elementwise::{Combine, affine, combine};
pub use images::Images;
pub use isa::Isa;
pub use layout::{channels_first, channels_last};
pub use matrix::{Pixels, PixelsMut};
pub use peak::peak_operations;
pub use pool::{Pooling, pool_images, pool_lines};
pub use program::{Kernel, Place, Program, Split, Step};
pub use recycler::Recycler;
pub use scratch::Scratch;
pub use team::{run_steps, threads};
pub use vectorized::{Work, vectorized};
pub use window::Window;
pub use winograd::Winograd;
