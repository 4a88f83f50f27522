//! What every payload begins to say about itself: its type and its schema.

use serde::Deserialize;

use super::envelope::{Kind, utf8};
use super::error::TrustError;

/// The schema of payloads that this version writes and the newest it reads.
pub const PAYLOAD_SCHEMA: u64 = 1;

#[derive(Deserialize)]
struct Head {
    r#type: String,
    schema: u64,
}

/// Refuses a payload of another type or of a schema from the future, whatever else is in it.
pub(super) fn check_head(kind: Kind, payload: &[u8]) -> Result<(), TrustError> {
    let head: Head = serde_json::from_str(utf8(payload)?)
        .map_err(|source| TrustError::Payload { what: kind.name(), source })?;
    check_schema(kind, &head.r#type, head.schema)
}

pub(super) fn check_schema(kind: Kind, r#type: &str, schema: u64) -> Result<(), TrustError> {
    let what = kind.name();
    if r#type != what {
        let found = r#type.chars().take(40).collect();
        return Err(TrustError::WrongType { found, wanted: what });
    }
    if schema == 0 {
        return Err(TrustError::Invalid { what, why: "its schema is 0".to_owned() });
    }
    if schema > PAYLOAD_SCHEMA {
        return Err(TrustError::FutureSchema { what, found: schema, supported: PAYLOAD_SCHEMA });
    }
    Ok(())
}
