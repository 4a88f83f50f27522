//! Evidence: the digests that other people published for a file.
//!
//! Many weights were never published with a full SHA-256. What there is (eight digits in a
//! file name, a SHA-1 in a source file) is kept as data, with who said it, so that the
//! strongest of it can be checked on the first fetch.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Sha256Digest, is_lower_hex};
use crate::error::Error;

/// Fewest digits of a SHA-256 prefix that mean anything (torchvision puts 8 in file names).
const MIN_PREFIX_DIGITS: usize = 8;

/// The kind of a published digest, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// MD5, 32 digits.
    Md5,
    /// SHA-1, 40 digits.
    Sha1,
    /// The first digits of a SHA-256, at least 8.
    Sha256Prefix,
    /// SHA-384, 96 digits.
    Sha384,
    /// SHA-256, 64 digits.
    Sha256,
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256Prefix => "sha256-prefix",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
        })
    }
}

/// One published digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawEvidence")]
pub struct Evidence {
    kind: EvidenceKind,
    value: String,
    publisher: String,
    sources: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvidence {
    kind: EvidenceKind,
    value: String,
    publisher: String,
    sources: u32,
}

impl Evidence {
    /// Checks the digits of `value` against `kind`.
    ///
    /// `publisher` says who published it and where; `sources` in how many independent
    /// places it was found, at least 1.
    pub fn new(
        kind: EvidenceKind,
        value: impl Into<String>,
        publisher: impl Into<String>,
        sources: u32,
    ) -> Result<Self, Error> {
        let (value, publisher) = (value.into(), publisher.into());
        let (digits, allowed) = match kind {
            EvidenceKind::Md5 => (32..=32, "32 lowercase hexadecimal digits"),
            EvidenceKind::Sha1 => (40..=40, "40 lowercase hexadecimal digits"),
            EvidenceKind::Sha256 => (64..=64, "64 lowercase hexadecimal digits"),
            EvidenceKind::Sha384 => (96..=96, "96 lowercase hexadecimal digits"),
            EvidenceKind::Sha256Prefix => {
                (MIN_PREFIX_DIGITS..=63, "8 to 63 lowercase hexadecimal digits")
            }
        };
        if !digits.contains(&value.len()) || !is_lower_hex(&value) {
            return Err(Error::InvalidDigest { text: value.chars().take(80).collect(), allowed });
        }
        if publisher.trim().is_empty() || sources == 0 {
            return Err(Error::InvalidEvidence { value });
        }
        Ok(Self { kind, value, publisher, sources })
    }

    /// What kind of digest this is.
    pub fn kind(&self) -> EvidenceKind {
        self.kind
    }

    /// The digits, in lower case.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Who published it, and where.
    pub fn publisher(&self) -> &str {
        &self.publisher
    }

    /// In how many independent places it was found.
    pub fn sources(&self) -> u32 {
        self.sources
    }

    /// Whether `digest` agrees; `None` where the kind cannot be compared with a SHA-256.
    pub fn agrees_with(&self, digest: &Sha256Digest) -> Option<bool> {
        match self.kind {
            EvidenceKind::Sha256 | EvidenceKind::Sha256Prefix => {
                Some(digest.to_hex().starts_with(&self.value))
            }
            EvidenceKind::Md5 | EvidenceKind::Sha1 | EvidenceKind::Sha384 => None,
        }
    }
}

impl TryFrom<RawEvidence> for Evidence {
    type Error = Error;

    fn try_from(raw: RawEvidence) -> Result<Self, Error> {
        Self::new(raw.kind, raw.value, raw.publisher, raw.sources)
    }
}
