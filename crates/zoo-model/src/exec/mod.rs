//! Running a graph on Burn, for inference and for training.

mod adamw;
mod context;
mod device;
mod executor;
pub(crate) mod flex;
mod frame;
mod lookup;
pub(crate) mod primitive;
mod training;

pub use adamw::AdamW;
pub use burn_dispatch::DispatchTensor;
pub(crate) use context::Context;
pub use device::Device;
pub use executor::{Engine, Executor};
pub(crate) use frame::{Frame, run_block};
pub use training::{Step, TrainOptions, Trainer};
