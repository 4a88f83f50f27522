use std::io;
use std::path::PathBuf;

use crate::LoadReport;

/// What can go wrong when a file from elsewhere becomes a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that is not what it must be.
    #[error("{} is not a sound {format} file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// `ONNX`, `PyTorch`, `safetensors`, `Caffe`.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of no known format.
    #[error("{} is of no format that zoo reads: {found}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What its first bytes look like.
        found: &'static str,
    },
    /// A file whose name promises other bytes.
    #[error(
        "the name of {} promises a sha256 that begins with {promised}, its bytes have {found}: it is \
         damaged or was changed", path.display()
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digits in the name.
        promised: String,
        /// The digest of the bytes.
        found: String,
    },
    /// An architecture that nobody has written yet.
    #[error("no architecture is called `{name}`")]
    UnknownArchitecture {
        /// As it was given.
        name: String,
        /// Those that come closest.
        suggestions: Vec<String>,
    },
    /// A checkpoint that no known architecture fits.
    #[error("the parameters of {} are those of no architecture that zoo knows", path.display())]
    NoArchitectureFits {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint whose names and shapes are those of networks that compute differently.
    #[error(
        "the parameters of {} are those of {}, which compute differently",
        path.display(), architectures.join(" and of ")
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Their names.
        architectures: Vec<String>,
    },
    /// A checkpoint that does not fit the architecture.
    #[error("{} does not fit {architecture}: {report}", path.display())]
    DoesNotFit {
        /// The file.
        path: PathBuf,
        /// The architecture's name.
        architecture: String,
        /// What is missing, left over or of another shape.
        report: Box<LoadReport>,
    },
    /// A parameter with a number that is none.
    #[error("the parameter `{name}` of {} is not finite at element {element}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The position, row-major.
        element: usize,
    },
    /// Operators that cannot be run here; all of them at once.
    #[error("{} uses operators that zoo does not run: {}", path.display(), nodes.join(", "))]
    UnsupportedOperators {
        /// The file.
        path: PathBuf,
        /// Each with the node's name and the reason: `Loop (node "decode"): ...`.
        nodes: Vec<String>,
    },
    /// Operators that a format to be written has no counterpart for; all of them at once.
    #[error("{format} has no counterpart for {}", nodes.join(", "))]
    NoCounterpart {
        /// `ONNX`.
        format: &'static str,
        /// Each with the node's name and the reason: `if (node "decode"): ...`.
        nodes: Vec<String>,
    },
    /// An ONNX file of which no Rust source can be made.
    #[error("no Rust source can be made of {}: {reason}", path.display())]
    NotEmitted {
        /// The file.
        path: PathBuf,
        /// What `burn-onnx` says.
        reason: String,
    },
    /// A model that is too large for a format to be written.
    #[error("a file of {format} can hold {limit} bytes, the model has {bytes}")]
    TooLarge {
        /// `ONNX`.
        format: &'static str,
        /// The most bytes of such a file.
        limit: u64,
        /// The model's.
        bytes: u64,
    },
    /// A network of texts without the tokenizer that makes its tokens.
    #[error("{} takes the tokens of texts, and there is no tokenizer.json beside it", path.display())]
    NoTokenizer {
        /// The file.
        path: PathBuf,
    },
    /// Word vectors, words or a tokenizer.
    #[error("cannot read {}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<zoo_text::Error>,
    },
    /// The model itself is not sound.
    #[error(transparent)]
    Model(#[from] zoo_model::Error),
}

impl Error {
    pub(crate) fn text(path: &std::path::Path, source: zoo_text::Error) -> Self {
        Self::Text { path: path.to_owned(), source: Box::new(source) }
    }
}
