//! A model on disk: a folder, or the same as one `.zoo` file.
//!
//! ```text
//! model.toml            the card: name, task, licence, provenance, preprocessing, cuts
//! graph.json            the graph
//! labels.txt            one class a line, where the card does not list them
//! vocabulary.txt        of word vectors: one word a line, in the order of their rows
//! tokenizer.json        of other models of text: how it falls into tokens
//! weights.safetensors   the parameters, under their upstream names
//! SHA256SUMS            the digest of each of the others, as `sha256sum -c` takes it
//! ```
//!
//! A `.zoo` file is a tar of these in this order, with no other freedom: each header is
//! just what [`Bundle::write`] makes, so that one model has one sequence of bytes. Weights
//! begin at a multiple of eight and are mapped, not read. Opening a bundle checks every digest:
//! what is truncated, flipped or added anywhere is refused.
//!
//! Writing goes to a temporary beside the target, which is renamed once it is on disk: a
//! bundle is there as a whole or not at all.
//!
//! A [`Delta`] is a bundle without what another has as well, as one `.zoodelta` file:
//!
//! ```text
//! delta.toml            of which bundle, into which, and where each tensor comes from
//! model.toml            the card, and the other small files of the bundle that it becomes
//! graph.json
//! labels.txt
//! vocabulary.txt        where the parent has another, or none; so with the next
//! tokenizer.json
//! weights.header        how that bundle's weights.safetensors begins: names, types, shapes
//! weights.safetensors   the tensors that the parent lacks
//! composed.sums         that bundle's SHA256SUMS
//! SHA256SUMS            the digest of each of the others
//! ```

mod archive;
mod card;
mod delta;
mod files;
mod parity;
mod probe;
mod transcript;
mod write;

use std::path::{Path, PathBuf};

use zoo_text::Lexicon;

pub use card::{Adapted, Card, Metrics, Parent, Parity, Source};
pub use delta::{Composed, Delta, DeltaError, DeltaHeader, Origin, TensorOrigin};
use files::Hashing;
pub use files::map_file;
pub(crate) use files::{read_weights, write_weights};
pub use parity::{PARITY_TOLERANCE, ParityError, ParityReport};
pub use probe::{probe_input, probe_shape, rule_tensor, rule_tiles, typed_probe};
pub use transcript::Transcript;

use crate::{Digest, Error, Executor, Graph, Weights};

/// A model: card, graph and weights.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What it is for and where it comes from.
    pub card: Card,
    /// What it computes.
    pub graph: Graph,
    /// With which numbers.
    pub weights: Weights,
    /// By what texts become its input.
    pub lexicon: Option<Lexicon>,
    /// Its name among all bundles: the digest of its `SHA256SUMS`. Of a bundle that was never
    /// written, the digest that it will have.
    digest: Option<Digest>,
}

impl Bundle {
    /// A new one, not on disk yet.
    pub fn new(card: Card, graph: Graph, weights: Weights) -> Self {
        Self { card, graph, weights, lexicon: None, digest: None }
    }

    /// Opens a folder or a `.zoo` file and checks all of it but the shapes inside the graph,
    /// which [`Executor::new`] checks.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(Error::io("open", path))?;
        let members = if metadata.is_dir() {
            files::from_folder(path)?
        } else {
            archive::read(&files::map(path)?, files::BUNDLE)
                .map_err(|reason| files::refused(path, reason))?
        };
        files::decode(path, &members, Hashing::All)
    }

    /// The same without hashing the weights: for a file of which it is known that its bytes are
    /// those that were hashed when it was last opened. Everything else is checked.
    pub fn open_unhashed(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let members = archive::read(&files::map(path)?, files::BUNDLE)
            .map_err(|reason| files::refused(path, reason))?;
        files::decode(path, &members, Hashing::AllButWeights)
    }

    /// Opens a `.zoo` file that is already in memory, such as one inside the program. `name`
    /// stands for its path in errors.
    pub fn from_bytes(name: &str, bytes: impl Into<bytes::Bytes>) -> Result<Self, Error> {
        let path = PathBuf::from(name);
        let members = archive::read(&bytes.into(), files::BUNDLE)
            .map_err(|reason| files::refused(&path, reason))?;
        files::decode(&path, &members, Hashing::All)
    }

    /// The digest that names this bundle: that of its list of digests.
    pub fn digest(&self) -> Digest {
        self.digest.unwrap_or_else(|| Digest::of(files::encode(self).sums()))
    }

    /// An executor of this model on `device`.
    pub fn executor(&self, device: &crate::Device) -> Result<Executor, Error> {
        Executor::new(self.graph.clone(), &self.weights, device)
    }
}
