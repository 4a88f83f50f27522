//! Tar: headers, the extensions of POSIX and GNU, and the end.
//!
//! One pass over the whole archive, whether a member is wanted or not: what comes after the
//! wanted member can still show that the archive is hostile or cut.

use std::io::Write;

use super::error::ArchiveFault;
use super::limits::Limits;
use super::names::Names;
use super::pax::Pax;
use super::source::{CHUNK_BYTES, Source, write};
use super::tar_header::{BLOCK_BYTES, HEADER, Header};
use super::{Member, MemberKind};

/// Most zeros after the end: writers fill up a record, which is 10 KiB for most.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// From this size on, POSIX writers put 0 into the header and the size into a pax header.
const OCTAL_LIMIT: u64 = 1 << 33;

/// The member whose content goes to the writer.
pub(super) type Wanted<'a> = Option<(&'a str, &'a mut dyn Write)>;

/// Reads all of a tar and gives its members.
pub(super) fn read(
    source: &mut dyn Source,
    limits: &Limits,
    wanted: Wanted<'_>,
) -> Result<Vec<Member>, ArchiveFault> {
    let (names, limits) = (Names::new(limits), *limits);
    Reader { source, limits, wanted, names, at: 0 }.read()
}

struct Reader<'s, 'w> {
    source: &'s mut dyn Source,
    limits: Limits,
    wanted: Wanted<'w>,
    names: Names,
    /// Bytes of the tar that were consumed.
    at: u64,
}

/// What headers before a member's own say about it.
#[derive(Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Reader<'_, '_> {
    fn read(mut self) -> Result<Vec<Member>, ArchiveFault> {
        let mut extensions = Extensions::default();
        loop {
            let start = self.at;
            let Some(header) = self.header()? else {
                if extensions.long_name.is_some() || extensions.pax.is_some() {
                    let why = "an extended header has no member";
                    return Err(ArchiveFault::malformed("the end of the tar", start, why));
                }
                return Ok(self.names.into_members());
            };
            match header.typeflag {
                b'L' | b'x' | b'g' => self.extension(start, &header, &mut extensions)?,
                _ => self.member(start, header, std::mem::take(&mut extensions))?,
            }
        }
    }

    /// The next header; `None` if the archive is over, which was checked then.
    fn header(&mut self) -> Result<Option<Header>, ArchiveFault> {
        let start = self.at;
        let block = self.block(HEADER)?;
        if block.iter().any(|&byte| byte != 0) {
            return Header::parse(&block, start).map(Some);
        }
        if self.block("the end of the tar")?.iter().any(|&byte| byte != 0) {
            let why = "one block of zeros is not followed by another";
            return Err(ArchiveFault::malformed("the end of the tar", start, why));
        }
        self.padding()?;
        Ok(None)
    }

    fn block(&mut self, what: &'static str) -> Result<[u8; BLOCK_BYTES], ArchiveFault> {
        let mut block = [0; BLOCK_BYTES];
        if self.source.read_full(&mut block)? < BLOCK_BYTES {
            return Err(ArchiveFault::Truncated { what, at: self.at });
        }
        self.at += BLOCK_BYTES as u64;
        Ok(block)
    }

    /// Whole blocks of zeros up to the end of the source.
    fn padding(&mut self) -> Result<(), ArchiveFault> {
        let start = self.at;
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let n = self.source.read_full(&mut buffer)?;
            if let Some(other) = buffer[..n].iter().position(|&byte| byte != 0) {
                return Err(ArchiveFault::TrailingData { at: self.at + other as u64 });
            }
            self.at += n as u64;
            if self.at - start > MAX_PADDING_BYTES || n % BLOCK_BYTES != 0 {
                return Err(ArchiveFault::TrailingData { at: start });
            }
            if n == 0 {
                return Ok(());
            }
        }
    }

    /// An extended header: for the next member, or (`g`) for all that follow.
    fn extension(
        &mut self,
        start: u64,
        header: &Header,
        extensions: &mut Extensions,
    ) -> Result<(), ArchiveFault> {
        const WHAT: &str = "an extended tar header";
        let malformed = |why: &str| ArchiveFault::malformed(WHAT, start, why);
        self.limits.check_header(header.size)?;
        let mut data = vec![0; usize::try_from(header.size).unwrap_or(usize::MAX)];
        if self.source.read_full(&mut data)? < data.len() {
            return Err(ArchiveFault::Truncated { what: WHAT, at: start });
        }
        self.at += header.size;
        self.skip_padding(header.size)?;
        let twice = match header.typeflag {
            b'L' => {
                let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
                if data.len() > end + 1 {
                    return Err(malformed("its name has a NUL inside"));
                }
                data.truncate(end);
                extensions.long_name.replace(data).is_some()
            }
            b'x' => extensions.pax.replace(Pax::parse(&data, start)?).is_some(),
            // One path or size for all members cannot be meant well.
            _ => {
                if Pax::parse(&data, start)? != Pax::default() {
                    return Err(malformed("it names all members or sizes them"));
                }
                false
            }
        };
        if twice { Err(malformed("another one of its kind is before it")) } else { Ok(()) }
    }

    fn member(
        &mut self,
        start: u64,
        header: Header,
        extensions: Extensions,
    ) -> Result<(), ArchiveFault> {
        let malformed = |why: &str| ArchiveFault::malformed(HEADER, start, why);
        let pax = extensions.pax.unwrap_or_default();
        let size = match pax.size {
            // The one size that is used, for reading and for skipping alike.
            Some(size) if size == header.size => size,
            Some(size) if header.size == 0 && size >= OCTAL_LIMIT => size,
            Some(_) => return Err(malformed("its size is not that of its pax header")),
            None => header.size,
        };
        let name = match (extensions.long_name, pax.path) {
            (Some(_), Some(_)) => return Err(malformed("it has names of POSIX and of GNU")),
            (Some(name), None) | (None, Some(name)) => name,
            (None, None) => header.name,
        };
        let kind = kind_of(header.typeflag, &name)?;
        if kind == MemberKind::Directory && size > 0 {
            return Err(malformed("it is a directory with content"));
        }
        let path = self.names.add(&name, kind, size)?;
        match self.wanted.as_mut().filter(|(wanted, _)| *wanted == path && !path.is_empty()) {
            Some((_, out)) => copy(self.source, size, start, *out)?,
            None if self.source.skip(size)? => {}
            None => return Err(cut(start)),
        }
        self.at = self.at.saturating_add(size);
        self.skip_padding(size)
    }

    /// Data is filled up to a whole block.
    fn skip_padding(&mut self, size: u64) -> Result<(), ArchiveFault> {
        let block = BLOCK_BYTES as u64;
        let padding = (block - size % block) % block;
        if !self.source.skip(padding)? {
            return Err(cut(self.at));
        }
        self.at += padding;
        Ok(())
    }
}

/// What kind of member a header makes.
fn kind_of(typeflag: u8, name: &[u8]) -> Result<MemberKind, ArchiveFault> {
    let why = match typeflag {
        b'5' => return Ok(MemberKind::Directory),
        // v7 had no type for directories.
        0 if name.ends_with(b"/") => return Ok(MemberKind::Directory),
        0 | b'0' => return Ok(MemberKind::File),
        b'1' | b'K' => "it is a hard link or has a long link target".to_owned(),
        b'2' => "it is a symbolic link".to_owned(),
        b'3' | b'4' => "it is a device".to_owned(),
        b'6' => "it is a fifo".to_owned(),
        b'S' => "it is a sparse file".to_owned(),
        other => format!("its type {:?} is not known", char::from(other)),
    };
    let name = String::from_utf8_lossy(&name[..name.len().min(120)]);
    Err(ArchiveFault::member(&name, why))
}

/// Moves `size` bytes of content to `out`.
fn copy(
    source: &mut dyn Source,
    size: u64,
    start: u64,
    out: &mut dyn Write,
) -> Result<(), ArchiveFault> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = size;
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = source.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(cut(start));
        }
        write(out, &buffer[..n])?;
        left -= n as u64;
    }
    Ok(())
}

fn cut(at: u64) -> ArchiveFault {
    ArchiveFault::Truncated { what: "a member of the tar", at }
}
