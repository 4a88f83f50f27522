//! Moving bytes from a reader into a partial file, with limits, in constant memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::Error;
use crate::observer::FetchObserver;
use crate::partial::Partial;

/// How many of the first bytes show whether this is a file or a page about it.
const HEAD_BYTES: usize = 512;

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

/// Appends all of `reader` to `partial`. `announced` is the size of the whole file by the
/// server's word; `url` is free of secrets.
pub(crate) fn copy(
    reader: &mut impl Read,
    partial: &mut Partial,
    url: &str,
    announced: Option<u64>,
    limits: Limits,
    observer: &dyn FetchObserver,
) -> Result<(), Stopped> {
    let mut buffer = vec![0; 1 << 16];
    let mut head = Vec::new();
    let mut failed = None;
    if partial.length() == 0 {
        // A web page of the wrong size should be called a web page: look before comparing.
        failed = reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).err();
        refuse_pages(&head, url)?;
    }
    if let Some(announced) = announced {
        limits.check_announced(url, announced)?;
    }
    append(&head, partial, url, limits, observer)?;
    if let Some(error) = failed {
        return Err(Stopped::Reading(error));
    }
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => append(&buffer[..n], partial, url, limits, observer)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Stopped::Reading(error)),
        }
    }
    match limits.exact.or(announced) {
        Some(expected) if partial.length() < expected => Err(Stopped::Failed(Error::Truncated {
            url: url.to_owned(),
            expected,
            got: partial.length(),
        })),
        _ => Ok(()),
    }
}

fn append(
    bytes: &[u8],
    partial: &mut Partial,
    url: &str,
    limits: Limits,
    observer: &dyn FetchObserver,
) -> Result<(), Error> {
    if bytes.is_empty() {
        return Ok(());
    }
    // Before writing: a server without an end must not fill the disk.
    limits.check_arrived(url, partial.length() + bytes.len() as u64)?;
    partial.write(bytes)?;
    observer.advanced(bytes.len() as u64);
    Ok(())
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
pub(crate) fn copy_file(
    partial: &mut Partial,
    path: &Path,
    limits: Limits,
    observer: &dyn FetchObserver,
) -> Result<(), Error> {
    // A missing file is the fault of this source; it must not look like a failing disk.
    let failed = |source: io::Error| Error::Transport {
        url: path.display().to_string(),
        source: Box::new(ureq::Error::Io(source)),
    };
    if partial.length() > 0 {
        partial.restart()?;
        observer.restarted();
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
    let copied = copy(&mut file, partial, &url, size, limits, observer);
    copied.map_err(|stopped| match stopped {
        Stopped::Reading(source) => failed(source),
        Stopped::Failed(error) => error,
    })
}
