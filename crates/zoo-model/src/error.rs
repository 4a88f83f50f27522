use std::io;
use std::path::PathBuf;

use crate::bundle::{DeltaError, ParityError};
use crate::graph::GraphError;
use crate::preprocess;

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `open`, ...
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A bundle, or a file in it, is not what it must be.
    #[error("{} is not a sound model bundle: {reason}", path.display())]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// What is wrong, and in which member.
        reason: String,
    },
    /// A card that cannot be read.
    #[error("the model card of {} cannot be read", path.display())]
    Card {
        /// The bundle.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A graph that cannot be run.
    #[error("the graph is not sound")]
    Graph(#[from] GraphError),
    /// A parameter that the graph needs is not among the weights.
    #[error("the weights lack the parameter `{name}`")]
    MissingParameter {
        /// Its name.
        name: String,
    },
    /// A parameter with another shape than the graph declares.
    #[error("the parameter `{name}` has shape {found:?}, the graph takes {expected:?}")]
    ParameterShape {
        /// Its name.
        name: String,
        /// What the graph declares.
        expected: Vec<usize>,
        /// What the weights hold.
        found: Vec<usize>,
    },
    /// An input whose shape or type the graph does not take.
    #[error("the input `{name}` takes {expected}, this is {found}")]
    Input {
        /// Its name.
        name: String,
        /// The shape that the graph declares, `?` for an axis of any length.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Another number of inputs than the graph has.
    #[error("the graph takes {expected} inputs, {found} were given")]
    InputCount {
        /// As many as the graph has.
        expected: usize,
        /// As many as were given.
        found: usize,
    },
    /// Training through an operator that has no gradient here.
    #[error("the node `{node}` ({op}) cannot be trained through")]
    NotTrainable {
        /// The node's name.
        node: String,
        /// Its operator.
        op: String,
    },
    /// A device that this build or this machine does not have.
    #[error("no {device} device: {reason}")]
    Device {
        /// `gpu`, `cuda`.
        device: &'static str,
        /// Why not.
        reason: String,
    },
    /// A delta, or what it is composed with.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// A parity vector that says nothing.
    #[error(transparent)]
    Parity(#[from] ParityError),
    /// An image or its preprocessing.
    #[error(transparent)]
    Preprocess(#[from] preprocess::Error),
    /// A text, or the words or the tokenizer that it is read by.
    #[error(transparent)]
    Text(#[from] zoo_text::Error),
    /// A model of texts whose bundle has neither words nor a tokenizer.
    #[error("the card says how texts are read, the bundle has no words and no tokenizer for it")]
    NoLexicon,
    /// A text that is none.
    #[error("the text is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The first byte that is not, from 0.
        offset: usize,
    },
    /// A recording, or what is made of it.
    #[error(transparent)]
    Sound(#[from] zoo_sound::Error),
    /// A way to write a transcript that is not the model's.
    #[error("the card's `transcript` does not fit the model: {problem}")]
    Transcript {
        /// What does not fit.
        problem: String,
    },
}

impl Error {
    /// For `map_err`: says what was being done to which path.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
