//! What the tests share: bytes, impatient options, a cache of their own, a recorder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use zoo_registry::{
    BuildOptions, Error, Expected, FetchObserver, FetchOptions, FetchRequest, Fetched, FileSize,
    Index, IndexOptions, Proxies, Sha256Digest, Silent, Store, build_tree, fetch, write_index,
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

/// Of the payload, by `md5sum`, `sha1sum` and `sha384sum`.
pub(crate) const MD5_OF_PAYLOAD: &str = "f254190245a5cd51b45a229987fbf9f8";
pub(crate) const SHA1_OF_PAYLOAD: &str = "3fbd7045b5c24fd97ecfb19fc840a6d3f93be289";
pub(crate) const SHA384_OF_PAYLOAD: &str = "1b52d62c81a1eb78fd00007f8ca6003d6a4fd9c092c0f32e\
                                            3a8fcef4160f1cc223ccac204c1bcb41e118ad0b6bf5fb4f";

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
        proxies: Some(Proxies::none()),
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
        let request = request_of(urls, size.into());
        fetch(&self.store, &request, &impatient(), observer)
    }

    /// Fetches the payload with `options`.
    pub(crate) fn fetch_as(
        &self,
        urls: &[String],
        options: &FetchOptions,
    ) -> Result<Fetched, Error> {
        fetch(&self.store, &request_of(urls, None), options, &Silent)
    }
}

/// A request for the payload.
pub(crate) fn request_of(urls: &[String], size: Option<FileSize>) -> FetchRequest<'_> {
    FetchRequest {
        name: "payload.bin",
        urls,
        expected: Expected::Sha256(Sha256Digest::of(&payload())),
        size,
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
    let built = build_tree(index.entries().unwrap(), dir, &BuildOptions::default()).unwrap();
    write_index(dir, &built.payload, &[]).unwrap();
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

/// Writes to a file that is read-only, as a disk that goes bad or a careless user does.
pub(crate) fn overwrite(path: &Path, bytes: impl AsRef<[u8]>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::write(path, bytes).unwrap();
}

/// Sets the time of modification.
pub(crate) fn set_modified(path: &Path, time: SystemTime) {
    // The owner of a file may set its time also where it is read-only.
    let file = fs::File::options().write(true).open(path).or_else(|_| fs::File::open(path));
    file.unwrap().set_modified(time).unwrap();
}

/// The stamp of the blob at `path`.
pub(crate) fn stamp_of(path: &Path) -> PathBuf {
    let text = path.to_str().unwrap().replace("blobs/sha256", "stamps");
    PathBuf::from(text)
}
