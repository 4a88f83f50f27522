//! ONNX at run time (being written).

use std::path::Path;

use zoo_model::{Graph, Weights};

use crate::Error;

/// An ONNX model.
pub struct OnnxModel {
    /// Its graph.
    pub graph: Graph,
    /// Its parameters.
    pub weights: Weights,
}

/// Reads one.
pub fn load(path: &Path) -> Result<OnnxModel, Error> {
    Err(Error::UnsupportedOperators { path: path.to_owned(), nodes: Vec::new() })
}
