//! A file of word vectors, plain or gzipped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{Policy, Reader};
use crate::Error;

/// What gzip begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Large enough that the system is asked rarely, small enough for the nearest caches.
const BUFFER: usize = 128 << 10;

/// A file that was opened, unzipped on the way.
pub type Opened = Box<dyn BufRead + Send>;

impl Reader<Opened> {
    /// Opens a file, plain or gzipped by its first bytes, and reads its header.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it cannot be opened, and those of [`Reader::new`].
    pub fn open(path: impl AsRef<Path>, policy: Policy) -> Result<Self, Error> {
        let path = path.as_ref();
        let open = || -> std::io::Result<Opened> {
            let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
            Ok(if file.fill_buf()?.starts_with(&GZIP) {
                Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
            } else {
                Box::new(file)
            })
        };
        let read = open().map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Self::new(read, policy)
    }
}
