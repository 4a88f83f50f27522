//! Who may say what there is: the small part of [TUF] that a static, signed index needs.
//!
//! A registry has a *root*: keys, and which of them sign what. Root keys sign the root,
//! index keys the index; each role takes `threshold` of its keys. The index names every
//! other file by digest, so nothing else is signed. What is signed stands in an
//! [envelope](Envelope). This module works on bytes and a folder; it fetches nothing.
//!
//! ```text
//! root.json       the newest root, for a user who comes for the first time
//! N.root.json     each root, for a user who trusts an older one
//! index.json      the index
//! ```
//!
//! What somebody who controls a mirror, a cache or the network can try, and what stops it:
//!
//! | attack | stopped by |
//! |---|---|
//! | other files | signatures of `threshold` keys; digests |
//! | an older index (rollback) | the counter of the newest one seen is remembered |
//! | two indexes for two people (fork) | so is its digest: one counter, one index |
//! | withholding newer ones (freeze) | index and root expire |
//! | a signed file in another's place | the kind of file is part of what is signed |
//! | endless data | limits before anything is read |
//!
//! And somebody who has stolen keys: fewer than `threshold` are worth nothing. With index
//! keys enough he can sign an index, and one with the highest counter there is
//! (fast-forward); a root that takes such a key away ends both, for the counter is then
//! forgotten. A new root takes the signatures of the old root's keys and of its own, and
//! follows by exactly one version.
//!
//! Not stopped: whoever answers on first sight, where no fingerprint is given; an old index
//! shown to a user who has seen none, or right after an index key was taken away, until it
//! expires; a wrong clock of the user; somebody who writes to the user's own files.
//!
//! The list of signatures is not signed itself: signatures of unknown keys are passed over,
//! as the keys of roots before and after may have signed too. A wrong signature of a key
//! that counts is refused, even where there are enough others.
//!
//! [TUF]: https://theupdateframework.github.io/specification/latest/

// What is signed, and by whom.
mod envelope;
mod key;
mod payload;
mod time;

// What may be believed.
mod root;
mod root_builder;
mod signed_index;

// What is remembered.
mod location;
mod state;
mod trust_store;
mod trusted;

mod error;

pub use envelope::{
    Envelope, Kind, MAX_ENVELOPE_BYTES, MAX_ROOT_BYTES, MAX_SIGNATURES, Signature, add_signature,
    merge_signatures, sign_envelope,
};
pub use error::TrustError;
pub use key::{KeyId, PublicKey, SecretKey};
pub use payload::PAYLOAD_SCHEMA;
pub use root::{MAX_KEYS, Role, Root};
pub use root_builder::RootBuilder;
pub use signed_index::VerifiedIndex;
pub use state::Seen;
pub use time::Timestamp;
pub use trust_store::TrustStore;
pub use trusted::{MAX_ROOT_STEPS, Trusted};
