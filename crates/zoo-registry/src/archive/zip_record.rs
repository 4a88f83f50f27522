//! Records of a zip's members: central directory, local header, data descriptor.
//!
//! The central directory is what counts, and the other two must say the same: tools differ
//! in which of them they believe.

use flate2::Crc;

use super::error::ArchiveFault;
use super::fields::Fields;
use super::limits::Limits;
use super::zip_file::ZipFile;
use super::{MemberKind, names::strip_dot};

const CENTRAL: &str = "a record of the central directory";
const LOCAL: &str = "a local header of the zip";
const DESCRIPTOR: &str = "a data descriptor of the zip";

const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Sizes and checksum come after the content.
const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flags that change nothing for us: how hard the encoder tried (1, 2), descriptor (3),
/// names are UTF-8 (11).
const FLAGS_KNOWN: u16 = 1 << 1 | 1 << 2 | FLAG_DESCRIPTOR | 1 << 11;
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// The value of a 32-bit field whose real value is in the zip64 extra field.
const SATURATED: u64 = 0xffff_ffff;

/// A member, as the central directory has it.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    pub(super) kind: MemberKind,
    flags: u16,
    deflated: bool,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    /// Where its local header is.
    pub(super) offset: u64,
}

impl Record {
    /// Reads the record at `at`; gives where the next one is.
    pub(super) fn read(
        file: &mut ZipFile,
        at: u64,
        limits: &Limits,
    ) -> Result<(Self, u64), ArchiveFault> {
        let malformed = |why: &str| ArchiveFault::malformed(CENTRAL, at, why);
        let mut fixed = [0; CENTRAL_BYTES];
        file.read_at(at, &mut fixed, CENTRAL)?;
        let Some(raw) = fixed.strip_prefix(b"PK\x01\x02").and_then(RawCentral::parse) else {
            return Err(malformed("it does not begin with its mark"));
        };
        let (name, extra) = read_texts(file, at + CENTRAL_BYTES as u64, raw.lengths, CENTRAL)?;
        let shown = shown(&name);
        let refused = |why: &str| ArchiveFault::member(&shown, why);
        if raw.member.flags & FLAGS_ENCRYPTED != 0 {
            return Err(refused("it is encrypted"));
        }
        if raw.member.flags & !FLAGS_KNOWN != 0 {
            return Err(refused("it has flags that are not known"));
        }
        if raw.member.method != STORED && raw.member.method != DEFLATED {
            return Err(refused(&format!("its method {} is not known", raw.member.method)));
        }
        if raw.disk != 0 {
            return Err(malformed("it is on another disk"));
        }
        let Some(extra) = Extra::parse(&extra).filter(|extra| extra.names(&name)) else {
            return Err(malformed("its extra fields are damaged or have another name"));
        };
        let Some([size, compressed, offset]) =
            extra.resolve([raw.member.size, raw.member.compressed, raw.offset])
        else {
            return Err(malformed("its zip64 field does not fit its sizes"));
        };
        let kind = kind_of(&name, raw.attributes).map_err(refused)?;
        if kind == MemberKind::Directory && (size != 0 || raw.member.crc != 0) {
            return Err(refused("it is a directory with content"));
        }
        if raw.member.method == STORED && size != compressed {
            return Err(malformed("it is stored, and its two sizes differ"));
        }
        limits.check_ratio(size, compressed)?;
        let lengths = raw.lengths.iter().map(|&length| u64::from(length)).sum::<u64>();
        let next = at + CENTRAL_BYTES as u64 + lengths;
        let record = Self {
            name,
            kind,
            flags: raw.member.flags,
            deflated: raw.member.method == DEFLATED,
            crc: raw.member.crc,
            compressed,
            size,
            offset,
        };
        Ok((record, next))
    }

    /// Whether the content is deflated rather than stored.
    pub(super) fn is_deflated(&self) -> bool {
        self.deflated
    }

    /// Checks local header and data descriptor against this record. Header, content and
    /// descriptor must fill the file up to `end`. Gives where the content begins.
    pub(super) fn check_local(&self, file: &mut ZipFile, end: u64) -> Result<u64, ArchiveFault> {
        let malformed = |why: &str| ArchiveFault::malformed(LOCAL, self.offset, why);
        let mut fixed = [0; LOCAL_BYTES];
        file.read_at(self.offset, &mut fixed, LOCAL)?;
        let Some(raw) = fixed.strip_prefix(b"PK\x03\x04").and_then(RawLocal::parse) else {
            return Err(malformed("it does not begin with its mark"));
        };
        let texts = self.offset + LOCAL_BYTES as u64;
        let (name, extra) = read_texts(file, texts, raw.lengths, LOCAL)?;
        if name != self.name {
            return Err(malformed("its name is not that of the central directory"));
        }
        if raw.member.flags != self.flags || (raw.member.method == DEFLATED) != self.deflated {
            return Err(malformed("its flags or method are not those of the central directory"));
        }
        if raw.member.method != STORED && raw.member.method != DEFLATED {
            return Err(malformed("its method is not known"));
        }
        let Some(extra) = Extra::parse(&extra).filter(|extra| extra.names(&name)) else {
            return Err(malformed("its extra fields are damaged or have another name"));
        };
        let Some([size, compressed, _]) =
            extra.resolve([raw.member.size, raw.member.compressed, 0])
        else {
            return Err(malformed("its zip64 field does not fit its sizes"));
        };
        // What a descriptor will say is open here; Info-ZIP knows the size at once, though.
        let later = self.flags & FLAG_DESCRIPTOR != 0;
        let agrees = |here, there| here == there || later && (here == 0 || here == SATURATED);
        if !agrees(raw.member.crc.into(), self.crc.into())
            || !agrees(compressed, self.compressed)
            || !agrees(size, self.size)
        {
            return Err(malformed("its sizes or checksum are not those of the central directory"));
        }
        let lengths = raw.lengths.iter().map(|&length| u64::from(length)).sum::<u64>();
        let start = texts + lengths;
        let content_end = start.checked_add(self.compressed).filter(|&at| at <= end);
        let Some(content_end) = content_end else {
            return Err(malformed("its content overlaps what follows"));
        };
        self.check_descriptor(file, content_end, end)?;
        Ok(start)
    }

    /// Checks what is between the end of the content and the next record.
    fn check_descriptor(&self, file: &mut ZipFile, at: u64, end: u64) -> Result<(), ArchiveFault> {
        let malformed = |why: &str| ArchiveFault::malformed(DESCRIPTOR, at, why);
        let length = end - at;
        if self.flags & FLAG_DESCRIPTOR == 0 {
            return match length {
                0 => Ok(()),
                _ => Err(ArchiveFault::malformed("the zip", at, "bytes belong to no member")),
            };
        }
        let mut buffer = [0; 24];
        // With or without a mark, with sizes of 32 or 64 bits.
        let (marked, large) = match length {
            12 => (false, false),
            16 => (true, false),
            20 => (false, true),
            24 => (true, true),
            _ => return Err(malformed("it has a length that none has")),
        };
        let descriptor = &mut buffer[..length as usize];
        file.read_at(at, descriptor, DESCRIPTOR)?;
        let mut fields = Fields(descriptor);
        let mut parse = || {
            if marked && fields.bytes(4)? != b"PK\x07\x08" {
                return None;
            }
            let crc = fields.u32()?;
            let mut size = || if large { fields.u64() } else { fields.u32().map(u64::from) };
            Some((crc, size()?, size()?))
        };
        if parse() == Some((self.crc, self.compressed, self.size)) {
            Ok(())
        } else {
            Err(malformed("it is not what the central directory says"))
        }
    }
}

/// What a central record and a local header both say, in the same order.
struct RawMember {
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
}

impl RawMember {
    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let _time = fields.u32()?;
        let crc = fields.u32()?;
        let compressed = fields.u32()?.into();
        let size = fields.u32()?.into();
        Some(Self { flags, method, crc, compressed, size })
    }
}

/// What stands after the mark of a central record.
struct RawCentral {
    member: RawMember,
    /// Of name, extra fields and comment.
    lengths: [u16; 3],
    disk: u16,
    attributes: u32,
    offset: u64,
}

impl RawCentral {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let _made_by_and_needed = fields.u32()?;
        let member = RawMember::parse(&mut fields)?;
        let lengths = [fields.u16()?, fields.u16()?, fields.u16()?];
        let disk = fields.u16()?;
        let _is_text = fields.u16()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?.into();
        Some(Self { member, lengths, disk, attributes, offset })
    }
}

/// What stands after the mark of a local header.
struct RawLocal {
    member: RawMember,
    /// Of name and extra fields.
    lengths: [u16; 2],
}

impl RawLocal {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let _needed = fields.u16()?;
        let member = RawMember::parse(&mut fields)?;
        let lengths = [fields.u16()?, fields.u16()?];
        Some(Self { member, lengths })
    }
}

/// The extra fields that matter.
#[derive(Default)]
struct Extra<'a> {
    zip64: Option<&'a [u8]>,
    unicode_path: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// `None` if the fields do not fill `bytes`, or one that matters is there twice.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let mut extra = Self::default();
        while !fields.0.is_empty() {
            let id = fields.u16()?;
            let length = fields.u16()?;
            let value = fields.bytes(length.into())?;
            let slot = match id {
                EXTRA_ZIP64 => &mut extra.zip64,
                EXTRA_UNICODE_PATH => &mut extra.unicode_path,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(extra)
    }

    /// Whether `name` is the only name: the Unicode path field can give another.
    fn names(&self, name: &[u8]) -> bool {
        let Some(field) = self.unicode_path else {
            return true;
        };
        let mut crc = Crc::new();
        crc.update(name);
        let expected = [&[1], &crc.sum().to_le_bytes()[..], name].concat();
        field == expected
    }

    /// Size, compressed size and offset, each from the zip64 field where it is saturated.
    ///
    /// By the specification that field has the saturated values only, in this order; some
    /// writers put in the others too, which must then be the same.
    fn resolve(&self, values: [u64; 3]) -> Option<[u64; 3]> {
        let Some(field) = self.zip64 else {
            return Some(values);
        };
        let saturated = values.iter().filter(|&&value| value == SATURATED).count();
        let only_saturated = field.len() == 8 * saturated;
        let mut fields = Fields(field);
        let mut resolved = values;
        for (value, resolved) in values.iter().zip(&mut resolved) {
            if *value == SATURATED {
                *resolved = fields.u64()?;
            } else if !only_saturated && !fields.0.is_empty() && fields.u64()? != *value {
                return None;
            }
        }
        fields.0.is_empty().then_some(resolved)
    }
}

/// Name and extra fields; a comment, which is a third length, is left where it is.
fn read_texts<const N: usize>(
    file: &mut ZipFile,
    at: u64,
    lengths: [u16; N],
    what: &'static str,
) -> Result<(Vec<u8>, Vec<u8>), ArchiveFault> {
    let mut name = vec![0; usize::from(lengths[0])];
    file.read_at(at, &mut name, what)?;
    let mut extra = vec![0; usize::from(lengths[1])];
    file.read_at(at + u64::from(lengths[0]), &mut extra, what)?;
    Ok((name, extra))
}

/// What a member is, by its name and its attributes of Unix (the high half) and DOS.
fn kind_of(name: &[u8], attributes: u32) -> Result<MemberKind, &'static str> {
    const DOS_DIRECTORY: u32 = 0x10;
    const DOS_REPARSE_POINT: u32 = 0x400;
    let unix = match attributes >> 16 & 0o170_000 {
        0 => None,
        0o100_000 => Some(MemberKind::File),
        0o040_000 => Some(MemberKind::Directory),
        0o120_000 => return Err("it is a symbolic link"),
        _ => return Err("it is a device, fifo or socket"),
    };
    if attributes & DOS_REPARSE_POINT != 0 {
        return Err("it is a link of Windows");
    }
    let kind = if name.ends_with(b"/") { MemberKind::Directory } else { MemberKind::File };
    let dos_agrees = attributes & DOS_DIRECTORY == 0 || kind == MemberKind::Directory;
    if dos_agrees && unix.is_none_or(|unix| unix == kind) {
        Ok(kind)
    } else {
        Err("its name and its attributes disagree whether it is a directory")
    }
}

/// The start of a name, for errors.
fn shown(name: &[u8]) -> String {
    strip_dot(&String::from_utf8_lossy(&name[..name.len().min(120)])).to_owned()
}
