//! The store: files under the digest of their contents.
//!
//! ```text
//! CACHE/blobs/sha256/ab/<64 digits>   complete files, never written to again
//! CACHE/stamps/ab/<64 digits>         what such a file looked like when it was last hashed
//! CACHE/stamps/bundles/<file name>    what a derived file was made from
//! CACHE/partial/<key>.<unique>.part   downloads under way or broken off
//! CACHE/partial/<key>.<unique>.json   the validator of such a download
//! CACHE/index/<digest of url>.json    the last index seen of a remote registry
//! CACHE/bundles/<key>.zoo             models that others converted
//! CACHE/features/<key>.features       features that others computed
//! CACHE/pins.toml                     what must stay, and why
//! CACHE/zoo.lock                      digests pinned on first sight
//! CACHE/in-use.lock                   shared by readers, taken alone to collect garbage
//! ```
//!
//! A blob appears by one rename of a file whose digest was taken while it was written and
//! which was flushed before; a reader sees all of it or nothing. Nobody ever opens a blob
//! for writing. Any file here may be deleted at any time, at the price of a new download.
//!
//! There are no links, and none are followed: what is a link here was put here by somebody
//! else, and neither it nor its target is ever removed.

mod clock;
mod derived;
mod error;
mod gc;
mod in_use;
mod inventory;
mod opened;
mod pins;
mod stamp;
mod usage;
mod verify;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::atomic::{self, create_dir_all, parent_of, sync_dir};
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::file_lock::Locks;

pub use error::StoreError;
pub use gc::{GcOptions, GcReport, Removed};
pub use in_use::InUse;
pub use inventory::Kind;
pub use pins::{CachePin, PinTarget};
pub use usage::{BlobUsage, KindUsage, Usage};
pub use verify::{BlobState, CorruptBlob, VerifyProgress, VerifyReport};

/// How the names of blobs that are being inserted begin.
const INSERT_PREFIX: &str = "insert.";

/// A content-addressed store in a cache directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    locks: Locks,
}

/// The cache directory of this user: `zoo` below the system's cache directory.
///
/// # Errors
/// [`Error::NoHome`].
pub fn default_cache_dir() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
    Ok(strategy.cache_dir().join("zoo"))
}

/// The folder of this user's settings: `zoo` below the system's configuration directory.
/// Unlike the cache, it must not be lost: it holds whom the user trusts.
///
/// # Errors
/// [`Error::NoHome`].
pub fn default_config_dir() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
    Ok(strategy.config_dir().join("zoo"))
}

impl Store {
    /// Opens the store in `root`, which is created if it is missing.
    ///
    /// A store that cannot be written to opens too: what is in it can be read.
    ///
    /// # Errors
    /// [`Error::CacheNotADirectory`], [`Error::Io`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Error::CacheNotADirectory { path: root }),
            Err(_) => {
                fs::create_dir_all(&root)
                    .map_err(Error::io("create the cache directory", &root))?;
            }
        }
        Ok(Self { root, locks: Locks::System })
    }

    /// The same store with locks of another kind.
    #[must_use]
    pub fn with_locks(mut self, locks: Locks) -> Self {
        self.locks = locks;
        self
    }

    /// The kind of its locks.
    pub fn locks(&self) -> Locks {
        self.locks
    }

    /// The cache directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the blob of `digest` is, or would be.
    pub fn blob_path(&self, digest: &Sha256Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.root.join("blobs").join("sha256").join(&hex[..2]).join(hex)
    }

    pub(crate) fn partial_dir(&self) -> PathBuf {
        self.root.join("partial")
    }

    fn stamp_path(&self, digest: &Sha256Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.root.join("stamps").join(&hex[..2]).join(hex)
    }

    fn in_use_path(&self) -> PathBuf {
        self.root.join("in-use.lock")
    }

    /// The path of a blob that is there and has its exact size, where that is known.
    ///
    /// Looks at the size only: for lists, and for callers that hash what they read. See
    /// [`Store::check`] for the others.
    pub fn open_verified(&self, digest: &Sha256Digest, exact_size: Option<u64>) -> Option<PathBuf> {
        let path = self.blob_path(digest);
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let empty = metadata.len() == 0 && *digest != Sha256Digest::of(b"");
        let sized = exact_size.is_none_or(|size| size == metadata.len());
        (sized && !empty).then_some(path)
    }

    /// Removes a blob; says whether there was one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, digest: &Sha256Digest) -> Result<bool, Error> {
        // The stamp first: killed in between, this leaves a blob that nobody believes.
        remove_file(&self.stamp_path(digest))?;
        remove_file(&self.blob_path(digest))
    }

    /// Stores `bytes` and gives their digest and path.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn insert(&self, bytes: &[u8]) -> Result<(Sha256Digest, PathBuf), Error> {
        let digest = Sha256Digest::of(bytes);
        if let BlobState::Intact(_) = self.check(&digest, None)? {
            return Ok((digest, self.blob_path(&digest)));
        }
        let path = self.install_from(&mut &bytes[..], &digest)?;
        Ok((digest, path))
    }

    /// Makes a copy of what `reader` gives, whose bytes have `digest`, a blob.
    pub(crate) fn install_from(
        &self,
        reader: &mut impl Read,
        digest: &Sha256Digest,
    ) -> Result<PathBuf, Error> {
        let dir = self.partial_dir();
        create_dir_all(&dir)?;
        let mut temporary = atomic::temporary_in(&dir, INSERT_PREFIX, ".tmp")?;
        io::copy(reader, &mut temporary).map_err(Error::write(temporary.path(), None))?;
        self.install(temporary.as_file(), temporary.path(), digest)
    }

    /// Makes the finished file at `from`, whose bytes have `digest`, a blob.
    pub(crate) fn install(
        &self,
        file: &File,
        from: &Path,
        digest: &Sha256Digest,
    ) -> Result<PathBuf, Error> {
        let path = self.blob_path(digest);
        // Somebody else was faster. To replace a file that others may have mapped gains nothing.
        if self.believed(digest).is_some() {
            let _ = fs::remove_file(from);
            stamp::note_use(&self.stamp_path(digest));
            return Ok(path);
        }
        let parent = parent_of(&path);
        create_dir_all(parent)?;
        let settled = stamp::settle(file);
        verify::make_read_only(file);
        file.sync_all().map_err(Error::io("flush", from))?;
        atomic::rename(from, &path).map_err(Error::io("rename into the store", from))?;
        sync_dir(parent);
        if settled {
            self.stamp_installed(digest, file);
        }
        Ok(path)
    }

    /// Every blob with its size in bytes, in the order of digests. Stray files are left out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn blobs(&self) -> Result<Vec<(Sha256Digest, u64)>, Error> {
        let items = inventory::blobs(&self.root)?;
        let mut blobs: Vec<_> =
            items.iter().filter_map(|item| Some((item.digest()?, item.bytes))).collect();
        blobs.sort_unstable();
        Ok(blobs)
    }
}

/// Removes a file; says whether there was one.
fn remove_file(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// The paths in `dir`; none if it is not there.
pub(crate) fn children(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read the directory", dir)(error)),
    };
    entries.map(|entry| Ok(entry.map_err(Error::io("read the directory", dir))?.path())).collect()
}
