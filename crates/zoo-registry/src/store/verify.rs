//! Whether the bytes of a blob are right: by its stamp, or by reading them.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::PathBuf;

use crate::digest::Sha256Digest;
use crate::error::Error;

use super::Store;
use super::inventory::Kind;
use super::stamp::{self, Stamp};

/// What [`Store::check`] and [`Store::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// All bytes are right; this many.
    Intact(u64),
    /// There is no such blob.
    Missing,
    /// The bytes were wrong and had this digest; the blob was removed.
    RemovedCorrupt(Sha256Digest),
}

/// How far [`Store::verify_all`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Blobs that were read.
    pub blobs: usize,
    /// Blobs that there are.
    pub all_blobs: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that there are.
    pub all_bytes: u64,
}

/// What [`Store::verify_all`] found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// How many blobs are right.
    pub intact: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// The blobs that are not.
    pub corrupt: Vec<CorruptBlob>,
    /// The blobs that cannot be read, and why.
    pub unreadable: Vec<Error>,
    /// Bundles that are empty, which none can be: they appear by a rename. Those with contents
    /// are for others to judge, and so are features files, lists that grow and begin empty.
    pub empty: Vec<PathBuf>,
    /// Files, links and directories that do not belong here.
    pub stray: Vec<PathBuf>,
}

/// A blob whose bytes are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptBlob {
    /// The digest that it should have.
    pub digest: Sha256Digest,
    /// The digest that it has.
    pub found: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it was removed.
    pub removed: bool,
}

/// What reading a blob gave.
enum Read {
    Right(u64),
    Wrong { found: Sha256Digest, size: u64 },
    Missing,
}

impl VerifyReport {
    /// Whether nothing is wrong. Stray files are not wrong.
    pub fn is_clean(&self) -> bool {
        self.corrupt.is_empty() && self.unreadable.is_empty() && self.empty.is_empty()
    }
}

impl Store {
    /// Whether the blob of `digest` is here and right, and has its exact size where that is
    /// known; notes that it is being used.
    ///
    /// Reads no bytes if the blob looks as it did when they were last read (some tens of
    /// microseconds, whatever its size). Else reads all of them; a corrupt blob is removed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn check(
        &self,
        digest: &Sha256Digest,
        exact_size: Option<u64>,
    ) -> Result<BlobState, Error> {
        let state = match self.believed(digest) {
            Some(size) => {
                stamp::note_use(&self.stamp_path(digest));
                BlobState::Intact(size)
            }
            None => self.verify(digest)?,
        };
        Ok(match state {
            // It is what its name says, and not what is asked for.
            BlobState::Intact(size) if exact_size.is_some_and(|exact| exact != size) => {
                BlobState::Missing
            }
            state => state,
        })
    }

    /// Reads all of a blob and compares its digest. A corrupt blob is removed, so that the
    /// next pull fetches it again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn verify(&self, digest: &Sha256Digest) -> Result<BlobState, Error> {
        match self.read_all(digest)? {
            Read::Right(size) => {
                stamp::note_use(&self.stamp_path(digest));
                Ok(BlobState::Intact(size))
            }
            Read::Missing => Ok(BlobState::Missing),
            Read::Wrong { found, .. } => {
                self.remove(digest)?;
                Ok(BlobState::RemovedCorrupt(found))
            }
        }
    }

    /// Reads every blob and compares its digest; looks for what does not belong here. With
    /// `dry_run` nothing is removed. `progress` is told after each blob.
    ///
    /// # Errors
    /// [`Error::Io`] where the cache itself cannot be read. What is wrong with a blob is in
    /// the report.
    pub fn verify_all(
        &self,
        dry_run: bool,
        mut progress: impl FnMut(VerifyProgress),
    ) -> Result<VerifyReport, Error> {
        let items = self.inventory()?;
        let blobs: Vec<(Sha256Digest, u64)> =
            items.iter().filter_map(|item| Some((item.digest()?, item.bytes))).collect();
        let mut at = VerifyProgress {
            blobs: 0,
            all_blobs: blobs.len(),
            bytes: 0,
            all_bytes: blobs.iter().map(|(_, bytes)| bytes).sum(),
        };
        let mut report = VerifyReport::default();
        for (digest, bytes) in blobs {
            match self.read_all(&digest) {
                Ok(Read::Right(size)) => {
                    report.intact += 1;
                    report.bytes += size;
                }
                Ok(Read::Wrong { found, size }) => {
                    let removed = !dry_run && self.remove(&digest)?;
                    report.corrupt.push(CorruptBlob { digest, found, size, removed });
                }
                // Another process removed it since the list was made.
                Ok(Read::Missing) => {}
                Err(error) => report.unreadable.push(error),
            }
            at.blobs += 1;
            at.bytes += bytes;
            progress(at);
        }
        for item in items {
            if item.kind == Kind::Stray {
                report.stray.push(item.path);
            } else if item.kind == Kind::Bundles && item.bytes == 0 {
                report.empty.push(item.path);
            }
        }
        Ok(report)
    }

    /// The size of the blob of `digest`, if its stamp still fits.
    pub(super) fn believed(&self, digest: &Sha256Digest) -> Option<u64> {
        let metadata = fs::symlink_metadata(self.blob_path(digest)).ok()?;
        let stamp = Stamp::read(&self.stamp_path(digest))?;
        let fits = metadata.is_file() && Stamp::of(digest, &metadata)? == stamp;
        fits.then_some(metadata.len())
    }

    /// Hashes a blob; stamps it if it is right and nobody wrote to it meanwhile.
    fn read_all(&self, digest: &Sha256Digest) -> Result<Read, Error> {
        let path = self.blob_path(digest);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            // A directory in its place is stray, not corrupt.
            Ok(_) => return Ok(Read::Missing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::Missing),
            Err(error) => return Err(Error::io("look at", &path)(error)),
        }
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::Missing),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        // What a link points to is not ours to settle.
        let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        let before = (!is_link && stamp::settle(&file)).then(|| file.metadata().ok()).flatten();
        let (found, size) = Sha256Digest::of_reader(&mut file).map_err(Error::io("read", &path))?;
        if found != *digest {
            return Ok(Read::Wrong { found, size });
        }
        if let (Some(before), Ok(after)) = (before, file.metadata()) {
            self.stamp_if_same(digest, &before, &after);
        }
        Ok(Read::Right(size))
    }

    fn stamp_if_same(&self, digest: &Sha256Digest, before: &Metadata, after: &Metadata) {
        let stamp = Stamp::of(digest, after);
        let path = self.stamp_path(digest);
        if let Some(stamp) = stamp
            && Stamp::of(digest, before).as_ref() == Some(&stamp)
            // To verify a blob is not to use it: an old stamp that fits stays old.
            && Stamp::read(&path).as_ref() != Some(&stamp)
        {
            stamp.write(&path);
        }
    }

    /// Stamps the blob that was just installed from `file`, all of whose bytes were hashed as
    /// they were written.
    pub(super) fn stamp_installed(&self, digest: &Sha256Digest, file: &File) {
        // By the open file: the name may be another process's blob already.
        if let Some(stamp) = file.metadata().ok().and_then(|m| Stamp::of(digest, &m)) {
            stamp.write(&self.stamp_path(digest));
        }
    }
}

/// Takes away the right to write to a blob; that to read stays as the umask made it.
#[cfg(unix)]
pub(super) fn make_read_only(file: &File) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Ok(metadata) = file.metadata() {
        let mode = (metadata.permissions().mode() & 0o444) | 0o400;
        // Some file systems have no modes. Nothing depends on it.
        let _ = file.set_permissions(fs::Permissions::from_mode(mode));
    }
}

/// Elsewhere a file that is read-only could not be removed or replaced either.
#[cfg(not(unix))]
pub(super) fn make_read_only(_: &File) {}
