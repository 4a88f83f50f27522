//! The root: which keys may sign what, and how a newer root follows from an older one.
//!
//! ```text
//! {"type":"root","schema":1,"version":2,"expires":"2027-01-01T00:00:00Z",
//!  "keys":{"<key id>":{"algorithm":"ed25519","public":"<64 digits>"},…},
//!  "roles":{"root":{"keys":["<key id>",…],"threshold":2},
//!           "index":{"keys":["<key id>",…],"threshold":1}}}
//! ```
//!
//! A key of an algorithm that this version does not know is kept and never counts, so that
//! a root can name keys for newer programs too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::envelope::{Envelope, Kind, utf8};
use super::error::TrustError;
use super::key::{KeyId, PublicKey};
use super::payload::{PAYLOAD_SCHEMA, check_head};
use super::time::Timestamp;
use crate::digest::Sha256Digest;
use crate::hex;

/// Most keys of a root.
pub const MAX_KEYS: usize = 64;

/// The one algorithm that this version verifies.
const ED25519: &str = "ed25519";

/// A root whose own keys have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    pub(super) body: Body,
    fingerprint: Sha256Digest,
}

/// The payload of a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    r#type: String,
    schema: u64,
    pub(super) version: u64,
    pub(super) expires: Timestamp,
    #[serde(deserialize_with = "read_keys")]
    pub(super) keys: BTreeMap<KeyId, KeyObject>,
    pub(super) roles: Roles,
}

/// A key as a root has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyObject {
    algorithm: String,
    public: String,
}

/// Optional here only so that a missing one is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    pub(super) root: Option<Role>,
    pub(super) index: Option<Role>,
}

/// Whose signatures count, and how many it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub(super) keys: Vec<KeyId>,
    pub(super) threshold: usize,
}

impl Role {
    /// The keys, by their names.
    pub fn keys(&self) -> &[KeyId] {
        &self.keys
    }

    /// How many different ones of them must sign.
    pub fn threshold(&self) -> usize {
        self.threshold
    }
}

impl KeyObject {
    pub(super) fn new(key: &PublicKey) -> Self {
        Self { algorithm: ED25519.to_owned(), public: hex::encode(key.as_bytes()) }
    }

    /// The key, if this version can verify with it.
    fn usable(&self) -> Option<PublicKey> {
        (self.algorithm == ED25519)
            .then(|| hex::decode(self.public.as_bytes()).map(PublicKey::from_bytes))
            .flatten()
    }
}

impl Body {
    pub(super) fn new(
        version: u64,
        expires: Timestamp,
        keys: BTreeMap<KeyId, KeyObject>,
        roles: Roles,
    ) -> Self {
        let r#type = Kind::Root.name().to_owned();
        Self { r#type, schema: PAYLOAD_SCHEMA, version, expires, keys, roles }
    }

    pub(super) fn parse(payload: &[u8]) -> Result<Self, TrustError> {
        check_head(Kind::Root, payload)?;
        let body: Self = serde_json::from_str(utf8(payload)?)
            .map_err(|source| TrustError::Payload { what: "root", source })?;
        if body.version == 0 {
            return Err(invalid("its version is 0".to_owned()));
        }
        for (id, key) in &body.keys {
            if key.algorithm == ED25519 && key.usable().is_none_or(|key| key.id() != *id) {
                return Err(invalid(format!("{id} is not the digest of its key")));
            }
        }
        for kind in [Kind::Root, Kind::Index] {
            body.check_role(kind)?;
        }
        Ok(body)
    }

    fn check_role(&self, kind: Kind) -> Result<(), TrustError> {
        let (name, role) = (kind.name(), self.role(kind)?);
        if role.threshold == 0 {
            return Err(invalid(format!("role `{name}` asks for no signature")));
        }
        if role.threshold > role.keys.len() {
            return Err(invalid(format!(
                "role `{name}` asks for {} signatures and has {} keys",
                role.threshold,
                role.keys.len()
            )));
        }
        let mut seen = BTreeSet::new();
        for id in &role.keys {
            if !seen.insert(id) {
                return Err(invalid(format!("role `{name}` has key {id} twice")));
            }
            if !self.keys.contains_key(id) {
                return Err(invalid(format!("role `{name}` has key {id}, which is not there")));
            }
        }
        Ok(())
    }

    fn role(&self, kind: Kind) -> Result<&Role, TrustError> {
        let role = match kind {
            Kind::Root => &self.roles.root,
            Kind::Index => &self.roles.index,
        };
        role.as_ref().ok_or(TrustError::MissingRole { role: kind.name() })
    }

    /// Whether as many keys have signed as this root asks for.
    fn check_signatures(&self, kind: Kind, envelope: &Envelope<'_>) -> Result<(), TrustError> {
        let what = kind.name();
        let role = self.role(kind)?;
        let message = kind.message(envelope.payload());
        let mut signers = BTreeSet::new();
        for signature in envelope.signatures() {
            // Others may sign too: keys of the root before, or after.
            if !role.keys.contains(&signature.key) {
                continue;
            }
            let Some(key) = self.keys.get(&signature.key).and_then(KeyObject::usable) else {
                continue;
            };
            if !key.verifies_message(&message, signature) {
                let key = Box::new(signature.key);
                return Err(TrustError::BadSignature { what, key });
            }
            signers.insert(signature.key);
        }
        let (got, needed) = (signers.len(), role.threshold);
        if got < needed {
            let root_version = self.version;
            return Err(TrustError::Threshold { what, got, needed, root_version });
        }
        Ok(())
    }
}

impl Root {
    /// The root in `bytes`, signed as it asks for itself. That says that it is whole, not
    /// that it is to be trusted: compare its [fingerprint](Root::fingerprint).
    ///
    /// # Errors
    /// Any [`TrustError`] about layout, payload and signatures. Expiry is not looked at.
    pub fn verify(bytes: &[u8]) -> Result<Self, TrustError> {
        let envelope = Envelope::parse_layout(Kind::Root, bytes)?;
        Self::from_envelope(&envelope)
    }

    fn from_envelope(envelope: &Envelope<'_>) -> Result<Self, TrustError> {
        let body = Body::parse(envelope.payload())?;
        body.check_signatures(Kind::Root, envelope)?;
        Ok(Self { body, fingerprint: Sha256Digest::of(envelope.payload()) })
    }

    /// The root that follows this one: its version is one more, and the keys of both have
    /// signed it (TUF specification, 5.3.4 and 5.3.5).
    ///
    /// # Errors
    /// As [`Root::verify`]; [`TrustError::RootVersion`]. Expiry is not looked at: only the
    /// last root of a chain must be valid today.
    pub fn verify_next(&self, bytes: &[u8]) -> Result<Self, TrustError> {
        let envelope = Envelope::parse_layout(Kind::Root, bytes)?;
        self.body.check_signatures(Kind::Root, &envelope)?;
        let next = Self::from_envelope(&envelope)?;
        let wanted = self.version().saturating_add(1);
        if next.version() != wanted || next.version() == self.version() {
            return Err(TrustError::RootVersion { wanted, found: next.version() });
        }
        Ok(next)
    }

    /// Whether enough keys have signed this index.
    ///
    /// # Errors
    /// [`TrustError::Threshold`], [`TrustError::BadSignature`].
    pub fn verify_index_signatures(&self, envelope: &Envelope<'_>) -> Result<(), TrustError> {
        self.body.check_signatures(Kind::Index, envelope)
    }

    /// Refuses a root whose time is over.
    ///
    /// # Errors
    /// [`TrustError::Expired`].
    pub fn check_expiry(&self, now: Timestamp) -> Result<(), TrustError> {
        check_expiry(Kind::Root, self.expires(), now)
    }

    /// Its version; the first is 1.
    pub fn version(&self) -> u64 {
        self.body.version
    }

    /// The first second at which it is not valid.
    pub fn expires(&self) -> Timestamp {
        self.body.expires
    }

    /// The sha256 of its payload, for people to compare. Not of the file: a further
    /// signature does not make it another root.
    pub fn fingerprint(&self) -> &Sha256Digest {
        &self.fingerprint
    }

    /// Who may sign the next root.
    pub fn root_role(&self) -> &Role {
        role_of(self.body.roles.root.as_ref())
    }

    /// Who may sign the index.
    pub fn index_role(&self) -> &Role {
        role_of(self.body.roles.index.as_ref())
    }

    /// The key of this name, unless it is not there or of an algorithm that is not known.
    pub fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.body.keys.get(id).and_then(KeyObject::usable)
    }
}

/// A root without one of its roles does not come to be; were it there, nobody could sign.
fn role_of(role: Option<&Role>) -> &Role {
    static NOBODY: Role = Role { keys: Vec::new(), threshold: usize::MAX };
    role.unwrap_or(&NOBODY)
}

/// TUF wants the expiry later than now: at that second it is over.
pub(super) fn check_expiry(
    kind: Kind,
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), TrustError> {
    if expires <= now {
        return Err(TrustError::Expired { what: kind.name(), expires, now });
    }
    Ok(())
}

fn invalid(why: String) -> TrustError {
    TrustError::Invalid { what: "root", why }
}

/// The keys, refusing one named twice: which of two counts would depend on the reader.
fn read_keys<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<KeyId, KeyObject>, D::Error> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = BTreeMap<KeyId, KeyObject>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_KEYS} keys by the digest of each")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = BTreeMap::new();
            while let Some((id, key)) = map.next_entry::<KeyId, KeyObject>()? {
                if keys.insert(id, key).is_some() {
                    return Err(A::Error::custom(format!("key {id} is there twice")));
                }
                if keys.len() > MAX_KEYS {
                    return Err(A::Error::custom(format!("there are more than {MAX_KEYS} keys")));
                }
            }
            Ok(keys)
        }
    }

    from.deserialize_map(Keys)
}
