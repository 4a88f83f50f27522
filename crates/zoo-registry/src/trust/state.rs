//! What is remembered about one trusted registry, in a file that notices damage.
//!
//! ```text
//! {"sha256":"<digest of the lines between>","state":
//! {"schema":1,"location":…,"name":…,"seen":{"counter":…,"sha256":…,"keys":[…],"at":…}}
//! }
//! ```
//!
//! A digit that changed in the counter would otherwise open the door to a rollback, or close
//! it on every index to come.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::TrustError;
use super::key::KeyId;
use super::time::Timestamp;
use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::schema::SchemaOnly;

/// The state schema that this version writes and the newest it reads.
pub(super) const STATE_SCHEMA: u32 = 1;

/// Most bytes of a state file: all keys that a root can have, five times.
const MAX_STATE_BYTES: u64 = 64 << 10;

const HEAD: &str = "{\"sha256\":\"";
const STATE: &str = "\",\"state\":\n";
const TAIL: &str = "\n}\n";

/// The contents of `state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) schema: u32,
    pub(super) location: String,
    pub(super) name: String,
    pub(super) seen: Option<Seen>,
}

/// The newest index that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Seen {
    /// Its counter.
    pub counter: u64,
    /// The digest of its payload.
    pub sha256: Sha256Digest,
    /// The keys that might sign the index at that time. Once the root has taken one of them
    /// away, that key may have been stolen and this counter made up: it is forgotten.
    pub keys: Vec<KeyId>,
    /// When it was verified.
    pub at: Timestamp,
}

impl State {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`TrustError::StateDamaged`], also where there is none; [`Error::FutureSchema`];
    /// [`Error::Io`].
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_file(path, MAX_STATE_BYTES)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|source| damaged(path, "it is not UTF-8", Some(Box::new(source))))?;
        let (digest, state) = text
            .strip_prefix(HEAD)
            .and_then(|rest| rest.strip_suffix(TAIL))
            .and_then(|rest| rest.split_once(STATE))
            .ok_or_else(|| damaged(path, "it is not laid out as it must be", None))?;
        if Sha256Digest::of(state.as_bytes()).to_hex() != digest {
            return Err(damaged(path, "its digest is not that of its contents", None));
        }
        let broken = |source: serde_json::Error| {
            damaged(path, "its contents cannot be read", Some(Box::new(source)))
        };
        let schema: SchemaOnly = serde_json::from_str(state).map_err(broken)?;
        schema.check(&path.display().to_string(), STATE_SCHEMA)?;
        serde_json::from_str(state).map_err(broken)
    }

    /// Writes the file in one step.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let state = serde_json::to_string(self)
            .map_err(|source| Error::Json { origin: path.display().to_string(), source })?;
        let digest = Sha256Digest::of(state.as_bytes()).to_hex();
        atomic::write(path, format!("{HEAD}{digest}{STATE}{state}{TAIL}").as_bytes())
    }
}

/// The bytes of a file without which a registry is not trusted.
pub(super) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => damaged(path, "it is missing", None),
        _ => Error::io("open", path)(error),
    })?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(damaged(path, "it is too long", None));
    }
    Ok(bytes)
}

pub(super) fn damaged(
    path: &Path,
    why: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
) -> Error {
    TrustError::StateDamaged { path: path.to_owned(), why, source }.into()
}
