//! The store, when the disk is not what it should be.

use std::fs;

use zoo_registry::{
    BlobState, CachePin, CorruptBlob, Error, GcOptions, Kind, KindUsage, PinTarget, Sha256Digest,
    Store, StoreError, default_cache_dir,
};

use crate::support::{Cache, list, overwrite, payload};

#[test]
fn insert_find_remove() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    assert_eq!(digest, Sha256Digest::of(b"abc"));
    let hex = digest.to_hex();
    assert!(path.ends_with(format!("blobs/sha256/{}/{hex}", &hex[..2])));
    assert_eq!(cache.store.insert(b"abc").unwrap(), (digest, path.clone()));
    assert_eq!(cache.store.open_verified(&digest, Some(3)), Some(path));
    assert_eq!(cache.store.open_verified(&digest, Some(4)), None);
    assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::Intact(3));
    assert!(cache.partial_files().is_empty());
    assert!(cache.store.remove(&digest).unwrap());
    assert!(!cache.store.remove(&digest).unwrap());
    assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::Missing);
}

#[test]
fn fault_007_and_074_stray_files_are_no_blobs() {
    let cache = Cache::new();
    assert_eq!(cache.store.blobs().unwrap(), []);
    let (digest, path) = cache.store.insert(&payload()).unwrap();
    let fan = path.parent().unwrap();
    fs::write(fan.join(".hidden"), "x").unwrap();
    fs::write(fan.join("0".repeat(64)), "in the wrong folder").unwrap();
    fs::create_dir(fan.join("deep")).unwrap();
    fs::write(fan.parent().unwrap().join("README"), "x").unwrap();
    assert_eq!(cache.store.blobs().unwrap(), [(digest, 200_000)]);
}

#[test]
fn fault_075_cache_is_a_file_or_below_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, Error::CacheNotADirectory { .. }), "{error}");
    let error = Store::open(file.join("cache")).unwrap_err();
    assert!(error.to_string().contains("cannot create the cache directory"), "{error}");
    let deep = dir.path().join("a/b/c");
    let store = Store::open(&deep).unwrap();
    assert_eq!(store.root(), deep);
    // It disappears while it is used.
    let (digest, _) = store.insert(b"abc").unwrap();
    fs::remove_dir_all(&deep).unwrap();
    assert_eq!(store.check(&digest, None).unwrap(), BlobState::Missing);
    assert_eq!(store.usage().unwrap().blobs, []);
    assert!(store.verify_all(false, |_| {}).unwrap().is_clean());
    drop(store.hold().unwrap());
    assert_eq!(store.insert(b"abc").unwrap().0, digest);
}

#[test]
fn fault_075_junk_where_folders_should_be() {
    for name in ["stamps", "in-use.lock", "blobs", "bundles", "index"] {
        let cache = Cache::new();
        let root = cache.store.root();
        if name == "in-use.lock" {
            fs::create_dir(root.join(name)).unwrap();
        } else {
            fs::write(root.join(name), "junk").unwrap();
        }
        let inserted = cache.store.insert(b"abc");
        assert_eq!(inserted.is_ok(), name != "blobs", "{name}");
        drop(cache.store.hold().unwrap());
        if let Ok((digest, _)) = inserted {
            assert_eq!(cache.store.check(&digest, Some(3)).unwrap(), BlobState::Intact(3));
        }
        let report = cache.store.verify_all(false, |_| {}).unwrap();
        assert_eq!(report.stray, [root.join(name)], "{name}");
    }
}

/// The store makes no links, so that it works where there are none; its files have one name.
#[cfg(unix)]
#[test]
fn fault_076_no_links_in_the_store() {
    use std::os::unix::fs::MetadataExt as _;
    let cache = Cache::new();
    let source = cache.dir.path().join("payload");
    fs::write(&source, payload()).unwrap();
    cache.fetch(&[source.to_str().unwrap().to_owned()]).unwrap();
    cache.store.insert(b"abc").unwrap();
    drop(cache.store.hold().unwrap());
    cache.store.gc(&GcOptions::default()).unwrap();
    let mut rest = vec![cache.store.root().to_owned()];
    let mut files = 0;
    while let Some(path) = rest.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(!metadata.is_symlink(), "{}", path.display());
        if metadata.is_dir() {
            rest.extend(list(&path));
        } else {
            assert_eq!(metadata.nlink(), 1, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 5, "{files}");
}

#[test]
fn fault_078_a_folder_stands_in_the_way_of_a_blob() {
    let cache = Cache::new();
    let digest = Sha256Digest::of(b"abc");
    let path = cache.store.blob_path(&digest);
    fs::create_dir_all(path.join("deep")).unwrap();
    let error = cache.store.insert(b"abc").unwrap_err();
    assert!(error.to_string().contains("rename into the store"), "{error}");
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Missing);
    assert!(cache.partial_files().is_empty());
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(cache.store.insert(b"abc").unwrap().1, path);
}

#[test]
fn usage_counts_each_kind() {
    let cache = Cache::new();
    let root = cache.store.root();
    let (digest, path) = cache.store.insert(&payload()).unwrap();
    for (file, bytes) in [
        ("bundles/a.zoo", 10),
        ("bundles/notes.txt", 1),
        ("features/a.features", 20),
        ("index/deep/a.json", 30),
        ("partial/url-ab.1-0.part", 40),
        (".zoo-left", 50),
        ("zoo.lock", 60),
        ("README", 1),
    ] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), vec![0; bytes]).unwrap();
    }
    let usage = cache.store.usage().unwrap();
    let of = |kind| usage.kinds[&kind];
    assert_eq!(of(Kind::Blobs), KindUsage { count: 1, bytes: 200_000 });
    assert_eq!(of(Kind::Bundles).bytes, 10);
    assert_eq!(of(Kind::Features).bytes, 20);
    assert_eq!(of(Kind::Index).bytes, 30);
    assert_eq!(of(Kind::Partial).bytes, 40);
    assert_eq!(of(Kind::Temporary).bytes, 50);
    assert_eq!(of(Kind::State).bytes, 60);
    assert_eq!(of(Kind::Stray), KindUsage { count: 2, bytes: 2 });
    assert_eq!(usage.bytes(), 200_212 + of(Kind::Stamps).bytes);
    let [blob] = &usage.blobs[..] else { panic!("{:?}", usage.blobs) };
    assert!(blob.digest == digest && blob.verified && blob.last_used.is_some());
    overwrite(&path, b"changed");
    assert!(!cache.store.usage().unwrap().blobs[0].verified);
}

#[test]
fn fault_080_all_blobs_are_verified() {
    let cache = Cache::new();
    let (good, _) = cache.store.insert(b"good").unwrap();
    let (bad, path) = cache.store.insert(b"bad").unwrap();
    overwrite(&path, b"mad");
    fs::create_dir(cache.store.root().join("bundles")).unwrap();
    let empty = cache.store.root().join("bundles/a.zoo");
    fs::write(&empty, "").unwrap();
    // A list of features begins empty, and a process may be killed just then.
    let features = cache.store.root().join("features");
    fs::create_dir(&features).unwrap();
    fs::write(features.join("b.features"), "").unwrap();
    let mut told = Vec::new();
    let report = cache.store.verify_all(true, |progress| told.push(progress)).unwrap();
    assert_eq!((report.intact, report.bytes, report.corrupt.len()), (1, 4, 1));
    assert!(!report.is_clean() && !report.corrupt[0].removed && path.exists());
    assert_eq!(report.empty, std::slice::from_ref(&empty));
    assert_eq!((told[1].blobs, told[1].all_blobs, told[1].bytes, told[1].all_bytes), (2, 2, 7, 7));
    let report = cache.store.verify_all(false, |_| {}).unwrap();
    let found = Sha256Digest::of(b"mad");
    assert_eq!(report.corrupt, [CorruptBlob { digest: bad, found, size: 3, removed: true }]);
    fs::remove_file(empty).unwrap();
    assert!(cache.store.verify_all(false, |_| {}).unwrap().is_clean());
    assert_eq!(cache.store.blobs().unwrap(), [(good, 4)]);
}

#[test]
fn pins_are_kept_with_their_reason() {
    let cache = Cache::new();
    let digest = Sha256Digest::of(b"abc");
    let named = |version: &str, reason: &str| CachePin {
        name: Some("m".parse().unwrap()),
        version: Some(version.parse().unwrap()),
        sha256: vec![digest],
        reason: reason.to_owned(),
    };
    let bare = CachePin { name: None, version: None, sha256: vec![digest], reason: String::new() };
    for pin in [named("2.0.0", "b"), named("1.0.0", "a"), bare.clone(), named("2.0.0", "c")] {
        cache.store.pin(pin).unwrap();
    }
    let pins = cache.store.pins().unwrap();
    assert_eq!(pins, [bare.clone(), named("1.0.0", "a"), named("2.0.0", "c")]);
    let removed = cache.store.unpin(&"m@2.0.0".parse().unwrap()).unwrap();
    assert_eq!(removed, [named("2.0.0", "c")]);
    assert_eq!(cache.store.unpin(&"n".parse().unwrap()).unwrap(), []);
    let by_digest = format!("sha256:{digest}").parse().unwrap();
    assert_eq!(by_digest, PinTarget::Blob(digest));
    assert_eq!(cache.store.unpin(&by_digest).unwrap().len(), 2);
    assert_eq!(cache.store.pins().unwrap(), []);
}

#[test]
fn fault_073_and_081_pins_from_the_future_and_broken() {
    let cache = Cache::new();
    let path = cache.store.root().join("pins.toml");
    fs::write(&path, "schema = 2\nnew = 1\n").unwrap();
    assert!(matches!(cache.store.pins().unwrap_err(), Error::FutureSchema { found: 2, .. }));
    for text in ["schema = 99999999999999999999", "schema = 1\n[[pin]]\n", "schema = 1e999", "\0"] {
        fs::write(&path, text).unwrap();
        let error = cache.store.pins().unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::PinsSyntax { .. })), "{text}: {error}");
        // What must stay is not known, so nothing goes.
        assert!(cache.store.gc(&GcOptions::default()).is_err());
    }
}

/// Tests may run as a user to whom nothing is read-only: a file in the place of a folder
/// cannot be written below by anyone.
#[test]
fn fault_027_a_cache_that_cannot_be_written_to() {
    let cache = Cache::new();
    let (digest, _) = cache.store.insert(b"abc").unwrap();
    fs::remove_dir_all(cache.store.root().join("partial")).unwrap();
    fs::write(cache.store.root().join("partial"), "in the way").unwrap();
    let error = cache.store.insert(b"def").unwrap_err();
    assert!(error.to_string().contains("partial"), "{error}");
    let error = cache.fetch(&["/nowhere".to_owned()]).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    // What is there can still be read.
    let again = Store::open(cache.store.root()).unwrap();
    assert!(again.open_verified(&digest, None).is_some());
}

#[test]
fn fault_080_a_blob_corrupted_later() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    overwrite(&path, "abd");
    let found = Sha256Digest::of(b"abd");
    assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::RemovedCorrupt(found));
    assert_eq!(cache.store.open_verified(&digest, None), None);
    // A power cut can leave an empty file: seen without reading it all.
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    overwrite(&path, "");
    assert_eq!(cache.store.open_verified(&digest, None), None);
    assert_eq!(cache.store.insert(b"abc").unwrap().0, digest);
    assert_eq!(fs::read(&path).unwrap(), b"abc");
}

#[test]
fn there_is_a_place_for_a_cache() {
    if let Ok(dir) = default_cache_dir() {
        assert!(dir.ends_with("zoo") || dir.to_string_lossy().contains("zoo"));
    }
}
