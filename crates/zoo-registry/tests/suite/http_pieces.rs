//! Large files in several ranges at once, and every way in which that can go wrong.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use zoo_registry::{Error, FetchOptions, Fetched, Silent, Store, fetch};

use crate::server::{Reply, Request, Server};
use crate::support::{Cache, Recorder, assert_is_payload, impatient, payload, request_of};

/// Options for which the payload is large.
fn in_pieces() -> FetchOptions {
    FetchOptions { connections: 4, large_bytes: 20_000, piece_bytes: 16_384, ..impatient() }
}

fn good(request: &Request) -> Reply {
    Reply::file(request, &payload(), "\"1\"")
}

fn fetch_noting(cache: &Cache, url: String) -> (Result<Fetched, Error>, Recorder) {
    let (recorder, urls) = (Recorder::default(), [url]);
    let fetched = fetch(&cache.store, &request_of(&urls, None), &in_pieces(), &recorder);
    (fetched, recorder)
}

#[test]
fn every_byte_comes_once() {
    let server = Server::start(|_, request| good(request));
    let cache = Cache::new();
    let (fetched, recorder) = fetch_noting(&cache, server.url("p"));
    assert_is_payload(&fetched.unwrap());
    assert_eq!(recorder.bytes(), 200_000);
    assert!(cache.partial_files().is_empty());
    let requests = server.requests();
    assert_eq!(requests.len(), 200_000_usize.div_ceil(16_384));
    assert!(requests[0].range().is_none());
    let mut starts: Vec<_> = requests[1..]
        .iter()
        .map(|request| {
            assert_eq!(request.header("if-range"), Some("\"1\""));
            let (first, last) = request.range().unwrap();
            assert!(last.unwrap() < first + 16_384);
            first
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), requests.len() - 1);
}

#[test]
fn fault_047_no_pieces_without_proof() {
    let scripts: [fn(&Request) -> Reply; 5] = [
        |_| Reply::ok(&payload()).with("ETag", "\"1\""),
        |_| Reply::ok(&payload()).with("ETag", "W/\"1\"").with("Accept-Ranges", "bytes"),
        |_| {
            let date = "Tue, 01 Jul 2025 10:00:00 GMT";
            Reply::ok(&payload()).with("Last-Modified", date).with("Accept-Ranges", "bytes")
        },
        |request| good(request).chunked(),
        |_| Reply::ok(&payload()).with("ETag", "\"1\"").with("Accept-Ranges", "none"),
    ];
    for script in scripts {
        let server = Server::start(move |_, request| script(request));
        assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &in_pieces()).unwrap());
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::start(|_, request| good(request));
    let one = FetchOptions { connections: 1, ..in_pieces() };
    assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &one).unwrap());
    assert_eq!(server.requests().len(), 1);
}

/// A server that answers ranges by `odd` until it is asked for the whole once more.
fn odd_server(odd: impl Fn(&Request, usize, usize) -> Reply + Send + Sync + 'static) -> Server {
    let wholes = AtomicUsize::new(0);
    Server::start(move |_, request| match request.range() {
        Some((first, Some(last))) if wholes.load(Ordering::SeqCst) == 1 => {
            odd(request, first, last)
        }
        Some(_) => good(request),
        None => {
            wholes.fetch_add(1, Ordering::SeqCst);
            good(request)
        }
    })
}

fn assert_falls_back(what: &str, server: &Server) {
    let cache = Cache::new();
    let (fetched, recorder) = fetch_noting(&cache, server.url("p"));
    assert_is_payload(&fetched.unwrap_or_else(|error| panic!("{what}: {error}")));
    let requests = server.requests();
    let wholes: Vec<_> = (0..requests.len()).filter(|n| requests[*n].range().is_none()).collect();
    assert_eq!(wholes.len(), 2, "{what}");
    assert_eq!(wholes[1], requests.len() - 1, "{what}: ranges after the fallback");
    assert!(recorder.events().contains(&"restarted".to_owned()), "{what}");
    assert!(!recorder.events().iter().any(|e| e.starts_with("retrying")), "{what}");
    assert!(cache.partial_files().is_empty());
}

#[test]
fn fault_037_and_038_and_039_and_040_odd_answers_fall_back_to_one_stream() {
    let part = |first: usize, last: usize| Reply::ok(&payload()[first..=last]).with_status(206);
    let ranged = move |first: usize, last: usize, range: String| {
        part(first, last).with("Content-Range", &range)
    };
    let server = odd_server(|_, _, _| Reply::ok(&payload()).with("ETag", "\"1\""));
    assert_falls_back("range ignored", &server);
    let server = odd_server(|_, _, _| Reply::status(416));
    assert_falls_back("416", &server);
    let server = odd_server(move |_, first, last| {
        ranged(first, last, format!("bytes {first}-{last}/200000")).with("ETag", "\"2\"")
    });
    assert_falls_back("another tag", &server);
    // The object was replaced and the server honours If-Range: the whole new one comes.
    let server = odd_server(|request, _, _| Reply::file(request, &payload(), "\"2\""));
    assert_falls_back("another object", &server);
    let server = odd_server(move |_, first, last| {
        ranged(first, last, format!("bytes {}-{}/200000", first + 1, last + 1))
    });
    assert_falls_back("shifted", &server);
    let server = odd_server(move |_, first, last| {
        ranged(first, last, format!("bytes {first}-{last}/200001"))
    });
    assert_falls_back("another total", &server);
    let server = odd_server(move |_, first, last| part(first, last));
    assert_falls_back("no Content-Range", &server);
    let server = odd_server(move |_, first, last| {
        ranged(first, last, format!("bytes {first}-{last}/200000")).with("Content-Encoding", "gzip")
    });
    assert_falls_back("compressed", &server);
    let server = odd_server(move |_, first, last| {
        let reply = Reply::ok(&payload()[first..last]).with_status(206);
        reply.with("Content-Range", &format!("bytes {first}-{last}/200000"))
    });
    assert_falls_back("shorter than it says", &server);
}

#[test]
fn fault_040_pieces_of_another_file_with_the_same_tag() {
    let server = odd_server(|_, first, last| {
        let wrong = vec![7; last + 1 - first];
        let reply = Reply::ok(&wrong).with_status(206).with("ETag", "\"1\"");
        reply.with("Content-Range", &format!("bytes {first}-{last}/200000"))
    });
    assert_falls_back("wrong bytes", &server);
    // Wrong in one stream too: the source is wrong, and nobody asks a third time.
    let server = Server::start(|_, request| Reply::file(request, &vec![7; 200_000], "\"1\""));
    let (fetched, _) = fetch_noting(&Cache::new(), server.url("p"));
    let error = fetched.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    assert_eq!(server.requests().iter().filter(|r| r.range().is_none()).count(), 2);
}

#[test]
fn fault_029_and_036_a_failed_piece_is_fetched_again_and_nothing_else() {
    for fault in [
        |_: Reply| Reply::status(503),
        |_: Reply| Reply::hang_up(),
        |reply: Reply| reply.cut_after(5000),
    ] {
        let broken = AtomicUsize::new(0);
        let server = Server::start(move |_, request| match request.range() {
            Some((first, Some(_))) if first > 100_000 => {
                let reply = good(request);
                if broken.fetch_add(1, Ordering::SeqCst) == 0 { fault(reply) } else { reply }
            }
            _ => good(request),
        });
        let cache = Cache::new();
        let (fetched, recorder) = fetch_noting(&cache, server.url("p"));
        assert_is_payload(&fetched.unwrap());
        assert_eq!(recorder.bytes(), 200_000);
        assert!(recorder.events().contains(&"retrying 2".to_owned()));
        assert!(!recorder.events().contains(&"restarted".to_owned()));
    }
}

#[test]
fn fault_030_a_server_that_wants_one_connection_at_a_time() {
    let busy = AtomicUsize::new(0);
    let server = Server::start(move |_, request| {
        let others = busy.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(2));
        busy.fetch_sub(1, Ordering::SeqCst);
        if others > 0 { Reply::status(429) } else { good(request) }
    });
    let options = FetchOptions { attempts: 30, ..in_pieces() };
    assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &options).unwrap());
}

#[test]
fn a_wrong_size_is_seen_before_the_pieces() {
    let server = Server::start(|_, request| good(request));
    let cache = Cache::new();
    let urls = [server.url("p")];
    let request = request_of(&urls, Some(crate::support::exact(199_999)));
    let error = fetch(&cache.store, &request, &in_pieces(), &Silent).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { .. }), "{error}");
    cache.assert_empty();
    assert_eq!(server.requests().len(), 1);
}

const CHILD: &str = "ZOO_TEST_FETCH_IN_PIECES";

/// Kills a process that fetches, at many moments; what arrived is used by the next.
#[test]
fn fault_063_kill_9_in_the_middle_of_pieces() {
    if let Some(what) = std::env::var_os(CHILD) {
        let what = what.into_string().unwrap();
        let (root, url) = what.split_once('|').unwrap();
        let urls = [url.to_owned()];
        let store = Store::open(root).unwrap();
        let _ = fetch(&store, &request_of(&urls, None), &in_pieces(), &Silent);
        return;
    }
    let slow = |request: &Request| good(request).dripping(1024, Duration::from_millis(1));
    let mut resumed_once = false;
    for pause in (0..8).map(|n| 20 + 23 * n) {
        let server = Server::start(move |_, request| slow(request));
        let cache = Cache::new();
        let url = server.url("p");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "http_pieces::fault_063_kill_9_in_the_middle_of_pieces"])
            .env(CHILD, format!("{}|{url}", cache.store.root().display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // From the first request on, so that the moment hardly depends on the machine.
        while server.requests().is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        if !cache.store.blobs().unwrap().is_empty() {
            continue;
        }
        let (fetched, recorder) = fetch_noting(&cache, url);
        assert_is_payload(&fetched.unwrap());
        let resumed: u64 = recorder
            .events()
            .iter()
            .find_map(|event| event.strip_prefix("resumed ")?.parse().ok())
            .unwrap_or(0);
        assert_eq!(resumed + recorder.bytes(), 200_000, "after {pause} ms");
        assert!(!recorder.events().contains(&"restarted".to_owned()));
        assert!(cache.partial_files().is_empty(), "{:?}", cache.partial_files());
        resumed_once |= resumed > 16_384;
    }
    assert!(resumed_once, "nothing was ever resumed");
}
