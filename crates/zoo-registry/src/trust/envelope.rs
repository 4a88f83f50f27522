//! The signed envelope: JSON whose layout is prescribed to the byte.
//!
//! ```text
//! {"signatures":[{"key":"<64 digits>","sig":"<128 digits>"},…],"signed":
//! <payload: one JSON value>
//! }
//! ```
//!
//! The payload's bytes are what is signed, after a line that says what kind of file it is:
//! `zoo index 1`. So they are found without any canonical form of JSON, and a signature on
//! one kind of file is worth nothing on another. An unsigned tree has an empty list.

use serde::de::IgnoredAny;

use super::error::TrustError;
use super::key::{KeyId, SecretKey};
use crate::digest::Sha256Digest;
use crate::hex;

/// Most bytes of an envelope: an index of half a million lines.
pub const MAX_ENVELOPE_BYTES: usize = 64 << 20;

/// Most bytes of a root's envelope: all keys and signatures that are allowed, ten times.
pub const MAX_ROOT_BYTES: usize = 1 << 20;

/// Most signatures of an envelope.
pub const MAX_SIGNATURES: usize = 64;

const HEAD: &[u8] = b"{\"signatures\":[";
const KEY: &[u8] = b"{\"key\":\"";
const SIG: &[u8] = b"\",\"sig\":\"";
const END: &[u8] = b"\"}";
const SIGNED: &[u8] = b"],\"signed\":\n";
const TAIL: &[u8] = b"\n}\n";

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Which keys may sign what.
    Root,
    /// What there is.
    Index,
}

impl Kind {
    /// The payload's `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Index => "index",
        }
    }

    /// Most bytes of an envelope of this kind.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Root => MAX_ROOT_BYTES,
            Self::Index => MAX_ENVELOPE_BYTES,
        }
    }

    /// The bytes that are signed for `payload`.
    pub(super) fn message(self, payload: &[u8]) -> Vec<u8> {
        let mut message = format!("zoo {} 1\n", self.name()).into_bytes();
        message.reserve_exact(payload.len());
        message.extend_from_slice(payload);
        message
    }

    pub(super) fn check_size(self, bytes: usize) -> Result<(), TrustError> {
        let limit = self.max_bytes();
        if bytes > limit {
            return Err(TrustError::TooLarge { what: self.name(), bytes, limit });
        }
        Ok(())
    }
}

/// One signature, with the key that it says it is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The key.
    pub key: KeyId,
    bytes: [u8; 64],
}

impl Signature {
    /// The signature with these 64 bytes.
    pub fn new(key: KeyId, bytes: [u8; 64]) -> Self {
        Self { key, bytes }
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.bytes
    }
}

/// Payload and signatures, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    signatures: Vec<Signature>,
    payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Payload and signatures of `bytes`. Nothing is verified.
    ///
    /// # Errors
    /// [`TrustError::TooLarge`]; [`TrustError::Layout`] where any byte around the payload is
    /// not as prescribed or the payload is no UTF-8; [`TrustError::Payload`] where it is not
    /// one JSON value.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TrustError> {
        let envelope = Self::parse_layout(Kind::Index, bytes)?;
        check_json(Kind::Index, envelope.payload)?;
        Ok(envelope)
    }

    /// As [`Envelope::parse`], but the payload may be any bytes: for those who look at it
    /// only after its signatures were verified.
    pub(super) fn parse_layout(kind: Kind, bytes: &'a [u8]) -> Result<Self, TrustError> {
        kind.check_size(bytes.len())?;
        let layout = |why| TrustError::Layout { why };
        let mut rest =
            bytes.strip_prefix(HEAD).ok_or(layout("it does not begin with `{\"signatures\":[`"))?;
        let mut signatures = Vec::new();
        if !rest.starts_with(SIGNED) {
            loop {
                if signatures.len() == MAX_SIGNATURES {
                    return Err(layout("it has more than 64 signatures"));
                }
                let (signature, after) = read_signature(rest)
                    .ok_or(layout("a signature is not laid out as it must be"))?;
                signatures.push(signature);
                rest = after;
                match rest.strip_prefix(b",") {
                    Some(more) => rest = more,
                    None => break,
                }
            }
        }
        let payload = rest
            .strip_prefix(SIGNED)
            .ok_or(layout("its first line does not end with `],\"signed\":`"))?
            .strip_suffix(TAIL)
            .ok_or(layout("it does not end with a line `}`"))?;
        Ok(Self { signatures, payload })
    }

    /// An envelope around `payload`.
    ///
    /// # Errors
    /// As [`Envelope::parse`] on what it would become.
    pub fn new(signatures: Vec<Signature>, payload: &'a [u8]) -> Result<Self, TrustError> {
        let envelope = Self { signatures, payload };
        if envelope.signatures.len() > MAX_SIGNATURES {
            return Err(TrustError::Layout { why: "it has more than 64 signatures" });
        }
        Kind::Index.check_size(envelope.len())?;
        check_json(Kind::Index, payload)?;
        Ok(envelope)
    }

    /// The signatures in their order; perhaps none, perhaps several of one key.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The exact bytes that are signed.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend_from_slice(HEAD);
        for (n, signature) in self.signatures.iter().enumerate() {
            if n > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(KEY);
            bytes.extend_from_slice(signature.key.to_hex().as_bytes());
            bytes.extend_from_slice(SIG);
            bytes.extend_from_slice(hex::encode(&signature.bytes).as_bytes());
            bytes.extend_from_slice(END);
        }
        bytes.extend_from_slice(SIGNED);
        bytes.extend_from_slice(self.payload);
        bytes.extend_from_slice(TAIL);
        bytes
    }

    fn len(&self) -> usize {
        let signature = KEY.len() + 64 + SIG.len() + 128 + END.len();
        let count = self.signatures.len();
        let around = HEAD.len() + SIGNED.len() + TAIL.len();
        around + self.payload.len() + count * signature + count.saturating_sub(1)
    }
}

/// The signature at the beginning of `bytes`, and what follows it.
fn read_signature(bytes: &[u8]) -> Option<(Signature, &[u8])> {
    let (key, rest) = bytes.strip_prefix(KEY)?.split_at_checked(64)?;
    let (sig, rest) = rest.strip_prefix(SIG)?.split_at_checked(128)?;
    let key: Sha256Digest = std::str::from_utf8(key).ok()?.parse().ok()?;
    Some((Signature::new(key, hex::decode(sig)?), rest.strip_prefix(END)?))
}

fn check_json(kind: Kind, payload: &[u8]) -> Result<(), TrustError> {
    let text = utf8(payload)?;
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|source| TrustError::Payload { what: kind.name(), source })?;
    Ok(())
}

/// The payload as text: the parser would let other bytes pass in fields that it skips.
pub(super) fn utf8(payload: &[u8]) -> Result<&str, TrustError> {
    std::str::from_utf8(payload).map_err(|_| TrustError::Layout { why: "it is not UTF-8" })
}

/// The file with `payload` signed by `keys`; none gives an unsigned file.
///
/// # Errors
/// [`TrustError::WrongType`], [`TrustError::Payload`] where the payload is not of this kind;
/// [`TrustError::TooLarge`], [`TrustError::Layout`].
pub fn sign_envelope(
    kind: Kind,
    payload: &[u8],
    keys: &[SecretKey],
) -> Result<Vec<u8>, TrustError> {
    finish(kind, keys.iter().map(|key| key.sign(kind, payload)).collect(), payload)
}

/// The file with the signature of `key` added, or renewed if it was there.
///
/// The other signatures are left as they are: who adds one need not know the other keys.
///
/// # Errors
/// As [`sign_envelope`] and [`Envelope::parse`].
pub fn add_signature(kind: Kind, bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, TrustError> {
    let envelope = Envelope::parse_layout(kind, bytes)?;
    let mut signatures = envelope.signatures;
    let own = key.sign(kind, envelope.payload);
    signatures.retain(|signature| signature.key != own.key);
    signatures.push(own);
    finish(kind, signatures, envelope.payload)
}

/// One file with the signatures of both, which were made on different machines.
///
/// # Errors
/// [`TrustError::Invalid`] where the payloads differ; as [`sign_envelope`] and
/// [`Envelope::parse`].
pub fn merge_signatures(kind: Kind, one: &[u8], other: &[u8]) -> Result<Vec<u8>, TrustError> {
    let (one, other) = (Envelope::parse_layout(kind, one)?, Envelope::parse_layout(kind, other)?);
    if one.payload != other.payload {
        let why = "the two files to be merged say different things".to_owned();
        return Err(TrustError::Invalid { what: kind.name(), why });
    }
    finish(kind, [one.signatures, other.signatures].concat(), one.payload)
}

/// In the order of the keys and each once, so that the same signers give the same bytes in
/// whatever order they came.
fn finish(
    kind: Kind,
    mut signatures: Vec<Signature>,
    payload: &[u8],
) -> Result<Vec<u8>, TrustError> {
    super::payload::check_head(kind, payload)?;
    signatures.sort_by_key(|signature| signature.key);
    signatures.dedup();
    let envelope = Envelope::new(signatures, payload)?;
    kind.check_size(envelope.len())?;
    Ok(envelope.to_bytes())
}
