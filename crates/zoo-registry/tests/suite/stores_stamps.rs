//! Stamps: a blob that did not change is not read again, one that did is.

use std::fs;
use std::time::{Duration, SystemTime};

use zoo_registry::{BlobState, Sha256Digest};

use crate::support::{Cache, overwrite, set_modified, stamp_of};

/// A stamp that was written by hand, for bytes that are wrong, shows that they are not read.
#[cfg(unix)]
#[test]
fn a_blob_that_looks_the_same_is_not_read() {
    use std::os::unix::fs::MetadataExt as _;
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    overwrite(&path, b"abd");
    let of = fs::metadata(&path).unwrap();
    let stamp = format!(
        "{{\"schema\":1,\"sha256\":\"{digest}\",\"size\":3,\"modified\":[{},{}],\"inode\":[{},{},{}]}}",
        of.mtime(),
        of.mtime_nsec(),
        of.ctime(),
        of.ctime_nsec(),
        of.ino(),
    );
    fs::write(stamp_of(&path), stamp).unwrap();
    assert_eq!(cache.store.check(&digest, Some(3)).unwrap(), BlobState::Intact(3));
    // To verify is to read.
    let found = Sha256Digest::of(b"abd");
    assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::RemovedCorrupt(found));
    assert!(!path.exists() && !stamp_of(&path).exists());
}

#[test]
fn what_is_right_and_not_asked_for_stays() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    assert_eq!(cache.store.check(&digest, Some(3)).unwrap(), BlobState::Intact(3));
    assert_eq!(cache.store.check(&digest, Some(4)).unwrap(), BlobState::Missing);
    assert!(path.exists());
}

#[test]
fn fault_080_same_size_and_same_time_is_noticed_on_unix() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    overwrite(&path, b"abd");
    assert_ne!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    if cfg!(unix) {
        // As `touch -r` does. The inode remembers.
        set_modified(&path, modified);
    }
    let found = Sha256Digest::of(b"abd");
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::RemovedCorrupt(found));
}

#[test]
fn fault_072_073_and_081_stamps_that_say_nothing() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    let (_, other) = cache.store.insert(b"xyz").unwrap();
    let stamp = stamp_of(&path);
    let good = fs::read_to_string(&stamp).unwrap();
    let of_another = fs::read_to_string(stamp_of(&other)).unwrap();
    let bad = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        "\0\0\0\0".to_owned(),
        good.replace("\"schema\":1", "\"schema\":2"),
        good.replace("\"size\":3", "\"size\":99999999999999999999999"),
        good.replace("\"size\":3", "\"size\":-1"),
        of_another,
    ];
    for text in bad {
        assert_ne!(text, good);
        fs::write(&stamp, &text).unwrap();
        assert!(
            !cache.store.usage().unwrap().blobs.iter().any(|b| b.digest == digest && b.verified)
        );
        assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Intact(3), "{text}");
        // Hashed, and stamped anew.
        assert_eq!(fs::read_to_string(&stamp).unwrap(), good);
    }
    // A folder in its place cannot be replaced: hashed each time.
    fs::remove_file(&stamp).unwrap();
    fs::create_dir(&stamp).unwrap();
    assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Intact(3));
}

#[test]
fn use_is_noted_and_verifying_is_no_use() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    let stamp = stamp_of(&path);
    let noted = || fs::metadata(&stamp).unwrap().modified().unwrap();
    let ago = |hours| SystemTime::now() - Duration::from_hours(hours);
    set_modified(&stamp, ago(48));
    cache.store.verify_all(false, |_| {}).unwrap();
    assert!(noted() < ago(47));
    cache.store.check(&digest, None).unwrap();
    assert!(noted() > ago(1));
    // Within the hour it is not noted again.
    let half_an_hour_ago = SystemTime::now() - Duration::from_mins(30);
    set_modified(&stamp, half_an_hour_ago);
    let before = noted();
    cache.store.check(&digest, None).unwrap();
    assert_eq!(noted(), before);
    // Noted by a clock that was ahead: put right.
    set_modified(&stamp, SystemTime::now() + Duration::from_hours(24 * 365));
    cache.store.check(&digest, None).unwrap();
    assert!(noted() <= SystemTime::now() + Duration::from_secs(5));
}

/// Blobs of a store that had no stamps, or that came from another machine, get them.
#[test]
fn times_from_wrong_clocks_are_as_good_as_others() {
    let cache = Cache::new();
    let (digest, path) = cache.store.insert(b"abc").unwrap();
    let year = Duration::from_hours(24 * 365);
    let now = SystemTime::now();
    for time in [now + 70 * year, now - 50 * year, SystemTime::UNIX_EPOCH] {
        set_modified(&path, time);
        assert!(!cache.store.usage().unwrap().blobs[0].verified);
        assert_eq!(cache.store.check(&digest, None).unwrap(), BlobState::Intact(3));
        overwrite(&path, b"abd");
        let state = cache.store.check(&digest, None).unwrap();
        assert!(matches!(state, BlobState::RemovedCorrupt(_)), "{time:?}: {state:?}");
        cache.store.insert(b"abc").unwrap();
    }
}

/// 500 MB cost what 5 bytes cost: only the metadata is looked at. Run it by name to see the
/// figures: `cargo test -p zoo-registry --release -- --ignored --nocapture warm_check`.
#[test]
#[ignore = "a measurement: hashes half a gigabyte"]
fn warm_check_of_500_mb() {
    use std::io::Write as _;
    let cache = Cache::new();
    let sparse = cache.dir.path().join("sparse");
    let size = 500 << 20;
    fs::File::create(&sparse).unwrap().set_len(size).unwrap();
    let mut file = fs::File::open(&sparse).unwrap();
    let (digest, _) = Sha256Digest::of_reader(&mut file).unwrap();
    let path = cache.store.blob_path(&digest);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::rename(&sparse, &path).unwrap();
    let mut times = Vec::new();
    for _ in 0..1001 {
        let start = std::time::Instant::now();
        assert_eq!(cache.store.check(&digest, Some(size)).unwrap(), BlobState::Intact(size));
        times.push(start.elapsed().as_micros());
    }
    let cold = times.remove(0);
    times.sort_unstable();
    let (median, worst) = (times[500], times[999]);
    writeln!(std::io::stderr(), "cold {cold} us, warm {median} us, worst {worst} us").unwrap();
    assert!(median < 30_000);
}
