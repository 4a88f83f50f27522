//! Files that were made from blobs: what they were made from, and when they were last used.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;

use super::{Store, StoreError, stamp};

const NOTE_SCHEMA: u32 = 1;

/// Most bytes of a note.
const MAX_NOTE_BYTES: u64 = 1 << 16;

/// A note beside a derived file; its time of modification is that of the last use.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    schema: u32,
    sources: Vec<Sha256Digest>,
}

impl Store {
    /// Notes that `path`, a file directly in `CACHE/bundles` or `CACHE/features`, was made
    /// from the blobs of `sources` and is being used. Call it after writing such a file and
    /// before each use.
    ///
    /// A cache that cannot be written to is no error: it is not collected either.
    ///
    /// # Errors
    /// [`StoreError::NotDerived`].
    pub fn note_derived(&self, path: &Path, sources: &[Sha256Digest]) -> Result<(), Error> {
        let note_path = self.note_path(path).ok_or_else(|| StoreError::not_derived(path))?;
        let note = Note { schema: NOTE_SCHEMA, sources: sources.to_vec() };
        if read(&note_path).as_ref() == Some(&note) {
            stamp::note_use(&note_path);
        } else if let Ok(json) = serde_json::to_vec(&note) {
            let _ = atomic::write_carelessly(&note_path, &json);
        }
        Ok(())
    }

    /// What the derived file at `path` was made from, if that was noted.
    pub(super) fn sources_of(&self, path: &Path) -> Option<Vec<Sha256Digest>> {
        Some(read(&self.note_path(path)?)?.sources)
    }

    /// Where the note about the derived file at `path` is.
    pub(super) fn note_path(&self, path: &Path) -> Option<PathBuf> {
        let dir = path.parent()?;
        let folder = ["bundles", "features"].into_iter().find(|f| self.root().join(f) == dir)?;
        Some(self.root().join("stamps").join(folder).join(path.file_name()?))
    }
}

/// The note at `path`; one that is broken or of the future is none.
fn read(path: &Path) -> Option<Note> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_NOTE_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok().filter(|note: &Note| note.schema == NOTE_SCHEMA)
}
