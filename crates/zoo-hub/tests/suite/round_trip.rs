//! From a publisher's file to a reader's cache, through a signed hub.

use std::fs;

use zoo_hub::HubOptions;
use zoo_registry::publish::{
    InitOptions, Publication, PublishError, RemoteOptions, RemoteRegistry, Signing, TreeWriter,
};
use zoo_registry::trust::{Kind, RootBuilder, SecretKey, Timestamp, TrustStore, sign_envelope};
use zoo_registry::{
    Error, Index, IndexOptions, PullOptions, Registry, Sha256Digest, Silent, Store,
};

use crate::support::{Running, entry};

fn signing() -> Signing {
    Signing::keys(vec![SecretKey::from_seed([2; 32]).unwrap()])
}

fn signed_hub() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let (root, index) =
        (SecretKey::from_seed([1; 32]).unwrap(), SecretKey::from_seed([2; 32]).unwrap());
    let payload = RootBuilder::new(Timestamp::MAX)
        .add_key(Kind::Root, &root.public())
        .add_key(Kind::Index, &index.public())
        .build()
        .unwrap();
    let root = sign_envelope(Kind::Root, &payload, &[root]).unwrap();
    let options = InitOptions { root: Some(&root), signing: &signing(), now: Timestamp::now() };
    TreeWriter::init(&dir.path().join("tree"), &options).unwrap();
    Running::over(dir, |options: &mut HubOptions| options.signing = signing().into())
}

#[test]
fn published_on_one_machine_and_pulled_on_another() {
    let hub = signed_hub();
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("m.zoo");
    let bytes = b"weights and more weights ".repeat(50_000);
    fs::write(&path, &bytes).unwrap();
    let digest = Sha256Digest::of(&bytes);
    let publication =
        Publication::new(entry("alice/flowers", "1.0.0+b", &bytes), vec![(digest, path)]);
    let remote =
        RemoteRegistry::new(&hub.url(), Some(&hub.token), RemoteOptions::default()).unwrap();
    let published = remote.publish(&publication).unwrap();
    assert_eq!((published.counter, published.already_there), (2, false));
    assert!(remote.publish(&publication).unwrap().already_there);

    let there = tempfile::tempdir().unwrap();
    let store = Store::open(there.path().join("cache")).unwrap();
    let trust = TrustStore::new(there.path().join("trust"));
    let root = hub.get("/root.json").body;
    trust.add(&hub.url(), "hub", &root, None).unwrap();
    let options = IndexOptions { trust: Some(trust), ..IndexOptions::new(store.clone()) };
    let pull = || {
        let index = Index::open(&hub.url(), &options).unwrap();
        let registry = Registry::of(index, store.clone());
        registry.pull(&"alice/flowers".parse().unwrap(), PullOptions::default(), &Silent)
    };
    let pulled = pull().unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), bytes);
    // The same from the folder.
    let index = Index::from_dir(&hub.tree()).unwrap();
    assert_eq!(index.lookup(&"alice/flowers".parse().unwrap()).unwrap(), pulled.entry);
    let (name, version) = ("alice/flowers".parse().unwrap(), "1.0.0+b".parse().unwrap());
    assert_eq!(remote.yank(&name, &version, true).unwrap().counter, 3);
    assert!(pull().is_err());
    assert_eq!(remote.yank(&name, &version, false).unwrap().counter, 4);
    pull().unwrap();
}

#[test]
fn fault_152_refusals_reach_the_publisher() {
    let hub = Running::new();
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("m.zoo");
    // More than a socket takes without somebody reading.
    let bytes = vec![9; 16 << 20];
    fs::write(&path, &bytes).unwrap();
    let blobs = vec![(Sha256Digest::of(&bytes), path)];
    let send = |token: &str, name: &str| {
        let publication = Publication::new(entry(name, "1.0.0", &bytes), blobs.clone());
        let remote = RemoteRegistry::new(&hub.url(), Some(token), RemoteOptions::default());
        match remote.unwrap().publish(&publication) {
            Err(Error::Publish(PublishError::Refused { problem, .. })) => problem.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(send("zoo_wrong", "alice/flowers"), 401);
    assert_eq!(send(&hub.token, "bob/flowers"), 403);
}
