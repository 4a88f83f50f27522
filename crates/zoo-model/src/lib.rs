//! A model as data, run and trained on Burn.
//!
//! A model is a [`Graph`] of typed operators, the [`Weights`] of its parameters and a
//! [`Card`] that says what it is for and how its input is made. All three come from files,
//! so a new architecture needs no new code and no compiler.
//!
//! ```
//! use zoo_model::{Device, Executor, GraphBuilder, Tensor, Weights};
//!
//! // y = relu(x W' + b), for rows of two numbers.
//! let mut builder = GraphBuilder::new();
//! let x = builder.input("x", &[None, Some(2)]);
//! let y = builder.linear("fc", &x, 2, 1);
//! let y = builder.relu(&y);
//! let graph = builder.finish(&[("y", &y)])?;
//!
//! let mut weights = Weights::new();
//! weights.insert("fc.weight", Tensor::from_f32(&[1, 2], &[1.0, -2.0]));
//! weights.insert("fc.bias", Tensor::from_f32(&[1], &[0.5]));
//!
//! let executor = Executor::new(graph, &weights, &Device::Cpu)?;
//! let outputs = executor.infer(&[Tensor::from_f32(&[1, 2], &[3.0, 1.0])])?;
//! assert_eq!(outputs[0].to_f32(), [1.5]);
//! # Ok::<(), zoo_model::Error>(())
//! ```
//!
//! The modules stand in the order in which a model meets them: tensors and their types, the
//! graph and its operators, the bundle that holds them on disk, preprocessing, execution.

mod atomic;
mod digest;
mod dtype;
mod error;
mod random;
mod tensor;
mod weights;

pub mod bundle;
pub mod exec;
pub mod graph;
pub mod ops;
mod plan;
pub mod preprocess;
pub mod reader;

pub use atomic::write_file_atomically;
pub use bundle::{Bundle, Card, Delta};
pub use digest::{Digest, Hasher};
pub use dtype::DType;
pub use error::Error;
pub use exec::{Device, Engine, Executor};
pub use graph::{Cuts, Fact, Graph, GraphBuilder, Node, Parameter, ValueInfo};
pub use ops::Op;
pub use plan::PlanTime;
pub use preprocess::Preprocess;
pub use random::{SplitMix64, fnv1a, splitmix64};
pub use reader::{Kind, Reader};
pub use tensor::Tensor;
pub use weights::Weights;
