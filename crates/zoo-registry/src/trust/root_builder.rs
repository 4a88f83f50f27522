//! Making roots: the first one, and the one after another.

use std::collections::BTreeMap;

use super::envelope::Kind;
use super::error::TrustError;
use super::key::{KeyId, PublicKey};
use super::root::{Body, KeyObject, Role, Roles, Root};
use super::time::Timestamp;

/// A root in the making. Its [payload](RootBuilder::build) is then signed, perhaps by
/// several people one after the other ([`add_signature`](super::add_signature)).
///
/// ```
/// use zoo_registry::trust::{Kind, Root, RootBuilder, SecretKey, sign_envelope};
///
/// let (owner, machine) = (SecretKey::generate()?, SecretKey::generate()?);
/// let payload = RootBuilder::new("2027-01-01T00:00:00Z".parse()?)
///     .add_key(Kind::Root, &owner.public())
///     .add_key(Kind::Index, &machine.public())
///     .build()?;
/// let file = sign_envelope(Kind::Root, &payload, &[owner])?;
/// assert_eq!(Root::verify(&file)?.version(), 1);
/// # Ok::<(), zoo_registry::trust::TrustError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RootBuilder {
    version: u64,
    expires: Timestamp,
    keys: BTreeMap<KeyId, KeyObject>,
    root: Role,
    index: Role,
}

impl RootBuilder {
    /// Version 1, without keys; each role asks for one signature.
    pub fn new(expires: Timestamp) -> Self {
        let role = Role { keys: Vec::new(), threshold: 1 };
        Self { version: 1, expires, keys: BTreeMap::new(), root: role.clone(), index: role }
    }

    /// The version after `root`, with its keys and thresholds. It takes signatures of enough
    /// keys of both.
    ///
    /// Taking an index key away makes everyone forget the counters seen: so a registry
    /// recovers from a thief who signed an index with the highest counter there is.
    pub fn after(root: &Root, expires: Timestamp) -> Self {
        Self {
            version: root.version().saturating_add(1),
            expires,
            keys: root.body.keys.clone(),
            root: root.root_role().clone(),
            index: root.index_role().clone(),
        }
    }

    /// Lets `key` sign this kind of file.
    #[must_use]
    pub fn add_key(mut self, kind: Kind, key: &PublicKey) -> Self {
        let id = key.id();
        self.keys.insert(id, KeyObject::new(key));
        let role = self.role(kind);
        if !role.keys.contains(&id) {
            role.keys.push(id);
        }
        self
    }

    /// No longer lets the key of this name sign this kind of file.
    #[must_use]
    pub fn remove_key(mut self, kind: Kind, id: &KeyId) -> Self {
        self.role(kind).keys.retain(|other| other != id);
        self
    }

    /// Asks for `threshold` different signatures on this kind of file.
    #[must_use]
    pub fn threshold(mut self, kind: Kind, threshold: usize) -> Self {
        self.role(kind).threshold = threshold;
        self
    }

    fn role(&mut self, kind: Kind) -> &mut Role {
        match kind {
            Kind::Root => &mut self.root,
            Kind::Index => &mut self.index,
        }
    }

    /// The payload to be signed, without keys that may sign nothing. The same root gives the
    /// same bytes.
    ///
    /// # Errors
    /// [`TrustError::Invalid`] where nobody could follow it; [`TrustError::Payload`] for more
    /// than 64 keys.
    pub fn build(mut self) -> Result<Vec<u8>, TrustError> {
        self.root.keys.sort_unstable();
        self.index.keys.sort_unstable();
        self.keys.retain(|id, _| self.root.keys.contains(id) || self.index.keys.contains(id));
        let roles = Roles { root: Some(self.root), index: Some(self.index) };
        let body = Body::new(self.version, self.expires, self.keys, roles);
        // On lines of its own, each key can be reviewed where the root is kept in git.
        let payload = serde_json::to_vec_pretty(&body)
            .map_err(|source| TrustError::Payload { what: "root", source })?;
        Body::parse(&payload)?;
        Ok(payload)
    }
}
