//! Proxies from the environment, with a proxy that writes down what it is asked.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use zoo_registry::{Credentials, Error, FetchOptions, Proxies};

use crate::server::{Reply, Server};
use crate::support::{Cache, assert_is_payload, impatient, payload};

/// A proxy on 127.0.0.1 that connects to wherever it is asked to.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                // A client that goes away is no fault.
                thread::spawn(move || tunnel(stream, &log));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn tunnel(mut client: TcpStream, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    log.lock().unwrap().push(head.clone());
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut up, mut down) = (server.try_clone()?, server);
    thread::spawn(move || io::copy(&mut reader, &mut up));
    io::copy(&mut down, &mut client)?;
    client.shutdown(std::net::Shutdown::Both)
}

fn options(variables: &[(&str, String)]) -> FetchOptions {
    let proxies = Proxies::from_variables(|name| {
        variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone())
    });
    FetchOptions { proxies: Some(proxies.unwrap()), ..impatient() }
}

fn file() -> Server {
    Server::start(|_, request| Reply::file(request, &payload(), "\"1\""))
}

#[test]
fn fault_061_a_proxy_with_a_password() {
    let (server, proxy) = (file(), Proxy::start());
    let value = format!("http://me:hunter2@{}", proxy.address);
    let options = options(&[("http_proxy", value)]);
    assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &options).unwrap());
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT 127.0.0.1:"), "{heads:?}");
    // `me:hunter2` in base64.
    assert!(heads[0].contains("Basic bWU6aHVudGVyMg=="), "{heads:?}");
    // It is for the proxy only.
    assert_eq!(server.requests()[0].header("proxy-authorization"), None);
    assert!(!format!("{options:?}").contains("hunter2"));
}

#[test]
fn fault_061_no_proxy_and_other_schemes() {
    let (server, proxy) = (file(), Proxy::start());
    let at = proxy.address.to_string();
    for variables in [
        vec![("ALL_PROXY", at.clone()), ("NO_PROXY", "localhost, 127.0.0.0/8".to_owned())],
        vec![("HTTPS_PROXY", at)],
    ] {
        let options = options(&variables);
        assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &options).unwrap());
        assert!(proxy.heads().is_empty(), "{variables:?}");
    }
}

#[test]
fn fault_061_a_proxy_that_is_not_there() {
    let server = file();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = options(&[("http_proxy", format!("http://me:hunter2@{gone}"))]);
    let error = Cache::new().fetch_as(&[server.url("p")], &options).unwrap_err();
    assert!(matches!(error, Error::Transport { .. } | Error::RetriesExhausted { .. }), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert!(server.requests().is_empty(), "the proxy was passed by");
}

#[test]
fn fault_061_no_token_in_plain_text_through_a_proxy() {
    let (server, proxy) = (file(), Proxy::start());
    let credentials = Credentials::none().with(&server.url(""), "hunter2").unwrap();
    let direct = FetchOptions { credentials, ..impatient() };
    let proxied = FetchOptions {
        proxies: options(&[("http_proxy", proxy.address.to_string())]).proxies,
        ..direct.clone()
    };
    for (options, token) in [(direct, Some("Bearer hunter2")), (proxied, None)] {
        assert_is_payload(&Cache::new().fetch_as(&[server.url("p")], &options).unwrap());
        assert_eq!(server.requests().last().unwrap().header("authorization"), token);
    }
}
