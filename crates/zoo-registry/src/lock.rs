//! The lock file: digests that were seen once and must be the same ever after.
//!
//! That of a project pins every file of every model that the project pulled; the one in the
//! cache pins those of which only a part of the digest was published.
//!
//! ```toml
//! schema = 1
//!
//! [[model]]
//! name = "resnet-152"
//! version = "2.0.0"
//! file = "resnet152-f82ba261.pth"
//! registry = "builtin"
//! sha256 = "f82ba261…"
//! ```

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::file_lock::{FileLock, LockFailure, Locks, Mode, guard_path};
use crate::name::ModelName;
use crate::schema::SchemaOnly;

/// The schema that this version writes and the newest it reads.
pub const LOCK_SCHEMA: u32 = 1;

/// Most bytes of a lock file: room for ten thousand models.
const MAX_LOCK_BYTES: u64 = 16 << 20;

/// How long a writer waits for others, each of whom takes milliseconds.
const GUARD_PATIENCE: Duration = Duration::from_secs(10);

/// An error of a lock file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Two branches were merged and nobody decided.
    #[error("{} has an unresolved merge conflict on line {line}", path.display())]
    MergeConflict {
        /// The file.
        path: PathBuf,
        /// The line of the first marker, from 1.
        line: usize,
    },
    /// Two pins of one file disagree, in the lock file or with what is to be pinned.
    #[error(
        "{} pins {} of `{}` {} to sha256 {} (from {}), and {} has sha256 {}",
        path.display(), pinned.file, pinned.name, pinned.version, pinned.sha256,
        pinned.registry, other.registry, other.sha256
    )]
    Conflict {
        /// The lock file.
        path: PathBuf,
        /// What it says.
        pinned: Box<Pin>,
        /// What disagrees.
        other: Box<Pin>,
    },
    /// The file is longer than any lock file.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Others have been writing to it for too long.
    #[error(
        "{} is being written by {} (waited {} s)",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}")),
        waited.as_secs()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// The process that writes to it, where it can be told.
        holder: Option<u32>,
        /// How long was waited.
        waited: Duration,
    },
}

/// One pinned file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The model.
    pub name: ModelName,
    /// The version.
    pub version: Version,
    /// The file of that version.
    pub file: String,
    /// The registry that it came from: `builtin`, a directory or a url.
    pub registry: String,
    /// The digest that it had.
    pub sha256: Sha256Digest,
}

/// A lock file, in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockFile {
    pins: Vec<Pin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLockFile {
    schema: u32,
    #[serde(rename = "model", default)]
    pins: Vec<Pin>,
}

impl LockFile {
    /// Reads the lock file at `path`; a missing one is empty.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LockSyntax`], [`Error::FutureSchema`];
    /// [`LockError::MergeConflict`], [`LockError::Conflict`] and [`LockError::TooLarge`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let Some(text) = read_bounded(path)? else {
            return Ok(Self::default());
        };
        if let Some(line) = text.lines().position(is_conflict_marker) {
            return Err(LockError::MergeConflict { path: path.to_owned(), line: line + 1 }.into());
        }
        let syntax = |source| Error::LockSyntax { path: path.to_owned(), source: Box::new(source) };
        let origin = path.display().to_string();
        toml::from_str::<SchemaOnly>(&text).map_err(syntax)?.check(&origin, LOCK_SCHEMA)?;
        let raw: RawLockFile = toml::from_str(&text).map_err(syntax)?;
        let mut lock = Self::default();
        for pin in raw.pins {
            lock.set_new(path, pin)?;
        }
        Ok(lock)
    }

    /// The pinned files, in order of name, version and file.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The pin of one file.
    pub fn get(&self, name: &ModelName, version: &Version, file: &str) -> Option<&Pin> {
        self.pins
            .iter()
            .find(|pin| pin.name == *name && pin.version == *version && pin.file == file)
    }

    /// Whether any file of this version is pinned.
    pub fn has_version(&self, name: &ModelName, version: &Version) -> bool {
        self.pins.iter().any(|pin| pin.name == *name && pin.version == *version)
    }

    /// Adds a pin, or replaces the one of the same file.
    pub fn set(&mut self, pin: Pin) {
        self.pins.retain(|other| {
            (&other.name, &other.version, &other.file) != (&pin.name, &pin.version, &pin.file)
        });
        self.pins.push(pin);
        self.pins.sort();
    }

    /// Adds a pin, unless there is one of the same file. Says whether it did.
    fn set_new(&mut self, path: &Path, pin: Pin) -> Result<bool, Error> {
        match self.get(&pin.name, &pin.version, &pin.file) {
            None => {
                self.set(pin);
                Ok(true)
            }
            // The same bytes from another registry are the same bytes.
            Some(known) if known.sha256 == pin.sha256 => Ok(false),
            Some(known) => {
                let (path, pinned) = (path.to_owned(), Box::new(known.clone()));
                Err(LockError::Conflict { path, pinned, other: Box::new(pin) }.into())
            }
        }
    }

    /// Adds the pins of `other`; where both have one, that of `other` stays.
    pub fn merge(&mut self, other: &Self) {
        for pin in &other.pins {
            self.set(pin.clone());
        }
    }

    /// Writes the file in one step. The same pins give the same bytes.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LockEncode`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let raw = RawLockFile { schema: LOCK_SCHEMA, pins: self.pins.clone() };
        let text = toml::to_string(&raw)
            .map_err(|source| Error::LockEncode { path: path.to_owned(), source })?;
        let text = format!("# Written by zoo. Commit it to get the same bytes everywhere.\n{text}");
        atomic::write(path, text.as_bytes())
    }

    /// Adds `pin` to the file at `path`, keeping what others wrote meanwhile.
    ///
    /// # Errors
    /// As [`LockFile::pin_all`].
    pub fn add(path: &Path, pin: Pin) -> Result<(), Error> {
        Self::pin_all(path, vec![pin]).map(drop)
    }

    /// Adds `pins` to the file at `path` in one write, keeping what others wrote meanwhile.
    /// A file that is pinned to the same digest already stays as it is, also if it came from
    /// another registry; where all are, nothing is written. Gives how many are new.
    ///
    /// # Errors
    /// [`LockError::Conflict`] if a file is pinned to another digest: then nothing is
    /// written. To change a pin, [`LockFile::set`] it and [`LockFile::write`].
    /// [`LockError::Busy`]; as [`LockFile::read`] and [`LockFile::write`].
    pub fn pin_all(path: &Path, pins: Vec<Pin>) -> Result<usize, Error> {
        Self::pin_all_with(path, pins, Locks::System)
    }

    /// As [`LockFile::pin_all`], with locks of a given kind. Where they lie, a pin that
    /// another process adds at the same moment may be lost; it is pinned again when its model
    /// is pulled again.
    ///
    /// # Errors
    /// As [`LockFile::pin_all`].
    pub fn pin_all_with(path: &Path, pins: Vec<Pin>, locks: Locks) -> Result<usize, Error> {
        let mut lock = Self::read(path)?;
        // A locked project is only read, and its directory may not be writable.
        if lock.add_all(path, &pins)? == 0 {
            return Ok(0);
        }
        atomic::create_dir_all(atomic::parent_of(path))?;
        guarded(path, locks, || {
            let mut lock = Self::read(path)?;
            let added = lock.add_all(path, &pins)?;
            if added > 0 {
                lock.write(path)?;
            }
            Ok(added)
        })
    }

    fn add_all(&mut self, path: &Path, pins: &[Pin]) -> Result<usize, Error> {
        let mut added = 0;
        for pin in pins {
            added += usize::from(self.set_new(path, pin.clone())?);
        }
        Ok(added)
    }
}

/// Runs `change`, which reads the file at `path` and replaces it, while no other process
/// does so.
pub(crate) fn guarded<T>(
    path: &Path,
    locks: Locks,
    change: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let guard = FileLock::acquire(&guard_path(path), Mode::Exclusive, GUARD_PATIENCE, locks);
    let _guard = match guard {
        Ok(guard) => Some(guard),
        Err(LockFailure::Busy(holder)) => {
            let path = path.to_owned();
            return Err(LockError::Busy { path, holder, waited: GUARD_PATIENCE }.into());
        }
        // Without locks; if nothing can be written here, `change` says so.
        Err(LockFailure::Impossible(_)) => None,
    };
    change()
}

/// The text of the file at `path`, if there is one.
pub(crate) fn read_bounded(path: &Path) -> Result<Option<String>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    let mut text = String::new();
    file.take(MAX_LOCK_BYTES + 1).read_to_string(&mut text).map_err(Error::io("read", path))?;
    if text.len() as u64 > MAX_LOCK_BYTES {
        let path = path.to_owned();
        return Err(LockError::TooLarge { path, limit: MAX_LOCK_BYTES }.into());
    }
    Ok(Some(text))
}

fn is_conflict_marker(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    line.starts_with(word) && matches!(word, "<<<<<<<" | "|||||||" | "=======" | ">>>>>>>")
}
