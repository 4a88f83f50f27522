//! Tokens: to whom they go, and to whom never.

use zoo_registry::{Credentials, Error, FetchOptions, Index, IndexOptions, Store};

use crate::server::{Reply, Server};
use crate::support::{Cache, assert_is_payload, impatient, payload};

const TOKEN: &str = "hunter2";

/// Options with a token for `server`.
fn for_server(server: &Server) -> FetchOptions {
    let credentials = Credentials::none().with(&server.url(""), TOKEN).unwrap();
    FetchOptions { credentials, ..impatient() }
}

fn file() -> Server {
    Server::start(|_, request| Reply::file(request, &payload(), "\"1\""))
}

/// The tokens that `server` was sent.
fn tokens(server: &Server) -> Vec<Option<String>> {
    server.requests().iter().map(|r| r.header("authorization").map(str::to_owned)).collect()
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

#[test]
fn a_token_goes_to_its_own_server() {
    let server = Server::start(|_, request| match request.header("authorization") {
        Some("Bearer hunter2") => Reply::file(request, &payload(), "\"1\""),
        _ => Reply::status(401),
    });
    let urls = [server.url("p")];
    assert_is_payload(&Cache::new().fetch_as(&urls, &for_server(&server)).unwrap());
    for (status, options, sent) in
        [(401, impatient(), false), (403, impatient(), false), (403, for_server(&server), true)]
    {
        let server = Server::start(move |_, _| Reply::status(status));
        let options = if sent { for_server(&server) } else { options };
        let error = Cache::new().fetch_as(&[server.url("p")], &options).unwrap_err();
        let Error::Unauthorized { status: s, origin, token_sent, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((*s, *token_sent), (status, sent));
        assert_eq!(format!("{origin}/"), server.url(""));
        assert!(!format!("{error} {error:?}").contains(TOKEN));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn fault_048_no_token_across_origins() {
    let other = file();
    let place = other.url("file");
    let server = Server::start(move |_, request| match request.path.as_str() {
        "/there" => Reply::status(302).with("Location", &place),
        "/here" => Reply::status(302).with("Location", "/file"),
        _ => Reply::file(request, &payload(), "\"1\""),
    });
    let options = for_server(&server);
    assert_is_payload(&Cache::new().fetch_as(&[server.url("there")], &options).unwrap());
    assert_eq!((tokens(&server), tokens(&other)), (vec![Some(bearer())], vec![None]));
    // Within the origin it stays, and it is there again after a way out and back.
    assert_is_payload(&Cache::new().fetch_as(&[server.url("here")], &options).unwrap());
    assert_eq!(tokens(&server), vec![Some(bearer()); 3]);
    let back = server.url("file");
    let detour = Server::start(move |_, _| Reply::status(302).with("Location", &back));
    assert_is_payload(&Cache::new().fetch_as(&[detour.url("p")], &options).unwrap());
    assert_eq!((tokens(&detour), tokens(&server)), (vec![None], vec![Some(bearer()); 4]));
}

#[test]
fn fault_048_another_port_is_another_origin() {
    let (server, other) = (file(), file());
    assert_is_payload(&Cache::new().fetch_as(&[other.url("p")], &for_server(&server)).unwrap());
    assert_eq!(tokens(&other), [None]);
}

#[test]
fn fault_049_an_authentication_realm_elsewhere() {
    let realm = file();
    let challenge = format!("Bearer realm=\"{}\",service=\"x\"", realm.url("token"));
    let server = Server::start(move |_, _| Reply::status(401).with("WWW-Authenticate", &challenge));
    let error = Cache::new().fetch_as(&[server.url("p")], &for_server(&server)).unwrap_err();
    assert!(matches!(error, Error::Unauthorized { token_sent: true, .. }), "{error}");
    assert!(realm.requests().is_empty());
}

#[test]
fn fault_050_no_token_to_a_mirror() {
    let server = Server::start(|_, _| Reply::status(404));
    let mirror = file();
    let urls = [server.url("p"), mirror.url("p")];
    assert_is_payload(&Cache::new().fetch_as(&urls, &for_server(&server)).unwrap());
    assert_eq!((tokens(&server), tokens(&mirror)), (vec![Some(bearer())], vec![None]));
}

#[test]
fn fault_051_neither_tokens_nor_signatures_in_errors() {
    let server = Server::start(|n, _| match n {
        0 => Reply::status(404),
        1 => Reply::ok(b"wrong"),
        2 => Reply::ok(b"<html>"),
        _ => Reply::hang_up(),
    });
    let options = for_server(&server);
    for _ in 0..4 {
        let url = server.url("p?X-Signature=hunter2");
        let error = Cache::new().fetch_as(&[url], &options).unwrap_err();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains(TOKEN), "{error}");
            cause = error.source();
        }
        assert!(!format!("{error:?} {options:?}").contains(TOKEN), "{error:?}");
    }
}

#[test]
fn an_index_is_read_with_its_token() {
    let server = Server::start(|_, _| Reply::status(403));
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let options = IndexOptions {
        fetch: for_server(&server),
        allow_unsigned: true,
        ..IndexOptions::new(store)
    };
    let error = Index::open(&server.url(""), &options).unwrap_err();
    assert!(matches!(error, Error::Unauthorized { token_sent: true, .. }), "{error}");
    assert_eq!(tokens(&server), [Some(bearer())]);
}
