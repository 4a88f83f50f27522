//! What is known beforehand about bytes that are fetched, and whether they are those.

use std::io::{self, Read};

use md5::Md5;
use sha1::Sha1;
use sha2::Sha384;

use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::evidence::{Evidence, EvidenceKind};
use crate::hex;
use crate::url::redacted;

/// What is known beforehand about the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The digest.
    Sha256(Sha256Digest),
    /// The first hexadecimal digits of the digest, checked by [`crate::Evidence`].
    Sha256Prefix(String),
    /// Digests that others published: all of them are checked.
    Evidence(Vec<Evidence>),
}

impl Expected {
    /// Fails if the bytes from `url`, whose SHA-256 is `got`, are others. `read` opens the
    /// same bytes again, for digests of other kinds; it fails with an error of this machine.
    pub(crate) fn check<R: Read>(
        &self,
        url: &str,
        got: Sha256Digest,
        read: impl Fn() -> Result<R, Error>,
    ) -> Result<(), Error> {
        let mismatch = |expected| Err(Error::DigestMismatch { url: redacted(url), expected, got });
        match self {
            Self::Sha256(digest) if *digest != got => mismatch(digest.to_hex()),
            Self::Sha256Prefix(prefix) if !got.to_hex().starts_with(prefix) => {
                mismatch(format!("{prefix}…"))
            }
            Self::Sha256(_) | Self::Sha256Prefix(_) => Ok(()),
            Self::Evidence(all) => {
                all.iter().try_for_each(|evidence| match evidence.agrees_with(&got) {
                    Some(true) => Ok(()),
                    Some(false) if evidence.kind() == EvidenceKind::Sha256 => {
                        mismatch(evidence.value().to_owned())
                    }
                    Some(false) => mismatch(format!("{}…", evidence.value())),
                    None => check_other(url, evidence, read()?),
                })
            }
        }
    }

    /// Whether the bytes with this SHA-256 can be the expected ones, as far as it tells.
    pub(crate) fn admits(&self, got: &Sha256Digest) -> bool {
        match self {
            Self::Sha256(digest) => digest == got,
            Self::Sha256Prefix(prefix) => got.to_hex().starts_with(prefix),
            Self::Evidence(all) => all.iter().all(|e| e.agrees_with(got) != Some(false)),
        }
    }

    /// What partial downloads are filed under. Less than a whole SHA-256 does not identify a
    /// file for sure, so its sources are part of the key.
    pub(crate) fn partial_key(&self, urls: &[String]) -> String {
        let known = match self {
            Self::Sha256(digest) => return digest.to_hex(),
            Self::Sha256Prefix(prefix) => prefix.clone(),
            Self::Evidence(all) => all.iter().map(Evidence::value).collect::<Vec<_>>().join(" "),
        };
        let text = format!("{known} {}", urls.join(" "));
        format!("url-{}", &Sha256Digest::of(text.as_bytes()).to_hex()[..40])
    }
}

/// Compares one digest that is no SHA-256.
fn check_other(url: &str, evidence: &Evidence, mut reader: impl Read) -> Result<(), Error> {
    let got = hex_of(evidence.kind(), &mut reader).map_err(|source| Error::Transport {
        url: redacted(url),
        source: Box::new(ureq::Error::Io(source)),
    })?;
    if got == evidence.value() {
        return Ok(());
    }
    Err(Error::EvidenceMismatch {
        url: redacted(url),
        kind: evidence.kind(),
        expected: evidence.value().to_owned(),
        got,
    })
}

/// The digest of `reader` in hexadecimal digits, in constant memory.
fn hex_of(kind: EvidenceKind, reader: &mut impl Read) -> io::Result<String> {
    match kind {
        EvidenceKind::Md5 => digits::<Md5>(reader),
        EvidenceKind::Sha1 => digits::<Sha1>(reader),
        EvidenceKind::Sha384 => digits::<Sha384>(reader),
        EvidenceKind::Sha256 | EvidenceKind::Sha256Prefix => {
            Sha256Digest::of_reader(reader).map(|(digest, _)| digest.to_hex())
        }
    }
}

fn digits<D: sha2::Digest>(reader: &mut impl Read) -> io::Result<String> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex::encode(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `abc`: RFC 1321, A.5; FIPS 180-4 examples.
    const ABC: [(EvidenceKind, &str); 3] = [
        (EvidenceKind::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (EvidenceKind::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            EvidenceKind::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
        ),
    ];

    fn check(all: &[(EvidenceKind, &str)], bytes: &[u8]) -> Result<(), Error> {
        let all =
            all.iter().map(|(kind, value)| Evidence::new(*kind, *value, "p", 1).unwrap()).collect();
        Expected::Evidence(all).check("u", Sha256Digest::of(bytes), || Ok(bytes))
    }

    #[test]
    fn every_known_digest_is_checked() {
        assert!(check(&ABC, b"abc").is_ok());
        for one in ABC {
            let error = check(&[one], b"abd").unwrap_err();
            assert!(matches!(error, Error::EvidenceMismatch { kind, .. } if kind == one.0));
        }
        // A right prefix does not make up for a wrong SHA-1.
        let prefix = (EvidenceKind::Sha256Prefix, "ba7816bf");
        assert!(check(&[prefix, ABC[1]], b"abc").is_ok());
        let zeros = "0".repeat(40);
        let error = check(&[prefix, (EvidenceKind::Sha1, zeros.as_str())], b"abc").unwrap_err();
        assert!(matches!(error, Error::EvidenceMismatch { .. }), "{error}");
        let error = check(&[(EvidenceKind::Sha256Prefix, "00000000")], b"abc").unwrap_err();
        assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    }
}
