//! Why something signed is not believed.

use std::error::Error;
use std::path::PathBuf;

use super::key::KeyId;
use super::time::Timestamp;
use crate::digest::Sha256Digest;

/// Why a signed file, a key, or what is remembered about a registry is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The bytes are not laid out as a signed envelope.
    #[error("not a signed envelope: {why}")]
    Layout {
        /// The rule that is broken.
        why: &'static str,
    },
    /// More bytes than such a file may have.
    #[error("the {what} has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The kind of file.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The most that is read.
        limit: usize,
    },
    /// The payload is no JSON, or not of the right shape.
    #[error("cannot read the payload of the {what}")]
    Payload {
        /// The kind of file.
        what: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The payload is of the right shape and cannot be followed.
    #[error("the {what} is not valid: {why}")]
    Invalid {
        /// The kind of file.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The payload is another kind of file.
    #[error("this is `{found}` where `{wanted}` belongs")]
    WrongType {
        /// What it says it is, the start of it.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// A payload of a schema that this version does not know.
    #[error("the {what} has schema {found}, and this version reads up to {supported}")]
    FutureSchema {
        /// The kind of file.
        what: &'static str,
        /// Its schema.
        found: u64,
        /// The newest schema that is read.
        supported: u64,
    },
    /// A key that the root gives this role signed something else.
    #[error("the signature of key {key} on the {what} is wrong")]
    BadSignature {
        /// The kind of file.
        what: &'static str,
        /// The key.
        key: Box<KeyId>,
    },
    /// Too few keys that the root gives this role have signed.
    #[error(
        "the {what} has {got} of the {needed} signatures that version {root_version} of the root \
         asks for"
    )]
    Threshold {
        /// The kind of file.
        what: &'static str,
        /// Different keys with a right signature.
        got: usize,
        /// How many it takes.
        needed: usize,
        /// The root that says so.
        root_version: u64,
    },
    /// A role without which nothing can be verified.
    #[error("the root has no role `{role}`")]
    MissingRole {
        /// Its name.
        role: &'static str,
    },
    /// A root that is not the one right after the trusted one.
    #[error("version {wanted} of the root was asked for, and version {found} came")]
    RootVersion {
        /// One more than the trusted version.
        wanted: u64,
        /// The version that came.
        found: u64,
    },
    /// So many roots that a fault or an attack is likelier. Those seen are kept: the next
    /// update goes on where this one stopped.
    #[error("there are more than {limit} roots after version {from}")]
    TooManyRoots {
        /// The version at which the update began.
        from: u64,
        /// The most that are read in one update.
        limit: u64,
    },
    /// Its time is over, or this machine's clock is wrong.
    #[error("the {what} expired on {expires}, and this machine's clock says {now}")]
    Expired {
        /// The kind of file.
        what: &'static str,
        /// When it expired.
        expires: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// An older index than one that was seen before.
    #[error("the index has counter {found}, and one with counter {seen} was seen before")]
    Rollback {
        /// The counter of what came.
        found: u64,
        /// The highest counter seen.
        seen: u64,
    },
    /// Two indexes with one counter: the registry tells different people different things.
    #[error("the index with counter {counter} has sha256 {found}, and {seen} was seen before")]
    Fork {
        /// The counter of both.
        counter: u64,
        /// The digest of the payload that came.
        found: Box<Sha256Digest>,
        /// The digest of the payload seen before.
        seen: Box<Sha256Digest>,
    },
    /// The root is not the one that its owner announced.
    #[error("the root has fingerprint {found} instead of {expected}")]
    Fingerprint {
        /// The fingerprint given with it.
        expected: Box<Sha256Digest>,
        /// Its own.
        found: Box<Sha256Digest>,
    },
    /// There is another root for this registry already.
    #[error("{location} is trusted already, with another root; remove it first")]
    AlreadyTrusted {
        /// The registry.
        location: String,
    },
    /// No name for a registry that can be trusted.
    #[error("{location} {why}")]
    Location {
        /// What was given, without secrets.
        location: String,
        /// Completes the sentence.
        why: &'static str,
    },
    /// What is remembered about a registry is missing or damaged. It is never made up anew,
    /// because that would forget which versions were seen.
    #[error(
        "what is remembered about a trusted registry in {} is damaged: {why}; remove that \
         registry from the trusted ones and add it again, with the fingerprint from its owner",
        path.display()
    )]
    StateDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
        /// What its reader says.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A name for a registry that would be trouble in a file or a terminal.
    #[error("`{name}` is not a name for a registry (1 to 64 ASCII letters, digits, `-`, `_`, `.`)")]
    Name {
        /// The start of what was given.
        name: String,
    },
    /// The text is not a public key.
    #[error("`{text}` is not a public key (`zoo-key-ed25519` and 64 lowercase hexadecimal digits)")]
    InvalidPublicKey {
        /// The start of what was given.
        text: String,
    },
    /// The file is not a secret key. What is in it is not repeated: it may be one nearly.
    #[error(
        "{} is not a secret key (`zoo-secret-key-ed25519`, 64 lowercase hexadecimal digits, end \
         of line)",
        path.display()
    )]
    InvalidSecretKey {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner can read the secret key.
    #[error("the secret key {} can be read by others (mode {mode:03o} instead of 600)", path.display())]
    ExposedSecretKey {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gave no random numbers.
    #[error("the system gives no random numbers for a key")]
    NoRandomness,
    /// A time in another spelling than the one allowed.
    #[error("`{text}` is not a time such as 2027-01-01T00:00:00Z")]
    InvalidTime {
        /// The start of what was given.
        text: String,
    },
}
