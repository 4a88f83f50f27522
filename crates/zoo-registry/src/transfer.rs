//! Moving bytes from a reader into a partial file, with limits, in constant memory.

use std::fs::File;
use std::io::{self, Read};
use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::observer::FetchObserver;
use crate::partial::Partial;

/// How many of the first bytes show whether this is a file or a page about it.
const HEAD_BYTES: usize = 512;

/// Bytes read at once.
pub(crate) const BUFFER_BYTES: usize = 1 << 18;

/// Buffers between the thread that writes and the thread that hashes.
const BUFFERS: usize = 8;

/// Smaller files are not worth a thread.
const HASHED_ASIDE: u64 = 1 << 20;

/// The sizes that are allowed, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The size, where it is known exactly.
    pub(crate) exact: Option<u64>,
    /// The limit where it is not.
    pub(crate) max: u64,
}

impl Limits {
    /// Whether a file at `url` may have `bytes`, as announced.
    pub(crate) fn check_announced(self, url: &str, bytes: u64) -> Result<(), Error> {
        match self.exact {
            Some(expected) if expected != bytes => {
                Err(Error::SizeMismatch { url: url.to_owned(), expected, got: bytes })
            }
            None if bytes > self.max => {
                Err(Error::TooLarge { url: url.to_owned(), limit: self.max })
            }
            _ => Ok(()),
        }
    }

    fn check_arrived(self, url: &str, bytes: u64) -> Result<(), Error> {
        match self.exact {
            Some(expected) if bytes > expected => {
                Err(Error::SizeMismatch { url: url.to_owned(), expected, got: bytes })
            }
            None if bytes > self.max => {
                Err(Error::TooLarge { url: url.to_owned(), limit: self.max })
            }
            _ => Ok(()),
        }
    }
}

/// The slowest that a transfer may be: so many bytes a second, over so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinRate {
    pub(crate) bytes_per_second: u64,
    pub(crate) window: Duration,
}

/// What holds for every transfer of one file.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    /// What it is, for messages.
    pub(crate) name: &'a str,
    pub(crate) limits: Limits,
    pub(crate) min_rate: MinRate,
    pub(crate) observer: &'a dyn FetchObserver,
    /// Set where another file has failed, and this one is not wanted any more.
    pub(crate) stop: &'a AtomicBool,
}

impl Job<'_> {
    /// Fails if the file is not wanted any more.
    pub(crate) fn check_wanted(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped { file: self.name.to_owned() });
        }
        Ok(())
    }
}

/// Whether bytes come fast enough: a server that sends one now and then is never silent for
/// long, and never done.
pub(crate) struct Pace {
    min_rate: MinRate,
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(min_rate: MinRate) -> Self {
        Self { min_rate, since: Instant::now(), bytes: 0 }
    }

    /// Notes that `bytes` more came from `url`.
    pub(crate) fn advance(&mut self, url: &str, bytes: u64) -> Result<(), Error> {
        self.bytes += bytes;
        let took = self.since.elapsed();
        if took < self.min_rate.window {
            return Ok(());
        }
        if (self.bytes as f64) < self.min_rate.bytes_per_second as f64 * took.as_secs_f64() {
            return Err(Error::TooSlow {
                url: url.to_owned(),
                bytes: self.bytes,
                seconds: took.as_secs_f64(),
            });
        }
        *self = Self::new(self.min_rate);
        Ok(())
    }
}

/// Why a copy stopped before the end.
pub(crate) enum Stopped {
    /// The reader failed; what came is kept.
    Reading(io::Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Takes in the first bytes of a file, if `partial` has none yet, and refuses what is no
/// model file by its looks or its announced size. `url` is free of secrets.
pub(crate) fn begin(
    reader: &mut impl Read,
    partial: &mut Partial,
    url: &str,
    announced: Option<u64>,
    job: &Job<'_>,
) -> Result<(), Stopped> {
    let mut head = Vec::new();
    let mut failed = None;
    if partial.length() == 0 {
        // A web page of the wrong size should be called a web page: look before comparing.
        failed = reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).err();
        refuse_pages(&head, url)?;
    }
    if let Some(announced) = announced {
        job.limits.check_announced(url, announced)?;
    }
    partial.set_total(job.limits.exact.or(announced));
    job.limits.check_arrived(url, partial.length() + head.len() as u64)?;
    partial.write(&head)?;
    if !head.is_empty() {
        job.observer.advanced(head.len() as u64);
    }
    failed.map_or(Ok(()), |error| Err(Stopped::Reading(error)))
}

/// Appends all that is left in `reader` to `partial`. `announced` is the size of the whole
/// file by the server's word; `url` is free of secrets.
pub(crate) fn copy_rest(
    reader: &mut impl Read,
    partial: &mut Partial,
    url: &str,
    announced: Option<u64>,
    job: &Job<'_>,
) -> Result<(), Stopped> {
    let rest = announced.map(|total| total.saturating_sub(partial.length()));
    if rest.is_some_and(|rest| rest < HASHED_ASIDE) {
        let mut buffer = vec![0; BUFFER_BYTES.min(1 << 16)];
        let mut pace = Pace::new(job.min_rate);
        loop {
            let n = read_some(reader, &mut buffer)?;
            if n == 0 {
                break;
            }
            accept(n, partial, url, job, &mut pace)?;
            partial.write(&buffer[..n])?;
            job.observer.advanced(n as u64);
        }
    } else {
        copy_hashing_aside(reader, partial, url, job)?;
    }
    match job.limits.exact.or(announced) {
        Some(expected) if partial.length() < expected => Err(Stopped::Failed(Error::Truncated {
            url: url.to_owned(),
            expected,
            got: partial.length(),
        })),
        _ => Ok(()),
    }
}

/// Reads and writes here and hashes on another thread: together they take as long as the
/// slower of the two.
fn copy_hashing_aside(
    reader: &mut impl Read,
    partial: &mut Partial,
    url: &str,
    job: &Job<'_>,
) -> Result<(), Stopped> {
    let mut hasher = partial.lend_hasher();
    let (full, to_hash) = mpsc::sync_channel::<(Vec<u8>, usize)>(BUFFERS);
    let (give_back, empty) = mpsc::channel();
    for _ in 0..BUFFERS {
        // The receiver is alive.
        let _ = give_back.send(vec![0; BUFFER_BYTES]);
    }
    thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            for (buffer, n) in to_hash {
                hasher.update(&buffer[..n]);
                let _ = give_back.send(buffer);
            }
            hasher
        });
        let mut copy = || {
            let mut pace = Pace::new(job.min_rate);
            // The other end closes only when that thread panics, which is passed on below.
            while let Ok(mut buffer) = empty.recv() {
                let n = read_some(reader, &mut buffer)?;
                if n == 0 {
                    break;
                }
                accept(n, partial, url, job, &mut pace)?;
                partial.write_unhashed(&buffer[..n])?;
                job.observer.advanced(n as u64);
                if full.send((buffer, n)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        let copied = copy();
        drop(full);
        match hashing.join() {
            Ok(hasher) => partial.return_hasher(hasher),
            Err(panicked) => panic::resume_unwind(panicked),
        }
        copied
    })
}

/// Before `n` bytes are written: a server without an end must not fill the disk.
fn accept(
    n: usize,
    partial: &Partial,
    url: &str,
    job: &Job<'_>,
    pace: &mut Pace,
) -> Result<(), Error> {
    job.check_wanted()?;
    job.limits.check_arrived(url, partial.length() + n as u64)?;
    pace.advance(url, n as u64)
}

/// At least one byte, or 0 at the end.
pub(crate) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Stopped> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(Stopped::Reading),
        }
    }
}

/// Fails if `head` begins a web page or a Git LFS pointer. No weights begin like that.
fn refuse_pages(head: &[u8], url: &str) -> Result<(), Error> {
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(Error::LfsPointer { url: url.to_owned() });
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start().to_ascii_lowercase();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        return Err(Error::HtmlInsteadOfFile { url: url.to_owned() });
    }
    Ok(())
}

/// Copies the local file at `path` from its start.
pub(crate) fn copy_file(partial: &mut Partial, path: &Path, job: &Job<'_>) -> Result<(), Error> {
    // A missing file is the fault of this source; it must not look like a failing disk.
    let failed = |source: io::Error| Error::Transport {
        url: path.display().to_string(),
        source: Box::new(ureq::Error::Io(source)),
    };
    if partial.arrived() > 0 {
        partial.restart()?;
        job.observer.restarted();
    }
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::UnsupportedUrl {
            url: path.display().to_string(),
            why: "is not a file",
        });
    }
    let (url, size) = (path.display().to_string(), Some(metadata.len()));
    let copied = begin(&mut file, partial, &url, size, job)
        .and_then(|()| copy_rest(&mut file, partial, &url, size, job));
    copied.map_err(|stopped| match stopped {
        Stopped::Reading(source) => failed(source),
        Stopped::Failed(error) => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_033_a_drip_is_too_slow() {
        let window = Duration::from_mins(1);
        let min_rate = MinRate { bytes_per_second: 1024, window };
        let mut pace = Pace::new(min_rate);
        pace.advance("u", 1).unwrap();
        // As if it had begun a minute ago.
        pace.since = Instant::now().checked_sub(window).unwrap();
        let error = pace.advance("u", 1).unwrap_err();
        assert!(matches!(error, Error::TooSlow { bytes: 2, .. }), "{error}");
        let mut pace = Pace::new(min_rate);
        pace.since = Instant::now().checked_sub(window).unwrap();
        pace.advance("u", 1 << 20).unwrap();
        assert_eq!(pace.bytes, 0, "a new window did not begin");
    }
}
