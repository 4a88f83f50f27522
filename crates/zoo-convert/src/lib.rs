//! Reads models from elsewhere into zoo's: PyTorch and safetensors checkpoints by an
//! architecture that we know, ONNX files and Caffe's by the graph that they bring. [`export`] is
//! the way back out.
//!
//! ```no_run
//! use zoo_convert::{ConvertOptions, convert};
//!
//! let options = ConvertOptions::default();
//! let conversion = convert("mobilenet_v2-b0353104.pth".as_ref(), &options)?;
//! println!("{} parameters applied", conversion.report.applied.len());
//! conversion.bundle.write("mobilenet-v2.zoo")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing from a file is ever executed: pickles are read by a reader that knows tensors and
//! containers only, and [`pickle::globals`] lists what else a pickle names. A file is data to
//! be doubted: every name, shape and size is checked, and what does not fit is said.

pub mod architectures;
mod binding;
pub mod caffe;
mod checkpoint;
mod companions;
mod convert;
#[cfg(feature = "emit-rust")]
pub mod emit;
mod error;
pub mod export;
pub mod format;
mod found;
pub mod labels;
mod names;
pub mod onnx;
pub mod pickle;
pub mod renaming;
pub mod trunks;
pub mod words;

pub use binding::{LoadReport, bind};
pub use checkpoint::{Checkpoint, read_checkpoint};
pub use convert::{CONVERTER_VERSION, Conversion, ConvertOptions, Preparation, convert};
pub use error::Error;

/// Whether `name` is an architecture that is built here, for `--arch` and the registry's entries.
pub fn is_built(name: &str) -> bool {
    trunks::is_known(name) || architectures::find(name).is_ok()
}
