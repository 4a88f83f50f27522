//! What goes into a pull and what comes out of it.

use std::fmt;
use std::path::PathBuf;

use semver::Version;

use crate::digest::Sha256Digest;
use crate::entry::{Entry, EntryVersion};
use crate::evidence::EvidenceKind;

/// How to pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullOptions {
    /// Fetch nothing: what is not in the store is an error.
    pub offline: bool,
    /// Refuse files of which neither a SHA-256 nor a SHA-384 is known in full.
    pub require_sha256: bool,
    /// Read all of a file that is in the store and compare its digest again. Without this, a
    /// file that looks as it did when it was last read is taken to be the same.
    pub verify: bool,
}

/// A model whose files are in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The path of the first file, the weights.
    pub path: PathBuf,
    /// The digest of the first file.
    pub digest: Sha256Digest,
    /// The entry of the model.
    pub entry: Entry,
    /// The version that was chosen.
    pub version: EntryVersion,
    /// Every file, in the order of the version.
    pub files: Vec<PulledFile>,
    /// Whether nothing had to be fetched.
    pub was_cached: bool,
    /// What the caller should know though it worked.
    pub warnings: Vec<PullWarning>,
}

/// A file in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledFile {
    /// Its name at the publisher.
    pub name: String,
    /// Where it is in the store.
    pub path: PathBuf,
    /// Its digest.
    pub digest: Sha256Digest,
    /// Whether it was there before.
    pub was_cached: bool,
}

/// Something that a caller should know though the pull worked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullWarning {
    /// No full SHA-256 was known; the digest that came is pinned from now on.
    PinnedOnFirstSight {
        /// The file.
        file: String,
        /// The kind of the strongest digest that was checked.
        kind: EvidenceKind,
        /// That digest.
        prefix: String,
        /// Who published it.
        publisher: String,
        /// What is pinned.
        digest: Sha256Digest,
    },
    /// The version was withdrawn; it was pulled because the lock pins it.
    Yanked {
        /// The version.
        version: Version,
    },
    /// The stored bytes had changed and were fetched again.
    ReplacedCorrupt {
        /// The file.
        file: String,
        /// What the stored bytes had become.
        found: Sha256Digest,
    },
}

impl fmt::Display for PullWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PinnedOnFirstSight { file, kind, prefix, publisher, digest } => {
                let known = match kind {
                    EvidenceKind::Sha256Prefix => "start of the sha256".to_owned(),
                    kind => kind.to_string(),
                };
                write!(
                    f,
                    "only the {known} of {file} is known ({prefix}, by {publisher}); pinned \
                     {digest}, which came"
                )
            }
            Self::Yanked { version } => {
                write!(f, "version {version} was withdrawn by its publisher")
            }
            Self::ReplacedCorrupt { file, found } => {
                write!(f, "the stored {file} had become {found} and was replaced")
            }
        }
    }
}
