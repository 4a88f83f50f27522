use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of the store itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Others keep the cache, for longer than was waited.
    #[error(
        "the cache {} is in use by {} (waited {} s)",
        cache.display(),
        holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}")),
        waited.as_secs()
    )]
    Busy {
        /// The cache directory.
        cache: PathBuf,
        /// The process that cleans it, where it is that. Of those that only read it, none
        /// is known.
        holder: Option<u32>,
        /// How long was waited.
        waited: Duration,
    },
    /// Nothing can be removed safely where it cannot be seen that nobody uses it.
    #[error("cannot lock {}", path.display())]
    CannotLock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The pins are no TOML, or not of the right shape. They are not ignored: they say what
    /// must stay.
    #[error("cannot read the pins {}", path.display())]
    PinsSyntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with the line.
        source: Box<toml::de::Error>,
    },
    /// The pins cannot be written as TOML.
    #[error("cannot write the pins {}", path.display())]
    PinsEncode {
        /// The file.
        path: PathBuf,
        /// What the serializer says.
        source: Box<toml::ser::Error>,
    },
    /// A path that is not directly in one of the folders of derived files.
    #[error("{} is no bundle or features file of the cache", path.display())]
    NotDerived {
        /// The path.
        path: PathBuf,
    },
}

impl StoreError {
    pub(super) fn not_derived(path: &Path) -> Self {
        Self::NotDerived { path: path.to_owned() }
    }
}
