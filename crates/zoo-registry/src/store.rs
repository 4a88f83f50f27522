//! The store: files under the digest of their contents.
//!
//! ```text
//! CACHE/blobs/sha256/ab/<64 digits>   complete files, never written to again
//! CACHE/partial/<key>.<unique>.part   downloads under way or broken off
//! CACHE/partial/<key>.<unique>.json   the validator of such a download
//! CACHE/index/<digest of url>.json    the last index seen of a remote registry
//! CACHE/zoo.lock                      digests pinned on first sight
//! ```
//!
//! A blob appears by one rename of a file whose digest was taken while it was written and
//! which was flushed before; a reader sees all of it or nothing. Nobody ever opens a blob
//! for writing. Any file here may be deleted at any time, at the price of a new download.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::atomic::{create_dir_all, parent_of, sync_dir};
use crate::digest::Sha256Digest;
use crate::error::Error;

/// A content-addressed store in a cache directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// All bytes are right; this many.
    Intact(u64),
    /// There is no such blob.
    Missing,
    /// The bytes were wrong and had this digest; the blob was removed.
    RemovedCorrupt(Sha256Digest),
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
        Ok(Self { root })
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

    /// The path of a blob that is there and has its exact size, where that is known.
    ///
    /// Cheap: the bytes were verified when they came and are not read again. See
    /// [`Store::verify`] for that.
    pub fn open_verified(&self, digest: &Sha256Digest, exact_size: Option<u64>) -> Option<PathBuf> {
        let path = self.blob_path(digest);
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let empty = metadata.len() == 0 && *digest != Sha256Digest::of(b"");
        let sized = exact_size.is_none_or(|size| size == metadata.len());
        (sized && !empty).then_some(path)
    }

    /// Reads all of a blob and compares its digest. A corrupt blob is removed, so that the
    /// next pull fetches it again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn verify(&self, digest: &Sha256Digest) -> Result<BlobState, Error> {
        let path = self.blob_path(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(BlobState::Missing);
            }
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        let (got, size) = Sha256Digest::of_reader(&mut file).map_err(Error::io("read", &path))?;
        if got == *digest {
            return Ok(BlobState::Intact(size));
        }
        drop(file);
        self.remove(digest)?;
        Ok(BlobState::RemovedCorrupt(got))
    }

    /// Removes a blob; says whether there was one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, digest: &Sha256Digest) -> Result<bool, Error> {
        let path = self.blob_path(digest);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", &path)(error)),
        }
    }

    /// Stores `bytes` and gives their digest and path.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn insert(&self, bytes: &[u8]) -> Result<(Sha256Digest, PathBuf), Error> {
        let digest = Sha256Digest::of(bytes);
        if let Some(path) = self.open_verified(&digest, Some(bytes.len() as u64)) {
            return Ok((digest, path));
        }
        let dir = self.partial_dir();
        create_dir_all(&dir)?;
        let mut temporary = tempfile::Builder::new()
            .prefix("insert.")
            .suffix(".tmp")
            .tempfile_in(&dir)
            .map_err(Error::io("create a file in", &dir))?;
        temporary.write_all(bytes).map_err(Error::io("write to", temporary.path()))?;
        let path = self.install(temporary.as_file(), temporary.path(), &digest)?;
        Ok((digest, path))
    }

    /// Makes the finished file at `from`, whose bytes have `digest`, a blob.
    pub(crate) fn install(
        &self,
        file: &File,
        from: &Path,
        digest: &Sha256Digest,
    ) -> Result<PathBuf, Error> {
        let path = self.blob_path(digest);
        let parent = parent_of(&path);
        create_dir_all(parent)?;
        file.sync_all().map_err(Error::io("flush", from))?;
        // A virus scanner or indexer may hold the file for a moment: once more, then fail.
        fs::rename(from, &path)
            .or_else(|_| fs::rename(from, &path))
            .map_err(Error::io("rename into the store", from))?;
        sync_dir(parent);
        Ok(path)
    }

    /// Every blob with its size in bytes, in the order of digests. Stray files are left out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn blobs(&self) -> Result<Vec<(Sha256Digest, u64)>, Error> {
        let top = self.root.join("blobs").join("sha256");
        let mut blobs = Vec::new();
        for fan in children(&top)? {
            if !fan.is_dir() {
                continue;
            }
            for path in children(&fan)? {
                let Some(digest) =
                    path.file_name().and_then(|name| name.to_str()?.parse::<Sha256Digest>().ok())
                else {
                    continue;
                };
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                if metadata.is_file() && self.blob_path(&digest) == path {
                    blobs.push((digest, metadata.len()));
                }
            }
        }
        blobs.sort_unstable();
        Ok(blobs)
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
