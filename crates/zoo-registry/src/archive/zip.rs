//! Zip: the central directory, checked against every local header, and one member's content.

use std::io::Write;

use flate2::Crc;

use super::error::ArchiveFault;
use super::inflate::{Inflate, fill};
use super::limits::Limits;
use super::names::Names;
use super::source::{CHUNK_BYTES, read_some, write};
use super::zip_end::Directory;
use super::zip_file::ZipFile;
use super::zip_record::Record;
use super::{Member, MemberKind};

/// Where the content of a member is.
pub(super) struct Content {
    start: u64,
    compressed: u64,
    deflated: bool,
    size: u64,
    crc: u32,
}

/// Checks the whole archive but for the contents. Gives its members, and where the content
/// of the file named `wanted` is.
pub(super) fn read(
    file: &mut ZipFile,
    limits: &Limits,
    wanted: Option<&str>,
) -> Result<(Vec<Member>, Option<Content>), ArchiveFault> {
    const WHAT: &str = "the central directory";
    let directory = Directory::find(file, limits)?;
    let mut names = Names::new(limits);
    let mut records = Vec::new();
    let mut wanted_at = None;
    let mut at = directory.offset;
    let end = directory.offset + directory.bytes;
    for _ in 0..directory.members {
        let (record, next) = Record::read(file, at, limits)?;
        if next > end {
            return Err(ArchiveFault::malformed(WHAT, at, "a record does not fit into it"));
        }
        at = next;
        let path = names.add(&record.name, record.kind, record.size)?;
        if record.kind == MemberKind::File && wanted == Some(path.as_str()) {
            wanted_at = Some(record.offset);
        }
        records.push(record);
    }
    if at != end {
        return Err(ArchiveFault::malformed(WHAT, at, "it has more than its records"));
    }
    records.sort_by_key(|record| record.offset);
    // Members fill the file from its first byte to the directory: nothing is before,
    // between or in two of them.
    if records.first().map_or(directory.offset, |first| first.offset) != 0 {
        return Err(ArchiveFault::malformed("the zip", 0, "bytes belong to no member"));
    }
    let mut content = None;
    let ends = records.iter().skip(1).map(|record| record.offset).chain([directory.offset]);
    for (record, end) in records.iter().zip(ends) {
        let start = record.check_local(file, end)?;
        if wanted_at == Some(record.offset) {
            content = Some(Content {
                start,
                compressed: record.compressed,
                deflated: record.is_deflated(),
                size: record.size,
                crc: record.crc,
            });
        }
    }
    Ok((names.into_members(), content))
}

/// Streams one member's content; never more than its declared size.
pub(super) fn copy(
    file: ZipFile,
    member: &str,
    content: &Content,
    out: &mut dyn Write,
) -> Result<(), ArchiveFault> {
    let wrong_size = || ArchiveFault::Size { member: member.to_owned(), expected: content.size };
    let mut input = file.stream(content.start, content.compressed)?;
    let mut inflate = Inflate::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut crc = Crc::new();
    let mut written = 0;
    loop {
        let n = if content.deflated {
            inflate.decode(&mut input, &mut buffer, content.start)?
        } else {
            read_some(&mut input, &mut buffer)?
        };
        if n == 0 {
            break;
        }
        written += n as u64;
        if written > content.size {
            return Err(wrong_size());
        }
        crc.update(&buffer[..n]);
        write(out, &buffer[..n])?;
    }
    if written != content.size || !fill(&mut input)?.is_empty() {
        return Err(wrong_size());
    }
    if crc.sum() != content.crc {
        return Err(ArchiveFault::Checksum {
            member: member.to_owned(),
            expected: content.crc,
            got: crc.sum(),
        });
    }
    Ok(())
}
