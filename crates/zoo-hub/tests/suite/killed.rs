//! Hubs that are killed while they publish. The hub is a process: this test binary, asked for
//! one test and told by its environment what to serve.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use zoo_hub::{HubOptions, Rate, serve};
use zoo_registry::publish::{Publication, RemoteOptions, RemoteRegistry, Signing};
use zoo_registry::{FetchOptions, Index, Query, Sha256Digest};

use crate::support::{Running, entry, files};

const ORDER: &str = "ZOO_TEST_HUB";
const MODELS: usize = 6;

/// What the others run as a process.
#[test]
fn hub() {
    let Ok(dir) = std::env::var(ORDER) else { return };
    let dir = std::path::PathBuf::from(dir);
    let mut options = HubOptions::new(dir.join("tree"), Signing::Unsigned);
    options.tokens = Some(dir.join("tokens.json"));
    options.leftovers_older_than = Duration::ZERO;
    options.rate = Rate { burst: 10_000, per_minute: 10_000 };
    serve(options, |address| {
        std::fs::write(dir.join("address.new"), address.to_string()).unwrap();
        std::fs::rename(dir.join("address.new"), dir.join("address")).unwrap();
        // So that whoever started this need not look for the file again and again.
        std::io::stderr().write_all(b"listening\n").unwrap();
    })
    .unwrap();
}

#[test]
fn fault_150_and_158_killed_at_twenty_moments() {
    let seed = Running::new();
    let token = seed.token.clone();
    let dir = seed.stop();
    let mut random = 0x1234_5678_9abc_def1_u64;
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::hub", "--test-threads=1", "--nocapture"])
            .env(ORDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut heard = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(heard.any(|line| line.unwrap() == "listening"));
        let address = std::fs::read_to_string(dir.path().join("address")).unwrap();
        let publisher = {
            let (token, round) = (token.clone(), round);
            let last = round == 19;
            thread::spawn(move || publish_all(&address, &token, last))
        };
        if round < 19 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            thread::sleep(Duration::from_micros(random % 120_000));
            child.kill().unwrap();
        }
        let published = publisher.join().unwrap();
        if round == 19 {
            assert_eq!(published, MODELS);
            child.kill().unwrap();
        }
        child.wait().unwrap();
        verify(dir.path());
    }
    let index = Index::from_dir(&dir.path().join("tree")).unwrap();
    assert_eq!(index.models() as usize, MODELS);
    // What killed hubs left is gone since the last one began.
    let left = files(&dir.path().join("tree"));
    assert!(left.iter().all(|path| !path.display().to_string().contains("/.zoo-")), "{left:?}");
}

/// How many models were published before the hub was gone.
fn publish_all(address: &str, token: &str, patient: bool) -> usize {
    let here = tempfile::tempdir().unwrap();
    let fetch = FetchOptions { attempts: if patient { 5 } else { 1 }, ..FetchOptions::default() };
    let options = RemoteOptions { fetch, ..RemoteOptions::default() };
    let remote = RemoteRegistry::new(&format!("http://{address}"), Some(token), options).unwrap();
    for n in 0..MODELS {
        let bytes = format!("model {n}").repeat(30_000).into_bytes();
        let path = here.path().join("m.zoo");
        std::fs::write(&path, &bytes).unwrap();
        let blobs = vec![(Sha256Digest::of(&bytes), path)];
        let entry = entry(&format!("alice/model-{n}x"), "1.0.0", &bytes);
        if remote.publish(&Publication::new(entry, blobs)).is_err() {
            return n;
        }
    }
    MODELS
}

fn verify(dir: &std::path::Path) {
    let tree = dir.join("tree");
    let index = Index::from_dir(&tree).unwrap();
    let rows = index.search(&Query::default());
    assert_eq!(rows.len() as u64, index.models());
    for row in rows {
        let entry = index.lookup(&row.name).unwrap();
        for file in &entry.versions[0].files {
            let blob = std::fs::read(tree.join(&file.urls[0])).unwrap();
            assert_eq!(Some(Sha256Digest::of(&blob)), file.sha256);
        }
    }
}
