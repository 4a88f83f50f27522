//! Collecting garbage: what goes and what stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zoo_registry::{CachePin, GcOptions, GcReport, Kind, LockFile, Pin, Sha256Digest};

use crate::support::{Cache, set_modified, stamp_of};

pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A sound blob that was last used so many days ago.
pub(crate) fn old_blob(cache: &Cache, bytes: &[u8], days: u32) -> (Sha256Digest, PathBuf) {
    let (digest, path) = cache.store.insert(bytes).unwrap();
    make_old(&path, days);
    cache.store.verify(&digest).unwrap();
    make_old(&stamp_of(&path), days);
    assert!(cache.store.usage().unwrap().blobs.iter().all(|blob| blob.verified));
    (digest, path)
}

pub(crate) fn make_old(path: &Path, days: u32) {
    set_modified(path, SystemTime::now() - days * DAY);
}

pub(crate) fn removed(report: &GcReport) -> Vec<&Path> {
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report.removed.iter().map(|removed| removed.path.as_path()).collect()
}

fn old_file(cache: &Cache, name: &str, days: u32) -> PathBuf {
    let path = cache.store.root().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, [0; 10]).unwrap();
    make_old(&path, days);
    path
}

#[test]
fn fault_067_a_fresh_orphan_is_spared() {
    let cache = Cache::new();
    let (fresh, _) = cache.store.insert(b"fresh").unwrap();
    let (_, old) = old_blob(&cache, b"old", 2);
    // Made yesterday and used today.
    let (used, _) = old_blob(&cache, b"used", 2);
    cache.store.check(&used, None).unwrap();
    // Installed by somebody who could not stamp it.
    let (bare, path) = cache.store.insert(b"bare").unwrap();
    fs::remove_file(stamp_of(&path)).unwrap();
    let report = cache.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(removed(&report), [old.as_path()]);
    assert_eq!(
        (report.removed[0].kind, report.removed[0].bytes, report.freed),
        (Kind::Blobs, 3, 3)
    );
    assert!(!old.exists() && !stamp_of(&old).exists());
    let left: Vec<_> = cache.store.blobs().unwrap().into_iter().map(|(digest, _)| digest).collect();
    let mut expected = [fresh, used, bare];
    expected.sort_unstable();
    assert_eq!(left, expected);
}

#[test]
fn fault_068_a_blob_stays_as_long_as_one_root_needs_it() {
    let cache = Cache::new();
    let (shared, path) = old_blob(&cache, b"shared", 30);
    let lock_path = cache.dir.path().join("zoo.lock");
    let pin = Pin {
        name: "m".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        file: "f".to_owned(),
        registry: "r".to_owned(),
        sha256: shared,
    };
    LockFile::add(&lock_path, pin).unwrap();
    let pinned = |name: &str| CachePin {
        name: Some(name.parse().unwrap()),
        version: None,
        sha256: vec![shared],
        reason: "a test".to_owned(),
    };
    cache.store.pin(pinned("a")).unwrap();
    cache.store.pin(pinned("b")).unwrap();
    let options = |lock: bool, keep: bool| GcOptions {
        lock_files: lock.then(|| lock_path.clone()).into_iter().collect(),
        keep: keep.then_some(shared).into_iter().collect(),
        wait: Duration::from_secs(2),
        ..GcOptions::default()
    };
    let gc = |options: &GcOptions| cache.store.gc(options).unwrap().removed.len();
    assert_eq!(gc(&options(false, false)), 0);
    cache.store.unpin(&"a".parse().unwrap()).unwrap();
    assert_eq!(gc(&options(false, false)), 0);
    cache.store.unpin(&"b".parse().unwrap()).unwrap();
    assert_eq!(gc(&options(true, false)), 0);
    assert_eq!(gc(&options(false, true)), 0);
    // A limit is no reason either.
    let limited = GcOptions { max_bytes: Some(0), ..options(true, false) };
    assert_eq!(gc(&limited), 0);
    assert!(path.exists());
    assert_eq!(gc(&options(false, false)), 1);
}

#[test]
fn entries_of_a_cached_index_stay() {
    let cache = Cache::new();
    let (shard, _) = old_blob(&cache, b"a shard", 30);
    let (_, dropped) = old_blob(&cache, b"a shard of last year", 30);
    let (large, large_path) = old_blob(&cache, &vec![1; (1 << 20) + 1], 30);
    fs::create_dir(cache.store.root().join("index")).unwrap();
    let index = cache.store.root().join("index/a.json");
    fs::write(index, format!("{{\"m\":\"{shard}\",\"file\":\"{large}\"}}")).unwrap();
    let report = cache.store.gc(&GcOptions::default()).unwrap();
    let mut gone = [dropped.as_path(), large_path.as_path()];
    gone.sort_unstable();
    let mut found = removed(&report);
    found.sort_unstable();
    assert_eq!(found, gone);
}

#[test]
fn what_killed_processes_left_goes() {
    let cache = Cache::new();
    let key = Sha256Digest::of(b"x");
    let stale = [
        old_file(&cache, &format!("partial/{key}.1-0.part"), 8),
        old_file(&cache, &format!("partial/{key}.1-0.json"), 8),
        old_file(&cache, "partial/url-abc.1-0.part", 8),
        old_file(&cache, "partial/insert.x.tmp", 2),
        old_file(&cache, ".zoo-x", 2),
        old_file(&cache, "bundles/.zoo-x", 2),
        old_file(&cache, "index/deep/.zoo-x", 2),
        old_file(&cache, "stamps/ab/.zoo-x", 2),
        // The blob is gone.
        old_file(&cache, &format!("stamps/{}/{key}", &key.to_hex()[..2]), 2),
        old_file(&cache, "stamps/bundles/gone.zoo", 2),
    ];
    let fresh = [
        old_file(&cache, &format!("partial/{key}.2-0.part"), 6),
        old_file(&cache, "partial/insert.y.tmp", 0),
        old_file(&cache, ".zoo-y", 0),
        old_file(&cache, "zoo.lock.guard", 99),
        old_file(&cache, "bundles/unknown.zoo", 99),
        old_file(&cache, "features/unknown.features", 99),
    ];
    let dry = GcOptions { dry_run: true, ..GcOptions::default() };
    assert_eq!(cache.store.gc(&dry).unwrap().removed.len(), stale.len());
    assert!(stale.iter().all(|path| path.exists()));
    // Under way, however slowly.
    let slow = old_file(&cache, &format!("partial/{key}.3-0.part"), 9);
    let held = fs::File::open(&slow).unwrap();
    held.lock().unwrap();
    let report = cache.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(removed(&report).len(), stale.len());
    assert!(stale.iter().all(|path| !path.exists()));
    assert!(fresh.iter().chain([&slow]).all(|path| path.exists()));
    drop(held);
    assert_eq!(removed(&cache.store.gc(&GcOptions::default()).unwrap()), [slow.as_path()]);
}

#[test]
fn what_was_made_from_a_blob_goes_with_it() {
    let cache = Cache::new();
    let (gone, blob) = old_blob(&cache, b"gone", 9);
    let (kept, _) = cache.store.insert(b"kept").unwrap();
    let derived = |name: &str, sources: &[Sha256Digest], days| {
        let path = old_file(&cache, name, 9);
        cache.store.note_derived(&path, sources).unwrap();
        make_old(&cache.store.root().join("stamps").join(name), days);
        path
    };
    let orphan = derived("bundles/orphan.zoo", &[gone], 9);
    let used = derived("bundles/used.zoo", &[gone], 0);
    let wanted = derived("features/wanted.features", &[gone, kept], 9);
    assert!(cache.store.note_derived(&cache.dir.path().join("x.zoo"), &[gone]).is_err());
    let dry = GcOptions { dry_run: true, ..GcOptions::default() };
    let expected = [blob.as_path(), orphan.as_path()];
    assert_eq!(removed(&cache.store.gc(&dry).unwrap()), expected);
    assert_eq!(removed(&cache.store.gc(&GcOptions::default()).unwrap()), expected);
    assert!(used.exists() && wanted.exists());
}

#[test]
fn a_limit_takes_the_least_recently_used() {
    let cache = Cache::new();
    let (_, second) = old_blob(&cache, &[2; 1000], 8);
    let (_, fourth) = old_blob(&cache, &[4; 1000], 6);
    let first = old_file(&cache, "features/a.features", 9);
    let third = old_file(&cache, "bundles/a.zoo", 7);
    let (_, fresh) = cache.store.insert(&[5; 1000]).unwrap();
    let total = cache.store.usage().unwrap().bytes();
    let gc = |limit| {
        let wait = Duration::from_secs(2);
        let options = GcOptions { max_bytes: Some(limit), wait, ..GcOptions::default() };
        let report = cache.store.gc(&options).unwrap();
        removed(&report).into_iter().map(Path::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(gc(total + 20), [] as [PathBuf; 0]);
    assert_eq!(gc(total - 500), [first, second]);
    // Never what was used within the grace period, whatever the limit.
    assert_eq!(gc(0), [third, fourth]);
    assert!(fresh.exists());
}
