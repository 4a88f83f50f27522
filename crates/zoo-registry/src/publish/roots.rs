//! The roots of a signed tree: the first, and the next.

use super::claims::Current;
use super::error::PublishError;
use super::files::Files;
use super::signing::Signing;
use crate::bounded;
use crate::error::Error;
use crate::trust::{Envelope, Kind, MAX_ROOT_BYTES, Root, Timestamp, add_signature, sign_envelope};

pub(super) const ROOT: &str = "root.json";

impl Files {
    /// The newest root of the tree.
    pub(super) fn root(&self) -> Result<Root, Error> {
        Ok(Root::verify(&bounded::read(&self.path(ROOT), MAX_ROOT_BYTES as u64)?)?)
    }

    /// Writes a root under its number and as the newest. Those who trust the one before look
    /// for the number, so it comes first.
    pub(super) fn write_root(&self, root: &Root, bytes: &[u8]) -> Result<(), Error> {
        self.replace(&format!("{}.root.json", root.version()), bytes)?;
        self.replace(ROOT, bytes)
    }

    /// Whether enough keys of the newest root have signed this index, and it has not expired.
    pub(super) fn check_signed(&self, envelope: &[u8], now: Timestamp) -> Result<(), Error> {
        let root = self.root()?;
        root.check_expiry(now)?;
        root.verify_index_signatures(&Envelope::parse(envelope)?)?;
        Ok(())
    }

    /// Whether any root that this tree had believed this index. Only for signing it anew.
    pub(super) fn check_once_signed(&self, envelope: &[u8]) -> Result<(), Error> {
        let envelope = Envelope::parse(envelope)?;
        let newest = self.root()?;
        let mut verdict = newest.verify_index_signatures(&envelope);
        for version in (1..newest.version()).rev() {
            if verdict.is_ok() {
                break;
            }
            let path = self.path(&format!("{version}.root.json"));
            let older = Root::verify(&bounded::read(&path, MAX_ROOT_BYTES as u64)?)?;
            if older.verify_index_signatures(&envelope).is_ok() {
                verdict = Ok(());
            }
        }
        Ok(verdict?)
    }

    /// Makes `next` the root. Between any two steps the index has the signatures that both
    /// roots ask for, so that no reader is shut out.
    pub(super) fn rotate(&self, next: &[u8], signing: &Signing) -> Result<Root, Error> {
        let current: Current = self.roll_forward()?;
        let root = match self.root()? {
            // Done before, or broken off between its two files.
            root if root.fingerprint() == Root::verify(next)?.fingerprint() => root,
            root => root.verify_next(next)?,
        };
        let mut envelope = current.envelope;
        for key in signing.secret_keys() {
            envelope = add_signature(Kind::Index, &envelope, key)?;
        }
        root.verify_index_signatures(&Envelope::parse(&envelope)?)?;
        self.replace("index.json", &envelope)?;
        self.write_root(&root, next)?;
        self.roll_forward()?;
        Ok(root)
    }

    /// The envelope of `payload` as `signing` says, which must be as this tree is.
    pub(super) fn sign(
        &self,
        payload: &[u8],
        signing: &Signing,
        is_signed: bool,
        now: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let envelope = sign_envelope(Kind::Index, payload, signing.secret_keys())?;
        if is_signed {
            // Too few keys, or others: nobody would believe it.
            self.check_signed(&envelope, now)?;
        }
        Ok(envelope)
    }

    /// Refuses to mix what is signed with what is not.
    pub(super) fn check_kind(&self, is_signed: bool, signing: &Signing) -> Result<(), Error> {
        let path = self.dir.clone();
        match (is_signed, signing.is_signed()) {
            (true, false) => Err(PublishError::KeyNeeded { path }.into()),
            (false, true) => Err(PublishError::Unsigned { path }.into()),
            _ => Ok(()),
        }
    }
}
