//! Reading whole files that may not be large.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::Error;

/// The file at `path`, which has at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(Error::io("open", path))?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::EntryTooLarge {
            origin: path.display().to_string(),
            bytes: bytes.len() as u64,
            limit,
        });
    }
    Ok(bytes)
}

/// The same, as text.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    String::from_utf8(read(path, limit)?).map_err(|_| Error::EntryInvalid {
        origin: path.display().to_string(),
        problems: vec!["it is not UTF-8".to_owned()],
    })
}
