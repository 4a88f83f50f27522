//! Files that are whole or not there: temporary in the same directory, flush, rename, flush
//! the directory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::error::Error;

/// Writes `bytes` to `path`, replacing what was there in one step.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = parent_of(path);
    create_dir_all(parent)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".zoo-")
        .tempfile_in(parent)
        .map_err(Error::io("create a file in", parent))?;
    temporary
        .write_all(bytes)
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(Error::io("write", path))?;
    temporary.persist(path).map_err(|error| Error::io("replace", path)(error.error))?;
    sync_dir(parent);
    Ok(())
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
