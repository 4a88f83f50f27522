//! What the tests share: a hub with a registry of its own, and HTTP by hand.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use zoo_hub::{Hub, HubHandle, HubOptions, Patience, TokenFile};
use zoo_registry::publish::{InitOptions, Problem, Signing, TreeWriter};
use zoo_registry::trust::Timestamp;
use zoo_registry::{Entry, Sha256Digest};

pub(crate) struct Running {
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    /// Alice's.
    pub(crate) token: String,
    handle: Option<HubHandle>,
}

pub(crate) fn patience() -> Patience {
    Patience {
        head: Duration::from_millis(400),
        stall: Duration::from_millis(400),
        min_rate: 1 << 10,
        shutdown: Duration::from_secs(2),
    }
}

impl Running {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HubOptions)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let options =
            InitOptions { root: None, signing: &Signing::Unsigned, now: Timestamp::now() };
        TreeWriter::init(&tree, &options).unwrap();
        Self::over(dir, change)
    }

    /// A hub over the registry `tree` in `dir`.
    pub(crate) fn over(dir: TempDir, change: impl FnOnce(&mut HubOptions)) -> Self {
        let tokens = dir.path().join("tokens.json");
        let token = TokenFile::new(&tokens).add(&["alice".to_owned()], "").unwrap();
        let mut options = HubOptions::new(dir.path().join("tree"), Signing::Unsigned);
        options.tokens = Some(tokens);
        options.patience = patience();
        change(&mut options);
        let hub = Hub::bind(options).unwrap();
        let address = hub.address();
        Self { dir, address, token, handle: Some(hub.spawn().unwrap()) }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn stop(mut self) -> TempDir {
        drop(self.handle.take());
        self.dir
    }

    /// Sends a whole request and reads the answer. `headers` are lines with their ends.
    pub(crate) fn ask(&self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head =
            format!("{line} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{length}{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // Who is refused early need not have sent everything.
        let _ = stream.write_all(body);
        read_answer(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", b"")
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    pub(crate) fn put_blob(&self, bytes: &[u8]) -> Answer {
        let digest = Sha256Digest::of(bytes);
        self.ask(&format!("PUT /api/v1/blobs/sha256/{digest}"), &self.bearer(), bytes)
    }

    pub(crate) fn put_entry(&self, entry: &Entry) -> Answer {
        let version = &entry.versions[0].version;
        let line = format!("PUT /api/v1/models/{}/{version}", entry.name);
        self.ask(&line, &self.bearer(), &serde_json::to_vec(entry).unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    /// What is wrong, which every refusal says in the same way.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> Problem {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.problem()
    }
}

pub(crate) fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer takes nothing from it.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// An entry with one version, whose one file has these bytes.
pub(crate) fn entry(name: &str, version: &str, bytes: &[u8]) -> Entry {
    let digest = Sha256Digest::of(bytes);
    let json = format!(
        r#"{{"schema":1,"name":"{name}","summary":"s","task":"image-classification",
        "family":"f","input":"3x8x8","licence":"MIT","citation":"c","upstream":"u",
        "preparation":"none","version":[{{"version":"{version}","weights":"W","files":[
        {{"path":"m.zoo","sha256":"{digest}","format":"zoo","urls":[]}}]}}]}}"#
    );
    Entry::from_json(json.as_bytes(), "a test").unwrap()
}

/// Every file of the tree but locks.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.file_name().unwrap() != ".lock" {
            all.push(path);
        }
    }
    all.sort();
    all
}
