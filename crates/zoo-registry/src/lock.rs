//! The lock file: digests that were seen once and must be the same ever after.
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

use std::fs;
use std::io;
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::name::ModelName;

/// The schema that this version writes and the newest it reads.
pub const LOCK_SCHEMA: u32 = 1;

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

/// Only the schema, so that a file from the future is told from a broken one.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

impl LockFile {
    /// Reads the lock file at `path`; a missing one is empty.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::LockSyntax`], [`Error::FutureSchema`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let syntax = |source| Error::LockSyntax { path: path.to_owned(), source: Box::new(source) };
        let schema = toml::from_str::<SchemaOnly>(&text).map_err(syntax)?.schema;
        if schema > LOCK_SCHEMA {
            return Err(Error::FutureSchema {
                origin: path.display().to_string(),
                found: schema,
                supported: LOCK_SCHEMA,
            });
        }
        let raw: RawLockFile = toml::from_str(&text).map_err(syntax)?;
        let mut lock = Self::default();
        for pin in raw.pins {
            lock.set(pin);
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
    /// As [`LockFile::read`] and [`LockFile::write`].
    pub fn add(path: &Path, pin: Pin) -> Result<(), Error> {
        let guard_path = path.with_extension("lock.guard");
        atomic::create_dir_all(atomic::parent_of(path))?;
        // Where locks lie, a pin of another process may be lost and is taken again later.
        let guard = fs::File::create(&guard_path).map_err(Error::io("create", &guard_path))?;
        let _ = guard.lock();
        let mut lock = Self::read(path)?;
        lock.set(pin);
        lock.write(path)
    }
}
