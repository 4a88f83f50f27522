//! Reading a zip at the offsets that it names, each checked against its length.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek as _, SeekFrom, Take};

use super::error::ArchiveFault;
use super::source::CHUNK_BYTES;

/// An open zip.
pub(super) struct ZipFile {
    reader: BufReader<File>,
    /// Where the reader is.
    at: u64,
    length: u64,
}

impl ZipFile {
    pub(super) fn new(file: File, length: u64) -> Self {
        Self { reader: BufReader::with_capacity(CHUNK_BYTES, file), at: 0, length }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset` on.
    pub(super) fn read_at(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
        what: &'static str,
    ) -> Result<(), ArchiveFault> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(ArchiveFault::Truncated { what, at: offset });
        }
        self.seek(offset)?;
        match self.reader.read_exact(buffer) {
            Ok(()) => {}
            // It became shorter since it was opened.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(ArchiveFault::Truncated { what, at: offset });
            }
            Err(error) => return Err(ArchiveFault::Read(error)),
        }
        self.at = offset + buffer.len() as u64;
        Ok(())
    }

    /// The `bytes` from `offset` on, to be streamed.
    pub(super) fn stream(
        mut self,
        offset: u64,
        bytes: u64,
    ) -> Result<BufReader<Take<BufReader<File>>>, ArchiveFault> {
        self.seek(offset)?;
        Ok(BufReader::with_capacity(CHUNK_BYTES, self.reader.take(bytes)))
    }

    /// Records are read in order mostly: what is buffered is kept.
    fn seek(&mut self, offset: u64) -> Result<(), ArchiveFault> {
        let moved = match i64::try_from(i128::from(offset) - i128::from(self.at)) {
            Ok(distance) => self.reader.seek_relative(distance),
            Err(_) => self.reader.seek(SeekFrom::Start(offset)).map(drop),
        };
        moved.map_err(ArchiveFault::Read)?;
        self.at = offset;
        Ok(())
    }
}
