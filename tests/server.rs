//! A server of one file that misbehaves on order.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should: all bytes, or the rest of them where a range is asked for.
    Right,
    /// With one byte in the middle changed.
    Wrong,
    /// Well, until this many bytes of an answer are sent; then it closes the connection.
    CutAfter(usize),
    /// Well, but a kilobyte at a time, with this pause between them.
    Trickle(Duration),
}

/// A running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    bytes: Vec<u8>,
    manner: Mutex<Manner>,
    /// The first byte that each request asked for.
    starts: Mutex<Vec<Option<usize>>>,
    stopped: AtomicBool,
}

impl Server {
    /// Serves `bytes` at every path.
    pub fn start(bytes: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            bytes,
            manner: Mutex::new(manner),
            starts: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let theirs = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let state = theirs.clone();
                // A client that goes away is no fault of the server.
                thread::spawn(move || stream.and_then(|stream| state.answer(stream)));
            }
        });
        Self { address, state }
    }

    /// The address of a file here.
    pub fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }

    /// Answers in another manner from the next request on.
    pub fn set_manner(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
    }

    /// For each request so far, the first byte that it asked for; `None` is all of them.
    pub fn requests(&self) -> Vec<Option<usize>> {
        self.state.starts.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // The listener looks up only when somebody comes.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        /// There is only one version of the bytes, right or wrong.
        const TAG: &str = "\"the-only-one\"";
        let start = range_start(&stream, TAG)?;
        self.starts.lock().unwrap().push(start);
        let manner = *self.manner.lock().unwrap();
        let mut bytes = self.bytes.clone();
        if manner == Manner::Wrong {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let total = bytes.len();
        let first = start.unwrap_or_default().min(total);
        let body = &bytes[first..];
        let status = match start {
            Some(_) => format!(
                "206 Partial Content\r\nContent-Range: bytes {first}-{}/{total}",
                total.saturating_sub(1)
            ),
            None => "200 OK".to_owned(),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: {TAG}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        match manner {
            Manner::Right | Manner::Wrong => stream.write_all(body),
            Manner::CutAfter(bytes) => stream.write_all(&body[..bytes.min(length)]),
            Manner::Trickle(pause) => body.chunks(1024).try_for_each(|piece| {
                thread::sleep(pause);
                stream.write_all(piece)?;
                stream.flush()
            }),
        }
    }
}

/// Reads a request up to its blank line: the first byte that it asks for, if its `If-Range` is
/// about `tag`.
fn range_start(stream: &TcpStream, tag: &str) -> io::Result<Option<usize>> {
    let (mut start, mut unchanged) = (None, true);
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("range", value) => {
                let first = value.strip_prefix("bytes=").and_then(|v| v.strip_suffix('-'));
                start = first.and_then(|first| first.parse().ok());
            }
            ("if-range", value) => unchanged = value == tag,
            _ => {}
        }
    }
    Ok(start.filter(|_| unchanged))
}

/// Waits until `happened`, at most 30 seconds.
#[track_caller]
pub fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
