//! What the tests share: bytes, impatient options, a cache of their own, a recorder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;
use zoo_registry::trust::{Kind, sign_envelope};
use zoo_registry::{
    BuildOptions, Error, Expected, FetchObserver, FetchOptions, FetchRequest, Fetched, FileSize,
    Index, IndexOptions, Sha256Digest, Silent, Store, build_tree, fetch,
};

/// The file that everybody fetches: no repetition, so that a shifted resume shows.
pub(crate) fn payload() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..200_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        })
        .collect()
}

/// Options with which the worst case takes a second.
pub(crate) fn impatient() -> FetchOptions {
    FetchOptions {
        attempts: 4,
        backoff: Duration::from_millis(4),
        retry_after_cap: Duration::from_millis(60),
        retry_budget: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
        stall_timeout: Duration::from_millis(150),
        max_bytes: 1 << 20,
        ..FetchOptions::default()
    }
}

/// A store in a directory of its own.
pub(crate) struct Cache {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("cache")).unwrap();
        Self { dir, store }
    }

    pub(crate) fn partial_files(&self) -> Vec<PathBuf> {
        list(&self.store.root().join("partial"))
    }

    /// Nothing was installed and nothing unfinished is left.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.store.blobs().unwrap(), []);
        assert_eq!(self.partial_files(), Vec::<PathBuf>::new());
    }

    /// Fetches the payload from `urls`.
    pub(crate) fn fetch(&self, urls: &[String]) -> Result<Fetched, Error> {
        self.fetch_with(urls, None, &Silent)
    }

    pub(crate) fn fetch_with(
        &self,
        urls: &[String],
        size: impl Into<Option<FileSize>>,
        observer: &dyn FetchObserver,
    ) -> Result<Fetched, Error> {
        let request = FetchRequest {
            name: "payload.bin",
            urls,
            expected: Expected::Sha256(Sha256Digest::of(&payload())),
            size: size.into(),
        };
        fetch(&self.store, &request, &impatient(), observer)
    }
}

pub(crate) fn assert_is_payload(fetched: &Fetched) {
    let payload = payload();
    assert_eq!(fetched.digest, Sha256Digest::of(&payload));
    assert_eq!(fetched.size, payload.len() as u64);
    assert!(fs::read(&fetched.path).unwrap() == payload);
}

pub(crate) fn list(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

pub(crate) fn exact(bytes: usize) -> FileSize {
    FileSize { bytes: bytes as u64, exact: true }
}

pub(crate) fn about(bytes: usize) -> FileSize {
    FileSize { bytes: bytes as u64, exact: false }
}

/// Writes down what an observer hears.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<String>>,
    bytes: Mutex<u64>,
}

impl Recorder {
    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    /// Bytes that advanced, restarts not subtracted.
    pub(crate) fn bytes(&self) -> u64 {
        *self.bytes.lock().unwrap()
    }

    fn push(&self, event: String) {
        self.events.lock().unwrap().push(event);
    }
}

impl FetchObserver for Recorder {
    fn started(&self, name: &str, total: Option<u64>) {
        self.push(format!("started {name} {total:?}"));
    }

    fn resumed(&self, at: u64) {
        self.push(format!("resumed {at}"));
    }

    fn restarted(&self) {
        self.push("restarted".to_owned());
    }

    fn advanced(&self, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }

    fn retrying(&self, _why: &str, attempt: u32, _wait: Duration) {
        self.push(format!("retrying {attempt}"));
    }

    fn finished(&self) {
        self.push("finished".to_owned());
    }
}

/// Writes the tree of `index` below `dir`, unsigned.
pub(crate) fn write_tree(index: &Index, dir: &Path) {
    let built = build_tree(&index.entries().unwrap(), dir, &BuildOptions::default()).unwrap();
    let bytes = sign_envelope(Kind::Index, &built.payload, &[]).unwrap();
    fs::write(dir.join("index.json"), bytes).unwrap();
}

/// Opens registries that nobody signs, without patience.
pub(crate) fn unsigned(cache: &Cache, offline: bool) -> IndexOptions {
    IndexOptions {
        fetch: impatient(),
        offline,
        allow_unsigned: true,
        ..IndexOptions::new(cache.store.clone())
    }
}
