//! Zips, record by record. Tests change bytes of the records at the offsets of the
//! specification, so each lie is where a reader would look for it.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Offsets in a local header.
pub(crate) mod local {
    pub(crate) const FLAGS: usize = 6;
    pub(crate) const METHOD: usize = 8;
    pub(crate) const CRC: usize = 14;
    pub(crate) const COMPRESSED: usize = 18;
    pub(crate) const SIZE: usize = 22;
    pub(crate) const EXTRA_LENGTH: usize = 28;
    pub(crate) const NAME: usize = 30;
}

/// Offsets in a record of the central directory.
pub(crate) mod central {
    pub(crate) const FLAGS: usize = 8;
    pub(crate) const METHOD: usize = 10;
    pub(crate) const CRC: usize = 16;
    pub(crate) const COMPRESSED: usize = 20;
    pub(crate) const SIZE: usize = 24;
    pub(crate) const EXTRA_LENGTH: usize = 30;
    pub(crate) const COMMENT_LENGTH: usize = 32;
    pub(crate) const DISK: usize = 34;
    pub(crate) const ATTRIBUTES: usize = 38;
    pub(crate) const OFFSET: usize = 42;
    pub(crate) const NAME: usize = 46;
}

/// What a zip has of one member.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) local: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    pub(crate) central: Vec<u8>,
}

impl Part {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        Self::new(name.as_bytes(), 0, content, content)
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        Self::new(name.as_bytes(), 8, content, &deflate(content))
    }

    pub(crate) fn directory(name: &str) -> Self {
        Self::stored(name, b"")
    }

    pub(crate) fn new(name: &[u8], method: u16, content: &[u8], packed: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(content);
        let mut shared = Vec::new();
        for field in [20, 0x800, method, 0, 0x21] {
            shared.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), packed.len() as u32, content.len() as u32] {
            shared.extend(field.to_le_bytes());
        }
        shared.extend((name.len() as u16).to_le_bytes());
        let local = [b"PK\x03\x04", &shared[..], &[0; 2], name].concat();
        let central = [b"PK\x01\x02\x14\x03", &shared[..], &[0; 16], name].concat();
        Self { local, content: packed.to_vec(), descriptor: Vec::new(), central }
    }

    /// Puts `bytes` at an offset of the central record.
    pub(crate) fn set_central(mut self, at: usize, bytes: &[u8]) -> Self {
        self.central[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Puts `bytes` at an offset of the local header.
    pub(crate) fn set_local(mut self, at: usize, bytes: &[u8]) -> Self {
        self.local[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Adds an extra field to the local header.
    pub(crate) fn extra_local(mut self, id: u16, value: &[u8]) -> Self {
        add_extra(&mut self.local, local::EXTRA_LENGTH, id, value);
        self
    }

    /// Adds an extra field to the central record.
    pub(crate) fn extra_central(mut self, id: u16, value: &[u8]) -> Self {
        add_extra(&mut self.central, central::EXTRA_LENGTH, id, value);
        self
    }

    /// Moves checksum and sizes behind the content, as writers to a pipe do.
    pub(crate) fn streamed(self, marked: bool, large: bool) -> Self {
        let numbers = self.local[local::CRC..local::SIZE + 4].to_vec();
        let mut part = self
            .set_local(local::FLAGS, &0x808_u16.to_le_bytes())
            .set_central(central::FLAGS, &0x808_u16.to_le_bytes())
            .set_local(local::CRC, &[0; 12]);
        if marked {
            part.descriptor.extend(b"PK\x07\x08");
        }
        part.descriptor.extend(&numbers[..4]);
        for size in numbers[4..].chunks(4) {
            part.descriptor.extend(size);
            part.descriptor.extend(&[0; 4][..if large { 4 } else { 0 }]);
        }
        part
    }

    /// Moves sizes into zip64 fields, in both records.
    pub(crate) fn zip64(self) -> Self {
        let [packed, size] = [local::COMPRESSED, local::SIZE]
            .map(|at| u64::from(u32::from_le_bytes(self.local[at..at + 4].try_into().unwrap())));
        let field = [size.to_le_bytes(), packed.to_le_bytes()].concat();
        self.set_local(local::COMPRESSED, &[0xff; 8])
            .set_central(central::COMPRESSED, &[0xff; 8])
            .extra_local(1, &field)
            .extra_central(1, &field)
    }
}

fn add_extra(record: &mut Vec<u8>, length_at: usize, id: u16, value: &[u8]) {
    record.extend(id.to_le_bytes());
    record.extend((value.len() as u16).to_le_bytes());
    record.extend(value);
    let old = u16::from_le_bytes([record[length_at], record[length_at + 1]]);
    let new = old + value.len() as u16 + 4;
    record[length_at..length_at + 2].copy_from_slice(&new.to_le_bytes());
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A zip with the parts in order and no lie of its own.
pub(crate) fn zip(parts: &[Part]) -> Vec<u8> {
    Layout::new(parts).end()
}

/// A zip up to its end record.
pub(crate) struct Layout {
    pub(crate) bytes: Vec<u8>,
    pub(crate) members: u16,
    pub(crate) directory_at: u32,
    pub(crate) directory_bytes: u32,
}

impl Layout {
    pub(crate) fn new(parts: &[Part]) -> Self {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for part in parts {
            let mut central = part.central.clone();
            // A test's own lie stays.
            let offset = central.get_mut(central::OFFSET..central::OFFSET + 4);
            if let Some(offset) = offset.filter(|offset| **offset == [0; 4]) {
                offset.copy_from_slice(&(bytes.len() as u32).to_le_bytes());
            }
            directory.extend(central);
            bytes.extend([&part.local[..], &part.content, &part.descriptor].concat());
        }
        let (directory_at, directory_bytes) = (bytes.len() as u32, directory.len() as u32);
        bytes.extend(directory);
        Self { bytes, members: parts.len() as u16, directory_at, directory_bytes }
    }

    /// The end record after it.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let end = self.end_record();
        self.bytes.extend(end);
        self.bytes
    }

    pub(crate) fn end_record(&self) -> Vec<u8> {
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend(self.members.to_le_bytes());
        end.extend(self.members.to_le_bytes());
        end.extend(self.directory_bytes.to_le_bytes());
        end.extend(self.directory_at.to_le_bytes());
        end.extend([0; 2]);
        end
    }

    /// The zip64 end record, and its locator.
    pub(crate) fn end64(&self) -> (Vec<u8>, Vec<u8>) {
        let members = u64::from(self.members).to_le_bytes();
        let mut record = b"PK\x06\x06".to_vec();
        record.extend(44_u64.to_le_bytes());
        record.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        record.extend(members);
        record.extend(members);
        record.extend(u64::from(self.directory_bytes).to_le_bytes());
        record.extend(u64::from(self.directory_at).to_le_bytes());
        let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
        locator.extend((self.bytes.len() as u64).to_le_bytes());
        locator.extend(1_u32.to_le_bytes());
        (record, locator)
    }
}
