//! Where a server may send us, and where not.

use zoo_registry::{Credentials, Error, FetchOptions, Silent};

use crate::server::{Reply, Server};
use crate::support::{Cache, assert_is_payload, exact, impatient, payload};

fn to(location: &str) -> Reply {
    Reply::status(302).with("Location", location)
}

#[test]
fn fault_043_and_046_redirects_are_followed_and_their_bytes_checked() {
    let server = Server::start(|_, request| match request.path.as_str() {
        // A length that belongs to the redirect and not to the file.
        "/right" => Reply::ok(b"moved").with_status(302).with("Location", "/file"),
        "/wrong" => to("/other"),
        "/file" => Reply::file(request, &payload(), "\"1\""),
        _ => Reply::ok(b"something else"),
    });
    let cache = Cache::new();
    let fetched = cache.fetch_with(&[server.url("right")], exact(200_000), &Silent);
    assert_is_payload(&fetched.unwrap());
    let error = Cache::new().fetch(&[server.url("wrong")]).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
}

#[test]
fn every_status_that_redirects() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |_, request| match request.path.as_str() {
            "/p" => to("file").with_status(status),
            _ => Reply::file(request, &payload(), "\"1\""),
        });
        assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    }
}

#[test]
fn fault_046_a_redirect_that_lies_about_its_length() {
    let server = Server::start(|_, request| match request.path.as_str() {
        "/p" => to("/file").with("Content-Length", "7").with("ETag", "\"0\"").without_length(),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    let cache = Cache::new();
    let fetched = cache.fetch_with(&[server.url("p")], exact(200_000), &Silent);
    assert_is_payload(&fetched.unwrap());
}

#[test]
fn a_resume_goes_through_the_redirect_again() {
    let server = Server::start(|n, request| match request.path.as_str() {
        "/p" => to(&format!("/signed?for={n}")),
        path => {
            let reply = Reply::file(request, &payload(), "\"1\"");
            if path.ends_with("=0") { reply.cut_after(50_000) } else { reply }
        }
    });
    assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
    let requests = server.requests();
    assert_eq!(requests[3].path, "/signed?for=2");
    assert_eq!(requests[3].range_start(), Some(50_000));
}

#[test]
fn fault_053_redirect_loops() {
    let circle = Server::start(|_, request| match request.path.as_str() {
        "/a" => to("/b"),
        _ => to("/a"),
    });
    let itself = Server::start(|_, _| to("/again"));
    let endless = Server::start(|n, _| to(&format!("/{n}")));
    for (server, path, most) in [(&circle, "a", 2), (&itself, "again", 1), (&endless, "x", 9)] {
        let error = Cache::new().fetch(&[server.url(path)]).unwrap_err();
        assert!(matches!(error, Error::RedirectRefused { .. }), "{error}");
        // One walk round the loop, no retries.
        assert_eq!(server.requests().len(), most, "{error}");
    }
}

#[test]
fn fault_054_and_011_odd_names_behind_a_redirect() {
    for (location, asked) in [
        ("/a [1].bin", "/a%20[1].bin"),
        ("/100%/[x].bin?s=a b", "/100%25/[x].bin?s=a%20b"),
        ("/models/%5Bx%5D.bin", "/models/%5Bx%5D.bin"),
        ("/m\u{f6}del.bin", "/m%C3%B6del.bin"),
    ] {
        let server = Server::start(move |n, request| match n {
            0 => to(location),
            _ => Reply::file(request, &payload(), "\"1\""),
        });
        assert_is_payload(&Cache::new().fetch(&[server.url("p")]).unwrap());
        assert_eq!(server.requests()[1].path, asked);
    }
    let server = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    assert_is_payload(&Cache::new().fetch(&[server.url("a[1]%20(2).bin")]).unwrap());
    assert_eq!(server.requests()[0].path, "/a[1]%20(2).bin");
    let error = Cache::new().fetch(&[server.url("a b")]).unwrap_err();
    assert!(matches!(error, Error::UnsupportedUrl { .. }), "{error}");
}

#[test]
fn fault_021_and_051_refused_redirects_show_no_secret() {
    for location in [
        "ftp://host/file",
        "file:///etc/passwd",
        "javascript:x",
        "http://me:hunter2@127.0.0.1/file",
        "http://127.0.0.1:99999/file?Signature=hunter2",
        "http://[::1/file",
        "//127.0.0.1\\@host/file",
        "",
    ] {
        let server = Server::start(move |_, _| to(location));
        let error = Cache::new().fetch(&[server.url("p")]).unwrap_err();
        assert!(matches!(error, Error::RedirectRefused { .. }), "{location:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
    let nowhere = Server::start(|_, _| Reply::status(302));
    let error = Cache::new().fetch(&[nowhere.url("p")]).unwrap_err();
    assert!(matches!(error, Error::RedirectRefused { .. }), "{error}");
}

#[test]
fn hf_sources_and_where_they_lead() {
    let cdn = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let place = cdn.url("blob?X-Signature=hunter2");
    let hub = Server::start(move |_, _| to(&place));
    let credentials = Credentials::none().with(&hub.url(""), "hunter2").unwrap();
    let options = FetchOptions { hf_endpoint: hub.url(""), credentials, ..impatient() };
    for (source, path) in [
        ("hf:owner/repo/dir/w.bin", "/owner/repo/resolve/main/dir/w.bin"),
        ("hf:owner/repo@v1.0/w.bin", "/owner/repo/resolve/v1.0/w.bin"),
    ] {
        assert_is_payload(&Cache::new().fetch_as(&[source.to_owned()], &options).unwrap());
        let asked = hub.requests().pop().unwrap();
        assert_eq!(asked.path, path);
        assert_eq!(asked.header("authorization"), Some("Bearer hunter2"));
    }
    // The token stays behind.
    assert_eq!(cdn.requests().len(), 2);
    assert!(cdn.requests().iter().all(|request| request.header("authorization").is_none()));
    let error = Cache::new().fetch_as(&["hf:owner/repo".to_owned()], &options).unwrap_err();
    assert!(matches!(error, Error::UnsupportedUrl { .. }), "{error}");
}
