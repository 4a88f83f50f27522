//! Files on their way into a hub.

use std::io::Write as _;
use std::net::Shutdown;

use zoo_registry::Sha256Digest;

use crate::support::{Running, files, read_answer};

#[test]
fn fault_162_a_file_that_is_not_what_it_says() {
    let hub = Running::new();
    let before = files(&hub.tree());
    let wrong = Sha256Digest::of(b"something else");
    let line = format!("PUT /api/v1/blobs/sha256/{wrong}");
    let answer = hub.ask(&line, &hub.bearer(), b"bytes");
    assert!(answer.refused(422).detail.contains(&wrong.to_hex()));
    for digest in ["", "00", "../../config.json", &"AB".repeat(32), &"0".repeat(65)] {
        hub.ask(&format!("PUT /api/v1/blobs/sha256/{digest}"), &hub.bearer(), b"x").refused(404);
    }
    // Parts, in whatever order, are no files.
    let part = format!("{}Content-Range: bytes 0-4/9\r\n", hub.bearer());
    hub.ask(&line, &part, b"bytes").refused(400);
    let packed = format!("{}Content-Encoding: gzip\r\n", hub.bearer());
    hub.ask(&line, &packed, b"bytes").refused(415);
    assert_eq!(files(&hub.tree()), before);
    // What was refused does not stand in the way of what is right.
    assert_eq!(hub.put_blob(b"bytes").status, 201);
    assert_eq!(hub.put_blob(b"bytes").status, 201);
}

#[test]
fn fault_157_more_than_is_taken() {
    let hub = Running::with(|options| options.max_blob_bytes = 1000);
    let before = files(&hub.tree());
    hub.put_blob(&[7; 1001]).refused(413);
    // Announced or not.
    let bytes = [7; 1001];
    let chunked = format!("{}Transfer-Encoding: chunked\r\n", hub.bearer());
    let line = format!("PUT /api/v1/blobs/sha256/{}", Sha256Digest::of(&bytes));
    let mut stream = hub.connect();
    let head = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{chunked}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"3e9\r\n").unwrap();
    stream.write_all(&bytes).unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").unwrap();
    read_answer(&mut stream).refused(413);
    let huge = format!("{}Content-Length: 99999999999\r\n", hub.bearer());
    let mut stream = hub.connect();
    stream.write_all(format!("{line} HTTP/1.1\r\nHost: h\r\n{huge}\r\n").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_answer(&mut stream).refused(413);
    assert_eq!(files(&hub.tree()), before);
    assert_eq!(hub.put_blob(&[7; 1000]).status, 201);
}

/// Cut after every one of its bytes, with a length and in chunks.
#[test]
fn fault_150_a_body_that_breaks_off() {
    let hub = Running::new();
    let bytes = b"0123456789";
    let line = format!("PUT /api/v1/blobs/sha256/{}", Sha256Digest::of(bytes));
    let common = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}", hub.bearer());
    let sized = format!("{common}Content-Length: 10\r\n\r\n0123456789");
    let chunked =
        format!("{common}Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n");
    let before = files(&hub.tree());
    for request in [&sized, &chunked] {
        let body = request.find("\r\n\r\n").unwrap() + 4;
        // Nothing of the head, some of it, and each place in the body.
        for end in [0, 10, body - 2].into_iter().chain(body..request.len()) {
            let mut stream = hub.connect();
            stream.write_all(&request.as_bytes()[..end]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.starts_with("HTTP/1.1 2"), "{end}: {text}");
        }
        assert_eq!(files(&hub.tree()), before);
    }
    for request in [sized, chunked] {
        let mut stream = hub.connect();
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).status, 201);
    }
}

#[test]
fn fault_163_a_hub_that_takes_nothing() {
    let hub = Running::with(|options| options.read_only = true);
    assert_eq!(hub.put_blob(b"bytes").refused(403).title, "read-only");
    let line = "POST /api/v1/models/alice/flowers/1.0.0/yank";
    assert_eq!(hub.ask(line, &hub.bearer(), b"").refused(403).title, "read-only");
    // Deleting is no mode: nobody can.
    for line in [
        "DELETE /index.json".to_owned(),
        format!("DELETE /api/v1/blobs/sha256/{}", Sha256Digest::of(b"")),
        "DELETE /api/v1/models/alice/flowers/1.0.0".to_owned(),
    ] {
        assert!(hub.ask(&line, &hub.bearer(), b"").refused(405).detail.contains("allowed"));
    }
    assert_eq!(hub.get("/index.json").status, 200);
}
