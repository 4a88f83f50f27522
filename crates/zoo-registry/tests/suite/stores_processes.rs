//! The store used by several processes: this test binary runs itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zoo_registry::{
    BlobState, Error, Expected, FetchRequest, GcOptions, LockFile, Pin, Sha256Digest, Silent,
    Store, StoreError, fetch,
};

use crate::gc::old_blob;
use crate::server::{Reply, Server};
use crate::support::{Cache, assert_is_payload, impatient, payload};

const ROLE: &str = "ZOO_TEST_ROLE";
const CACHE: &str = "ZOO_TEST_CACHE";
const SOURCE: &str = "ZOO_TEST_SOURCE";

/// What a child does. Without a role this is no child, and there is nothing to do.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let root = PathBuf::from(env::var_os(CACHE).unwrap());
    let store = Store::open(&root).unwrap();
    let source = env::var(SOURCE).unwrap_or_default();
    match role.as_str() {
        "fetch" => {
            let request = FetchRequest {
                name: "payload.bin",
                urls: &[source],
                expected: Expected::Sha256(Sha256Digest::of(&payload())),
                size: None,
            };
            assert_is_payload(&fetch(&store, &request, &impatient(), &Silent).unwrap());
            // And one that is nobody else's.
            store.insert(&std::process::id().to_le_bytes()).unwrap();
            let pin = Pin {
                name: format!("m{}", std::process::id()).parse().unwrap(),
                version: "1.0.0".parse().unwrap(),
                file: "f".to_owned(),
                registry: "r".to_owned(),
                sha256: Sha256Digest::of(b"x"),
            };
            LockFile::add(&root.join("zoo.lock"), pin).unwrap();
        }
        "hold" => {
            let _in_use = store.hold().unwrap();
            fs::write(root.with_extension("ready"), "").unwrap();
            // Until it is killed.
            thread::sleep(Duration::from_mins(1));
        }
        "gc" => {
            let everything = GcOptions { grace: Duration::ZERO, ..GcOptions::default() };
            store.gc(&everything).unwrap();
        }
        "insert" => {
            store.insert(b"abc").unwrap();
            LockFile::default().write(&root.join("zoo.lock")).unwrap();
        }
        "read-only" => {
            let digest = Sha256Digest::of(b"abc");
            drop(store.hold().unwrap());
            assert_eq!(store.check(&digest, Some(3)).unwrap(), BlobState::Intact(3));
            assert_eq!(store.insert(b"abc").unwrap().0, digest);
            assert!(store.insert(b"def").is_err());
            assert!(store.gc(&GcOptions { dry_run: true, ..GcOptions::default() }).is_ok());
            let error = store.gc(&GcOptions::default()).unwrap_err();
            assert!(matches!(error, Error::Store(StoreError::CannotLock { .. })), "{error}");
            assert!(store.verify_all(true, |_| {}).unwrap().is_clean());
        }
        other => panic!("{other}"),
    }
}

fn command(program: &str, role: &str, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(ROLE, role).env(CACHE, root).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn this_binary() -> String {
    env::current_exe().unwrap().to_str().unwrap().to_owned()
}

fn start(role: &str, root: &Path, source: &str) -> Child {
    command(&this_binary(), role, root)
        .args(["--exact", "stores_processes::child", "--nocapture"])
        .env(SOURCE, source)
        .spawn()
        .unwrap()
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn fault_062_eight_processes_one_model_and_one_each() {
    let server = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let cache = Cache::new();
    let root = cache.store.root();
    let children: Vec<Child> = (0..8).map(|_| start("fetch", root, &server.url("p"))).collect();
    children.into_iter().for_each(finish);
    assert_eq!(cache.store.blobs().unwrap().len(), 9);
    assert!(cache.partial_files().is_empty());
    let report = cache.store.verify_all(true, |_| {}).unwrap();
    assert!(report.is_clean() && report.intact == 9 && report.stray.is_empty(), "{report:?}");
    assert_eq!(LockFile::read(&root.join("zoo.lock")).unwrap().pins().len(), 8);
}

#[test]
fn fault_063_the_holder_is_killed() {
    let cache = Cache::new();
    let (_, path) = old_blob(&cache, b"old", 9);
    let mut child = start("hold", cache.store.root(), "");
    let ready = cache.store.root().with_extension("ready");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready.exists() {
        assert!(Instant::now() < deadline, "the child did not start");
        thread::sleep(Duration::from_millis(5));
    }
    let error = cache.store.gc(&GcOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Busy { .. })), "{error}");
    assert!(path.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let report = cache.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(report.removed.len(), 1);
}

/// Wherever a collection is killed, what is left is right, and the next one finishes.
#[test]
fn a_killed_collection_leaves_nothing_half_removed() {
    let cache = Cache::new();
    for wait in [0, 2, 4, 6, 8, 10, 12, 15] {
        let digests: Vec<Sha256Digest> =
            (0..100_u32).map(|n| cache.store.insert(&n.to_le_bytes()).unwrap().0).collect();
        let mut child = start("gc", cache.store.root(), "");
        thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        for digest in digests {
            let state = cache.store.check(&digest, Some(4)).unwrap();
            assert!(matches!(state, BlobState::Intact(4) | BlobState::Missing), "{state:?}");
        }
        assert!(cache.store.verify_all(true, |_| {}).unwrap().is_clean());
    }
    finish(start("gc", cache.store.root(), ""));
    assert_eq!(cache.store.usage().unwrap().blobs, []);
}

#[cfg(unix)]
#[test]
fn fault_079_what_the_umask_allows_and_no_more() {
    use std::os::unix::fs::PermissionsExt as _;
    for (umask, blob_mode, lock_mode) in [("000", 0o444, 0o666), ("077", 0o400, 0o600)] {
        let cache = Cache::new();
        let child = command("sh", "insert", cache.store.root())
            .args(["-c", &format!("umask {umask}; exec \"$0\" --exact stores_processes::child")])
            .arg(this_binary())
            .spawn()
            .unwrap();
        finish(child);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let digest = Sha256Digest::of(b"abc");
        assert_eq!(mode(&cache.store.blob_path(&digest)), blob_mode, "{umask}");
        assert_eq!(mode(&cache.store.root().join("zoo.lock")), lock_mode, "{umask}");
        assert_eq!(cache.store.check(&digest, Some(3)).unwrap(), BlobState::Intact(3));
    }
}

/// A cache of another user: it can be read, looked at and verified.
#[cfg(unix)]
#[test]
fn fault_027_a_cache_of_somebody_else() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let cache = Cache::new();
    let (_, blob) = cache.store.insert(b"abc").unwrap();
    fs::set_permissions(cache.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut dirs = vec![cache.store.root().to_owned()];
    let mut modes = Vec::new();
    while let Some(dir) = dirs.pop() {
        dirs.extend(crate::support::list(&dir).into_iter().filter(|path| path.is_dir()));
        modes.push((dir.clone(), fs::metadata(&dir).unwrap().permissions()));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let mut child = command(&this_binary(), "read-only", cache.store.root());
    child.args(["--exact", "stores_processes::child"]);
    if fs::metadata(&blob).unwrap().uid() == 0 {
        // Nothing is read-only to root: be nobody.
        child.uid(65534);
    }
    match child.spawn() {
        Ok(child) => finish(child),
        // Nobody may not run this binary where it lies.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    }
    for (dir, mode) in modes {
        fs::set_permissions(dir, mode).unwrap();
    }
}
