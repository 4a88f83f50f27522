//! The files of models in a tree, under the digests of their contents.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::PublishError;
use super::files::{Files, Operation};
use crate::atomic::parent_of;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::error::Error;
use crate::tree::blob_path;

/// A file on its way into a tree. Dropped before [`BlobUpload::finish`], it was never there.
pub struct BlobUpload {
    files: Files,
    path: PathBuf,
    expected: Sha256Digest,
    limit: u64,
    hasher: Sha256Hasher,
    temporary: NamedTempFile,
}

impl BlobUpload {
    pub(super) fn begin(files: &Files, expected: Sha256Digest, limit: u64) -> Result<Self, Error> {
        let path = files.path(&blob_path(&expected));
        let temporary = files.temporary(parent_of(&path))?;
        let hasher = Sha256Hasher::new();
        Ok(Self { files: files.clone(), path, expected, limit, hasher, temporary })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`], [`Error::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.hasher.bytes() + bytes.len() as u64 > self.limit {
            let digest = Box::new(self.expected);
            return Err(PublishError::TooLarge { digest, limit: self.limit }.into());
        }
        self.temporary.write_all(bytes).map_err(Error::io("write to", self.temporary.path()))?;
        self.hasher.update(bytes);
        self.files.observer.advanced(bytes.len() as u64);
        Ok(())
    }

    /// Puts the file in its place, if its bytes are the right ones, and gives its size.
    ///
    /// # Errors
    /// [`PublishError::WrongDigest`]: nothing is kept then. [`Error::Io`].
    pub fn finish(self) -> Result<u64, Error> {
        let got = self.hasher.finish();
        if got != self.expected {
            let (expected, got) = (Box::new(self.expected), Box::new(got));
            return Err(PublishError::WrongDigest { expected, got }.into());
        }
        let bytes = self.hasher.bytes();
        self.temporary.as_file().sync_all().map_err(Error::io("flush", self.temporary.path()))?;
        self.files.observer.done(Operation::Wrote, &self.path);
        self.files.place(self.temporary, &self.path)?;
        Ok(bytes)
    }
}

impl Files {
    /// The size of a blob that is there, by its name: its bytes were right when it came.
    pub(super) fn blob_size(&self, digest: &Sha256Digest) -> Option<u64> {
        let metadata = self.path(&blob_path(digest)).symlink_metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Copies the file at `from` into the tree; one that is there with the right bytes stays.
    pub(super) fn add_blob(
        &self,
        digest: &Sha256Digest,
        from: &Path,
        limit: u64,
    ) -> Result<u64, Error> {
        let mut source = File::open(from).map_err(Error::io("open", from))?;
        let length = source.metadata().map_err(Error::io("read the size of", from))?.len();
        if length > limit {
            return Err(PublishError::TooLarge { digest: Box::new(*digest), limit }.into());
        }
        let path = self.path(&blob_path(digest));
        if self.blob_size(digest) == Some(length)
            && let Ok(mut there) = File::open(&path)
            && Sha256Digest::of_reader(&mut there).is_ok_and(|(found, _)| found == *digest)
        {
            // Somebody who has the digest and not the file has nothing to publish.
            let (found, _) =
                Sha256Digest::of_reader(&mut source).map_err(Error::io("read", from))?;
            if found != *digest {
                let (expected, got) = (Box::new(*digest), Box::new(found));
                return Err(PublishError::WrongDigest { expected, got }.into());
            }
            self.found(&path);
            return Ok(length);
        }
        let mut upload = BlobUpload::begin(self, *digest, limit)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return upload.finish(),
                Ok(n) => upload.write(&buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", from)(error)),
            }
        }
    }
}
