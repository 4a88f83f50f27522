//! Publishing into a tree on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use zoo_registry::publish::{
    InitOptions, Publication, PublishError, PublishLimits, PublishWarning, Published, Signing,
    TreeWriter,
};
use zoo_registry::trust::{
    Envelope, Kind, Root, RootBuilder, SecretKey, Timestamp, TrustError, TrustStore, sign_envelope,
};
use zoo_registry::{
    Entry, Error, Index, IndexOptions, PullOptions, Query, Registry, Sha256Digest, Silent,
};

use crate::support::{Cache, list};

pub(crate) const NOW: &str = "2026-11-23T00:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// An entry with one version, whose one file has these bytes.
pub(crate) fn entry(name: &str, version: &str, bytes: &[u8]) -> Entry {
    let digest = Sha256Digest::of(bytes);
    let json = format!(
        r#"{{"schema":1,"name":"{name}","summary":"s","task":"image-classification",
        "family":"f","input":"3x8x8","licence":"MIT","citation":"c","upstream":"u",
        "preparation":"none","version":[{{"version":"{version}","weights":"W","files":[
        {{"path":"m.zoo","sha256":"{digest}","format":"zoo","urls":[]}}]}}]}}"#
    );
    Entry::from_json(json.as_bytes(), "a test").unwrap()
}

/// A tree in a folder of its own, and files to publish.
pub(crate) struct Tree {
    pub(crate) dir: TempDir,
    pub(crate) writer: TreeWriter,
}

impl Tree {
    pub(crate) fn unsigned() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = InitOptions { root: None, signing: &Signing::Unsigned, now: now() };
        let writer = TreeWriter::init(&dir.path().join("tree"), &options).unwrap();
        Self { dir, writer }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    pub(crate) fn publication(&self, name: &str, version: &str, bytes: &[u8]) -> Publication {
        let digest = Sha256Digest::of(bytes);
        let path = self.dir.path().join(digest.to_hex());
        fs::write(&path, bytes).unwrap();
        Publication::new(entry(name, version, bytes), vec![(digest, path)])
    }

    pub(crate) fn publish(&self, what: &Publication) -> Result<Published, Error> {
        self.writer.publish(what, &Signing::Unsigned, now())
    }

    pub(crate) fn add(&self, name: &str, version: &str, bytes: &[u8]) -> Published {
        self.publish(&self.publication(name, version, bytes)).unwrap()
    }

    pub(crate) fn index(&self) -> Index {
        Index::from_dir(&self.path()).unwrap()
    }
}

/// Why something was not published.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> PublishError {
    match result {
        Err(Error::Publish(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Everything that the tree in `dir` refers to is there and right; gives the names.
pub(crate) fn verify(dir: &Path) -> Vec<String> {
    let index = Index::from_dir(dir).unwrap();
    let names: Vec<_> = index.search(&Query::default()).into_iter().map(|row| row.name).collect();
    for name in &names {
        let entry = index.lookup(name).unwrap();
        for file in entry.versions.iter().flat_map(|version| &version.files) {
            let blob = fs::read(dir.join(&file.urls[0])).unwrap();
            assert_eq!(Some(Sha256Digest::of(&blob)), file.sha256, "{name}");
        }
    }
    assert!(index.take_rejected().is_empty());
    assert_eq!(index.models(), names.len() as u64);
    names.iter().map(ToString::to_string).collect()
}

/// Every file below `dir` but the lock, with its bytes.
fn snapshot(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for path in list(dir) {
        if path.is_dir() {
            all.extend(snapshot(&path));
        } else if path.file_name().unwrap() != ".lock" {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

struct Signed {
    tree: Tree,
    root: SecretKey,
    signing: Signing,
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32]).unwrap()
}

fn signed() -> Signed {
    let (root, index) = (key(1), key(2));
    let payload = RootBuilder::new("2030-01-01T00:00:00Z".parse().unwrap())
        .add_key(Kind::Root, &root.public())
        .add_key(Kind::Index, &index.public())
        .build()
        .unwrap();
    let bytes = sign_envelope(Kind::Root, &payload, std::slice::from_ref(&root)).unwrap();
    let signing = Signing::keys(vec![index]);
    let dir = tempfile::tempdir().unwrap();
    let options = InitOptions { root: Some(&bytes), signing: &signing, now: now() };
    let writer = TreeWriter::init(&dir.path().join("tree"), &options).unwrap();
    Signed { tree: Tree { dir, writer }, root, signing }
}

#[test]
fn a_round_trip_through_a_signed_tree() {
    let Signed { tree, signing, .. } = signed();
    let publication = tree.publication("alice/flowers", "1.0.0", b"weights");
    let published = tree.writer.publish(&publication, &signing, now()).unwrap();
    assert_eq!((published.counter, published.already_there), (2, false));

    let cache = Cache::new();
    let trust = TrustStore::new(cache.dir.path().join("trust"));
    let location = tree.path().display().to_string();
    trust.add(&location, "mine", &fs::read(tree.path().join("root.json")).unwrap(), None).unwrap();
    let options =
        IndexOptions { trust: Some(trust), now: now(), ..IndexOptions::new(cache.store.clone()) };
    let index = Index::open(&location, &options).unwrap();
    let registry = Registry::of(index, cache.store.clone());
    let pulled =
        registry.pull(&"alice/flowers".parse().unwrap(), PullOptions::default(), &Silent).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), b"weights");
    // A day after its time it is no longer believed, and signed anew it is.
    let late: Timestamp = "2027-11-24T00:00:00Z".parse().unwrap();
    let options = IndexOptions { now: late, ..options };
    let error = Index::open(&location, &options).unwrap_err();
    assert!(matches!(error, Error::Trust(TrustError::Expired { .. })), "{error}");
    assert_eq!(tree.writer.resign(&signing, late).unwrap().counter, 3);
    Index::open(&location, &options).unwrap();
}

#[test]
fn fault_151_the_same_again_changes_nothing() {
    let tree = Tree::unsigned();
    let publication = tree.publication("alice/flowers", "1.0.0", b"weights");
    assert!(!tree.publish(&publication).unwrap().already_there);
    let before = snapshot(&tree.path());
    let again = tree.publish(&publication).unwrap();
    assert_eq!((again.counter, again.already_there), (2, true));
    assert_eq!(snapshot(&tree.path()), before);
}

#[test]
fn fault_151_and_161_the_same_version_with_other_bytes() {
    let tree = Tree::unsigned();
    tree.add("alice/flowers", "1.0.0", b"weights");
    let other = tree.publication("alice/flowers", "1.0.0", b"others!");
    let before = snapshot(&tree.path());
    let conflict = |result| {
        let error = refusal(result);
        assert!(matches!(error, PublishError::Conflict { what: "files", .. }), "{error}");
    };
    conflict(tree.publish(&other));
    assert_eq!(snapshot(&tree.path()), before);
    // A version that differs in build metadata alone is the same.
    conflict(tree.publish(&tree.publication("alice/flowers", "1.0.0+b", b"others!")));
    // Withdrawing does not make room for another.
    let (name, version) = ("alice/flowers".parse().unwrap(), "1.0.0".parse().unwrap());
    tree.writer.yank(&name, &version, true, &Signing::Unsigned, now()).unwrap();
    conflict(tree.publish(&other));
    let mut facts = tree.publication("alice/flowers", "1.0.0", b"weights");
    facts.entry.versions[0].provenance = Some("elsewhere".to_owned());
    let error = refusal(tree.publish(&facts));
    assert!(matches!(error, PublishError::Conflict { what: "facts", .. }), "{error}");
}

#[test]
fn fault_028_and_155_yanked_stays_and_comes_back() {
    let tree = Tree::unsigned();
    tree.add("alice/flowers", "1.0.0", b"one");
    tree.add("alice/flowers", "2.0.0", b"two");
    let name = "alice/flowers".parse().unwrap();
    let yank = |version: &str, yanked| {
        let version = version.parse().unwrap();
        tree.writer.yank(&name, &version, yanked, &Signing::Unsigned, now()).unwrap()
    };
    let chosen = || tree.index().lookup(&name).unwrap().version(None).map(|v| v.version.major).ok();
    assert_eq!(chosen(), Some(2));
    assert!(!yank("2.0.0", true).already_there);
    assert!(yank("2.0.0", true).already_there);
    assert_eq!(chosen(), Some(1));
    yank("1.0.0", true);
    assert_eq!(chosen(), None);
    // Nobody finds it by searching, and the name stays its owner's.
    assert!(tree.index().search(&Query::default()).is_empty());
    assert_eq!(tree.index().lookup(&name).unwrap().versions.len(), 2);
    assert!(
        tree.publish(&tree.publication("alice/flowers", "1.0.0", b"one")).unwrap().already_there
    );
    yank("1.0.0", false);
    assert_eq!(chosen(), Some(1));
    let missing = "9.0.0".parse().unwrap();
    let error = refusal(tree.writer.yank(&name, &missing, true, &Signing::Unsigned, now()));
    assert!(matches!(error, PublishError::NoSuchVersion { .. }), "{error}");
}

#[test]
fn fault_013_names_that_cannot_be_told_apart() {
    let tree = Tree::unsigned();
    tree.add("resnet-50", "1.0.0", b"official");
    tree.add("alice/flowers", "1.0.0", b"hers");
    for (name, taken) in [
        ("resnet50", "resnet-50"),
        ("resnet.50", "resnet-50"),
        ("res/net-50", "resnet-50"),
        ("alice/flow-ers", "alice/flowers"),
        ("al-ice/anything", "alice/flowers"),
        ("al-ice/flowers", "alice/flowers"),
    ] {
        match refusal(tree.publish(&tree.publication(name, "1.0.0", b"x"))) {
            PublishError::NameTaken { taken: found, .. } => assert_eq!(found.as_str(), taken),
            other => panic!("{name}: {other}"),
        }
    }
    let warnings = tree.add("alicia/flowers", "1.0.0", b"x").warnings;
    assert_eq!(warnings, []);
    let warnings = tree.add("alise/flowers", "1.0.0", b"x").warnings;
    assert!(
        matches!(&warnings[..], [PublishWarning::SimilarName { like, .. }] if like.as_str() == "alice/flowers"),
        "{warnings:?}"
    );
    let warnings = tree.add("bob/resnet50", "1.0.0", b"x").warnings;
    assert!(matches!(&warnings[..], [PublishWarning::OfficialName { .. }]), "{warnings:?}");
    // An alias takes a name as much as a name does.
    let mut aliased = tree.publication("bob/other", "1.0.0", b"x");
    aliased.entry.aliases = vec!["resnet-101".parse().unwrap()];
    assert!(matches!(refusal(tree.publish(&aliased)), PublishError::Invalid { .. }));
    aliased.entry.aliases = vec!["bob/resnet.50".parse().unwrap()];
    assert!(matches!(refusal(tree.publish(&aliased)), PublishError::NameTaken { .. }));
    aliased.entry.aliases = vec!["bob/fine".parse().unwrap()];
    tree.publish(&aliased).unwrap();
    let found = tree.index().lookup(&"bob/fine".parse().unwrap()).unwrap();
    assert_eq!(found.name.as_str(), "bob/other");
    let error = refusal(tree.publish(&tree.publication("bob/fi-ne", "1.0.0", b"x")));
    assert!(matches!(error, PublishError::NameTaken { .. }), "{error}");
}

#[test]
fn fault_008_and_009_and_154_and_157_what_cannot_be_published() {
    let tree = Tree::unsigned();
    let limits = PublishLimits { blob_bytes: 16, files: 2 };
    let writer = tree.writer.clone().with_limits(limits);
    let before = snapshot(&tree.path());
    let problems = |change: &dyn Fn(&mut Publication)| {
        let mut publication = tree.publication("alice/flowers", "1.0.0", b"weights");
        change(&mut publication);
        match refusal(writer.publish(&publication, &Signing::Unsigned, now())) {
            PublishError::Invalid { problems, .. } => problems.join("; "),
            other => panic!("{other}"),
        }
    };
    for (change, expected) in [
        (
            &(|p: &mut Publication| p.entry.licence = String::new()) as &dyn Fn(&mut Publication),
            "licence is empty",
        ),
        (&|p| p.entry.licence = "NONE".to_owned(), "no SPDX expression"),
        (&|p| p.entry.licence = "see model card?".to_owned(), "no SPDX expression"),
        (&|p| p.entry.versions.clear(), "0 versions"),
        (&|p| p.entry.versions[0].yanked = true, "yanked already"),
        (&|p| p.blobs.clear(), "was not sent"),
        (&|p| p.entry.versions[0].files[0].sha256 = None, "no sha256"),
        (&|p| p.entry.versions[0].files[0].path = "../m.zoo".to_owned(), "unsafe part"),
        (&|p| p.entry.versions[0].files[0].path = "/etc/m.zoo".to_owned(), "unsafe part"),
        (&|p| p.entry.versions[0].files[0].path = "C:\\m.zoo".to_owned(), "unsafe part"),
        (&|p| p.entry.versions[0].files[0].urls = vec!["../../x".to_owned()], "no web address"),
        (&|p| p.entry.versions[0].files[0].urls = vec!["config.json".to_owned()], "no web address"),
        (&|p| p.entry.versions[0].files[0].urls = vec!["/etc/passwd".to_owned()], "no web address"),
        (
            &|p| p.entry.versions[0].files[0].urls = vec!["file:///etc/passwd".to_owned()],
            "no web address",
        ),
        (
            &|p| p.entry.versions[0].files[0].urls = vec!["builtin:starter".to_owned()],
            "no web address",
        ),
        (&|p| p.entry.versions[0].files[0].format = zoo_registry::FileFormat::Pytorch, "pickle"),
        (
            &|p| {
                p.entry.versions[0].files[0].size =
                    Some(zoo_registry::FileSize { bytes: 6, exact: true });
            },
            "the size is not 7",
        ),
        (
            &|p| {
                let file = p.entry.versions[0].files[0].clone();
                p.entry.versions[0].files.extend([file.clone(), file]);
            },
            "3 files",
        ),
    ] {
        let found = problems(change);
        assert!(found.contains(expected), "{found:?} instead of {expected:?}");
    }
    let large = tree.publication("alice/flowers", "1.0.0", b"seventeen bytes!!");
    match refusal(writer.publish(&large, &Signing::Unsigned, now())) {
        PublishError::Invalid { problems, .. } => assert!(problems[0].contains("16 bytes")),
        other => panic!("{other}"),
    }
    assert_eq!(snapshot(&tree.path()), before);
}

#[test]
fn fault_161_the_file_is_not_what_was_announced() {
    let tree = Tree::unsigned();
    let publication = tree.publication("alice/flowers", "1.0.0", b"weights");
    fs::write(&publication.blobs[0].1, b"weighty").unwrap();
    let error = refusal(tree.publish(&publication));
    assert!(matches!(error, PublishError::WrongDigest { .. }), "{error}");
    assert!(tree.index().search(&Query::default()).is_empty());
    assert_eq!(tree.writer.blob_size(&publication.blobs[0].0), None);
    // Also where the right file is there already.
    fs::write(&publication.blobs[0].1, b"weights").unwrap();
    tree.publish(&publication).unwrap();
    let mut again = publication.clone();
    again.entry.versions[0].version = "2.0.0".parse().unwrap();
    fs::write(&again.blobs[0].1, b"weighty").unwrap();
    let error = refusal(tree.publish(&again));
    assert!(matches!(error, PublishError::WrongDigest { .. }), "{error}");
    // A file that went bad in the tree is replaced by the right one.
    let stored = tree.writer.blob_path(&publication.blobs[0].0);
    fs::write(&stored, b"rotten!").unwrap();
    fs::write(&again.blobs[0].1, b"weights").unwrap();
    tree.publish(&again).unwrap();
    assert_eq!(fs::read(stored).unwrap(), b"weights");
}

#[test]
fn a_new_version_does_not_change_what_is_said_of_the_old() {
    let tree = Tree::unsigned();
    tree.add("alice/flowers", "1.0.0", b"one");
    let mut second = tree.publication("alice/flowers", "2.0.0", b"two");
    second.entry.summary = "better".to_owned();
    second.entry.input = "3x16x16".to_owned();
    second.entry.licence = "Apache-2.0".to_owned();
    second.entry.preparation = Some("halved".to_owned());
    second.entry.classes = Some(5);
    tree.publish(&second).unwrap();
    assert!(tree.publish(&second).unwrap().already_there);
    let entry = tree.index().lookup(&"alice/flowers".parse().unwrap()).unwrap();
    let [one, two] = &entry.versions[..] else { panic!("{entry:?}") };
    assert_eq!(entry.summary, "better");
    let facts =
        |v| (entry.input_of(v), entry.licence_of(v), entry.preparation_of(v), entry.classes_of(v));
    assert_eq!(facts(one), ("3x8x8", "MIT", Some("none"), None));
    assert_eq!(facts(two), ("3x16x16", "Apache-2.0", Some("halved"), Some(5)));
    let mut third = tree.publication("alice/flowers", "3.0.0", b"three");
    third.entry.task = "speech".to_owned();
    assert!(matches!(refusal(tree.publish(&third)), PublishError::Invalid { .. }));
}

#[test]
fn fault_158_what_the_publisher_saw_must_still_be_so() {
    let tree = Tree::unsigned();
    tree.add("alice/flowers", "1.0.0", b"one");
    let (_, seen) = tree.writer.model(&"alice/flowers".parse().unwrap()).unwrap().unwrap();
    tree.add("alice/flowers", "2.0.0", b"two");
    let mut third = tree.publication("alice/flowers", "3.0.0", b"three");
    third.based_on = Some(seen);
    assert!(matches!(refusal(tree.publish(&third)), PublishError::Outdated { .. }));
    third.based_on = tree.writer.model(&third.entry.name).unwrap().map(|(_, shard)| shard);
    tree.publish(&third).unwrap();
    // A repetition is based on what it has made itself.
    assert!(tree.publish(&third).unwrap().already_there);
}

#[test]
fn the_licence_of_the_parent_holds() {
    let tree = Tree::unsigned();
    let mut parent = tree.publication("bob/trunk", "1.0.0", b"trunk");
    parent.entry.licence = "CC-BY-NC-4.0".to_owned();
    tree.publish(&parent).unwrap();
    let mut child = tree.publication("alice/flowers", "1.0.0", b"child");
    child.entry.versions[0].parent = Some(zoo_registry::ParentModel {
        name: "bob/trunk".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        bundle: parent.blobs[0].0,
    });
    let error = refusal(tree.publish(&child));
    assert!(matches!(error, PublishError::Licence { .. }), "{error}");
    child.entry.licence = "CC-BY-NC-SA-4.0".to_owned();
    tree.publish(&child).unwrap();
}

#[test]
fn signed_and_unsigned_do_not_mix() {
    let Signed { tree, signing, .. } = signed();
    let publication = tree.publication("alice/flowers", "1.0.0", b"x");
    let error = refusal(tree.publish(&publication));
    assert!(matches!(error, PublishError::KeyNeeded { .. }), "{error}");
    let stranger = Signing::keys(vec![key(9)]);
    let error = tree.writer.publish(&publication, &stranger, now()).unwrap_err();
    assert!(matches!(error, Error::Trust(TrustError::Threshold { .. })), "{error}");
    let unsigned = Tree::unsigned();
    let publication = unsigned.publication("alice/flowers", "1.0.0", b"x");
    let error = refusal(unsigned.writer.publish(&publication, &signing, now()));
    assert!(matches!(error, PublishError::Unsigned { .. }), "{error}");
    // Whoever can write to the folder cannot have his index signed by the next publisher.
    let index = tree.path().join("index.json");
    let forged = {
        let bytes = fs::read(&index).unwrap();
        let payload = Envelope::parse(&bytes).unwrap().payload().to_vec();
        let text = String::from_utf8(payload).unwrap().replace("\"counter\":1", "\"counter\":7");
        sign_envelope(Kind::Index, text.as_bytes(), &[key(9)]).unwrap()
    };
    fs::write(&index, forged).unwrap();
    let publication = tree.publication("alice/flowers", "1.0.0", b"x");
    let error = tree.writer.publish(&publication, &signing, now()).unwrap_err();
    assert!(matches!(error, Error::Trust(TrustError::Threshold { .. })), "{error}");
    // Taking its root's name out of the config does not make it unsigned.
    fs::write(
        tree.path().join("config.json"),
        br#"{"schema":1,"index":"index.json","signed":false}"#,
    )
    .unwrap();
    assert!(TreeWriter::open(&tree.path()).unwrap().is_signed());
}

#[test]
fn fault_144_a_new_root_shuts_nobody_out() {
    let Signed { tree, root, signing } = signed();
    let publication = tree.publication("alice/flowers", "1.0.0", b"x");
    tree.writer.publish(&publication, &signing, now()).unwrap();
    let first = Root::verify(&fs::read(tree.path().join("root.json")).unwrap()).unwrap();
    let Signing::Keys { keys, .. } = &signing else { panic!() };
    let new = key(3);
    let payload = RootBuilder::after(&first, "2031-01-01T00:00:00Z".parse().unwrap())
        .add_key(Kind::Index, &new.public())
        .remove_key(Kind::Index, &keys[0].public().id())
        .build()
        .unwrap();
    let unsigned = sign_envelope(Kind::Root, &payload, &[key(9)]).unwrap();
    let new = Signing::keys(vec![new]);
    assert!(tree.writer.rotate_root(&unsigned, &new).is_err());
    let next = sign_envelope(Kind::Root, &payload, &[root]).unwrap();
    // Without its new keys the index would be nobody's.
    assert!(tree.writer.rotate_root(&next, &signing).is_err());
    assert_eq!(tree.writer.rotate_root(&next, &new).unwrap().version(), 2);
    assert_eq!(tree.writer.rotate_root(&next, &new).unwrap().version(), 2);
    for name in ["1.root.json", "2.root.json", "root.json"] {
        assert!(tree.path().join(name).is_file(), "{name}");
    }
    // The index is good for who trusts either root.
    let bytes = fs::read(tree.path().join("index.json")).unwrap();
    let envelope = Envelope::parse(&bytes).unwrap();
    first.verify_index_signatures(&envelope).unwrap();
    first.verify_next(&next).unwrap().verify_index_signatures(&envelope).unwrap();
    let second = tree.publication("alice/flowers", "2.0.0", b"y");
    assert!(tree.writer.publish(&second, &signing, now()).is_err());
    assert_eq!(tree.writer.publish(&second, &new, now()).unwrap().counter, 3);
}

#[test]
fn init_only_where_there_is_nothing() {
    let tree = Tree::unsigned();
    let options = InitOptions { root: None, signing: &Signing::Unsigned, now: now() };
    let error = refusal(TreeWriter::init(&tree.path(), &options).map(|_| ()));
    assert!(matches!(error, PublishError::AlreadyARegistry { .. }), "{error}");
    // One that was broken off before its last step begins anew.
    fs::remove_file(tree.path().join("config.json")).unwrap();
    let error = refusal(TreeWriter::open(&tree.path()).map(|_| ()));
    assert!(matches!(error, PublishError::NotARegistry { .. }), "{error}");
    TreeWriter::init(&tree.path(), &options).unwrap();
    tree.add("alice/flowers", "1.0.0", b"x");
    fs::remove_file(tree.path().join("config.json")).unwrap();
    let error = refusal(TreeWriter::init(&tree.path(), &options).map(|_| ()));
    assert!(matches!(error, PublishError::AlreadyARegistry { .. }), "{error}");
}

#[test]
fn pages_grow_with_the_models() {
    let tree = Tree::unsigned();
    for n in 0..260 {
        tree.add(&format!("alice/model-{n}x"), "1.0.0", b"same");
    }
    assert_eq!(verify(&tree.path()).len(), 260);
    let text = fs::read_to_string(tree.path().join("index.json")).unwrap();
    let payload = Envelope::parse(text.as_bytes()).unwrap().payload().to_vec();
    let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(json["pages"].as_array().unwrap().len(), 2);
    assert_eq!(list(&tree.path().join("history")).len(), 16 + 1);
    let kept = list(&tree.path().join("pages")).len();
    // Young leftovers stay, old ones go, and what is left is all that is needed.
    assert_eq!(tree.writer.gc().unwrap().objects, 0);
    let swept = tree.writer.gc_older_than(Duration::ZERO).unwrap();
    assert!(swept.objects > 200, "{swept:?}");
    assert!(list(&tree.path().join("pages")).len() < kept);
    assert_eq!(verify(&tree.path()).len(), 260);
}

#[test]
fn fault_022_the_shard_is_the_truth() {
    let tree = Tree::unsigned();
    tree.add("alice/flowers", "1.0.0", b"x");
    // A page whose row says something else than the shard.
    let page = list(&tree.path().join("pages")).pop().unwrap();
    let text = fs::read_to_string(&page).unwrap().replace("\"MIT\"", "\"CC0-1.0\"");
    let (old, new) =
        (page.file_stem().unwrap().to_str().unwrap(), Sha256Digest::of(text.as_bytes()));
    fs::write(tree.path().join(format!("pages/{new}.jsonl")), &text).unwrap();
    let index = tree.path().join("index.json");
    let bytes = fs::read_to_string(&index).unwrap().replace(old, &new.to_hex());
    fs::write(&index, bytes).unwrap();
    let index = tree.index();
    assert_eq!(index.search(&Query::default())[0].licence, "CC0-1.0");
    assert_eq!(index.lookup(&"alice/flowers".parse().unwrap()).unwrap().licence, "MIT");
}
