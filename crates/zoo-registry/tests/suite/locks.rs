//! The lock file.

use std::fs;
use std::thread;

use zoo_registry::{Error, LockFile, Pin, Sha256Digest};

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
