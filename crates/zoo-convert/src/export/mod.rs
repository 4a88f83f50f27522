//! Models on their way out: to ONNX, to safetensors for PyTorch, to burnpack for Burn.
//!
//! ```no_run
//! use zoo_convert::export::{ExportFormat, export};
//! use zoo_model::Bundle;
//!
//! let bundle = Bundle::open("flowers.zoo")?;
//! export(&bundle, ExportFormat::Onnx, "flowers.onnx".as_ref())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ONNX files hold all of a model. The other two hold its parameters only, under their upstream
//! names and in PyTorch's layout (a linear layer's matrix is `[outputs, inputs]`), for a program
//! that has the network itself. Files are there as a whole or not at all; what stood there is
//! replaced.

mod burnpack;
mod onnx;
mod safetensors;

use std::path::Path;

use zoo_model::Bundle;

use crate::Error;

/// What a model can become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// Graph, parameters, labels and preprocessing, as one ONNX file.
    Onnx,
    /// The parameters, as PyTorch's `load_state_dict` takes them.
    Safetensors,
    /// The parameters, as `burn-store`'s `BurnpackStore` reads them.
    Burnpack,
}

impl ExportFormat {
    /// The ending of such a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
            Self::Burnpack => "bpk",
        }
    }
}

/// Writes `bundle` to `path` as `format`.
///
/// Fails where the format has no counterpart for an operator ([`Error::NoCounterpart`], which
/// names all of them), cannot hold so much ([`Error::TooLarge`]), or where the file cannot be
/// written.
pub fn export(bundle: &Bundle, format: ExportFormat, path: &Path) -> Result<(), Error> {
    match format {
        ExportFormat::Onnx => onnx::write(bundle, path),
        ExportFormat::Safetensors => safetensors::write(bundle, path),
        ExportFormat::Burnpack => burnpack::write(bundle, path),
    }
}

/// What a card says, as texts by key, for formats that have room for such.
///
/// `labels` and `preprocess` are JSON: a list of texts, and the object that
/// [`Preprocess`](zoo_model::Preprocess) is.
fn metadata(bundle: &Bundle) -> Vec<(&'static str, String)> {
    let card = &bundle.card;
    let mut entries = vec![
        ("name", card.name.clone()),
        ("version", card.version.clone()),
        ("task", card.task.clone()),
        ("license", card.license.clone()),
    ];
    entries.extend(card.architecture.clone().map(|name| ("architecture", name)));
    entries.extend(card.source.as_ref().map(|source| ("source", source.file.clone())));
    // Texts and numbers are nothing that JSON refuses.
    if !card.labels.is_empty() {
        entries.extend(serde_json::to_string(&card.labels).ok().map(|text| ("labels", text)));
    }
    let preprocess = card.preprocess.as_ref().and_then(|it| serde_json::to_string(it).ok());
    entries.extend(preprocess.map(|text| ("preprocess", text)));
    entries
}
