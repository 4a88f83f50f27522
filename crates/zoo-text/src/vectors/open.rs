//! A file of word vectors, plain or gzipped.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{HEAD, Layout, Policy, Reader, detect};
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
        let read =
            unzipped(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Self::new(read, policy)
    }
}

/// The layout of the file at `path`, plain or gzipped; `None` where it holds no word vectors.
///
/// # Errors
///
/// Where it cannot be opened or read. What is gzipped and damaged counts as far as it unzips.
pub fn detect_file(path: impl AsRef<Path>) -> std::io::Result<Option<Layout>> {
    let mut head = Vec::new();
    let mut file = unzipped(path.as_ref())?.take(HEAD as u64);
    match file.read_to_end(&mut head) {
        Err(error) if !is_of_gzip(&error) => Err(error),
        _ => Ok(detect(&head)),
    }
}

/// Whether an error is that of bytes that are gzipped, not of the file.
fn is_of_gzip(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
    )
}

fn unzipped(path: &Path) -> std::io::Result<Opened> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
    Ok(if file.fill_buf()?.starts_with(&GZIP) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}
