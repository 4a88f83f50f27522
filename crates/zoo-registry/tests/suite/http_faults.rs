//! Servers that fail, lie or send something else.

use std::time::{Duration, Instant};

use zoo_registry::{Error, Expected, FetchRequest, Sha256Digest, Silent, fetch};

use crate::server::{Reply, Server};
use crate::support::{Cache, Recorder, about, assert_is_payload, exact, impatient, payload};

#[test]
fn right_bytes() {
    let server = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let (cache, recorder) = (Cache::new(), Recorder::default());
    let url = server.url("payload.bin");
    let fetched = cache.fetch_with(std::slice::from_ref(&url), exact(200_000), &recorder).unwrap();
    assert_is_payload(&fetched);
    assert_eq!(fetched.url, url);
    assert_eq!(cache.partial_files().len(), 0);
    assert_eq!(recorder.bytes(), 200_000);
    assert_eq!(recorder.events(), ["started payload.bin Some(200000)", "finished"]);
}

#[test]
fn wrong_bytes_of_the_right_length_are_deleted_and_not_asked_for_again() {
    let server = Server::start(|_, _| {
        let mut bytes = payload();
        bytes[77] ^= 1;
        Reply::ok(&bytes).with("ETag", "\"1\"")
    });
    let cache = Cache::new();
    let url = server.url("payload.bin");
    let error = cache.fetch(std::slice::from_ref(&url)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{text}");
    assert!(text.contains(&url) && text.contains(&Sha256Digest::of(&payload()).to_hex()));
    cache.assert_empty();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn fault_029_500_then_fine() {
    let server = Server::start(|n, request| match n {
        0 => Reply::status(500),
        1 => Reply::status(503),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    let (cache, recorder) = (Cache::new(), Recorder::default());
    let fetched = cache.fetch_with(&[server.url("p")], None, &recorder).unwrap();
    assert_is_payload(&fetched);
    assert_eq!(recorder.events()[1..3], ["retrying 2", "retrying 3"]);
}

#[test]
fn fault_029_500_for_ever() {
    let server = Server::start(|_, _| Reply::status(500));
    let error = Cache::new().fetch(&[server.url("p")]).unwrap_err();
    let Error::RetriesExhausted { attempts, source, .. } = error else { panic!("{error}") };
    assert_eq!(attempts, 4);
    assert!(matches!(*source, Error::HttpStatus { status: 500, .. }));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn fault_030_retry_after_is_obeyed_and_capped() {
    let server = Server::start(|n, request| match n {
        0 => Reply::status(429).with("Retry-After", "3600"),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    let start = Instant::now();
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    let took = start.elapsed();
    assert!(took >= impatient().retry_after_cap, "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn other_refusals_are_final() {
    for status in [300, 404, 410, 451] {
        let server = Server::start(move |_, _| Reply::status(status));
        let error = Cache::new().fetch(&[server.url("p")]).unwrap_err();
        assert!(matches!(error, Error::HttpStatus { status: s, .. } if s == status));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn fault_031_reset_before_headers() {
    let server = Server::start_resetting(2, |_, request| Reply::file(request, &payload(), "\"1\""));
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
}

#[test]
fn fault_032_mixed_errors() {
    let server = Server::start(|n, request| match n {
        0 => Reply::hang_up(),
        1 => Reply::status(502),
        2 => Reply::file(request, &payload(), "\"1\"").cut_after(1000),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
}

#[test]
fn fault_033_headers_then_stall() {
    let long = Duration::from_millis(600);
    let server = Server::start(move |n, request| {
        let reply = Reply::file(request, &payload(), "\"1\"");
        match n {
            0 => reply.cut_after(0).then_stall(long),
            1 => reply.cut_after(5000).then_stall(long),
            _ => reply,
        }
    });
    let start = Instant::now();
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    assert!(start.elapsed() < 2 * long, "the stall was waited for");
    assert_eq!(server.requests()[2].range_start(), Some(5000));
}

#[test]
fn fault_034_nobody_listens() {
    let url = Server::start(|_, _| Reply::hang_up()).url("p");
    let error = Cache::new().fetch(&[url]).unwrap_err();
    assert!(matches!(error, Error::RetriesExhausted { .. }), "{error}");
}

#[test]
fn fault_035_stall_before_the_first_byte() {
    let server = Server::start(|n, request| {
        if n == 0 {
            std::thread::sleep(Duration::from_millis(400));
        }
        Reply::file(request, &payload(), "\"1\"")
    });
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn fault_036_truncated_body() {
    for chunked in [false, true] {
        let server = Server::start(move |_, _| {
            let reply = Reply::ok(&payload()).cut_after(8192);
            if chunked { reply.chunked() } else { reply }
        });
        let cache = Cache::new();
        let error = cache.fetch(&[server.url("p")]).unwrap_err();
        assert!(matches!(error, Error::RetriesExhausted { .. }), "{error}");
        cache.assert_empty();
        assert_eq!(server.requests().len(), 4, "chunked: {chunked}");
    }
}

#[test]
fn fault_042_exact_sizes_are_enforced() {
    for wrong in [199_999, 200_001] {
        let server = Server::start(|_, _| Reply::ok(&payload()));
        let cache = Cache::new();
        let error = cache.fetch_with(&[server.url("p")], exact(wrong), &Silent).unwrap_err();
        assert!(matches!(error, Error::SizeMismatch { got: 200_000, .. }), "{error}");
        cache.assert_empty();
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn fault_042_more_than_the_exact_size_without_an_announcement() {
    let server = Server::start(|_, _| Reply::ok(&payload()).chunked());
    let cache = Cache::new();
    let error = cache.fetch_with(&[server.url("p")], exact(100_000), &Silent).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { .. }), "{error}");
    cache.assert_empty();
}

#[test]
fn fault_042_approximate_sizes_never_reject() {
    for wrong in [1, 199_999, 200_001, 9_000_000] {
        let server = Server::start(|_, _| Reply::ok(&payload()));
        let cache = Cache::new();
        let fetched = cache.fetch_with(&[server.url("p")], about(wrong), &Silent);
        assert_is_payload(&fetched.unwrap());
    }
}

#[test]
fn a_server_without_an_end_is_stopped() {
    let server = Server::start(|_, _| Reply::ok(&vec![7; 3 << 20]).chunked());
    let cache = Cache::new();
    let error = cache.fetch(&[server.url("p")]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    cache.assert_empty();
}

#[test]
fn fault_045_no_content_length() {
    let server = Server::start(|_, _| Reply::ok(&payload()).without_length());
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    let server = Server::start(|_, _| Reply::ok(&payload()).chunked());
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
}

#[test]
fn fault_057_zero_bytes() {
    let server = Server::start(|_, _| Reply::ok(b""));
    let cache = Cache::new();
    let error = cache.fetch(&[server.url("p")]).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    cache.assert_empty();
}

#[test]
fn fault_058_html_with_200() {
    let page = b"\n<!DOCTYPE HTML><title>Please sign in</title>";
    let server = Server::start(move |_, _| Reply::ok(page).with("Content-Type", "text/html"));
    for size in [None, Some(exact(200_000))] {
        let cache = Cache::new();
        let error = cache.fetch_with(&[server.url("p")], size, &Silent).unwrap_err();
        assert!(matches!(error, Error::HtmlInsteadOfFile { .. }), "{error}");
        cache.assert_empty();
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn fault_059_git_lfs_pointer() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 200000\n";
    let server = Server::start(move |_, _| Reply::ok(pointer));
    let error = Cache::new().fetch_with(&[server.url("p")], exact(200_000), &Silent).unwrap_err();
    assert!(matches!(error, Error::LfsPointer { .. }), "{error}");
}

#[test]
fn fault_060_compression_nobody_asked_for() {
    let server = Server::start(|_, _| Reply::ok(&payload()).with("Content-Encoding", "gzip"));
    let error = Cache::new().fetch(&[server.url("p")]).unwrap_err();
    assert!(matches!(error, Error::HttpProtocol { .. }), "{error}");
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn fault_055_broken_mirrors_are_passed_over() {
    let broken = Server::start(|n, _| match n {
        0 => Reply::status(404),
        1 => Reply::ok(b"<html>gone</html>"),
        _ => Reply::ok(b"other bytes"),
    });
    let good = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let urls = [broken.url("a"), broken.url("b"), broken.url("c"), good.url("d")];
    assert_is_payload(&Cache::new().fetch(&urls).unwrap());
    let Error::AllSourcesFailed { failures, last, .. } =
        Cache::new().fetch(&urls[..3]).unwrap_err()
    else {
        panic!()
    };
    assert_eq!(failures.len(), 2);
    assert!(matches!(*last, Error::DigestMismatch { .. }), "{last}");
}

#[test]
fn a_prefix_is_checked_and_the_whole_digest_reported() {
    let server = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let digest = Sha256Digest::of(&payload());
    let cache = Cache::new();
    let urls = [server.url("p")];
    let request = |prefix: &str| FetchRequest {
        name: "p",
        urls: &urls,
        expected: Expected::Sha256Prefix(prefix.to_owned()),
        size: None,
    };
    let right = request(&digest.to_hex()[..8]);
    let fetched = fetch(&cache.store, &right, &impatient(), &Silent).unwrap();
    assert_eq!(fetched.digest, digest);
    let cache = Cache::new();
    let error = fetch(&cache.store, &request("00000000"), &impatient(), &Silent).unwrap_err();
    assert!(error.to_string().contains("00000000…"), "{error}");
    cache.assert_empty();
}
