//! What can be wrong with an archive.

use std::io;
use std::path::PathBuf;

use super::ArchiveKind;

/// An archive that was refused, or could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the archive {}", path.display())]
pub struct ArchiveError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: ArchiveFault,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveFault {
    /// The archive is not what it is said to be.
    #[error("it is {found}, not {expected}")]
    WrongKind {
        /// What it should be.
        expected: ArchiveKind,
        /// What its first bytes say.
        found: ArchiveKind,
    },
    /// The path does not lead to a plain file.
    #[error("it is not a file")]
    NotAFile,
    /// The operating system cannot read it.
    #[error("reading failed")]
    Read(#[source] io::Error),
    /// The member could not be passed on.
    #[error("writing the member failed")]
    Write(#[source] io::Error),
    /// It ends where more must follow.
    #[error("it ends within {what} at byte {at}")]
    Truncated {
        /// The part that is cut.
        what: &'static str,
        /// Where that part begins, in bytes from the start of what is parsed: for `tar.gz`
        /// the tar inside.
        at: u64,
    },
    /// A part breaks the format, or says two different things.
    #[error("{what} at byte {at} is malformed: {why}")]
    Malformed {
        /// The part.
        what: &'static str,
        /// Where it begins, as in [`ArchiveFault::Truncated`].
        at: u64,
        /// The rule that it breaks.
        why: String,
    },
    /// The archive is over, and the file is not.
    #[error("something follows its end at byte {at}")]
    TrailingData {
        /// Where it begins, as in [`ArchiveFault::Truncated`].
        at: u64,
    },
    /// A name that must not become a path anywhere.
    #[error("the member name {name:?} is refused: {why}")]
    Name {
        /// The start of the name; bytes that are no UTF-8 are replaced.
        name: String,
        /// The rule that it breaks.
        why: String,
    },
    /// A member of a kind or with a feature that is not let in.
    #[error("the member `{member}` is refused: {why}")]
    Member {
        /// Its name.
        member: String,
        /// Why.
        why: String,
    },
    /// More than [`super::Limits`] allow.
    #[error("{what} is more than the limit of {limit}")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The content of a member is damaged.
    #[error("the content of `{member}` has CRC-32 {got:08x} instead of {expected:08x}")]
    Checksum {
        /// Its name; empty for a gzip stream.
        member: String,
        /// What the archive says.
        expected: u32,
        /// What the bytes have.
        got: u32,
    },
    /// The content of a member is shorter or longer than the archive says.
    #[error("the content of `{member}` does not have the {expected} bytes that are declared")]
    Size {
        /// Its name; empty for a gzip stream.
        member: String,
        /// The bytes declared; of a gzip stream the low 32 bits of that number.
        expected: u64,
    },
    /// The member that is asked for is not there.
    #[error("there is no member `{member}`")]
    NotFound {
        /// The name asked for.
        member: String,
        /// Up to three names that may have been meant.
        suggestions: Vec<String>,
    },
    /// The member that is asked for has no content.
    #[error("the member `{member}` is a directory")]
    IsDirectory {
        /// The name asked for.
        member: String,
    },
}

impl ArchiveFault {
    pub(super) fn malformed(what: &'static str, at: u64, why: impl Into<String>) -> Self {
        Self::Malformed { what, at, why: why.into() }
    }

    pub(super) fn member(member: &str, why: impl Into<String>) -> Self {
        Self::Member { member: member.to_owned(), why: why.into() }
    }
}
