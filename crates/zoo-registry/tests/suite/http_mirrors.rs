//! Several sources of one file, and several files at once.

use std::time::Duration;

use zoo_registry::{
    Error, Evidence, EvidenceKind, Expected, FetchObserver, FetchOptions, FetchRequest,
    Sha256Digest, Silent, fetch, fetch_all,
};

use crate::server::{Reply, Server};
use crate::support::{
    Cache, MD5_OF_PAYLOAD, Recorder, SHA1_OF_PAYLOAD, assert_is_payload, impatient, payload,
    request_of,
};

fn file() -> Server {
    Server::start(|_, request| Reply::file(request, &payload(), "\"1\""))
}

#[test]
fn fault_055_a_broken_mirror_is_asked_last_from_then_on() {
    type Script = fn(usize) -> Reply;
    let scripts: [(&str, Script); 4] = [
        ("wrong bytes", |_| Reply::ok(b"other bytes")),
        ("errors", |_| Reply::status(500)),
        ("stalls", |_| Reply::ok(&payload()).cut_after(0).then_stall(Duration::from_millis(300))),
        ("a page", |_| Reply::ok(b"<html>sign in</html>")),
    ];
    for (what, script) in scripts {
        let (broken, good) = (Server::start(move |n, _| script(n)), file());
        let options = FetchOptions { attempts: 1, ..impatient() };
        let urls = [broken.url("p"), good.url("p")];
        for round in 1..=3 {
            assert_is_payload(&Cache::new().fetch_as(&urls, &options.clone()).unwrap());
            assert_eq!(broken.requests().len(), 1, "{what}, round {round}");
        }
        // Where it is the only one, it is asked all the same.
        assert!(Cache::new().fetch_as(&urls[..1], &options).is_err());
        assert_eq!(broken.requests().len(), 2);
        // Other options know nothing of it.
        assert_is_payload(&Cache::new().fetch_as(&urls, &impatient()).unwrap());
        assert!(broken.requests().len() > 2);
    }
}

#[test]
fn a_missing_file_does_not_make_a_mirror_bad() {
    let (first, second) = (Server::start(|_, _| Reply::status(404)), file());
    let options = impatient();
    let urls = [first.url("p"), second.url("p")];
    for _ in 0..2 {
        assert_is_payload(&Cache::new().fetch_as(&urls, &options).unwrap());
    }
    assert_eq!(first.requests().len(), 2);
}

#[test]
fn fault_044_several_files_and_one_digest_twice() {
    let (server, cache) = (file(), Cache::new());
    let (urls, others) = ([server.url("a")], [server.url("b")]);
    let other = Sha256Digest::of(&payload()[..7]);
    let small = Server::start(|_, _| Reply::ok(&payload()[..7]));
    let small_urls = [small.url("c")];
    let recorder = Recorder::default();
    let third = FetchRequest {
        name: "small",
        urls: &small_urls,
        expected: Expected::Sha256(other),
        size: None,
    };
    let requests: [(FetchRequest<'_>, &dyn FetchObserver); 3] = [
        (request_of(&urls, None), &Silent),
        (request_of(&others, None), &Silent),
        (third, &recorder),
    ];
    let fetched = fetch_all(&cache.store, &requests, &impatient()).unwrap();
    assert_is_payload(&fetched[0]);
    assert_eq!(fetched[1], fetched[0]);
    assert_eq!((fetched[2].digest, fetched[2].size), (other, 7));
    assert_eq!(recorder.events().last().unwrap(), "finished");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fetch_all(&cache.store, &[], &impatient()).unwrap(), []);
}

#[test]
fn the_first_error_stops_the_others_and_keeps_what_came() {
    // Sends half, and the rest only after the other file must have failed.
    let slow = Server::start(|_, request| {
        Reply::file(request, &payload(), "\"1\"").dripping(100_000, Duration::from_millis(100))
    });
    let broken = Server::start(|_, _| Reply::status(404));
    let cache = Cache::new();
    let (urls, missing) = ([slow.url("a")], [broken.url("b")]);
    let fails = FetchRequest {
        name: "missing",
        urls: &missing,
        expected: Expected::Sha256(Sha256Digest::of(b"")),
        size: None,
    };
    let requests: [(FetchRequest<'_>, &dyn FetchObserver); 2] =
        [(request_of(&urls, None), &Silent), (fails, &Silent)];
    let error = fetch_all(&cache.store, &requests, &impatient()).unwrap_err();
    assert!(matches!(error, Error::HttpStatus { status: 404, .. }), "{error}");
    assert_eq!(cache.store.blobs().unwrap(), []);
    // Whatever had come by then is used by the next.
    let before = slow.requests().len();
    assert_is_payload(&cache.fetch(&urls).unwrap());
    assert_eq!(slow.requests().len(), before + 1);
}

#[test]
fn all_that_is_known_is_checked_where_no_sha256_is() {
    let (server, cache) = (file(), Cache::new());
    let urls = [server.url("p")];
    let digest = Sha256Digest::of(&payload());
    let evidence = |kind, value: &str| Evidence::new(kind, value, "p", 1).unwrap();
    let request = |all| FetchRequest {
        name: "p",
        urls: &urls,
        expected: Expected::Evidence(all),
        size: None,
    };
    let prefix = evidence(EvidenceKind::Sha256Prefix, &digest.to_hex()[..8]);
    let sha1 = evidence(EvidenceKind::Sha1, SHA1_OF_PAYLOAD);
    let md5 = evidence(EvidenceKind::Md5, MD5_OF_PAYLOAD);
    let right = request(vec![prefix.clone(), sha1, md5]);
    assert_eq!(fetch(&cache.store, &right, &impatient(), &Silent).unwrap().digest, digest);
    let cache = Cache::new();
    let wrong = request(vec![prefix, evidence(EvidenceKind::Sha1, &"0".repeat(40))]);
    let error = fetch(&cache.store, &wrong, &impatient(), &Silent).unwrap_err();
    assert!(matches!(error, Error::EvidenceMismatch { .. }), "{error}");
    cache.assert_empty();
}
