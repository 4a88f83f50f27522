//! An HTTP server that misbehaves as a script says, one reply a connection.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// By lowercase name.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte asked for by `Range: bytes=N-` or `Range: bytes=N-M`.
    pub(crate) fn range_start(&self) -> Option<usize> {
        self.range().map(|range| range.0)
    }

    /// The first and the last byte asked for, as far as they are named.
    pub(crate) fn range(&self) -> Option<(usize, Option<usize>)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }
}

/// What goes over the wire after one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
    no_length: bool,
    cut: Option<usize>,
    stall: Option<Duration>,
    hang_up: bool,
    drip: Option<(usize, Duration)>,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn ok(body: &[u8]) -> Self {
        Self { status: 200, body: body.to_vec(), ..Self::default() }
    }

    /// What a correct server sends of `file`, whose strong tag is `etag`.
    pub(crate) fn file(request: &Request, file: &[u8], etag: &str) -> Self {
        let unchanged = request.header("if-range").is_none_or(|tag| tag == etag);
        match request.range().filter(|_| unchanged) {
            Some((start, _)) if start >= file.len() => {
                Self::status(416).with("Content-Range", &format!("bytes */{}", file.len()))
            }
            Some((start, last)) => {
                let last = last.unwrap_or(file.len() - 1).min(file.len() - 1);
                Self { status: 206, body: file[start..=last].to_vec(), ..Self::default() }
                    .with("Content-Range", &format!("bytes {start}-{last}/{}", file.len()))
            }
            None => Self::ok(file).with("Accept-Ranges", "bytes"),
        }
        .with("ETag", etag)
    }

    /// Closes the connection without a word.
    pub(crate) fn hang_up() -> Self {
        Self { hang_up: true, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sends the body in chunks instead of announcing its length.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Neither length nor chunks: the end is where the connection ends.
    pub(crate) fn without_length(mut self) -> Self {
        self.no_length = true;
        self
    }

    /// Closes the connection after this many bytes of the body.
    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// Sends the body in steps of so many bytes, with a pause before each.
    pub(crate) fn dripping(mut self, bytes: usize, pause: Duration) -> Self {
        self.drip = Some((bytes, pause));
        self
    }

    /// Is silent for this long after the headers and what [`Reply::cut_after`] lets pass.
    pub(crate) fn then_stall(mut self, time: Duration) -> Self {
        self.stall = Some(time);
        self
    }

    pub(crate) fn send(&self, stream: &mut impl Write) -> std::io::Result<()> {
        if self.hang_up {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.chunked {
            head += "Transfer-Encoding: chunked\r\n";
        } else if !self.no_length {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        let end = self.cut.unwrap_or(self.body.len()).min(self.body.len());
        if self.chunked {
            for chunk in self.body[..end].chunks(4096) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            if self.cut.is_none() {
                stream.write_all(b"0\r\n\r\n")?;
            }
        } else if let Some((bytes, pause)) = self.drip {
            for step in self.body[..end].chunks(bytes) {
                thread::sleep(pause);
                stream.write_all(step)?;
                stream.flush()?;
            }
        } else {
            stream.write_all(&self.body[..end])?;
        }
        stream.flush()?;
        if let Some(time) = self.stall {
            thread::sleep(time);
        }
        Ok(())
    }
}

/// A running server; it stops when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Answers request number `n` (from 0) with `script(n, request)`.
    pub(crate) fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_resetting(0, script)
    }

    /// As [`Server::start`], after resetting the first `resets` connections unread.
    pub(crate) fn start_resetting(
        resets: usize,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (script, their_log, their_stop) = (Arc::new(script), log.clone(), stop.clone());
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if their_stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                if connection < resets {
                    // Closing with unread bytes makes the system send a reset.
                    let _ = stream.peek(&mut [0]);
                    continue;
                }
                let (script, log) = (script.clone(), their_log.clone());
                thread::spawn(move || {
                    let Some(request) = read_request(&stream) else {
                        return;
                    };
                    let number = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    let _ = script(number, &request).send(&mut stream);
                });
            }
        });
        Self { address, log, stop }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

pub(crate) fn read_request(stream: impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    for line in lines.by_ref() {
        let line = line.ok()?;
        if line.is_empty() {
            let request = Request { path, headers };
            // Closing with unread bytes would make the system send a reset.
            let length = request.header("content-length").and_then(|n| n.parse().ok());
            std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink()).ok()?;
            return Some(request);
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    None
}
