//! One deflate stream, decoded by flate2 and counted by us.

use std::io::{self, BufRead};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::error::ArchiveFault;

/// A deflate stream under way: counts what goes in and comes out, sums what comes out.
pub(super) struct Inflate {
    state: Decompress,
    crc: Crc,
    read: u64,
    written: u64,
    done: bool,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { state: Decompress::new(false), crc: Crc::new(), read: 0, written: 0, done: false }
    }

    /// Begins a new stream.
    pub(super) fn reset(&mut self) {
        self.state.reset(false);
        self.crc.reset();
        (self.read, self.written, self.done) = (0, 0, false);
    }

    /// Bytes taken from the input so far.
    pub(super) fn bytes_in(&self) -> u64 {
        self.read
    }

    /// Bytes that came out so far.
    pub(super) fn bytes_out(&self) -> u64 {
        self.written
    }

    /// The CRC-32 of what came out so far.
    pub(super) fn crc(&self) -> u32 {
        self.crc.sum()
    }

    /// Decodes into `buffer`. 0 means that the stream was ended by its own mark; no byte
    /// after it was consumed. `at` is where the stream begins, for errors.
    pub(super) fn decode(
        &mut self,
        input: &mut impl BufRead,
        buffer: &mut [u8],
        at: u64,
    ) -> Result<usize, ArchiveFault> {
        const WHAT: &str = "a deflate stream";
        while !self.done {
            let available = fill(input)?;
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(available, buffer, FlushDecompress::None)
                .map_err(|error| ArchiveFault::malformed(WHAT, at, error.to_string()))?;
            let ended = available.is_empty();
            let consumed = (self.state.total_in() - before_in) as usize;
            let produced = (self.state.total_out() - before_out) as usize;
            input.consume(consumed);
            self.read += consumed as u64;
            self.written += produced as u64;
            self.crc.update(&buffer[..produced]);
            self.done = status == Status::StreamEnd;
            if produced > 0 {
                return Ok(produced);
            }
            if !self.done && ended {
                return Err(ArchiveFault::Truncated { what: WHAT, at });
            }
            if !self.done && consumed == 0 {
                return Err(ArchiveFault::malformed(WHAT, at, "it does not go on"));
            }
        }
        Ok(0)
    }
}

/// What is buffered, after a read if that is nothing; empty at the end.
pub(super) fn fill(input: &mut impl BufRead) -> Result<&[u8], ArchiveFault> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveFault::Read(error)),
        }
    }
    // What was read a moment ago is still in the buffer.
    input.fill_buf().map_err(ArchiveFault::Read)
}
