//! A zoo model as a module of [Burn](https://burn.dev), inside a network of one's own.
//!
//! [`ZooModule`] holds the graph of a bundle and its parameters as Burn's `Param`s: Burn's own
//! optimisers train them, its records save them, `freeze` freezes them, and gradients flow
//! through to whatever comes before. `examples/transfer.rs` puts one into a classifier and trains
//! that:
//!
//! ```
//! # use zoo_model::{Bundle, Card, GraphBuilder, Tensor as Stored, Weights};
//! use burn::tensor::{Device, Tensor};
//! use zoo_burn::ZooModule;
//!
//! # let mut builder = GraphBuilder::new();
//! # let x = builder.input("x", &[None, Some(2)]);
//! # let y = builder.linear("fc", &x, 2, 1);
//! # let graph = builder.finish(&[("y", &y)])?;
//! # let mut weights = Weights::new();
//! # weights.insert("fc.weight", Stored::from_f32(&[1, 2], &[1.0, -2.0]));
//! # weights.insert("fc.bias", Stored::from_f32(&[1], &[0.5]));
//! # let bundle = Bundle::new(Card::new("tiny", "other", "MIT"), graph, weights);
//! // let bundle = Bundle::open("mobilenet-v2.zoo")?;
//! let device = Device::flex().autodiff();
//! let module = ZooModule::whole(&bundle, &device)?;
//! let x = Tensor::<2>::from_floats([[3.0, 1.0]], &device);
//! let y: Tensor<2> = module.forward(x)?;
//! assert_eq!(y.into_scalar::<f32>(), 1.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate stands apart from the others because they run graphs on Burn's tensors and need
//! nothing of its modules.

mod error;
mod module;
mod parameter;

pub use error::Error;
pub use module::ZooModule;
