//! A download under way: a file of our own, and what an earlier one left behind.
//!
//! Every download writes to a new file that no other process ever opens for writing. What an
//! earlier, broken-off download of the same key left is *copied* into it (and hashed on the
//! way), not taken over. So two processes never write to one file, and the bytes on disk are
//! the bytes that were hashed, even where a lock is granted to everyone, as on some network
//! file systems. The lock only decides whether a leftover may be used and then deleted.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::atomic::create_dir_all;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::error::Error;
use crate::store::{Store, children};

/// What identifies the object that a partial file is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validator {
    /// The url that the bytes came from.
    pub(crate) url: String,
    /// A strong `ETag`, or else `Last-Modified`, as it goes into `If-Range`.
    pub(crate) if_range: String,
}

/// A download under way.
pub(crate) struct Partial {
    path: PathBuf,
    /// Open for reading and writing, and locked, where locks work, until this is dropped.
    file: File,
    hasher: Sha256Hasher,
    validator: Option<Validator>,
    /// Leave the file behind for a later attempt when this is dropped.
    keep: bool,
}

impl Partial {
    /// Starts a download of `key`, with the longest leftover of it that is not in use.
    pub(crate) fn claim(store: &Store, key: &str) -> Result<Self, Error> {
        let dir = store.partial_dir();
        create_dir_all(&dir)?;
        let mut partial = Self::create(&dir, key)?;
        let mut leftovers = leftovers(&dir, key, &partial.path)?;
        // The longest first: the others are of no more use and go too.
        leftovers.sort_by_key(|(_, _, length)| std::cmp::Reverse(*length));
        for (path, mut file, length) in leftovers {
            if partial.length() == 0 && length > 0 {
                partial.copy_from(&mut file, &path)?;
                partial.validator = read_validator(&path);
                partial.save_validator();
            }
            drop(file);
            let _ = fs::remove_file(sidecar(&path));
            let _ = fs::remove_file(&path);
        }
        Ok(partial)
    }

    fn create(dir: &Path, key: &str) -> Result<Self, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{key}.{}-{count}.part", process::id()));
            let created = File::options().read(true).write(true).create_new(true).open(&path);
            match created {
                Ok(file) => {
                    // Without locks this is only less thrifty, never wrong.
                    let _ = file.try_lock();
                    return Ok(Self {
                        path,
                        file,
                        hasher: Sha256Hasher::new(),
                        validator: None,
                        keep: false,
                    });
                }
                // A leftover of an earlier process with our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", &path)(error)),
            }
        }
    }

    fn copy_from(&mut self, from: &mut File, path: &Path) -> Result<(), Error> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => self.write(&buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", path)(error)),
            }
        }
    }

    /// How many bytes are there.
    pub(crate) fn length(&self) -> u64 {
        self.hasher.bytes()
    }

    /// The digest of the bytes that are there.
    pub(crate) fn digest(&self) -> Sha256Digest {
        self.hasher.finish()
    }

    /// The validator of these bytes, if they came from `url`.
    pub(crate) fn validator_for(&self, url: &str) -> Option<&Validator> {
        self.validator.as_ref().filter(|v| v.url == url)
    }

    /// Notes what the bytes are a part of, so that a later process can go on.
    pub(crate) fn set_validator(&mut self, validator: Option<Validator>) {
        if self.validator != validator {
            self.validator = validator;
            self.save_validator();
        }
    }

    fn save_validator(&self) {
        let path = sidecar(&self.path);
        // The worst that a lost validator costs is a download from the start.
        match self.validator.as_ref().and_then(|v| serde_json::to_vec(v).ok()) {
            Some(json) => {
                let _ = fs::write(path, json);
            }
            None => {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::io("write to", &self.path))?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        self.set_validator(None);
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(Error::io("truncate", &self.path))?;
        self.hasher = Sha256Hasher::new();
        Ok(())
    }

    /// Leaves the bytes for a later attempt.
    pub(crate) fn keep(&mut self) {
        self.keep = self.length() > 0 && self.validator.is_some();
    }

    /// Makes the complete file a blob.
    pub(crate) fn install(mut self, store: &Store) -> Result<PathBuf, Error> {
        let digest = self.digest();
        match store.install(&self.file, &self.path, &digest) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                self.install_copy(store, &digest)
            }
            installed => installed,
        }
    }

    /// Somebody who was granted our lock finished first and removed our name. Our bytes are
    /// still there behind the open file.
    fn install_copy(&mut self, store: &Store, digest: &Sha256Digest) -> Result<PathBuf, Error> {
        if let Some(path) = store.open_verified(digest, Some(self.length())) {
            return Ok(path);
        }
        let mut copy = Self::create(&store.partial_dir(), &digest.to_hex())?;
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("read", &self.path))?;
        copy.copy_from(&mut self.file, &self.path)?;
        store.install(&copy.file, &copy.path, digest)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.keep {
            // Bytes that never reached the disk would only fail the digest later.
            let _ = self.file.sync_data();
        } else {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(sidecar(&self.path));
        }
    }
}

/// Where the validator of the partial file at `path` is.
fn sidecar(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Partial files of `key` that nobody is using: path, the locked file, length.
fn leftovers(dir: &Path, key: &str, own: &Path) -> Result<Vec<(PathBuf, File, u64)>, Error> {
    let prefix = format!("{key}.");
    let mut found = Vec::new();
    for path in children(dir)? {
        let named = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(&prefix));
        if !named || path == own || path.extension().is_none_or(|e| e != "part") {
            continue;
        }
        // It may be gone, or not a file: then it is of no use.
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
            continue;
        }
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        if metadata.is_file() {
            found.push((path, file, metadata.len()));
        }
    }
    Ok(found)
}

/// The validator beside `path`, if it can be read; anything odd is as good as none.
fn read_validator(path: &Path) -> Option<Validator> {
    let mut text = String::new();
    File::open(sidecar(path)).ok()?.take(1 << 16).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    fn validator() -> Validator {
        Validator { url: "http://a/b".to_owned(), if_range: "\"1\"".to_owned() }
    }

    #[test]
    fn a_leftover_is_copied_and_removed() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hello").unwrap();
        first.keep();
        drop(first);
        let second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 5);
        assert_eq!(second.digest(), Sha256Digest::of(b"hello"));
        assert!(second.validator_for("http://a/b").is_some());
        assert!(second.validator_for("http://other/b").is_none());
        drop(second);
        assert!(children(&store.partial_dir()).unwrap().is_empty());
    }

    #[test]
    fn a_partial_file_in_use_is_left_alone() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hello").unwrap();
        let second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 0);
        assert!(first.path.exists());
    }

    /// What happens where everyone gets the lock: the second takes over what the first is
    /// still writing, and both end with a right blob.
    #[test]
    fn fault_066_a_lock_that_lies() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hel").unwrap();
        first.file.unlock().unwrap();
        let mut second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 3);
        assert!(!first.path.exists());
        first.write(b"XX").unwrap();
        second.write(b"lo").unwrap();
        let blob = second.install(&store).unwrap();
        first.restart().unwrap();
        assert_eq!(fs::read(&blob).unwrap(), b"hello");
        first.write(b"other").unwrap();
        let other = first.install(&store).unwrap();
        assert_eq!(fs::read(other).unwrap(), b"other");
        assert_eq!(fs::read(blob).unwrap(), b"hello");
    }
}
