//! The store, when the disk is not what it should be.

use std::fs;

use zoo_registry::{BlobState, Error, Sha256Digest, Store, default_cache_dir};

use crate::support::{Cache, payload};

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
    assert_eq!(Store::open(&deep).unwrap().root(), deep);
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
    fs::write(&path, "abd").unwrap();
    let found = Sha256Digest::of(b"abd");
    assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::RemovedCorrupt(found));
    assert_eq!(cache.store.open_verified(&digest, None), None);
    // A power cut can leave an empty file: seen without reading it all.
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    fs::write(&path, "").unwrap();
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
