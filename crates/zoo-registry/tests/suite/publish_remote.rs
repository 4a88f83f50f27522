//! The client of a hub, against servers that are none. The hub itself has its own tests.

use zoo_registry::publish::{Publication, PublishError, RemoteOptions, RemoteRegistry};
use zoo_registry::{Error, Sha256Digest};

use crate::publish::{entry, refusal};
use crate::server::{Reply, Request, Server};
use crate::support::impatient;

const TOKEN: &str = "zoo_secret";

fn options() -> RemoteOptions {
    let fetch = impatient();
    RemoteOptions { answer_timeout: fetch.stall_timeout, fetch }
}

fn client(server: &Server) -> RemoteRegistry {
    RemoteRegistry::new(&server.url(""), Some(TOKEN), options()).unwrap()
}

/// A version without files to send.
fn publication() -> Publication {
    Publication::new(entry("alice/flowers", "1.0.0", b"x"), Vec::new())
}

fn done() -> Reply {
    Reply::ok(br#"{"counter":2,"already_there":false,"warnings":["careful"]}"#)
        .with("Content-Type", "application/json")
}

fn problem(status: u16, detail: &str) -> Reply {
    let json = format!(r#"{{"type":"about:blank","title":"no","status":1,"detail":"{detail}"}}"#);
    Reply::ok(json.as_bytes())
        .with_status(status)
        .with("Content-Type", "application/problem+json; charset=utf-8")
}

fn publish(
    script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> (Result<u64, Error>, usize) {
    let server = Server::start(script);
    let result = client(&server).publish(&publication()).map(|published| published.counter);
    (result, server.requests().len())
}

#[test]
fn fault_159_answers_that_only_look_like_success() {
    for reply in [
        Reply::ok(b"<html>sign in</html>").with("Content-Type", "text/html"),
        Reply::ok(b"<html>sign in</html>").with("Content-Type", "application/json"),
        Reply::ok(br#"{"error":"quota"}"#).with("Content-Type", "application/json"),
        Reply::ok(br#"{"counter":2}"#).with("Content-Type", "application/json"),
        Reply::ok(b"").with("Content-Type", "application/json"),
        Reply::ok(br#"{"counter":2,"already_there":false}"#),
        Reply::status(204),
    ] {
        let (result, requests) = publish(move |_, _| reply.clone());
        let error = refusal(result);
        assert!(matches!(error, PublishError::NotAHub { .. }), "{error}");
        assert_eq!(requests, 1);
    }
}

#[test]
fn fault_029_and_030_and_031_tried_again() {
    let (result, requests) = publish(|n, _| match n {
        0 => Reply::status(500),
        1 => problem(429, "slowly").with("Retry-After", "0"),
        2 => Reply::hang_up(),
        _ => done(),
    });
    assert_eq!((result.unwrap(), requests), (2, 4));
    let (result, requests) = publish(|_, _| problem(503, "resting"));
    match result.unwrap_err() {
        Error::RetriesExhausted { attempts: 4, source, .. } => {
            assert!(source.to_string().contains("resting"), "{source}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(requests, 4);
}

#[test]
fn fault_151_and_152_refusals_are_not_tried_again() {
    for status in [400, 401, 403, 404, 409, 412, 413, 422] {
        let (result, requests) = publish(move |_, _| problem(status, "be\\u001b[31mcause"));
        match refusal(result) {
            PublishError::Refused { problem, .. } => {
                let found = (problem.status, &*problem.title, &*problem.detail);
                assert_eq!(found, (status, "no", "be[31mcause"));
            }
            other => panic!("{other}"),
        }
        assert_eq!(requests, 1);
    }
    let (result, _) = publish(|_, _| Reply::ok(b"<html>").with_status(403));
    let text = refusal(result).to_string();
    assert!(text.contains("403") && !text.contains("html"), "{text}");
}

#[test]
fn fault_160_no_answer_in_time() {
    let (result, requests) = publish(|n, _| match n {
        0 => done().then_stall(impatient().stall_timeout * 4).cut_after(0),
        _ => done(),
    });
    assert_eq!((result.unwrap(), requests), (2, 2));
}

#[test]
fn fault_048_and_050_the_token_goes_nowhere_else() {
    let other = Server::start(|_, _| done());
    let elsewhere = other.url("api/v1/models/alice/flowers/1.0.0");
    let server = Server::start(move |_, _| Reply::status(307).with("Location", &elsewhere));
    let error = refusal(client(&server).publish(&publication()));
    assert!(matches!(error, PublishError::NotAHub { .. }), "{error}");
    assert!(other.requests().is_empty());
    let sent = server.requests()[0].header("authorization").map(str::to_owned);
    assert_eq!(sent.as_deref(), Some("Bearer zoo_secret"));
    // Where others can listen it is not sent at all.
    let refused = |url: &str, token| RemoteRegistry::new(url, token, options()).err().unwrap();
    let error = refused("http://models.example.org/zoo", Some(TOKEN));
    assert!(matches!(error, Error::Publish(PublishError::TokenInTheClear { .. })), "{error}");
    for url in ["http://127.0.0.1.example.org", "http://localhost.example.org:1"] {
        let error = refused(url, Some(TOKEN));
        assert!(matches!(error, Error::Publish(PublishError::TokenInTheClear { .. })), "{error}");
    }
    for url in ["ftp://h/", "file:///x", "https://me:pw@h/", "https://h/?q", "x"] {
        let error = refused(url, None);
        assert!(matches!(error, Error::UnsupportedUrl { .. }), "{error}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    assert!(!refused("https://h/", Some("a\nb")).to_string().contains("a\nb"));
}

#[test]
fn fault_051_no_token_in_messages() {
    let (result, _) = publish(|_, _| problem(401, "no"));
    let text = format!("{:?}", result.unwrap_err());
    assert!(!text.contains(TOKEN), "{text}");
}

#[test]
fn a_file_that_is_there_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.zoo");
    std::fs::write(&path, b"weights").unwrap();
    let digest = Sha256Digest::of(b"weights");
    let sending = Publication { blobs: vec![(digest, path)], ..publication() };
    let requests = |tag: String, stored: Sha256Digest| {
        let server = Server::start(move |n, _| match n {
            0 => Reply::status(200).with("ETag", &tag),
            _ => Reply::ok(
                format!(r#"{{"counter":2,"already_there":false,"sha256":"{stored}"}}"#).as_bytes(),
            )
            .with("Content-Type", "application/json"),
        });
        let result = client(&server).publish(&sending);
        (result.is_ok(), server.requests().iter().map(|r| r.path.clone()).collect::<Vec<_>>())
    };
    let blob = format!("/api/v1/blobs/sha256/{digest}");
    let model = "/api/v1/models/alice/flowers/1.0.0".to_owned();
    let there = requests(format!("\"{digest}\""), digest);
    assert_eq!(there, (true, vec![blob.clone(), model.clone()]));
    // A 200 of somebody who does not know the file says nothing.
    let absent = requests("\"portal\"".to_owned(), digest);
    assert_eq!(absent, (true, vec![blob.clone(), blob.clone(), model]));
    // Nor does an answer about another file.
    let wrong = requests("W/\"x\"".to_owned(), Sha256Digest::of(b"x"));
    assert_eq!(wrong, (false, vec![blob.clone(), blob]));
}
