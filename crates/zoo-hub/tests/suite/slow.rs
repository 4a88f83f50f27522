//! Clients that take their time. None of these tests depends on how long anything takes: the
//! hub must hang up, and whoever waits for it would wait for ever.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use zoo_registry::Sha256Digest;

use crate::support::{Running, entry, files, patience, read_answer};

fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // Closed in order or with a reset; a time-out of ours would be neither.
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn fault_160_heads_that_never_end() {
    let hub = Running::new();
    let mut silent = hub.connect();
    let mut begun = hub.connect();
    begun.write_all(b"GET /index.json HTTP/1.1\r\nHost:").unwrap();
    // Byte by byte, each of them in time.
    let mut dripping = hub.connect();
    let closed = thread::spawn(move || {
        let head = b"GET /index.json HTTP/1.1\r\nX: ".iter().chain([b'a'; 1000].iter());
        for byte in head {
            if dripping.write_all(&[*byte]).is_err() {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    });
    assert!(is_closed(&mut silent));
    assert!(is_closed(&mut begun));
    assert!(closed.join().unwrap());
    // Between two requests, too.
    let mut idle = hub.connect();
    idle.write_all(b"GET /config.json HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert!(is_closed(&mut idle));
    assert_eq!(hub.get("/index.json").status, 200);
}

#[test]
fn fault_160_bodies_that_never_end() {
    let hub = Running::new();
    let before = files(&hub.tree());
    let digest = Sha256Digest::of(b"x");
    let head = format!(
        "PUT /api/v1/blobs/sha256/{digest} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n{}\r\n",
        hub.bearer()
    );
    let mut stalled = hub.connect();
    stalled.write_all(head.as_bytes()).unwrap();
    stalled.write_all(b"some").unwrap();
    read_answer(&mut stalled).refused(408);
    let mut dripping = hub.connect();
    dripping.write_all(head.as_bytes()).unwrap();
    let mut writer = dripping.try_clone().unwrap();
    let drip = thread::spawn(move || {
        while writer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    read_answer(&mut dripping).refused(408);
    let _ = dripping.shutdown(Shutdown::Both);
    drip.join().unwrap();
    assert_eq!(files(&hub.tree()), before);
}

/// Work that takes longer than a client may be silent.
#[test]
fn a_client_that_waits_for_us_is_not_slow() {
    let hub = Running::with(|options| {
        options.validate = std::sync::Arc::new(|_, _, _| {
            thread::sleep(patience().head * 3);
            Ok(())
        });
    });
    hub.put_blob(b"one");
    assert_eq!(hub.put_entry(&entry("alice/flowers", "1.0.0", b"one")).status, 201);
}

#[test]
fn a_reader_that_does_not_read() {
    let hub = Running::new();
    // More than all buffers on the way.
    let bytes = vec![5; 32 << 20];
    assert_eq!(hub.put_blob(&bytes).status, 201);
    let hex = Sha256Digest::of(&bytes).to_hex();
    let mut stream = hub.connect();
    let line = format!("GET /blobs/sha256/{}/{hex} HTTP/1.1\r\nHost: h\r\n\r\n", &hex[..2]);
    stream.write_all(line.as_bytes()).unwrap();
    thread::sleep(patience().stall * 3);
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    assert!(got.len() < bytes.len(), "{}", got.len());
}

/// Slower than a head may be, and faster than a stall.
#[test]
fn a_reader_that_pauses_gets_everything() {
    let hub = Running::with(|options| {
        options.patience.head = Duration::from_millis(200);
        options.patience.stall = Duration::from_secs(10);
    });
    let bytes = vec![5; 32 << 20];
    assert_eq!(hub.put_blob(&bytes).status, 201);
    let hex = Sha256Digest::of(&bytes).to_hex();
    let mut stream = hub.connect();
    let head = "Host: h\r\nConnection: close\r\n\r\n";
    let line = format!("GET /blobs/sha256/{}/{hex} HTTP/1.1\r\n{head}", &hex[..2]);
    stream.write_all(line.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(700));
    assert!(read_answer(&mut stream).body == bytes);
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let hub = Running::with(|options| {
        options.validate = std::sync::Arc::new(|_, _, _| {
            thread::sleep(Duration::from_millis(300));
            Ok(())
        });
    });
    hub.put_blob(b"one");
    let (address, token) = (hub.address, hub.token.clone());
    let json = serde_json::to_vec(&entry("alice/flowers", "1.0.0", b"one")).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "PUT /api/v1/models/alice/flowers/1.0.0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        json.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&json).unwrap();
    thread::sleep(Duration::from_millis(100));
    let dir = hub.stop();
    assert_eq!(read_answer(&mut stream).status, 201);
    assert!(TcpStream::connect(address).is_err());
    let index = zoo_registry::Index::from_dir(&dir.path().join("tree")).unwrap();
    assert_eq!(index.models(), 1);
}
