//! Small files that belong to a checkpoint: handed over with it, or beside it.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::{ConvertOptions, Error};

/// More bytes than a configuration has.
const MAX_JSON: u64 = 1 << 20;

/// Where the file called `name` is that belongs to the one at `path`, if it is there.
fn companion(path: &Path, options: &ConvertOptions, name: &str) -> PathBuf {
    options.companions.get(name).cloned().unwrap_or_else(|| path.with_file_name(name))
}

/// The JSON in such a file; `None` where there is none.
pub(crate) fn json(
    path: &Path,
    options: &ConvertOptions,
    name: &str,
) -> Result<Option<Json>, Error> {
    let Some(bytes) = bytes(path, options, name, MAX_JSON)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Malformed {
        path: companion(path, options, name),
        format: "JSON",
        reason: error.to_string(),
    })
}

/// The bytes of such a file, at most `most`; `None` where there is none.
pub(crate) fn bytes(
    path: &Path,
    options: &ConvertOptions,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let file = companion(path, options, name);
    let read = || {
        let size = std::fs::metadata(&file)?.len();
        if size > most {
            let message = format!("{size} bytes, {most} are the most");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        std::fs::read(&file)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: file, source }),
        Ok(bytes) => Ok(Some(bytes)),
    }
}
