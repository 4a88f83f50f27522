//! Files that are whole or not there: temporary in the same directory, flush, rename, flush
//! the directory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::error::Error;

/// How the names of temporaries begin. Those that a killed process left are found by it.
pub(crate) const TEMPORARY_PREFIX: &str = ".zoo-";

/// Waits before a rename is tried again: a virus scanner or an indexer may hold a file that
/// has just been written for a moment.
const RENAME_WAITS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(2),
    Duration::from_millis(10),
    Duration::from_millis(50),
];

/// Writes `bytes` to `path`, replacing what was there in one step.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes, File::sync_all)?;
    sync_dir(parent_of(path));
    Ok(())
}

/// As [`write()`], for what is no loss: it may be gone after a power cut.
pub(crate) fn write_carelessly(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes, |_| Ok(()))
}

/// Puts a temporary with `bytes`, after `flush`, in the place of `path`.
fn replace(
    path: &Path,
    bytes: &[u8],
    flush: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), Error> {
    let parent = parent_of(path);
    create_dir_all(parent)?;
    let mut temporary = temporary_in(parent, TEMPORARY_PREFIX, "")?;
    temporary
        .write_all(bytes)
        .and_then(|()| flush(temporary.as_file()))
        .map_err(Error::io("write", path))?;
    temporary.persist(path).map_err(|error| Error::io("replace", path)(error.error))?;
    Ok(())
}

/// A new file in `dir` that is removed when it is dropped.
///
/// It may be read by whom the user's umask allows, as a file that any other program
/// creates: a cache can be shared, and a lock file is committed.
pub(crate) fn temporary_in(dir: &Path, prefix: &str, suffix: &str) -> Result<NamedTempFile, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir).map_err(Error::io("create a file in", dir))
}

/// Renames `from` to `to`, with some patience.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    rename_with(from, to, |from, to| fs::rename(from, to))
}

fn rename_with(
    from: &Path,
    to: &Path,
    mut rename: impl FnMut(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    for wait in RENAME_WAITS {
        match rename(from, to) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !from.exists() {
                    return Err(error);
                }
                // The directory was removed since it was made.
                let _ = fs::create_dir_all(parent_of(to));
            }
            Err(_) => thread::sleep(wait),
        }
    }
    rename(from, to)
}

/// The directory that holds `path`.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates `dir` and what leads to it.
pub(crate) fn create_dir_all(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::io("create the directory", dir))
}

/// Makes a rename in `dir` survive a power cut, where the system can promise that.
///
/// Failure is ignored: Windows and some network file systems cannot open a directory, and
/// the worst that follows is a download that has to be repeated.
pub(crate) fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_078_a_rename_that_fails_once_or_always() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("sub/to"));
        fs::write(&from, "x").unwrap();
        let mut calls = 0;
        let held = || io::Error::from(io::ErrorKind::PermissionDenied);
        // Once held by another; then the directory is missing; then it works.
        rename_with(&from, &to, |from, to| {
            calls += 1;
            if calls == 1 { Err(held()) } else { fs::rename(from, to) }
        })
        .unwrap();
        assert_eq!(calls, 3);
        assert_eq!(fs::read(&to).unwrap(), b"x");
        let error = rename_with(&to, &from, |_, _| Err(held())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let error = rename(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read(&to).unwrap(), b"x");
    }
}
