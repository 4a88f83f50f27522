//! Servers that never end by being slow, and disks without room.

use std::time::Duration;

use zoo_registry::{Error, FetchOptions, Index, IndexOptions};

use crate::server::{Reply, Server};
use crate::support::{Cache, assert_is_payload, impatient, payload};

/// Options for which a few bytes now and then are too slow.
fn hasty() -> FetchOptions {
    FetchOptions {
        attempts: 2,
        min_rate: 1 << 20,
        min_rate_window: Duration::from_millis(60),
        ..impatient()
    }
}

fn dripping() -> Server {
    Server::start(|_, request| {
        let reply = Reply::file(request, &payload(), "\"1\"");
        reply.dripping(10, Duration::from_millis(10))
    })
}

#[test]
fn fault_033_a_drip_is_given_up() {
    let drip = dripping();
    let error = Cache::new().fetch_as(&[drip.url("p")], &hasty()).unwrap_err();
    let Error::RetriesExhausted { source, attempts: 2, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, Error::TooSlow { .. }), "{source}");
    let good = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let urls = [drip.url("p"), good.url("p")];
    assert_is_payload(&Cache::new().fetch_as(&urls, &hasty()).unwrap());
    let pieces = FetchOptions { large_bytes: 1000, piece_bytes: 16_384, ..hasty() };
    let error = Cache::new().fetch_as(&urls[..1], &pieces).unwrap_err();
    let Error::RetriesExhausted { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, Error::TooSlow { .. }), "{source}");
}

#[test]
fn fault_033_an_index_that_drips() {
    let (drip, cache) = (dripping(), Cache::new());
    let options = IndexOptions {
        fetch: hasty(),
        allow_unsigned: true,
        ..IndexOptions::new(cache.store.clone())
    };
    let error = Index::open(&drip.url(""), &options).unwrap_err();
    let Error::RetriesExhausted { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, Error::TooSlow { .. }), "{source}");
}

#[cfg(unix)]
mod disk_full {
    use std::process::Command;

    use zoo_registry::{Silent, Store, fetch};

    use super::*;
    use crate::support::{Recorder, request_of};

    const CHILD: &str = "ZOO_TEST_DISK_FULL";

    fn options(pieces: bool) -> FetchOptions {
        let large_bytes = if pieces { 20_000 } else { 1 << 30 };
        FetchOptions { large_bytes, piece_bytes: 16_384, ..impatient() }
    }

    /// In a process that may not write files above 100 KiB, as on a disk without room.
    fn child(what: &str) {
        let parts: Vec<&str> = what.split('|').collect();
        let (root, first, second, pieces) = (parts[0], parts[1], parts[2], parts[3] == "true");
        let urls = [first.to_owned(), second.to_owned()];
        let store = Store::open(root).unwrap();
        let error = fetch(&store, &request_of(&urls, None), &options(pieces), &Silent).unwrap_err();
        let text = error.to_string();
        let Error::DiskFull { path, needed, .. } = error else { panic!("{error}") };
        let needed = needed.unwrap();
        assert!((90_000..200_000).contains(&needed), "{needed}");
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(text.contains(&needed.to_string()), "{text}");
        assert!(path.starts_with(root));
    }

    #[test]
    fn fault_056_disk_full() {
        if let Ok(what) = std::env::var(CHILD) {
            return child(&what);
        }
        for pieces in [false, true] {
            let serve = || Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
            let (server, mirror, cache) = (serve(), serve(), Cache::new());
            let (root, url, other) = (cache.store.root(), server.url("p"), mirror.url("p"));
            let output = Command::new("bash")
                .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "bash"])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", "http_limits::disk_full::fault_056_disk_full", "--nocapture"])
                .env(CHILD, format!("{}|{url}|{other}|{pieces}", root.display()))
                .output()
                .unwrap();
            let text =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
            assert!(text.contains("1 passed"), "{text}");
            // It is nobody's fault: the mirror was not asked, and nothing half-written counts.
            assert!(mirror.requests().is_empty());
            assert_eq!(cache.store.blobs().unwrap(), []);
            // With room, it goes on.
            let (recorder, urls) = (Recorder::default(), [url]);
            let request = request_of(&urls, None);
            let fetched = fetch(&cache.store, &request, &options(pieces), &recorder).unwrap();
            assert_is_payload(&fetched);
            let events = recorder.events();
            assert!(events[1].starts_with("resumed "), "pieces: {pieces}: {events:?}");
            assert!(recorder.bytes() < 200_000, "pieces: {pieces}");
            assert!(cache.partial_files().is_empty());
        }
    }
}
