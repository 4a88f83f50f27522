//! The static files of a hub.

use std::fs;

use zoo_registry::Sha256Digest;

use crate::support::{Running, entry};

const BYTES: &[u8] = b"0123456789";

fn published() -> (Running, String) {
    let hub = Running::new();
    assert_eq!(hub.put_blob(BYTES).status, 201);
    assert_eq!(hub.put_entry(&entry("alice/flowers", "1.0.0", BYTES)).status, 201);
    let hex = Sha256Digest::of(BYTES).to_hex();
    (hub, format!("/blobs/sha256/{}/{hex}", &hex[..2]))
}

#[test]
fn files_with_their_headers() {
    let (hub, blob) = published();
    let answer = hub.get(&blob);
    assert_eq!((answer.status, &answer.body[..]), (200, BYTES));
    assert_eq!(answer.header("content-length"), Some("10"));
    let tag = format!("\"{}\"", Sha256Digest::of(BYTES));
    assert_eq!(answer.header("etag"), Some(&*tag));
    assert!(answer.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let head = hub.ask(&format!("HEAD {blob}"), "", b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
    let index = hub.get("/index.json");
    assert_eq!((index.status, index.header("cache-control")), (200, Some("no-cache")));
    assert_eq!(index.body, fs::read(hub.tree().join("index.json")).unwrap());
    let tag = index.header("etag").unwrap().to_owned();
    let again = hub.ask("GET /index.json", &format!("If-None-Match: {tag}\r\n"), b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = hub.ask("GET /index.json", "If-None-Match: \"x\"\r\n", b"");
    assert_eq!(other.status, 200);
}

#[test]
fn fault_037_and_038_and_039_ranges() {
    let (hub, blob) = published();
    let get = |headers: &str| {
        let answer = hub.ask(&format!("GET {blob}"), headers, b"");
        let range = answer.header("content-range").unwrap_or_default().to_owned();
        (answer.status, range, String::from_utf8(answer.body).unwrap())
    };
    let part = |range: &str, body: &str| (206, format!("bytes {range}/10"), body.to_owned());
    let whole = (200, String::new(), "0123456789".to_owned());
    assert_eq!(get("Range: bytes=3-5\r\n"), part("3-5", "345"));
    assert_eq!(get("Range: bytes=7-\r\n"), part("7-9", "789"));
    assert_eq!(get("Range: bytes=-2\r\n"), part("8-9", "89"));
    assert_eq!(get("Range: bytes=5-3\r\n"), whole);
    assert_eq!(get("Range: bytes=0-1,4-5\r\n"), whole);
    let (status, range, _) = get("Range: bytes=10-\r\n");
    assert_eq!((status, &*range), (416, "bytes */10"));
    let tag = Sha256Digest::of(BYTES);
    assert_eq!(get(&format!("Range: bytes=7-\r\nIf-Range: \"{tag}\"\r\n")), part("7-9", "789"));
    // A weak tag, another tag and a date prove nothing.
    for other in
        [format!("W/\"{tag}\""), "\"x\"".to_owned(), "Tue, 01 Jul 2025 10:00:00 GMT".to_owned()]
    {
        assert_eq!(get(&format!("Range: bytes=7-\r\nIf-Range: {other}\r\n")), whole, "{other}");
    }
}

#[test]
fn fault_008_nothing_else_in_the_folder() {
    let (hub, blob) = published();
    let tree = hub.tree();
    fs::write(tree.join("secret.json"), "s").unwrap();
    fs::write(tree.join("pages/secret.jsonl"), "s").unwrap();
    fs::write(tree.join("blobs/sha256/secret"), "s").unwrap();
    for path in [
        "/",
        "//index.json",
        "/secret.json",
        "/history/1.json",
        "/history/.lock",
        "/pages/secret.jsonl",
        "/pages/",
        "/blobs/sha256/secret",
        "/../tokens.json",
        "/pages/../../tokens.json",
        "/%2e%2e/tokens.json",
        "/..%2ftokens.json",
        "/..\\tokens.json",
        "/index.json%00",
        "/./index.json",
        "/index.json/",
        "/INDEX.JSON",
        "/2.root.json",
        "/etc/passwd",
        "/api/v1/tokens.json",
        "/api/v1/blobs/sha256/../../tokens.json",
    ] {
        let answer = hub.get(path);
        assert_eq!(answer.status, 404, "{path}");
        answer.problem();
    }
    let upper = hub.get(&blob.to_uppercase());
    assert_eq!(upper.status, 404);
    let post = hub.ask("POST /index.json", "", b"x");
    assert_eq!((post.refused(405).status, post.header("allow")), (405, Some("GET, HEAD")));
}

#[cfg(unix)]
#[test]
fn fault_071_links_out_of_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (hub, _) = published();
    let secret = hub.dir.path().join("tokens.json");
    let hex = Sha256Digest::of(b"elsewhere").to_hex();
    symlink(&secret, hub.tree().join("root.json")).unwrap();
    symlink(&secret, hub.tree().join(format!("pages/{hex}.jsonl"))).unwrap();
    fs::create_dir_all(hub.dir.path().join("outside")).unwrap();
    fs::write(hub.dir.path().join("outside").join(&hex), "s").unwrap();
    let fan = hub.tree().join("blobs/sha256").join(&hex[..2]);
    symlink(hub.dir.path().join("outside"), fan).unwrap();
    for path in [
        "/root.json".to_owned(),
        format!("/pages/{hex}.jsonl"),
        format!("/blobs/sha256/{}/{hex}", &hex[..2]),
    ] {
        assert_eq!(hub.get(&path).status, 404, "{path}");
    }
}
