//! What the tests of trust share: keys that follow from a number, roots, indexes, a folder.

use std::path::PathBuf;

use tempfile::TempDir;
use zoo_registry::Error;
use zoo_registry::trust::{
    Envelope, Kind, Root, RootBuilder, SecretKey, Timestamp, TrustError, TrustStore, Trusted,
    VerifiedIndex, sign_envelope,
};

pub(crate) const LOCATION: &str = "https://zoo.example/registry";

/// The clock of the tests.
pub(crate) const NOW: &str = "2026-06-01T12:00:00Z";
pub(crate) const CREATED: &str = "2026-05-01T00:00:00Z";
pub(crate) const EXPIRES: &str = "2027-01-01T00:00:00Z";
/// After everything has expired.
pub(crate) const LATER: &str = "2030-01-01T00:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Root keys of the tests are below 10, index keys from 10 on.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32]).unwrap()
}

pub(crate) fn keys(numbers: &[u8]) -> Vec<SecretKey> {
    numbers.iter().map(|number| key(*number)).collect()
}

/// `builder` with root keys below 10 and index keys from 10 on.
pub(crate) fn with_keys(mut builder: RootBuilder, numbers: &[u8]) -> RootBuilder {
    for number in numbers {
        builder = builder.add_key(role(*number), &key(*number).public());
    }
    builder
}

pub(crate) fn without_keys(mut builder: RootBuilder, numbers: &[u8]) -> RootBuilder {
    for number in numbers {
        builder = builder.remove_key(role(*number), &key(*number).public().id());
    }
    builder
}

fn role(number: u8) -> Kind {
    if number < 10 { Kind::Root } else { Kind::Index }
}

pub(crate) fn signed_root(builder: RootBuilder, signers: &[u8]) -> Vec<u8> {
    sign_envelope(Kind::Root, &builder.build().unwrap(), &keys(signers)).unwrap()
}

/// Version 1 with one root key, 1, and one index key, 10.
pub(crate) fn first_root() -> Vec<u8> {
    signed_root(with_keys(RootBuilder::new(time(EXPIRES)), &[1, 10]), &[1])
}

pub(crate) fn after(root: &[u8]) -> RootBuilder {
    RootBuilder::after(&Root::verify(root).unwrap(), time(EXPIRES))
}

pub(crate) fn index_payload(counter: u64) -> String {
    format!(
        r#"{{"type":"index","schema":1,"counter":{counter},"created":"{CREATED}","expires":"{EXPIRES}","models":{{}}}}"#
    )
}

pub(crate) fn index(counter: u64, signers: &[u8]) -> Vec<u8> {
    sign_envelope(Kind::Index, index_payload(counter).as_bytes(), &keys(signers)).unwrap()
}

/// Signed as it is, whatever it says about itself.
pub(crate) fn sign_anything(kind: Kind, payload: &str, signers: &[u8]) -> Vec<u8> {
    let payload = payload.as_bytes();
    let signatures = keys(signers).iter().map(|key| key.sign(kind, payload)).collect();
    Envelope::new(signatures, payload).unwrap().to_bytes()
}

/// A trust store in a folder of its own.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) store: TrustStore,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = TrustStore::new(dir.path().join("trust"));
        Self { dir, store }
    }

    /// With the registry of `root` added.
    pub(crate) fn trusting(root: &[u8]) -> (Self, Trusted) {
        let home = Self::new();
        let trusted = home.store.add(LOCATION, "test", root, None).unwrap();
        (home, trusted)
    }

    pub(crate) fn get(&self) -> Result<Trusted, Error> {
        self.store.get(LOCATION).map(Option::unwrap)
    }

    /// The one folder of the one registry.
    pub(crate) fn folder(&self) -> PathBuf {
        let mut folders = crate::support::list(self.store.dir());
        assert_eq!(folders.len(), 1);
        folders.remove(0)
    }
}

/// Verifies and commits, as a pull does.
pub(crate) fn accept(trusted: &mut Trusted, bytes: &[u8]) -> Result<VerifiedIndex, TrustError> {
    let index = trusted.verify_index(bytes, time(NOW), false)?;
    trusted.commit(&index, time(NOW)).unwrap();
    Ok(index)
}

/// Updates from `roots`, which begin with version 1.
pub(crate) fn update(trusted: &mut Trusted, roots: &[Vec<u8>]) -> Result<u64, Error> {
    trusted.update_root(time(NOW), |version| Ok(roots.get(version as usize - 1).cloned()))
}

/// The error of trust that `error` is.
pub(crate) fn why(error: Error) -> TrustError {
    match error {
        Error::Trust(error) => error,
        other => panic!("{other:?}"),
    }
}
