//! Fetching files into the store: each from the first source that gives the right bytes,
//! going on where an earlier attempt broke off.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::digest::Sha256Digest;
use crate::download::{MadeOf, Plan, download};
use crate::entry::FileSize;
use crate::error::Error;
use crate::expected::Expected;
use crate::http::{Client, Failure};
use crate::mirrors::MirrorScores;
use crate::observer::FetchObserver;
use crate::partial::Partial;
use crate::proxy::Proxies;
use crate::retry::{RetryBudget, is_fault_of_source, is_transient};
use crate::store::Store;
use crate::transfer::{self, Job, Limits, MinRate};
use crate::url::{PackageFile, Source, redacted};

/// An attempt that brought so many bytes more than any before does not count as a failed one.
const PROGRESS_BYTES: u64 = 16 << 20;

/// How patient a fetch is, how much it takes, and whom it trusts.
#[derive(Debug, Clone)]
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
    /// The fewest bytes a second, on average over [`FetchOptions::min_rate_window`].
    pub min_rate: u64,
    /// How long a server may be slower than that.
    pub min_rate_window: Duration,
    /// The most bytes of a file whose exact size is not known.
    pub max_bytes: u64,
    /// Redirects followed before it is called a loop.
    pub max_redirects: u32,
    /// Connections for one large file, from a server that can send parts of it; 1 for never
    /// more than one.
    pub connections: usize,
    /// A file is large from so many bytes on.
    pub large_bytes: u64,
    /// Bytes of a part that is asked for at once.
    pub piece_bytes: u64,
    /// Files fetched at once by [`fetch_all`].
    pub files_at_once: usize,
    /// What the client calls itself.
    pub user_agent: String,
    /// Where `hf:` sources are, `https://huggingface.co` by default.
    pub hf_endpoint: String,
    /// Tokens by origin.
    pub credentials: Credentials,
    /// A PEM file of the certificate authorities that are trusted *instead of* the built-in
    /// ones (those of Mozilla), as `SSL_CERT_FILE` is understood elsewhere.
    pub ca_file: Option<PathBuf>,
    /// The proxies; without them what the environment says, see [`Proxies::from_env`].
    pub proxies: Option<Proxies>,
    /// Which servers have failed; shared by clones of these options.
    pub mirrors: MirrorScores,
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
            min_rate: 1 << 10,
            min_rate_window: Duration::from_mins(1),
            max_bytes: 16 << 30,
            max_redirects: 8,
            connections: 4,
            large_bytes: 32 << 20,
            piece_bytes: 16 << 20,
            files_at_once: 4,
            user_agent: concat!("zoo/", env!("CARGO_PKG_VERSION")).to_owned(),
            hf_endpoint: "https://huggingface.co".to_owned(),
            credentials: Credentials::none(),
            ca_file: None,
            proxies: None,
            mirrors: MirrorScores::default(),
        }
    }
}

impl FetchOptions {
    pub(crate) fn min_rate(&self) -> MinRate {
        MinRate { bytes_per_second: self.min_rate, window: self.min_rate_window }
    }
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest<'a> {
    /// What an observer is told it is.
    pub name: &'a str,
    /// Sources in the order to try: `http:`, `https:`, `hf:`, `file:` or an absolute path.
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
    fetch_unless(&AtomicBool::new(false), store, request, options, observer)
}

/// Fetches several files into the store, some at a time, each with an observer of its own.
/// What has the same SHA-256 is fetched once.
///
/// # Errors
/// The first of any file. The others are stopped, and what arrived of them is kept.
pub fn fetch_all(
    store: &Store,
    requests: &[(FetchRequest<'_>, &dyn FetchObserver)],
    options: &FetchOptions,
) -> Result<Vec<Fetched>, Error> {
    let first_of_its_kind = |at: usize| match &requests[at].0.expected {
        Expected::Sha256(digest) => requests[..at]
            .iter()
            .position(|(other, _)| other.expected == Expected::Sha256(*digest))
            .unwrap_or(at),
        _ => at,
    };
    let unique: Vec<usize> =
        (0..requests.len()).filter(|at| first_of_its_kind(*at) == *at).collect();
    let workers = options.files_at_once.clamp(1, unique.len().max(1));
    let mut options = options.clone();
    options.connections = options.connections.div_ceil(workers);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new((vec![None; requests.len()], None));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&at) = unique.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (request, observer) = &requests[at];
                    let fetched = fetch_unless(&stop, store, request, &options, *observer);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    match fetched {
                        Ok(fetched) => done.0[at] = Some(fetched),
                        Err(error) => {
                            stop.store(true, Ordering::Relaxed);
                            done.1.get_or_insert(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    let (fetched, failed) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = failed {
        return Err(error);
    }
    // Without an error everything unique is there, and so is everything.
    Ok((0..requests.len()).filter_map(|at| fetched[first_of_its_kind(at)].clone()).collect())
}

fn fetch_unless(
    stop: &AtomicBool,
    store: &Store,
    request: &FetchRequest<'_>,
    options: &FetchOptions,
    observer: &dyn FetchObserver,
) -> Result<Fetched, Error> {
    let client = Client::new(options)?;
    let key = request.expected.partial_key(request.urls);
    let mut partial = Partial::claim(store, &key)?;
    observer.started(request.name, request.size.map(|size| size.bytes));
    let limits = Limits {
        exact: request.size.filter(|size| size.exact).map(|s| s.bytes),
        max: options.max_bytes,
    };
    if limits.exact.is_some_and(|exact| partial.arrived() > exact) {
        partial.restart()?;
    }
    if partial.arrived() > 0 {
        observer.resumed(partial.arrived());
    }
    let mut failures = Vec::new();
    let min_rate = options.min_rate();
    let mut one = OneFetch {
        partial: &mut partial,
        expected: &request.expected,
        job: Job { name: request.name, limits, min_rate, observer, stop },
        client,
        budget: RetryBudget::new(options),
        options,
    };
    let resolved: Vec<String> =
        request.urls.iter().map(|url| resolve_hf(url, &options.hf_endpoint)).collect();
    for url in options.mirrors.in_order(&resolved) {
        match one.try_source(url) {
            Ok(()) => {
                let (digest, size) = (partial.digest(), partial.length());
                let path = partial.install(store)?;
                observer.finished();
                return Ok(Fetched { path, digest, size, url: url.clone() });
            }
            Err(error) => {
                let hopeless = !is_fault_of_source(&error);
                options.mirrors.failed(url, &error);
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
    // What is wrong on this machine has nothing to do with how many sources there are.
    if failures.is_empty() || !is_fault_of_source(&last) {
        return Err(last);
    }
    Err(Error::AllSourcesFailed { file: request.name.to_owned(), failures, last: Box::new(last) })
}

/// The url of an `hf:` source at `endpoint`; anything else as it is.
fn resolve_hf(url: &str, endpoint: &str) -> String {
    match Source::parse(url) {
        Ok(Source::Hf(file)) => file.url(endpoint),
        _ => url.to_owned(),
    }
}

/// What the attempts of one fetch share.
struct OneFetch<'a> {
    partial: &'a mut Partial,
    expected: &'a Expected,
    job: Job<'a>,
    client: Client,
    budget: RetryBudget<'a>,
    options: &'a FetchOptions,
}

impl OneFetch<'_> {
    /// Leaves the verified bytes in the partial file, or says why not.
    fn try_source(&mut self, url: &str) -> Result<(), Error> {
        // An earlier process was stopped between the last byte and the rename.
        if self.partial.length() > 0
            && self.expected.admits(&self.partial.digest())
            && self.partial.check(self.expected, url).is_ok()
        {
            return Ok(());
        }
        match Source::parse(url) {
            Ok(Source::Http(_)) => self.try_http(url),
            Ok(Source::File(path)) => {
                transfer::copy_file(self.partial, &path, &self.job)?;
                self.check(url)
            }
            Ok(Source::PythonPackage(PackageFile { package, version, path })) => {
                Err(Error::InPythonPackage { package, version, path })
            }
            Ok(Source::Builtin(_) | Source::Relative(_) | Source::Hf(_)) => {
                Err(Error::UnsupportedUrl {
                    url: redacted(url),
                    why: "cannot be fetched by itself",
                })
            }
            Err(why) => Err(Error::UnsupportedUrl { url: redacted(url), why }),
        }
    }

    fn try_http(&mut self, url: &str) -> Result<(), Error> {
        let mut plan = Plan {
            connections: self.options.connections.max(1),
            threshold: self.options.large_bytes,
            piece_bytes: self.options.piece_bytes,
        };
        let mut attempt = 1;
        let mut most = self.partial.arrived();
        let mut pieces_forgiven = false;
        loop {
            match download(&self.client, url, self.partial, &mut plan, &self.job) {
                Ok(made_of) => match self.check(url) {
                    // The first bytes may be of another file than the last: once more from
                    // the start, in one stream. Wrong bytes in one piece are wrong for good.
                    Err(_) if made_of == MadeOf::SeveralAnswers && !pieces_forgiven => {
                        pieces_forgiven = true;
                        plan.connections = 0;
                    }
                    checked => return checked,
                },
                Err(Failure { error, retry_after }) => {
                    if !is_transient(&error) {
                        return Err(error);
                    }
                    // Never more often than the file has room for such progress.
                    if self.partial.arrived() >= most.saturating_add(PROGRESS_BYTES) {
                        attempt = 1;
                    }
                    most = most.max(self.partial.arrived());
                    let Some(wait) = self.budget.wait_before(attempt + 1, retry_after) else {
                        return Err(Error::RetriesExhausted {
                            url: redacted(url),
                            attempts: attempt,
                            source: Box::new(error),
                        });
                    };
                    attempt += 1;
                    self.job.observer.retrying(&error.to_string(), attempt, wait);
                    thread::sleep(wait);
                }
            }
        }
    }

    /// Compares the digest; wrong bytes are thrown away.
    fn check(&mut self, url: &str) -> Result<(), Error> {
        let checked = self.partial.check(self.expected, url);
        if checked.is_err() {
            self.partial.restart()?;
            self.job.observer.restarted();
        }
        checked
    }
}
