//! What trust needs to know of an index; the rest of it is passed on as bytes.

use serde::Deserialize;

use super::envelope::{Envelope, Kind, utf8};
use super::error::TrustError;
use super::payload::{check_head, check_schema};
use super::root::{Root, check_expiry};
use super::state::Seen;
use super::time::Timestamp;
use crate::digest::Sha256Digest;

/// An index that may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedIndex {
    /// All of its payload, as signed.
    pub payload: Vec<u8>,
    /// The sha256 of the payload.
    pub digest: Sha256Digest,
    /// Rises with each index of a registry.
    pub counter: u64,
    /// When it was made.
    pub created: Timestamp,
    /// The first second at which it is not valid.
    pub expires: Timestamp,
    /// Only offline: it, or the root, has expired, and is used because this very index was
    /// verified when it had not.
    pub expired: bool,
}

#[derive(Deserialize)]
struct IndexHead {
    r#type: String,
    schema: u64,
    counter: u64,
    created: Timestamp,
    expires: Timestamp,
}

impl IndexHead {
    /// Read in one pass: an index can be long. Only a payload that fails is looked at again,
    /// to say that it is of another type or schema rather than that a field is odd.
    fn parse(payload: &[u8]) -> Result<Self, TrustError> {
        match serde_json::from_str::<Self>(utf8(payload)?) {
            Ok(head) => {
                check_schema(Kind::Index, &head.r#type, head.schema)?;
                Ok(head)
            }
            Err(source) => {
                check_head(Kind::Index, payload)?;
                Err(TrustError::Payload { what: "index", source })
            }
        }
    }
}

/// Verifies the index in `bytes` against `root` and the last one `seen`. Signatures come
/// first: nothing is parsed that nobody signed.
pub(super) fn verify(
    root: &Root,
    seen: Option<&Seen>,
    bytes: &[u8],
    now: Timestamp,
    offline: bool,
) -> Result<VerifiedIndex, TrustError> {
    let envelope = Envelope::parse_layout(Kind::Index, bytes)?;
    root.verify_index_signatures(&envelope)?;
    let payload = envelope.payload();
    let IndexHead { counter, created, expires, .. } = IndexHead::parse(payload)?;
    if expires <= created {
        let why = format!("it was made on {created} and expired on {expires}");
        return Err(TrustError::Invalid { what: "index", why });
    }
    let digest = Sha256Digest::of(payload);
    if let Some(seen) = seen {
        check_order(counter, &digest, seen)?;
    }
    let fresh = root.check_expiry(now).and_then(|()| check_expiry(Kind::Index, expires, now));
    let expired = fresh.is_err();
    if offline && seen.is_some_and(|seen| seen.sha256 == digest) {
        // Nothing newer can be had, and these bytes were good when they came.
    } else {
        fresh?;
    }
    Ok(VerifiedIndex { payload: payload.to_vec(), digest, counter, created, expires, expired })
}

/// Refuses what is older than `seen`, or another with the same counter.
pub(super) fn check_order(
    counter: u64,
    digest: &Sha256Digest,
    seen: &Seen,
) -> Result<(), TrustError> {
    if counter < seen.counter {
        return Err(TrustError::Rollback { found: counter, seen: seen.counter });
    }
    if counter == seen.counter && *digest != seen.sha256 {
        let (found, seen) = (Box::new(*digest), Box::new(seen.sha256));
        return Err(TrustError::Fork { counter, found, seen });
    }
    Ok(())
}
