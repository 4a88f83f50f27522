//! Who may say what there is: signed files, keys, and what was seen before.

mod envelope;
mod error;
mod hex;
mod key;
mod payload;
mod time;

pub use envelope::{
    Envelope, Kind, MAX_ENVELOPE_BYTES, MAX_ROOT_BYTES, MAX_SIGNATURES, Signature, add_signature,
    merge_signatures, sign_envelope,
};
pub use error::TrustError;
pub use key::{KeyId, PublicKey, SecretKey};
pub use payload::PAYLOAD_SCHEMA;
pub use time::Timestamp;
