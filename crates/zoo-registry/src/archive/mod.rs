//! Archives: one member comes out of a tar, a zip or a gzip stream, and nothing else does.
//!
//! An archive is bytes from strangers, so this is a reader of its own, with a bound on
//! everything:
//!
//! - Nothing is written to a path that an archive names. The caller gives a writer and gets
//!   the bytes of the one member that was asked for. Links are never followed, because none
//!   is ever made.
//! - The archive is judged as a whole: one member that is hostile, ambiguous or cut refuses
//!   all of it, also when another one is asked for.
//! - Every size, count and offset is checked before it is used. [`Limits`] apply to what a
//!   decoder gives, not to what a header promises.
//! - Where a format can say a thing twice (pax and header, central and local), both must
//!   agree; where it leaves room for bytes that nobody reads, there must be none.
//! - Archives in archives are content like any other.
//!
//! Memory is constant but for the names of the members, which are limited.

mod error;
mod fields;
mod gzip;
mod inflate;
mod into_store;
mod limits;
mod names;
mod pax;
mod source;
mod tar;
mod tar_header;
mod zip;
mod zip_end;
mod zip_file;
mod zip_record;

use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::{ArchiveError, ArchiveFault};
pub use into_store::extract_into_store;
pub use limits::Limits;

use gzip::Gunzip;
use source::{CHUNK_BYTES, Plain, Source, write};
use tar_header::{BLOCK_BYTES, looks_like_header};
use zip_file::ZipFile;

/// How many of a file's first bytes [`ArchiveKind::detect`] needs at most.
pub const DETECT_BYTES: usize = 8192;

/// A kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ArchiveKind {
    /// A tar: v7, POSIX (pax) or GNU.
    #[serde(rename = "tar")]
    Tar,
    /// A tar in a gzip stream.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A zip, stored or deflated.
    #[serde(rename = "zip")]
    Zip,
    /// A gzip stream: one file, whose name does not matter.
    #[serde(rename = "gz")]
    Gz,
}

impl ArchiveKind {
    /// The kind of the archive that begins with `head`, its first [`DETECT_BYTES`] or all
    /// of it. An extension can be wrong; this cannot.
    pub fn detect(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Some(Self::Zip);
        }
        if head.starts_with(&gzip::MAGIC) {
            let mut block = Vec::new();
            let decoder = flate2::read::GzDecoder::new(head);
            // A head that is cut or damaged shows what it can.
            let _ = decoder.take(BLOCK_BYTES as u64).read_to_end(&mut block);
            return Some(if looks_like_header(&block) { Self::TarGz } else { Self::Gz });
        }
        looks_like_header(head).then_some(Self::Tar)
    }

    /// The kind of the archive at `path`, by its first bytes.
    ///
    /// # Errors
    /// [`ArchiveFault::NotAFile`], [`ArchiveFault::Read`].
    pub fn detect_file(path: &Path) -> Result<Option<Self>, ArchiveError> {
        at(path, || {
            let (file, _) = source::open(path)?;
            let mut head = Vec::with_capacity(DETECT_BYTES);
            file.take(DETECT_BYTES as u64).read_to_end(&mut head).map_err(ArchiveFault::Read)?;
            Ok(Self::detect(&head))
        })
    }

    /// As it is written in an entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
            Self::Gz => "gz",
        }
    }

    /// Both are read as a gzip stream; a tar in one can be meant as it is.
    fn is_gzip(self) -> bool {
        matches!(self, Self::TarGz | Self::Gz)
    }
}

impl fmt::Display for ArchiveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a member is. Links, devices and the like are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A file with content.
    File,
    /// A directory.
    Directory,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Relative, with `/` between its parts, without a leading `./` or trailing `/`, and safe
    /// on every operating system; empty for what is in a [`ArchiveKind::Gz`].
    pub path: String,
    /// Bytes of its content.
    pub size: u64,
    /// File or directory.
    pub kind: MemberKind,
}

/// The members of the archive at `file`, in the order in which it has them.
///
/// Of a zip or a plain tar the contents are not read; a gzip stream is decoded to its end.
///
/// # Errors
/// [`ArchiveError`] if anything in the archive is malformed, hostile or beyond `limits`.
pub fn list(file: &Path, kind: ArchiveKind, limits: &Limits) -> Result<Vec<Member>, ArchiveError> {
    check_kind(file, kind)?;
    at(file, || match kind {
        ArchiveKind::Zip => {
            let (file, length) = source::open(file)?;
            Ok(zip::read(&mut ZipFile::new(file, length), limits, None)?.0)
        }
        ArchiveKind::Gz => {
            let size = gunzip(file, limits, &mut io::sink())?;
            Ok(vec![Member { path: String::new(), size, kind: MemberKind::File }])
        }
        ArchiveKind::Tar | ArchiveKind::TarGz => untar(file, kind, limits, None),
    })
}

/// Streams the content of `member` of the archive at `file` to `out`; gives its bytes.
///
/// `member` is a [`Member::path`]; of a [`ArchiveKind::Gz`] it is not looked at. What was
/// written counts only when this returns `Ok`: damage may show at the archive's very end.
///
/// # Errors
/// As [`list()`]; also [`ArchiveFault::NotFound`], [`ArchiveFault::IsDirectory`], and
/// [`ArchiveFault::Write`] if `out` fails.
pub fn extract(
    file: &Path,
    kind: ArchiveKind,
    member: &str,
    limits: &Limits,
    out: &mut dyn Write,
) -> Result<u64, ArchiveError> {
    check_kind(file, kind)?;
    let wanted = names::strip_dot(member);
    at(file, || match kind {
        ArchiveKind::Zip => {
            let (file, length) = source::open(file)?;
            let mut file = ZipFile::new(file, length);
            let (members, content) = zip::read(&mut file, limits, Some(wanted))?;
            let size = find(&members, wanted)?;
            if let Some(content) = content {
                zip::copy(file, wanted, &content, out)?;
            }
            Ok(size)
        }
        ArchiveKind::Gz => gunzip(file, limits, out),
        ArchiveKind::Tar | ArchiveKind::TarGz => {
            let members = untar(file, kind, limits, Some((wanted, out)))?;
            find(&members, wanted)
        }
    })
}

/// Refuses a file whose first bytes show another kind of archive.
fn check_kind(file: &Path, expected: ArchiveKind) -> Result<(), ArchiveError> {
    match ArchiveKind::detect_file(file)? {
        Some(found) if found != expected && !(found.is_gzip() && expected.is_gzip()) => {
            at(file, || Err(ArchiveFault::WrongKind { expected, found }))
        }
        _ => Ok(()),
    }
}

fn untar(
    file: &Path,
    kind: ArchiveKind,
    limits: &Limits,
    wanted: tar::Wanted<'_>,
) -> Result<Vec<Member>, ArchiveFault> {
    let (file, length) = source::open(file)?;
    if kind.is_gzip() {
        tar::read(&mut Gunzip::new(file, limits, limits.max_total_bytes), limits, wanted)
    } else {
        tar::read(&mut Plain::new(file, length), limits, wanted)
    }
}

fn gunzip(file: &Path, limits: &Limits, out: &mut dyn Write) -> Result<u64, ArchiveFault> {
    let (file, _) = source::open(file)?;
    let mut source = Gunzip::new(file, limits, limits.max_member_bytes);
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut size = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(size),
            n => write(out, &buffer[..n])?,
        }
        size = source.bytes_out();
    }
}

/// The size of the file named `wanted`.
fn find(members: &[Member], wanted: &str) -> Result<u64, ArchiveFault> {
    let member = wanted.to_owned();
    match members.iter().find(|member| member.path == wanted) {
        Some(Member { kind: MemberKind::File, size, .. }) => Ok(*size),
        Some(_) => Err(ArchiveFault::IsDirectory { member }),
        None => Err(ArchiveFault::NotFound { member, suggestions: suggest(members, wanted) }),
    }
}

/// Up to three files whose names are like `wanted`, the nearest first.
fn suggest(members: &[Member], wanted: &str) -> Vec<String> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let wanted = base(wanted);
    let mut near: Vec<(f64, &str)> = members
        .iter()
        .filter(|member| member.kind == MemberKind::File)
        .map(|member| (strsim::jaro_winkler(&base(&member.path), &wanted), &*member.path))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(3).map(|(_, path)| path.to_owned()).collect()
}

/// Says of which archive a fault is.
fn at<T>(path: &Path, run: impl FnOnce() -> Result<T, ArchiveFault>) -> Result<T, ArchiveError> {
    run().map_err(|fault| ArchiveError { path: path.to_owned(), fault })
}
