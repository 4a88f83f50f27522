//! Where the bytes of a tar come from: a file, or the gzip stream in one.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::error::ArchiveFault;

/// How many bytes move at once.
pub(super) const CHUNK_BYTES: usize = 1 << 16;

/// Bytes in order, some of which may be skipped.
pub(super) trait Source {
    /// Reads up to `buffer.len()` bytes. 0 means the end, where everything was checked that
    /// can be checked.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveFault>;

    /// Passes over `bytes`; says whether there were that many.
    fn skip(&mut self, bytes: u64) -> Result<bool, ArchiveFault>;

    /// Fills `buffer` as far as there are bytes; gives how many came.
    fn read_full(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveFault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }
}

/// A plain file, with its length when it was opened.
pub(super) struct Plain {
    reader: BufReader<File>,
    at: u64,
    length: u64,
}

impl Plain {
    pub(super) fn new(file: File, length: u64) -> Self {
        Self { reader: BufReader::with_capacity(CHUNK_BYTES, file), at: 0, length }
    }
}

impl Source for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveFault> {
        let n = read_some(&mut self.reader, buffer)?;
        self.at += n as u64;
        Ok(n)
    }

    fn skip(&mut self, bytes: u64) -> Result<bool, ArchiveFault> {
        // Seeking beyond the end would succeed.
        if bytes > self.length.saturating_sub(self.at) {
            return Ok(false);
        }
        let Ok(offset) = i64::try_from(bytes) else {
            return Ok(false);
        };
        self.reader.seek_relative(offset).map_err(ArchiveFault::Read)?;
        self.at += bytes;
        Ok(true)
    }
}

/// Opens a plain file; gives its length too.
pub(super) fn open(path: &Path) -> Result<(File, u64), ArchiveFault> {
    // Before it is opened: opening a fifo waits for somebody to write to it.
    if !fs::metadata(path).map_err(ArchiveFault::Read)?.is_file() {
        return Err(ArchiveFault::NotAFile);
    }
    let file = File::open(path).map_err(ArchiveFault::Read)?;
    let length = file.metadata().map_err(ArchiveFault::Read)?.len();
    Ok((file, length))
}

/// One read that signals do not interrupt.
pub(super) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ArchiveFault> {
    loop {
        match reader.read(buffer) {
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveFault::Read(error)),
        }
    }
}

/// Passes `bytes` on to the caller's writer.
pub(super) fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), ArchiveFault> {
    out.write_all(bytes).map_err(ArchiveFault::Write)
}
