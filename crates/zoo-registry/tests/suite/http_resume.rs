//! Going on where an earlier attempt or an earlier process broke off.

use std::fs;
use std::sync::Barrier;
use std::thread;

use zoo_registry::{Error, Silent};

use crate::server::{Reply, Server};
use crate::support::{Cache, Recorder, assert_is_payload, exact, payload};

/// A server that cuts the first `cuts` answers after 50,000 bytes.
fn cutting(cuts: usize) -> Server {
    Server::start(move |n, request| {
        let reply = Reply::file(request, &payload(), "\"1\"");
        if n < cuts { reply.cut_after(50_000) } else { reply }
    })
}

/// A cache in which a first client was cut off, and the length of what it left.
fn after_a_cut(server: &Server) -> (Cache, u64) {
    let cache = Cache::new();
    let error = cache.fetch(&[server.url("p")]).unwrap_err();
    assert!(matches!(error, Error::RetriesExhausted { .. }), "{error}");
    let part = cache
        .partial_files()
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "part"))
        .unwrap();
    let length = fs::metadata(part).unwrap().len();
    (cache, length)
}

#[test]
fn resume_after_a_cut_in_one_fetch() {
    let server = cutting(2);
    let recorder = Recorder::default();
    let cache = Cache::new();
    let fetched = cache.fetch_with(&[server.url("p")], exact(200_000), &recorder);
    assert_is_payload(&fetched.unwrap());
    // Every byte came once.
    assert_eq!(recorder.bytes(), 200_000);
    let requests = server.requests();
    assert_eq!(requests[1].range_start(), Some(50_000));
    assert_eq!(requests[1].header("if-range"), Some("\"1\""));
    assert_eq!(requests[2].range_start(), Some(100_000));
}

#[test]
fn fault_063_a_killed_pull_is_resumed_by_the_next_client() {
    // Zero bytes more on each retry, so that the first client gives up at 50,000.
    let server = Server::start(|n, request| {
        let reply = Reply::file(request, &payload(), "\"1\"");
        match n {
            0 => reply.cut_after(50_000),
            1..=3 => reply.cut_after(0),
            _ => reply,
        }
    });
    let (cache, length) = after_a_cut(&server);
    assert_eq!(length, 50_000);
    let recorder = Recorder::default();
    let fetched = cache.fetch_with(&[server.url("p")], None, &recorder);
    assert_is_payload(&fetched.unwrap());
    assert_eq!(recorder.events()[1], "resumed 50000");
    assert_eq!(recorder.bytes(), 150_000);
    assert!(cache.partial_files().is_empty());
}

/// A cache with 50,000 bytes from `server`, whose first four answers are cut.
fn left_behind(
    then: impl Fn(usize, &crate::server::Request) -> Reply + Send + Sync + 'static,
) -> (Server, Cache) {
    let server = Server::start(move |n, request| match n {
        0 => Reply::file(request, &payload(), "\"1\"").cut_after(50_000),
        1..=3 => Reply::file(request, &payload(), "\"1\"").cut_after(0),
        _ => then(n - 4, request),
    });
    let (cache, length) = after_a_cut(&server);
    assert_eq!(length, 50_000);
    (server, cache)
}

#[test]
fn fault_037_range_ignored() {
    let (server, cache) = left_behind(|_, _| Reply::ok(&payload()).with("ETag", "\"1\""));
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn fault_038_416() {
    let (server, cache) = left_behind(|n, request| match n {
        0 => Reply::status(416),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests()[5].range_start(), None);
}

#[test]
fn fault_039_wrong_content_range() {
    for range in [
        Some("bytes 0-199999/200000"),
        Some("bytes 50001-199999/200000"),
        Some("bytes 50000-99999/200000"),
        Some("bytes 199999-50000/200000"),
        Some("bytes 50000-199999/*"),
        Some("nonsense"),
        None,
    ] {
        let (server, cache) = left_behind(move |n, request| {
            if n > 0 {
                return Reply::file(request, &payload(), "\"1\"");
            }
            let reply = Reply::ok(&payload()[50_000..]).with_status(206);
            match range {
                Some(range) => reply.with("Content-Range", range),
                None => reply,
            }
        });
        assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
        assert_eq!(server.requests()[5].range_start(), None, "{range:?}");
    }
}

#[test]
fn a_part_that_nobody_asked_for() {
    let server = Server::start(|_, _| {
        Reply::ok(&payload()).with_status(206).with("Content-Range", "bytes 0-199999/200000")
    });
    let error = Cache::new().fetch(&[server.url("p")]).unwrap_err();
    assert!(matches!(error, Error::HttpProtocol { .. }), "{error}");
}

#[test]
fn fault_040_object_replaced_in_mid_read() {
    // The server honours If-Range: the whole new object comes.
    let old =
        |_: usize, request: &crate::server::Request| Reply::file(request, &payload(), "\"2\"");
    let (server, cache) = left_behind(old);
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests().len(), 5);
    // It does not: the changed tag gives it away.
    let (server, cache) = left_behind(|n, request| {
        let mut request = request.clone();
        if n == 0 {
            request.headers.remove("if-range");
        }
        Reply::file(&request, &payload(), "\"2\"")
    });
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests()[5].range_start(), None);
}

#[test]
fn fault_041_stale_partial_file() {
    // What lies there is not the start of the file, whatever its tag says.
    let (server, cache) = left_behind(|_, request| Reply::file(request, &payload(), "\"1\""));
    for path in cache.partial_files() {
        if path.extension().is_some_and(|e| e == "part") {
            fs::write(path, vec![0; 50_000]).unwrap();
        }
    }
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert!(cache.partial_files().is_empty());
}

#[test]
fn fault_041_partial_file_longer_than_the_file() {
    let (server, cache) = left_behind(|_, request| Reply::file(request, &payload(), "\"1\""));
    for path in cache.partial_files() {
        if path.extension().is_some_and(|e| e == "part") {
            fs::write(path, vec![0; 300_000]).unwrap();
        }
    }
    let fetched = cache.fetch_with(&[server.url("p")], exact(200_000), &Silent);
    assert_is_payload(&fetched.unwrap());
}

#[test]
fn a_complete_partial_file_needs_no_request() {
    let (server, cache) = left_behind(|_, _| Reply::status(500));
    for path in cache.partial_files() {
        if path.extension().is_some_and(|e| e == "part") {
            fs::write(path, payload()).unwrap();
        }
    }
    assert_is_payload(&cache.fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn fault_047_nothing_is_resumed_on_a_weak_tag() {
    let server = Server::start(|n, _| {
        let reply = Reply::ok(&payload()).with("ETag", "W/\"1\"");
        if n == 0 { reply.cut_after(50_000) } else { reply }
    });
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests()[1].range_start(), None);
}

#[test]
fn a_tag_means_nothing_at_another_server() {
    let (first, cache) = left_behind(|_, _| Reply::status(404));
    let second = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let urls = [first.url("p"), second.url("p")];
    assert_is_payload(&cache.fetch(&urls).unwrap());
    assert_eq!(second.requests()[0].range_start(), None);
}

#[test]
fn fault_062_many_at_once() {
    let server = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let cache = Cache::new();
    let (url, start) = (server.url("p"), Barrier::new(6));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                start.wait();
                assert_is_payload(&cache.fetch(std::slice::from_ref(&url)).unwrap());
            });
        }
    });
    assert_eq!(cache.store.blobs().unwrap().len(), 1);
    assert!(cache.partial_files().is_empty());
}
