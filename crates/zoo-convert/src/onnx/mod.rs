//! ONNX files, read and lowered at run time.
//!
//! [`load`] turns an ONNX file into a [`Graph`] and its [`Weights`], without generated code.
//! The wire format is read by `onnx-ir`, whose messages are lowered node by node in
//! [`operators`]. What `onnx-ir` makes of the messages afterwards is not used: it renames every
//! node and value, stops at the first node that it does not like, and takes 0 for the epsilon
//! of a batch norm that gives none, where ONNX says 1e-5. Here nodes, values and parameters
//! keep the names that they have in the file, and nothing is folded but branches that a constant
//! chooses: an axis that the file leaves open, such as the batch, stays open.
//!
//! # What is trainable
//!
//! Initialisers and constants that an operator reads as tensors become parameters; those that
//! are only attributes in another guise (the shape of a `Reshape`, the bounds of a `Clip`) are
//! written into the operator and gone. A parameter is trainable if it holds floating-point
//! numbers and is the weight or bias of a convolution, batch norm or matrix product, or else
//! has more than one element: a lone number added or multiplied is a constant of a formula.
//! Running means and variances never are.
//!
//! # Hostile files
//!
//! A file is data to be doubted. Its size is limited, every tensor's payload must be as long as
//! its shape says, other files that it names must lie below its own folder, and every shape is
//! inferred once before a model comes out. Should a library panic nevertheless, that becomes
//! [`Error::Malformed`] with the panic's message: the work is done on a thread of its own,
//! called `zoo-onnx`. A program that prints its own errors may silence the panic hook for
//! threads of that name.

mod attributes;
mod branches;
mod external;
mod lowering;
mod node;
mod operators;
mod parse;
mod scope;
mod tensor;

use std::path::Path;
use std::thread;

use onnx_ir::Message;
use zoo_model::{Graph, Weights};

use crate::Error;

/// The name of the thread on which files are read: a panic there is reported as an error.
pub const THREAD_NAME: &str = "zoo-onnx";

/// What an ONNX file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// What is computed, with the file's names.
    pub graph: Graph,
    /// The parameters, under the names of the file's initialisers.
    pub weights: Weights,
}

/// Reads the ONNX file at `path`, together with the files of external data beside it.
///
/// Fails where the file cannot be read ([`Error::Io`]), is no sound ONNX file
/// ([`Error::Malformed`]), has operators or settings that have no counterpart here
/// ([`Error::UnsupportedOperators`], which names all of them), or describes a graph whose shapes
/// do not fit ([`Error::Model`]).
pub fn load(path: &Path) -> Result<OnnxModel, Error> {
    /// Nested messages recurse, at most 100 deep; this is ample for that.
    const STACK: usize = 16 << 20;
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK);
        let worker = builder
            .spawn_scoped(scope, || {
                let mut model = parse::read(path)?;
                let folder = path.parent().unwrap_or(Path::new(""));
                branches::resolve(model.graph.mut_or_insert_default(), folder);
                lowering::lower(path, &model)
            })
            .map_err(|source| Error::Io { path: path.to_owned(), source })?;
        worker.join().unwrap_or_else(|panic| Err(malformed(path, panic_text(&*panic))))
    })
}

/// Reads one tensor as ONNX stores it on its own, as the inputs and outputs of its conformance
/// tests (`.pb`).
///
/// Fails where the file cannot be read or holds no sound tensor of a type that we hold.
pub fn load_tensor(path: &Path) -> Result<zoo_model::Tensor, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let proto = onnx_ir::TensorProto::parse_from_bytes(&bytes)
        .map_err(|error| malformed(path, error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    tensor::read(&proto, folder).map_err(|reason| malformed(path, reason))
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("reading it failed without a message").to_owned()
}

fn malformed(path: &Path, reason: impl Into<String>) -> Error {
    Error::Malformed { path: path.to_owned(), format: "ONNX", reason: reason.into() }
}
