//! Fetching one file into the store: from the first source that gives the right bytes,
//! going on where an earlier attempt broke off.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::digest::Sha256Digest;
use crate::entry::FileSize;
use crate::error::Error;
use crate::http::{Client, Failure, Piece};
use crate::observer::FetchObserver;
use crate::partial::Partial;
use crate::retry::{RetryBudget, is_fault_of_source, is_transient};
use crate::store::Store;
use crate::transfer::{self, Limits};
use crate::url::{Source, redacted};

/// How patient a fetch is, and how much it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Attempts at one source, the first included.
    pub attempts: u32,
    /// Wait before the first retry; doubles with each, with jitter.
    pub backoff: Duration,
    /// The most that a server's `Retry-After` is obeyed.
    pub retry_after_cap: Duration,
    /// The most that one fetch waits between attempts, over all its sources.
    pub retry_budget: Duration,
    /// The most that a connection may take.
    pub connect_timeout: Duration,
    /// The most that a server may be silent, before the first byte or between two.
    pub stall_timeout: Duration,
    /// The most bytes of a file whose exact size is not known.
    pub max_bytes: u64,
    /// Redirects followed before it is called a loop.
    pub max_redirects: u32,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_millis(500),
            retry_after_cap: Duration::from_secs(30),
            retry_budget: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            max_bytes: 16 << 30,
            max_redirects: 8,
            user_agent: concat!("zoo/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// What is known beforehand about the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The digest.
    Sha256(Sha256Digest),
    /// The first hexadecimal digits of the digest, checked by [`crate::Evidence`].
    Sha256Prefix(String),
}

impl Expected {
    fn is(&self, digest: &Sha256Digest) -> bool {
        match self {
            Self::Sha256(expected) => expected == digest,
            Self::Sha256Prefix(prefix) => digest.to_hex().starts_with(prefix),
        }
    }

    /// Fails if `got`, the digest of what came from `url`, is another.
    pub(crate) fn check(&self, url: &str, got: Sha256Digest) -> Result<(), Error> {
        if self.is(&got) {
            return Ok(());
        }
        Err(Error::DigestMismatch { url: redacted(url), expected: self.describe(), got })
    }

    fn describe(&self) -> String {
        match self {
            Self::Sha256(digest) => digest.to_hex(),
            Self::Sha256Prefix(prefix) => format!("{prefix}…"),
        }
    }

    /// What partial downloads are filed under. A prefix alone does not identify a file, so
    /// the source is part of its key.
    fn partial_key(&self, urls: &[String]) -> String {
        match self {
            Self::Sha256(digest) => digest.to_hex(),
            Self::Sha256Prefix(prefix) => {
                let text = format!("{prefix} {}", urls.join(" "));
                format!("url-{}", &Sha256Digest::of(text.as_bytes()).to_hex()[..40])
            }
        }
    }
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest<'a> {
    /// What an observer is told it is.
    pub name: &'a str,
    /// Sources in the order to try: `http:`, `https:`, `file:` or an absolute path.
    pub urls: &'a [String],
    /// What the bytes must be.
    pub expected: Expected,
    /// The size: enforced if exact, else only told to the observer.
    pub size: Option<FileSize>,
}

/// A file that was fetched and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is in the store.
    pub path: PathBuf,
    /// Its full digest, also where only a prefix was expected.
    pub digest: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The source that gave the last byte.
    pub url: String,
}

/// Fetches a file into the store.
///
/// # Errors
/// What the source said; [`Error::AllSourcesFailed`] where there are several.
pub fn fetch(
    store: &Store,
    request: &FetchRequest<'_>,
    options: &FetchOptions,
    observer: &dyn FetchObserver,
) -> Result<Fetched, Error> {
    let key = request.expected.partial_key(request.urls);
    let mut partial = Partial::claim(store, &key)?;
    observer.started(request.name, request.size.map(|size| size.bytes));
    let limits = Limits {
        exact: request.size.filter(|size| size.exact).map(|s| s.bytes),
        max: options.max_bytes,
    };
    if limits.exact.is_some_and(|exact| partial.length() > exact) {
        partial.restart()?;
    }
    if partial.length() > 0 {
        observer.resumed(partial.length());
    }
    let mut failures = Vec::new();
    let mut one = OneFetch {
        partial: &mut partial,
        expected: &request.expected,
        limits,
        client: Client::new(options),
        budget: RetryBudget::new(options),
        observer,
    };
    for url in request.urls {
        match one.try_source(url) {
            Ok(()) => {
                let (digest, size) = (partial.digest(), partial.length());
                let path = partial.install(store)?;
                observer.finished();
                return Ok(Fetched { path, digest, size, url: url.clone() });
            }
            Err(error) => {
                let hopeless = !is_fault_of_source(&error);
                failures.push(error);
                if hopeless {
                    break;
                }
            }
        }
    }
    partial.keep();
    let Some(last) = failures.pop() else {
        return Err(Error::UnsupportedUrl { url: request.name.to_owned(), why: "has no source" });
    };
    if failures.is_empty() {
        return Err(last);
    }
    Err(Error::AllSourcesFailed { file: request.name.to_owned(), failures, last: Box::new(last) })
}

/// What the attempts of one fetch share.
struct OneFetch<'a> {
    partial: &'a mut Partial,
    expected: &'a Expected,
    limits: Limits,
    client: Client,
    budget: RetryBudget<'a>,
    observer: &'a dyn FetchObserver,
}

impl OneFetch<'_> {
    /// Leaves the verified bytes in the partial file, or says why not.
    fn try_source(&mut self, url: &str) -> Result<(), Error> {
        // An earlier process was stopped between the last byte and the rename.
        if self.partial.length() > 0 && self.expected.is(&self.partial.digest()) {
            return Ok(());
        }
        match Source::parse(url) {
            Ok(Source::Http(_)) => self.try_http(url),
            Ok(Source::File(path)) => {
                transfer::copy_file(self.partial, &path, self.limits, self.observer)?;
                self.check(url)
            }
            Ok(Source::Builtin(_) | Source::PythonPackage(_) | Source::Relative(_)) => Err(Error::UnsupportedUrl {
                url: redacted(url),
                why: "cannot be fetched by itself",
            }),
            Err(why) => Err(Error::UnsupportedUrl { url: redacted(url), why }),
        }
    }

    fn try_http(&mut self, url: &str) -> Result<(), Error> {
        let mut attempt = 1;
        let mut pieces_forgiven = false;
        loop {
            match self.client.transfer(url, self.partial, self.limits, self.observer) {
                Ok(piece) => match self.check(url) {
                    // The first bytes may be of another file than the last: once more
                    // from the start. Wrong bytes in one piece are wrong for good.
                    Err(_) if piece == Piece::Continued && !pieces_forgiven => {
                        pieces_forgiven = true;
                    }
                    checked => return checked,
                },
                Err(Failure { error, retry_after }) => {
                    if !is_transient(&error) {
                        return Err(error);
                    }
                    let Some(wait) = self.budget.wait_before(attempt + 1, retry_after) else {
                        return Err(Error::RetriesExhausted {
                            url: redacted(url),
                            attempts: attempt,
                            source: Box::new(error),
                        });
                    };
                    attempt += 1;
                    self.observer.retrying(&error.to_string(), attempt, wait);
                    thread::sleep(wait);
                }
            }
        }
    }

    /// Compares the digest; wrong bytes are thrown away.
    fn check(&mut self, url: &str) -> Result<(), Error> {
        let checked = self.expected.check(url, self.partial.digest());
        if checked.is_err() {
            self.partial.restart()?;
            self.observer.restarted();
        }
        checked
    }
}
