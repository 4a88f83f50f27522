//! A member of an archive becomes a blob.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ArchiveKind, Limits, extract};
use crate::atomic::create_dir_all;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::error::Error;
use crate::store::Store;

/// Extracts `member` of the archive at `archive_blob` into the store; gives the digest, the
/// path and the size in bytes of the new blob.
///
/// The bytes go to a temporary in the store and are hashed on the way. It becomes a blob, by
/// one rename and after a flush, when the whole archive was found sound; a process killed
/// before that leaves a file in `partial/` and no blob. Archives in archives are taken out
/// one level at a time: the path given back may be an archive.
///
/// # Errors
/// [`Error::Archive`] if the archive is refused, [`Error::Io`] if the store cannot be
/// written to.
pub fn extract_into_store(
    store: &Store,
    archive_blob: &Path,
    kind: ArchiveKind,
    member: &str,
    limits: &Limits,
) -> Result<(Sha256Digest, PathBuf, u64), Error> {
    let dir = store.partial_dir();
    create_dir_all(&dir)?;
    let mut temporary = tempfile::Builder::new()
        .prefix("extract.")
        .suffix(".tmp")
        .tempfile_in(&dir)
        .map_err(Error::io("create a file in", &dir))?;
    let mut hashing = Hashing { file: temporary.as_file_mut(), hasher: Sha256Hasher::new() };
    let size = extract(archive_blob, kind, member, limits, &mut hashing)?;
    let digest = hashing.hasher.finish();
    if let Some(path) = store.open_verified(&digest, Some(size)) {
        return Ok((digest, path, size));
    }
    let path = store.install(temporary.as_file(), temporary.path(), &digest)?;
    Ok((digest, path, size))
}

/// Hashes what reaches the file, and nothing else.
struct Hashing<'a> {
    file: &'a mut File,
    hasher: Sha256Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
