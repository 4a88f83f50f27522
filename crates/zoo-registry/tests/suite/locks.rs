//! The lock file.

use std::fs;
use std::thread;

use zoo_registry::{Error, LockError, LockFile, Locks, Pin, Sha256Digest};

fn pin(name: &str, bytes: &[u8]) -> Pin {
    Pin {
        name: name.parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        file: "weights.pth".to_owned(),
        registry: "builtin".to_owned(),
        sha256: Sha256Digest::of(bytes),
    }
}

#[test]
fn write_read_merge() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/zoo.lock");
    assert_eq!(LockFile::read(&path).unwrap().pins(), []);
    let mut lock = LockFile::default();
    lock.set(pin("b", b"1"));
    lock.set(pin("a", b"1"));
    lock.write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# ") && text.contains("schema = 1"), "{text}");
    let read = LockFile::read(&path).unwrap();
    assert_eq!(read, lock);
    assert_eq!(read.pins()[0].name.as_str(), "a");
    let mut newer = LockFile::default();
    newer.set(pin("a", b"2"));
    newer.set(pin("c", b"2"));
    lock.merge(&newer);
    assert_eq!(lock.pins().len(), 3);
    let version = "1.0.0".parse().unwrap();
    let found = lock.get(&"a".parse().unwrap(), &version, "weights.pth");
    assert_eq!(found.unwrap().sha256, Sha256Digest::of(b"2"));
    assert!(lock.has_version(&"c".parse().unwrap(), &version));
    assert!(lock.get(&"a".parse().unwrap(), &version, "other").is_none());
}

#[test]
fn fault_025_from_the_future_and_broken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    fs::write(&path, "schema = 2\nwhatever = true\n").unwrap();
    let error = LockFile::read(&path).unwrap_err();
    assert!(matches!(error, Error::FutureSchema { found: 2, .. }), "{error}");
    let evil = "schema = 1\n[[model]]\nname = \"../x\"\nversion = \"1.0.0\"\nfile = \"f\"\n\
                registry = \"r\"\nsha256 = \"00\"\n";
    for text in ["", "schema = ", "schema = 1\nextra = 1\n", evil] {
        fs::write(&path, text).unwrap();
        let error = LockFile::read(&path).unwrap_err();
        assert!(matches!(error, Error::LockSyntax { .. }), "{text:?}: {error}");
    }
}

#[test]
fn pins_added_at_once_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || LockFile::add(path, pin(&format!("m{n}"), b"x")).unwrap());
        }
    });
    assert_eq!(LockFile::read(&path).unwrap().pins().len(), 8);
}

/// Where locks lie, pins may be lost and the file is whole all the same.
#[test]
fn fault_066_pins_added_under_locks_that_lie() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    let pins: Vec<Pin> = (0..8).map(|n| pin(&format!("m{n}"), b"x")).collect();
    thread::scope(|scope| {
        for pin in &pins {
            let path = &path;
            scope.spawn(move || {
                LockFile::pin_all_with(path, vec![pin.clone()], Locks::Lying).unwrap();
                assert!(!LockFile::read(path).unwrap().pins().is_empty());
            });
        }
    });
    assert!(LockFile::read(&path).unwrap().pins().iter().all(|pin| pins.contains(pin)));
    // Those that were lost are taken again.
    LockFile::pin_all(&path, pins.clone()).unwrap();
    assert_eq!(LockFile::read(&path).unwrap().pins(), pins);
}

#[test]
fn fault_026_a_pin_that_contradicts_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    assert_eq!(LockFile::pin_all(&path, vec![pin("a", b"1"), pin("b", b"1")]).unwrap(), 2);
    let before = fs::read(&path).unwrap();
    let other = Pin { registry: "mirror".to_owned(), ..pin("a", b"1") };
    assert_eq!(LockFile::pin_all(&path, vec![other]).unwrap(), 0);
    let error = LockFile::pin_all(&path, vec![pin("c", b"1"), pin("b", b"2")]).unwrap_err();
    assert!(
        matches!(&error, Error::Lock(LockError::Conflict { pinned, .. }) if pinned.name.as_str() == "b")
    );
    assert!(error.to_string().contains(&Sha256Digest::of(b"2").to_hex()), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    // Both sides of a merge were kept.
    let mut text = String::from_utf8(before).unwrap();
    let second = text[text.find("[[model]]").unwrap()..].replace("\"b\"", "\"z\"");
    text.push_str(
        &second.replace(&Sha256Digest::of(b"1").to_hex(), &Sha256Digest::of(b"2").to_hex()),
    );
    fs::write(&path, text).unwrap();
    let error = LockFile::read(&path).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::Conflict { .. })), "{error}");
}

#[test]
fn an_unresolved_merge_names_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    let text = "# comment\nschema = 1\n<<<<<<< HEAD\n=======\n>>>>>>> other\n";
    fs::write(&path, text).unwrap();
    let error = LockFile::read(&path).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::MergeConflict { line: 3, .. })), "{error}");
    assert!(LockFile::pin_all(&path, vec![pin("a", b"1")]).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_lock_file_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.lock");
    fs::create_dir(&path).unwrap();
    let error = LockFile::read(&path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("zoo.lock"), "{error}");
    assert!(LockFile::pin_all(&path, vec![pin("a", b"1")]).is_err());
    fs::remove_dir(&path).unwrap();
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(LockFile::read(&path).unwrap_err(), Error::Io { .. }));
    fs::File::create(&path).unwrap().set_len((16 << 20) + 1).unwrap();
    let error = LockFile::read(&path).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::TooLarge { .. })), "{error}");
    fs::write(&path, "schema = 99999999999999999999\n").unwrap();
    assert!(matches!(LockFile::read(&path).unwrap_err(), Error::LockSyntax { .. }));
}
