//! Operators of our own on Burn's processor backend, with gradients of our own.
//!
//! Burn hands its primitives to extensions: a [`DispatchTensor`] is taken apart into the backend's
//! tensor, with or without its place in the graph of gradients, kernels run on its numbers, and a
//! step backward is registered for what depends on something trained. Nothing is computed for
//! inputs that nothing is trained in.
//!
//! Images keep Burn's shape `[batch, channels, height, width]` but lie channels last in memory, as
//! the kernels write them; Burn's own operators read them through their strides. From one of our
//! operators to the next nothing is turned round.
//!
//! Each function gives its operands back as they are where it cannot serve: on another device, for
//! another type or rank. Then Burn's own operator runs.
//!
//! [`DispatchTensor`]: burn_dispatch::DispatchTensor

mod batch_norm;
mod convolution;
mod elementwise;
mod images;
mod junction;
mod operand;
mod pooling;
mod products;
mod rows;

pub(crate) use batch_norm::batch_norm;
pub(crate) use convolution::{Conv2d, conv2d};
pub(crate) use elementwise::{add, relu};
pub(crate) use junction::Junction;
pub(crate) use operand::serves;
pub(crate) use pooling::max_pool2d;
pub(crate) use products::Products;
pub(crate) use rows::{add_rows, gelu, layer_norm, scale, softmax};
