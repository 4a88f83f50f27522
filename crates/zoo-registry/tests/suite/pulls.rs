//! Whole pulls, from a directory of entries to files in the store.

use std::fs;
use std::time::Duration;

use zoo_registry::{
    Error, GcOptions, Index, LockFile, Pin, PullOptions, PullWarning, Pulled, Registry,
    Sha256Digest, Silent,
};

use crate::server::{Reply, Server};
use crate::support::{
    Cache, MD5_OF_PAYLOAD, Recorder, SHA1_OF_PAYLOAD, SHA384_OF_PAYLOAD, impatient, overwrite,
    payload, unsigned, write_tree,
};

const OFFLINE: PullOptions = PullOptions { offline: true, require_sha256: false, verify: false };

static BUILTIN: &[u8] = b"bytes inside the binary";

fn builtin(name: &str) -> Option<&'static [u8]> {
    (name == "starter").then_some(BUILTIN)
}

/// A registry of one model, `m`, with `file` as the fields of its file.
fn registry(cache: &Cache, file: &str) -> Registry {
    registry_with(cache, file, "")
}

fn registry_with(cache: &Cache, file: &str, version: &str) -> Registry {
    let text = format!(
        r#"
schema = 1
name = "m"
summary = "s"
task = "image-classification"
family = "f"
architecture = "resnet-18"
parameters = 1
input = "3x8x8"
licence = "MIT"
citation = "c"
upstream = "u"
labels = "imagenet-1k"
[preprocessing]
resize = {{ exact = [8, 8] }}
filter = "box"
antialias = false
color = "bgr"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[[version]]
version = "1.0.0"
weights = "W"
{version}
[[version.files]]
path = "payload.pth"
format = "pytorch"
{file}
"#
    );
    let dir = cache.dir.path().join("registry/models");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("m.toml"), text).unwrap();
    let index = Index::from_dir(&cache.dir.path().join("registry")).unwrap();
    assert_eq!(format!("{:?}", index.take_rejected()), "[]");
    Registry::of(index, cache.store.clone()).with_fetch_options(impatient()).with_builtin(builtin)
}

/// The index of the folder that [`registry`] made.
fn registry_index(cache: &Cache) -> Index {
    Index::from_dir(&cache.dir.path().join("registry")).unwrap()
}

fn pull(registry: &Registry, options: PullOptions) -> Result<Pulled, Error> {
    registry.pull(&"m".parse().unwrap(), options, &Silent)
}

fn good_server() -> Server {
    Server::start(|_, request| Reply::file(request, &payload(), "\"1\""))
}

fn file_of(server: &Server) -> String {
    format!(
        "sha256 = \"{}\"\nsize = {{ bytes = 200000, exact = true }}\nurls = [\"{}\"]",
        Sha256Digest::of(&payload()),
        server.url("p")
    )
}

fn prefix_of(server: &Server) -> String {
    format!(
        "urls = [\"{}\"]\nevidence = [{{ kind = \"sha256-prefix\", value = \"{}\", \
         publisher = \"p\", sources = 1 }}]",
        server.url("p"),
        &Sha256Digest::of(&payload()).to_hex()[..8]
    )
}

#[test]
fn fault_082_fetched_then_cached_then_offline() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry(&cache, &file_of(&server));
    let error = pull(&registry, OFFLINE).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    assert!(server.requests().is_empty());
    let recorder = Recorder::default();
    let first =
        registry.pull(&"m@1.0.0".parse().unwrap(), PullOptions::default(), &recorder).unwrap();
    assert!(!first.was_cached && first.warnings.is_empty());
    assert!(fs::read(&first.path).unwrap() == payload());
    assert_eq!(recorder.events().last().unwrap(), "finished");
    let second = pull(&registry, OFFLINE).unwrap();
    assert!(second.was_cached);
    assert_eq!(second.digest, first.digest);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn fault_080_a_corrupt_blob_is_fetched_again() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry(&cache, &file_of(&server));
    let path = pull(&registry, PullOptions::default()).unwrap().path;
    let mut bytes = payload();
    bytes[5] ^= 1;
    let found = Sha256Digest::of(&bytes);
    // Right size, wrong bytes: seen by default, and when all is read.
    for verify in [false, true] {
        overwrite(&path, &bytes);
        let options = PullOptions { verify, ..PullOptions::default() };
        let pulled = pull(&registry, options).unwrap();
        assert!(!pulled.was_cached);
        let file = "payload.pth".to_owned();
        assert_eq!(pulled.warnings, [PullWarning::ReplacedCorrupt { file, found }]);
        assert!(fs::read(&path).unwrap() == payload());
    }
    overwrite(&path, b"short");
    assert!(!pull(&registry, PullOptions::default()).unwrap().was_cached);
}

#[test]
fn fault_082_offline_corrupt_and_collected() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry(&cache, &file_of(&server));
    let path = pull(&registry, PullOptions::default()).unwrap().path;
    // Changed while offline: not believed, and not to be had.
    overwrite(&path, vec![7; 200_000]);
    let error = pull(&registry, OFFLINE).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    pull(&registry, PullOptions::default()).unwrap();
    assert!(pull(&registry, OFFLINE).unwrap().was_cached);
    let everything = GcOptions {
        grace: Duration::ZERO,
        // A child that another test forks has our lock until it becomes another program.
        wait: Duration::from_secs(10),
        ..GcOptions::default()
    };
    assert_eq!(registry.store().gc(&everything).unwrap().removed.len(), 1);
    let error = pull(&registry, OFFLINE).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    assert!(!pull(&registry, PullOptions::default()).unwrap().was_cached);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn the_lock_of_a_project_pins_all_and_that_of_the_cache_does_not() {
    let (server, cache) = (good_server(), Cache::new());
    let plain = registry(&cache, &file_of(&server));
    pull(&plain, PullOptions::default()).unwrap();
    assert!(!plain.lock_path().exists());
    let path = cache.dir.path().join("project/zoo.lock");
    let project = plain.with_lock_file(&path);
    assert!(pull(&project, PullOptions::default()).unwrap().was_cached);
    let lock = LockFile::read(&path).unwrap();
    let [pin] = lock.pins() else { panic!("{lock:?}") };
    assert_eq!(pin.sha256, Sha256Digest::of(&payload()));
    assert_eq!(pin.registry, registry_index(&cache).origin().to_string());
    // Nothing new is not written, so a project may be read-only.
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    pull(&project, OFFLINE).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
}

#[test]
fn a_prefix_becomes_a_pin() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry(&cache, &prefix_of(&server));
    let strict = PullOptions { require_sha256: true, ..PullOptions::default() };
    let error = pull(&registry, strict).unwrap_err();
    assert!(matches!(error, Error::Sha256Unknown { .. }), "{error}");
    let first = pull(&registry, PullOptions::default()).unwrap();
    assert!(matches!(first.warnings[..], [PullWarning::PinnedOnFirstSight { .. }]));
    assert!(first.warnings[0].to_string().contains(&first.digest.to_hex()));
    let lock = LockFile::read(registry.lock_path()).unwrap();
    assert_eq!(lock.pins()[0].sha256, Sha256Digest::of(&payload()));
    // Pinned: offline works, and the strict are content.
    let second = pull(&registry, PullOptions { offline: true, ..strict }).unwrap();
    assert!(second.was_cached && second.warnings.is_empty());
}

#[test]
fn other_digests_are_checked_where_there_is_no_sha256() {
    let server = good_server();
    let file = |kind: &str, value: &str| {
        format!(
            "urls = [\"{}\"]\nevidence = [{{ kind = \"{kind}\", value = \"{value}\", \
             publisher = \"p\", sources = 1 }}]",
            server.url("p")
        )
    };
    let strict = PullOptions { require_sha256: true, ..PullOptions::default() };
    for (kind, value, full) in [
        ("md5", MD5_OF_PAYLOAD, false),
        ("sha1", SHA1_OF_PAYLOAD, false),
        ("sha384", SHA384_OF_PAYLOAD, true),
    ] {
        let cache = Cache::new();
        let right = registry(&cache, &file(kind, value));
        assert_eq!(pull(&right, strict).is_ok(), full, "{kind}");
        let cache = Cache::new();
        let right = registry(&cache, &file(kind, value));
        let pulled = pull(&right, PullOptions::default()).unwrap();
        assert_eq!(pulled.digest, Sha256Digest::of(&payload()));
        let text = pulled.warnings[0].to_string();
        assert!(text.contains(kind) && text.contains(value), "{text}");
        let cache = Cache::new();
        let wrong = registry(&cache, &file(kind, &"0".repeat(value.len())));
        let error = pull(&wrong, PullOptions::default()).unwrap_err();
        assert!(matches!(error, Error::EvidenceMismatch { .. }), "{error}");
        cache.assert_empty();
    }
}

#[test]
fn fault_026_wrong_digest_in_the_lock() {
    let (server, cache) = (good_server(), Cache::new());
    let pin = Pin {
        name: "m".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        file: "payload.pth".to_owned(),
        registry: "r".to_owned(),
        sha256: Sha256Digest::of(b"something else"),
    };
    // The entry knows better.
    let known = registry(&cache, &file_of(&server));
    LockFile::add(known.lock_path(), pin).unwrap();
    let error = pull(&known, PullOptions::default()).unwrap_err();
    assert!(matches!(error, Error::PinMismatch { .. }), "{error}");
    // The entry does not: what comes is not what was pinned.
    let unknown = registry(&cache, &prefix_of(&server));
    let error = pull(&unknown, PullOptions::default()).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    assert_eq!(cache.store.blobs().unwrap(), []);
}

#[test]
fn fault_028_yanked_only_from_a_lock() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry_with(&cache, &file_of(&server), "yanked = true");
    let bare = pull(&registry, PullOptions::default()).unwrap_err();
    assert!(matches!(bare, Error::VersionNotFound { .. }), "{bare}");
    let numbered = "m@1.0.0".parse().unwrap();
    let error = registry.pull(&numbered, PullOptions::default(), &Silent).unwrap_err();
    assert!(matches!(error, Error::Yanked { .. }), "{error}");
    let pin = Pin {
        name: "m".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        file: "payload.pth".to_owned(),
        registry: "r".to_owned(),
        sha256: Sha256Digest::of(&payload()),
    };
    LockFile::add(registry.lock_path(), pin).unwrap();
    let pulled = registry.pull(&numbered, PullOptions::default(), &Silent).unwrap();
    assert!(matches!(pulled.warnings[..], [PullWarning::Yanked { .. }]));
}

#[test]
fn builtin_files_need_no_network() {
    let cache = Cache::new();
    let file = |name: &str, bytes: &[u8]| {
        format!("sha256 = \"{}\"\nurls = [\"builtin:{name}\"]", Sha256Digest::of(bytes))
    };
    let right = pull(&registry(&cache, &file("starter", BUILTIN)), OFFLINE).unwrap();
    assert_eq!(fs::read(&right.path).unwrap(), BUILTIN);
    let wrong = pull(&registry(&cache, &file("starter", b"else")), OFFLINE).unwrap_err();
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong}");
    let missing = pull(&registry(&cache, &file("other", b"else")), OFFLINE).unwrap_err();
    assert!(matches!(missing, Error::BuiltinMissing { .. }), "{missing}");
}

#[test]
fn relative_sources_are_below_the_registry() {
    let cache = Cache::new();
    let digest = Sha256Digest::of(&payload());
    let registry =
        registry(&cache, &format!("sha256 = \"{digest}\"\nurls = [\"files/payload.pth\"]"));
    let files = cache.dir.path().join("registry/files");
    fs::create_dir(&files).unwrap();
    fs::write(files.join("payload.pth"), payload()).unwrap();
    let pulled = pull(&registry, PullOptions::default()).unwrap();
    assert_eq!(pulled.digest, digest);
    // The same registry as static files on a server.
    let tree = cache.dir.path().join("tree");
    write_tree(&registry_index(&cache), &tree);
    fs::create_dir(tree.join("files")).unwrap();
    fs::write(tree.join("files/payload.pth"), payload()).unwrap();
    let server = Server::start(move |_, request| {
        Reply::file(request, &fs::read(tree.join(&request.path[1..])).unwrap(), "\"1\"")
    });
    let other = Cache::new();
    let index = Index::open(&server.url(""), &unsigned(&other, false)).unwrap();
    let registry = Registry::of(index, other.store.clone()).with_fetch_options(impatient());
    assert_eq!(pull(&registry, PullOptions::default()).unwrap().digest, digest);
}

#[test]
fn a_server_cannot_name_local_files() {
    let cache = Cache::new();
    let local = cache.dir.path().join("secret");
    fs::write(&local, payload()).unwrap();
    let digest = Sha256Digest::of(&payload());
    let local = registry(
        &cache,
        &format!("sha256 = \"{digest}\"\nurls = [\"file://{}\"]", local.display()),
    );
    let tree = cache.dir.path().join("tree");
    write_tree(&registry_index(&cache), &tree);
    let server = Server::start(move |_, request| {
        Reply::ok(&fs::read(tree.join(&request.path[1..])).unwrap())
    });
    let index = Index::open(&server.url(""), &unsigned(&cache, false)).unwrap();
    let remote = Registry::of(index, cache.store.clone());
    let error = pull(&remote, PullOptions::default()).unwrap_err();
    assert!(matches!(error, Error::UnsupportedUrl { .. }), "{error}");
    assert!(pull(&local, PullOptions::default()).is_ok());
}

#[test]
fn not_found_and_no_such_version() {
    let (server, cache) = (good_server(), Cache::new());
    let registry = registry(&cache, &file_of(&server));
    let pull = |text: &str| {
        registry.pull(&text.parse().unwrap(), PullOptions::default(), &Silent).unwrap_err()
    };
    assert!(matches!(pull("n"), Error::NotFound { .. }));
    assert!(matches!(pull("m@2.0.0"), Error::VersionNotFound { .. }));
}
