//! Gzip, as RFC 1952 has it: one or more members in a row, and nothing after the last.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use flate2::Crc;

use super::error::ArchiveFault;
use super::inflate::{Inflate, fill};
use super::limits::Limits;
use super::source::{CHUNK_BYTES, Source};

/// The first two bytes of every gzip member.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Longest file name or comment in a header; nobody reads them.
const MAX_TEXT_BYTES: usize = 1 << 16;

const HEADER: &str = "a gzip header";
const TRAILER: &str = "a gzip trailer";

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// What all members of a gzip file unpack to.
pub(super) struct Gunzip {
    input: BufReader<File>,
    /// Bytes of the file that were consumed.
    at: u64,
    inflate: Inflate,
    state: State,
    written: u64,
    limits: Limits,
    /// Most bytes that may come out.
    max_bytes: u64,
}

enum State {
    /// Between members, of which this many were read.
    Between(u64),
    /// In the member with this number, whose deflate stream began here.
    Inside(u64, u64),
    End,
}

impl Gunzip {
    pub(super) fn new(file: File, limits: &Limits, max_bytes: u64) -> Self {
        Self {
            input: BufReader::with_capacity(CHUNK_BYTES, file),
            at: 0,
            inflate: Inflate::new(),
            state: State::Between(0),
            written: 0,
            limits: *limits,
            max_bytes,
        }
    }

    /// Bytes that came out so far.
    pub(super) fn bytes_out(&self) -> u64 {
        self.written
    }

    /// Begins the next member, if there is one.
    fn next_member(&mut self, members: u64) -> Result<(), ArchiveFault> {
        let head = fill(&mut self.input)?;
        if head.is_empty() && members > 0 {
            self.state = State::End;
            return Ok(());
        }
        // Only the first byte is sure to be in the buffer; the rest is checked below.
        if members > 0 && head[0] != MAGIC[0] {
            return Err(ArchiveFault::TrailingData { at: self.at });
        }
        let start = self.at;
        self.header(start, members)?;
        self.inflate.reset();
        self.state = State::Inside(members + 1, self.at);
        Ok(())
    }

    fn header(&mut self, start: u64, members: u64) -> Result<(), ArchiveFault> {
        let malformed = |why| ArchiveFault::malformed(HEADER, start, why);
        let mut crc = Crc::new();
        let fixed: [u8; 10] = self.take(start, HEADER)?;
        crc.update(&fixed);
        let [magic_0, magic_1, method, flags, ..] = fixed;
        if [magic_0, magic_1] != MAGIC {
            return Err(match members {
                0 => malformed("it does not begin with 1f 8b"),
                _ => ArchiveFault::TrailingData { at: start },
            });
        }
        if method != 8 {
            return Err(malformed("its method is not deflate"));
        }
        if flags & FLAGS_RESERVED != 0 {
            return Err(malformed("reserved flags are set"));
        }
        if flags & FLAG_EXTRA != 0 {
            let length: [u8; 2] = self.take(start, HEADER)?;
            crc.update(&length);
            for _ in 0..u16::from_le_bytes(length) {
                let byte: [u8; 1] = self.take(start, HEADER)?;
                crc.update(&byte);
            }
        }
        for flag in [FLAG_NAME, FLAG_COMMENT] {
            if flags & flag == 0 {
                continue;
            }
            let mut length = 0;
            loop {
                let byte: [u8; 1] = self.take(start, HEADER)?;
                crc.update(&byte);
                if byte == [0] {
                    break;
                }
                length += 1;
                if length > MAX_TEXT_BYTES {
                    return Err(malformed("its name or comment is too long"));
                }
            }
        }
        if flags & FLAG_HEADER_CRC != 0 {
            let expected: [u8; 2] = self.take(start, HEADER)?;
            if u16::from_le_bytes(expected) != crc.sum() as u16 {
                return Err(malformed("its checksum is wrong"));
            }
        }
        Ok(())
    }

    fn trailer(&mut self) -> Result<(), ArchiveFault> {
        let start = self.at;
        let expected = u32::from_le_bytes(self.take(start, TRAILER)?);
        let length = u32::from_le_bytes(self.take(start, TRAILER)?);
        let got = self.inflate.crc();
        if expected != got {
            return Err(ArchiveFault::Checksum { member: String::new(), expected, got });
        }
        if length != self.inflate.bytes_out() as u32 {
            return Err(ArchiveFault::Size { member: String::new(), expected: length.into() });
        }
        Ok(())
    }

    fn take<const N: usize>(
        &mut self,
        start: u64,
        what: &'static str,
    ) -> Result<[u8; N], ArchiveFault> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            let [first, ..] = fill(&mut self.input)? else {
                return Err(ArchiveFault::Truncated { what, at: start });
            };
            *byte = *first;
            self.input.consume(1);
            self.at += 1;
        }
        Ok(bytes)
    }
}

impl Source for Gunzip {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveFault> {
        loop {
            let (members, start) = match self.state {
                State::End => return Ok(0),
                State::Between(members) => {
                    self.next_member(members)?;
                    continue;
                }
                State::Inside(members, start) => (members, start),
            };
            // One byte more than is left shows that there is more.
            let left = self.max_bytes.saturating_sub(self.written).saturating_add(1);
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let before = self.inflate.bytes_in();
            let n = self.inflate.decode(&mut self.input, &mut buffer[..most], start)?;
            self.at += self.inflate.bytes_in() - before;
            if n == 0 {
                self.trailer()?;
                self.state = State::Between(members);
                continue;
            }
            self.written += n as u64;
            if self.written > self.max_bytes {
                let what = "the unpacked size in bytes";
                return Err(ArchiveFault::Limit { what, limit: self.max_bytes });
            }
            // Of the whole file: a bomb may be spread over many members.
            self.limits.check_ratio(self.written, self.at)?;
            return Ok(n);
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<bool, ArchiveFault> {
        let mut buffer = vec![0; CHUNK_BYTES.min(usize::try_from(bytes).unwrap_or(CHUNK_BYTES))];
        let mut left = bytes;
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.read(&mut buffer[..most])? {
                0 => return Ok(false),
                n => left -= n as u64,
            }
        }
        Ok(true)
    }
}
