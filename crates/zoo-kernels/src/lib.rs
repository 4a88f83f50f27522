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

#![allow(unsafe_code, reason = "vector instructions and shared buffers; each block says why it holds")]
#![allow(clippy::inline_always, reason = "kernels must be compiled inside functions with features")]

mod activation;
mod buffer;
mod convolution;
pub mod gradient;
mod images;
mod isa;
mod lanes;
mod matrix;
mod panels;
mod scratch;
mod tile;
mod window;

pub use activation::Activation;
pub use buffer::Buffer;
pub use convolution::{Convolution, Epilogue, Part};
pub use images::Images;
pub use isa::Isa;
pub use matrix::{Pixels, PixelsMut};
pub use scratch::Scratch;
pub use window::Window;
