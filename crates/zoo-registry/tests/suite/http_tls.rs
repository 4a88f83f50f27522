//! Certificates, and redirects that would leave https.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zoo_registry::{Credentials, Error, FetchOptions};

use crate::server::{Reply, Request, Server, read_request};
use crate::support::{Cache, assert_is_payload, impatient, payload};

fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// A TLS server on 127.0.0.1, for as long as the test program runs.
struct TlsServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TlsServer {
    fn start(
        certificate: &str,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let chain = vec![CertificateDer::from_pem_file(certificates(certificate)).unwrap()];
        let key = PrivateKeyDer::from_pem_file(certificates("server.key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (config, script, count) = (Arc::new(config), Arc::new(script), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let (config, script) = (config.clone(), script.clone());
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(connection, stream);
                    if let Some(request) = read_request(&mut stream) {
                        let _ = script(&request).send(&mut stream);
                        stream.conn.send_close_notify();
                        let _ = stream.conn.complete_io(&mut stream.sock);
                    }
                });
            }
        });
        Self { address, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn file(certificate: &str) -> TlsServer {
    TlsServer::start(certificate, |request| Reply::file(request, &payload(), "\"1\""))
}

fn trusting(authority: &str) -> FetchOptions {
    FetchOptions {
        ca_file: Some(certificates(authority)),
        // A handshake takes its time where every processor is busy.
        stall_timeout: std::time::Duration::from_secs(5),
        ..impatient()
    }
}

#[test]
fn an_authority_of_ones_own() {
    let server = file("server.pem");
    let options = trusting("authority.pem");
    assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &options).unwrap());
    let pieces = FetchOptions { large_bytes: 20_000, piece_bytes: 16_384, ..options };
    assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &pieces).unwrap());
}

#[test]
fn fault_052_bad_certificates_are_not_retried() {
    for (certificate, authority, what) in [
        ("server.pem", None, "an unknown issuer"),
        ("server.pem", Some("stranger.pem"), "another issuer"),
        ("expired.pem", Some("authority.pem"), "expired"),
    ] {
        let server = file(certificate);
        let options =
            authority.map_or_else(|| FetchOptions { ca_file: None, ..trusting("") }, trusting);
        let error = Cache::new().fetch_as(&[server.url("p")], &options).unwrap_err();
        assert!(matches!(error, Error::Transport { .. }), "{what}: {error}");
        assert_eq!(server.connections(), 1, "{what}");
    }
    // The certificate is for other names.
    let server = file("server.pem");
    let url = format!("https://127.0.0.2:{}/p", server.address.port());
    let error = Cache::new().fetch_as(&[url], &trusting("authority.pem")).unwrap_err();
    assert!(matches!(error, Error::Transport { .. } | Error::RetriesExhausted { .. }), "{error}");
}

#[test]
fn files_without_certificates() {
    let server = file("server.pem");
    let cache = Cache::new();
    let empty = cache.dir.path().join("empty.pem");
    fs::write(&empty, "no certificate").unwrap();
    let options = FetchOptions { ca_file: Some(empty), ..impatient() };
    let error = cache.fetch_as(&[server.url("p")], &options).unwrap_err();
    assert!(matches!(error, Error::NoCertificate { .. }), "{error}");
    let missing = FetchOptions { ca_file: Some(cache.dir.path().join("missing")), ..impatient() };
    let error = cache.fetch_as(&[server.url("p")], &missing).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn fault_048_https_is_not_left() {
    let plain = Server::start(|_, request| Reply::file(request, &payload(), "\"1\""));
    let place = plain.url("file?sig=hunter2");
    let server =
        TlsServer::start("server.pem", move |_| Reply::status(302).with("Location", &place));
    let credentials = Credentials::none()
        .with(&server.url(""), "hunter2")
        .and_then(|c| c.with(&plain.url(""), "hunter2"))
        .unwrap();
    let options = FetchOptions { credentials, ..trusting("authority.pem") };
    let error = Cache::new().fetch_as(&[server.url("p")], &options).unwrap_err();
    assert!(matches!(error, Error::RedirectRefused { .. }), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(plain.requests().is_empty());
    // The other way is fine, and the token of https stays with https.
    let server = file("server.pem");
    let place = server.url("file");
    let plain = Server::start(move |_, _| Reply::status(307).with("Location", &place));
    assert_is_payload(&Cache::new().fetch_as(&[plain.url("p")], &options).unwrap());
}
