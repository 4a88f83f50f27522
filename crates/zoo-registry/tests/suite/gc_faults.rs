//! Collecting garbage where the cache, the clock or the locks are not what they should be.

use std::fs;
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use zoo_registry::{BlobState, Error, GcOptions, Kind, Locks, Sha256Digest, StoreError};

use crate::gc::{DAY, make_old, old_blob, removed};
use crate::support::{Cache, payload, set_modified, stamp_of};

fn everything() -> GcOptions {
    GcOptions {
        grace: Duration::ZERO,
        partial_grace: Duration::ZERO,
        // A child that another test forks has our lock until it becomes another program.
        wait: Duration::from_secs(2),
        ..GcOptions::default()
    }
}

#[test]
fn fault_069_things_that_roots_name_and_that_are_missing() {
    let cache = Cache::new();
    let missing = Sha256Digest::of(b"missing");
    let options = GcOptions {
        keep: [missing].into(),
        lock_files: vec![cache.dir.path().join("nowhere/zoo.lock")],
        ..everything()
    };
    let report = cache.store.gc(&options).unwrap();
    assert!(report.removed.is_empty() && report.failed.is_empty());
    // One that is there and cannot be read is an error: it may name anything.
    let broken = cache.dir.path().join("zoo.lock");
    fs::write(&broken, "schema = ").unwrap();
    let (_, path) = old_blob(&cache, b"old", 9);
    let options = GcOptions { lock_files: vec![broken], ..everything() };
    assert!(matches!(cache.store.gc(&options).unwrap_err(), Error::LockSyntax { .. }));
    assert!(path.exists());
}

#[test]
fn fault_070_put_after_gc_with_a_stale_view() {
    let cache = Cache::new();
    let (digest, path) = old_blob(&cache, b"abc", 9);
    let source = cache.dir.path().join("payload");
    fs::write(&source, payload()).unwrap();
    let urls = [source.to_str().unwrap().to_owned()];
    let fetched = cache.fetch(&urls).unwrap();
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Intact(3));
    cache.store.gc(&everything()).unwrap();
    assert!(!path.exists() && !fetched.path.exists());
    // Who believed them present puts them again and has them.
    assert_eq!(cache.store.insert(b"abc").unwrap(), (digest, path.clone()));
    assert_eq!(cache.fetch(&urls).unwrap().path, fetched.path);
    assert!(path.exists() && fetched.path.exists());
}

#[cfg(unix)]
#[test]
fn fault_071_no_link_is_followed_or_removed() {
    use std::os::unix::fs::symlink;
    let cache = Cache::new();
    let root = cache.store.root();
    let outside = cache.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let digest = Sha256Digest::of(b"abc");
    let hex = digest.to_hex();
    for name in ["a.zoo", "a.features", ".zoo-x", hex.as_str()] {
        fs::write(outside.join(name), "abc").unwrap();
        make_old(&outside.join(name), 99);
    }
    let fan = root.join("blobs/sha256").join(&hex[..2]);
    fs::create_dir_all(&fan).unwrap();
    let links = [
        (outside.clone(), root.join("bundles")),
        (outside.clone(), root.join("features")),
        (outside.clone(), root.join("partial")),
        (outside.clone(), root.join("stamps")),
        (outside.clone(), root.join("blobs/sha256/ff")),
        (outside.join(&hex), fan.join(&hex)),
        (outside.join(".zoo-x"), root.join(".zoo-x")),
        (outside.join("gone"), root.join("dangling")),
    ];
    for (target, link) in &links {
        symlink(target, link).unwrap();
    }
    let report = cache.store.gc(&everything()).unwrap();
    assert!(report.removed.is_empty(), "{:?}", report.removed);
    assert_eq!(report.stray.len(), links.len());
    assert_eq!(cache.store.usage().unwrap().kinds[&Kind::Stray].count, links.len());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 4);
    // To read through a link is fine; a corrupt target is not ours to remove.
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Intact(3));
    fs::write(outside.join(&hex), "abd").unwrap();
    assert!(matches!(cache.store.check(&digest, None).unwrap(), BlobState::RemovedCorrupt(_)));
    assert!(outside.join(&hex).exists());
}

#[cfg(unix)]
#[test]
fn fault_077_links_made_while_garbage_is_collected() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    let cache = Cache::new();
    let outside = cache.dir.path().join("outside");
    fs::write(&outside, "precious").unwrap();
    make_old(&outside, 99);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let path = cache.store.blob_path(&Sha256Digest::of(&n.to_le_bytes()));
                let _ = fs::create_dir_all(path.parent().unwrap());
                let _ = symlink(&outside, &path);
                let _ = fs::remove_file(&path);
                n = (n + 1) % 8;
            }
        });
        for n in (0_u32..8).cycle().take(40) {
            // A link in the way is replaced; one that is removed at the wrong moment fails it.
            let _ = cache.store.insert(&n.to_le_bytes());
            cache.store.gc(&everything()).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read(&outside).unwrap(), b"precious");
    assert!(cache.store.verify_all(false, |_| {}).unwrap().corrupt.is_empty());
}

#[test]
fn fault_074_stray_files_are_listed_and_left() {
    let cache = Cache::new();
    let root = cache.store.root();
    let names = ["README", "blobs/x", "blobs/sha256/ab/x", "partial/x", "bundles/x", "stamps/x"];
    for name in names {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), "x").unwrap();
        make_old(&root.join(name), 99);
    }
    fs::create_dir(root.join("folder")).unwrap();
    let report = cache.store.gc(&GcOptions { max_bytes: Some(0), ..everything() }).unwrap();
    assert!(report.removed.is_empty(), "{:?}", report.removed);
    assert_eq!(report.stray.len(), names.len() + 1);
    assert!(names.iter().all(|name| root.join(name).exists()));
}

/// Noted by a clock that was wrong: neither gone at once nor there for ever.
#[test]
fn a_clock_that_was_wrong() {
    let cache = Cache::new();
    let now = SystemTime::now();
    for time in [now + 9 * 365 * DAY, SystemTime::UNIX_EPOCH + DAY] {
        let (_, path) = old_blob(&cache, b"abc", 30);
        set_modified(&stamp_of(&path), time);
        let dry = GcOptions { dry_run: true, ..GcOptions::default() };
        assert!(cache.store.gc(&dry).unwrap().removed.is_empty());
        assert!(cache.store.gc(&GcOptions::default()).unwrap().removed.is_empty());
        let noted = fs::metadata(stamp_of(&path)).unwrap().modified().unwrap();
        assert!(noted >= now - DAY && noted < now + DAY, "{noted:?}");
        make_old(&stamp_of(&path), 2);
        assert_eq!(removed(&cache.store.gc(&GcOptions::default()).unwrap()), [path.as_path()]);
        // The same without a stamp.
        let (_, path) = cache.store.insert(b"abc").unwrap();
        fs::remove_file(stamp_of(&path)).unwrap();
        set_modified(&path, time);
        assert!(cache.store.gc(&GcOptions::default()).unwrap().removed.is_empty());
        make_old(&path, 2);
        assert_eq!(removed(&cache.store.gc(&GcOptions::default()).unwrap()), [path.as_path()]);
    }
}

/// Stopped between the stamp and the blob.
#[test]
fn a_second_collection_finishes_a_first() {
    let cache = Cache::new();
    let (digest, path) = old_blob(&cache, b"abc", 9);
    fs::remove_file(stamp_of(&path)).unwrap();
    assert!(!cache.store.usage().unwrap().blobs[0].verified);
    assert_eq!(removed(&cache.store.gc(&GcOptions::default()).unwrap()), [path.as_path()]);
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Missing);
}

#[test]
fn fault_065_who_may_hold_the_cache_together() {
    let cache = Cache::new();
    let store = &cache.store;
    let is_busy = |error: &Error| matches!(error, Error::Store(StoreError::Busy { .. }));
    let soon = Duration::from_millis(20);
    // Shared and shared; shared and alone.
    let (one, two) = (store.hold().unwrap(), store.hold().unwrap());
    let error = store.gc(&GcOptions::default()).unwrap_err();
    assert!(is_busy(&error), "{error}");
    drop(one);
    let error = store.gc(&GcOptions { wait: soon, ..GcOptions::default() }).unwrap_err();
    assert!(is_busy(&error), "{error}");
    // To look needs no lock.
    assert!(store.gc(&GcOptions { dry_run: true, ..GcOptions::default() }).is_ok());
    drop(two);
    store.gc(&GcOptions::default()).unwrap();
    // Alone and shared; alone and alone.
    let alone = fs::File::open(store.root().join("in-use.lock")).unwrap();
    alone.lock().unwrap();
    let error = store.hold_within(soon).unwrap_err();
    assert!(is_busy(&error), "{error}");
    assert!(is_busy(&store.gc(&GcOptions::default()).unwrap_err()));
    drop(alone);
    drop(store.hold_within(soon).unwrap());
}

#[test]
fn fault_064_who_waits_too_long_is_told_for_whom() {
    let cache = Cache::new();
    cache.store.gc(&GcOptions::default()).unwrap();
    let collector = fs::File::open(cache.store.root().join("in-use.lock")).unwrap();
    collector.lock().unwrap();
    let error = cache.store.hold_within(Duration::ZERO).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(cache.store.root().to_str().unwrap()), "{text}");
    // Who waits long enough gets it.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cache.store.hold().map(drop));
        drop(collector);
        waiting.join().unwrap().unwrap();
    });
}

/// Where every lock is granted, the grace period spares what is in use; and what was opened
/// before it was removed can be read to its end.
#[test]
fn fault_066_a_collection_under_locks_that_lie() {
    let cache = Cache::new();
    let store = cache.store.clone().with_locks(Locks::Lying);
    let _in_use = store.hold().unwrap();
    let _alone = cache.store.hold().unwrap();
    let (digest, path) = old_blob(&cache, &payload(), 9);
    store.check(&digest, None).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert!(report.removed.is_empty());
    if cfg!(unix) {
        let mut file = fs::File::open(&path).unwrap();
        assert_eq!(removed(&store.gc(&everything()).unwrap()), [path.as_path()]);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == payload());
    }
    // Many at once put, use and collect: whatever is found is right.
    std::thread::scope(|scope| {
        for n in 0..4_u8 {
            let store = &store;
            scope.spawn(move || {
                for m in 0..20 {
                    let bytes = vec![(n + m) % 8; 1000];
                    let (digest, _) = store.insert(&bytes).unwrap();
                    let state = store.check(&digest, Some(1000)).unwrap();
                    assert!(matches!(state, BlobState::Intact(1000) | BlobState::Missing));
                    assert!(store.gc(&everything()).unwrap().failed.is_empty());
                }
            });
        }
    });
    assert!(store.verify_all(false, |_| {}).unwrap().is_clean());
}
