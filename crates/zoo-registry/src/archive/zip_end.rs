//! The end of a zip: where its central directory is.
//!
//! Directory, zip64 records and end record must follow each other without a gap and end
//! with the file. So nothing can hide behind or between them, and there is one way only to
//! read the archive.

use super::error::ArchiveFault;
use super::fields::Fields;
use super::limits::Limits;
use super::zip_file::ZipFile;

const END: &str = "the end record of the zip";
const END64: &str = "the zip64 end record";

const END_BYTES: u64 = 22;
const LOCATOR_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;
/// The length of a comment has 16 bits.
const MAX_COMMENT_BYTES: u64 = 0xffff;

const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
const LOCATOR_MAGIC: [u8; 4] = *b"PK\x06\x07";
const END64_MAGIC: [u8; 4] = *b"PK\x06\x06";

/// Where the central directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) members: u64,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Directory {
    /// Finds the directory; checks it against the file's length and the limits.
    pub(super) fn find(file: &mut ZipFile, limits: &Limits) -> Result<Self, ArchiveFault> {
        let (at, record) = find_end(file)?;
        let malformed = |why: &str| ArchiveFault::malformed(END, at, why);
        let Some(end) = EndRecord::parse(&record) else {
            return Err(malformed("it is cut"));
        };
        if end.disks != [0, 0] || end.members_here != end.directory.members {
            return Err(malformed("the archive has several parts"));
        }
        let directory = if end.directory.ends_at() == Some(at) {
            end.directory
        } else {
            end64(file, at, &end.directory)?
        };
        limits.check_members(directory.members)?;
        limits.check_directory(directory.bytes)?;
        Ok(directory)
    }

    fn ends_at(&self) -> Option<u64> {
        self.offset.checked_add(self.bytes)
    }
}

struct EndRecord {
    disks: [u16; 2],
    members_here: u64,
    directory: Directory,
}

impl EndRecord {
    /// Parses what follows the magic.
    fn parse(record: &[u8]) -> Option<Self> {
        let mut fields = Fields(record);
        let disks = [fields.u16()?, fields.u16()?];
        let members_here = fields.u16()?.into();
        let members = fields.u16()?.into();
        let bytes = fields.u32()?.into();
        let offset = fields.u32()?.into();
        Some(Self { disks, members_here, directory: Directory { members, offset, bytes } })
    }
}

/// The one end record whose comment reaches exactly to the end of the file: where it is,
/// and its fields after the magic.
fn find_end(file: &mut ZipFile) -> Result<(u64, Vec<u8>), ArchiveFault> {
    let Some(last) = file.length().checked_sub(END_BYTES) else {
        return Err(ArchiveFault::Truncated { what: END, at: 0 });
    };
    let first = last.saturating_sub(MAX_COMMENT_BYTES);
    let mut tail = vec![0; (file.length() - first) as usize];
    file.read_at(first, &mut tail, END)?;
    let mut found = None;
    let mut wrong_comment = false;
    for (at, window) in tail.windows(END_BYTES as usize).enumerate() {
        let Some(record) = window.strip_prefix(&END_MAGIC) else {
            continue;
        };
        let comment = u16::from_le_bytes([window[20], window[21]]);
        if at + END_BYTES as usize + usize::from(comment) != tail.len() {
            wrong_comment = true;
            continue;
        }
        if found.replace((first + at as u64, record.to_vec())).is_some() {
            let why = "there is more than one";
            return Err(ArchiveFault::malformed(END, first + at as u64, why));
        }
    }
    found.ok_or_else(|| {
        let why = if wrong_comment {
            "the file does not end with it and its comment"
        } else {
            "there is none"
        };
        ArchiveFault::malformed(END, file.length(), why)
    })
}

/// The directory as the zip64 records before the end record at `end` have it. `small` is
/// what the end record says.
fn end64(file: &mut ZipFile, end: u64, small: &Directory) -> Result<Directory, ArchiveFault> {
    let no_gap = "the central directory does not reach to it";
    let Some(at) = end.checked_sub(LOCATOR_BYTES + END64_BYTES) else {
        return Err(ArchiveFault::malformed(END, end, no_gap));
    };
    let mut records = [0; (LOCATOR_BYTES + END64_BYTES) as usize];
    file.read_at(at, &mut records, END64)?;
    let (record, locator) = records.split_at(END64_BYTES as usize);
    let Some(locator) = locator.strip_prefix(&LOCATOR_MAGIC) else {
        return Err(ArchiveFault::malformed(END, end, no_gap));
    };
    let malformed = |why: &str| ArchiveFault::malformed(END64, at, why);
    let located = (|fields: &mut Fields| Some((fields.u32()?, fields.u64()?, fields.u32()?)))(
        &mut Fields(locator),
    );
    if !matches!(located, Some((0, offset, 0 | 1)) if offset == at) {
        return Err(malformed("its locator does not lead to it"));
    }
    let Some(large) = parse_end64(record) else {
        return Err(malformed("it is of another version, or the archive has several parts"));
    };
    let agrees = |small, saturated, large| small == saturated || small == large;
    if !agrees(small.members, 0xffff, large.members)
        || !agrees(small.bytes, 0xffff_ffff, large.bytes)
        || !agrees(small.offset, 0xffff_ffff, large.offset)
    {
        return Err(malformed("it disagrees with the end record"));
    }
    if large.ends_at() != Some(at) {
        return Err(malformed(no_gap));
    }
    Ok(large)
}

fn parse_end64(record: &[u8]) -> Option<Directory> {
    let mut fields = Fields(record.strip_prefix(&END64_MAGIC)?);
    let size = fields.u64()?;
    let _made_by_and_needed = fields.u32()?;
    let disks = [fields.u32()?, fields.u32()?];
    let members_here = fields.u64()?;
    let members = fields.u64()?;
    let bytes = fields.u64()?;
    let offset = fields.u64()?;
    // The size leaves out itself and the magic.
    let plain = size == END64_BYTES - 12 && disks == [0, 0] && members_here == members;
    plain.then_some(Directory { members, offset, bytes })
}
