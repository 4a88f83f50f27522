//! Parameters as PyTorch's `load_state_dict` takes them.

use std::path::Path;

use zoo_model::{Bundle, Op, Tensor, Weights, write_file_atomically};

use crate::Error;

/// Writes the parameters of `bundle` under their upstream names.
///
/// PyTorch counts the batches that each batch norm saw while it was trained, beside its running
/// statistics, and a strict `load_state_dict` wants the counter. Nothing computes with it as long
/// as the norm has a momentum, so it starts from zero.
pub(super) fn write(bundle: &Bundle, path: &Path) -> Result<(), Error> {
    let mut weights = Weights::new();
    for name in bundle.graph.parameters.keys() {
        let missing = || zoo_model::Error::MissingParameter { name: name.clone() };
        weights.insert(name, bundle.weights.get(name).ok_or_else(missing)?.clone());
    }
    for node in &bundle.graph.nodes {
        if let (Op::BatchNorm(_), Some(mean)) = (&node.op, node.inputs.get(3))
            && let Some(module) = mean.strip_suffix(".running_mean")
        {
            let counter = format!("{module}.num_batches_tracked");
            weights.insert(counter, Tensor::from_i64(&[], &[0]));
        }
    }
    let bytes = weights.to_safetensors();
    write_file_atomically(path, |file| {
        file.write_all(&bytes).map_err(|source| {
            zoo_model::Error::Io { action: "write", path: path.to_owned(), source }.into()
        })
    })
}
