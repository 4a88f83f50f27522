//! Publishing through a hub.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use semver::Version;
use serde::Deserialize;
use ureq::http::{HeaderValue, Response};
use ureq::{Body, RequestBuilder, SendBody};

use super::error::PublishError;
use super::files::PublishObserver;
use super::problem::{PROBLEM_JSON, Problem};
use super::publication::{Publication, one_version};
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::headers::{header, retry_after};
use crate::http::{Client, without_secrets};
use crate::name::ModelName;
use crate::observer::Silent;
use crate::retry::{RetryBudget, is_transient};
use crate::url::redacted;
use crate::web_url::{WebOrigin, WebUrl};

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// How patient publishing is.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// Attempts, waits between them, silence while bytes flow, proxies, and whose token goes
    /// where.
    pub fetch: FetchOptions,
    /// The most that the hub may take to check what it got.
    pub answer_timeout: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { fetch: FetchOptions::default(), answer_timeout: Duration::from_mins(10) }
    }
}

/// What a hub says of what was published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RemotePublished {
    /// The counter of the index that has it.
    pub counter: u64,
    /// It was there before, and nothing was changed.
    pub already_there: bool,
    /// What the publisher should know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a hub says of a file.
#[derive(Deserialize)]
struct Stored {
    sha256: Sha256Digest,
}

/// A hub, and who is talking to it.
pub struct RemoteRegistry {
    base: String,
    origin: WebOrigin,
    authorization: Option<HeaderValue>,
    options: RemoteOptions,
    client: Client,
    observer: Arc<dyn PublishObserver>,
}

/// One request that did not succeed.
struct Failure {
    error: Box<Error>,
    transient: bool,
    retry_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let transient = is_transient(&error);
        Self { error: Box::new(error), transient, retry_after: None }
    }
}

impl RemoteRegistry {
    /// The hub at `url`, asked with `token`, or else with the one that the options have for
    /// it. It goes there and nowhere else: no redirect is followed.
    ///
    /// # Errors
    /// [`Error::UnsupportedUrl`]; [`PublishError::TokenInTheClear`] where a token would
    /// travel in plain http, unless it stays on this machine; those of proxies and
    /// certificates.
    pub fn new(url: &str, token: Option<&str>, options: RemoteOptions) -> Result<Self, Error> {
        let refused = |why| Error::UnsupportedUrl { url: redacted(url), why };
        let parsed = WebUrl::parse(url).map_err(refused)?;
        if url.contains(['?', '#']) {
            return Err(refused("has a query or a fragment"));
        }
        let origin = parsed.origin;
        let client = Client::new(&options.fetch)?;
        let (_, proxied) = client.agent_for(&origin);
        let token = token.or_else(|| options.fetch.credentials.token_for(&origin));
        if token.is_some() && !origin.https && (proxied || !origin.is_loopback()) {
            return Err(PublishError::TokenInTheClear { url: redacted(url) }.into());
        }
        let authorization = token
            .map(|token| HeaderValue::from_str(&format!("Bearer {token}")))
            .transpose()
            .map_err(|_| refused("cannot be sent such a token"))?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { base, origin, authorization, options, client, observer: Arc::new(Silent) })
    }

    /// Tells `observer` of the bytes that are sent.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn PublishObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Sends the files that the hub does not have, then the version. Both may be done again
    /// at any time.
    ///
    /// # Errors
    /// [`PublishError::Refused`], [`PublishError::NotAHub`], [`PublishError::Invalid`];
    /// [`Error::RetriesExhausted`], [`Error::Transport`], [`Error::Io`].
    pub fn publish(&self, publication: &Publication) -> Result<RemotePublished, Error> {
        let version = one_version(&publication.entry)?;
        for (digest, path) in &publication.blobs {
            self.send_blob(digest, path)?;
        }
        let name = &publication.entry.name;
        let url = self.model_url(name, &version.version);
        let json = serde_json::to_vec(&publication.entry)
            .map_err(|source| Error::Json { origin: name.to_string(), source })?;
        let condition = publication.based_on.map(|shard| ("If-Match", format!("\"{shard}\"")));
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", json.len().to_string()),
        ];
        headers.extend(condition);
        self.retrying(&url, || self.put(&url, &headers, &mut &json[..]))
            .and_then(|body| parse_answer(&url, &body))
    }

    /// Withdraws a version, or takes that back.
    ///
    /// # Errors
    /// As [`RemoteRegistry::publish`].
    pub fn yank(
        &self,
        name: &ModelName,
        version: &Version,
        yanked: bool,
    ) -> Result<RemotePublished, Error> {
        let action = if yanked { "yank" } else { "unyank" };
        let url = format!("{}/{action}", self.model_url(name, version));
        let body = self.retrying(&url, || {
            let request = self.prepared(self.client.agent_for(&self.origin).0.post(&url));
            answer(&url, request.send_empty().map_err(|error| transport(&url, error))?)
        })?;
        parse_answer(&url, &body)
    }

    fn model_url(&self, name: &ModelName, version: &Version) -> String {
        // Of what a version may hold, only the plus sign means something else to some servers.
        format!("{}/api/v1/models/{name}/{}", self.base, version.to_string().replace('+', "%2B"))
    }

    fn send_blob(&self, digest: &Sha256Digest, path: &Path) -> Result<(), Error> {
        let url = format!("{}/api/v1/blobs/sha256/{digest}", self.base);
        if self.retrying(&url, || self.has_blob(&url, digest))? {
            return Ok(());
        }
        let body = self.retrying(&url, || {
            let file = File::open(path).map_err(Error::io("open", path))?;
            let length = file.metadata().map_err(Error::io("read the size of", path))?.len();
            let headers = [
                ("Content-Type", "application/octet-stream".to_owned()),
                ("Content-Length", length.to_string()),
            ];
            // No more than was announced, should the file grow.
            let mut body = Observed { inner: file.take(length), observer: &*self.observer };
            self.put(&url, &headers, &mut body)
        })?;
        let stored: Stored = parse_answer(&url, &body)?;
        if stored.sha256 != *digest {
            return Err(not_a_hub(&url, "it stored another file"));
        }
        Ok(())
    }

    /// Whether the hub has the file. Only who names the digest has understood the question.
    fn has_blob(&self, url: &str, digest: &Sha256Digest) -> Result<bool, Failure> {
        let request = self.prepared(self.client.agent_for(&self.origin).0.head(url));
        let response = request.call().map_err(|error| transport(url, error))?;
        let status = response.status().as_u16();
        // Better told now than after gigabytes. What comes with this is left out of a HEAD.
        if matches!(status, 401 | 403 | 408 | 429 | 500..=599) {
            return Err(answer(url, response).err().unwrap_or_else(|| refused(url, status, None)));
        }
        let tag = header(response.headers(), "etag");
        Ok(status == 200 && tag == Some(&format!("\"{digest}\"")))
    }

    fn put(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: &mut dyn Read,
    ) -> Result<Vec<u8>, Failure> {
        let mut request = self.prepared(self.client.agent_for(&self.origin).0.put(url));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let sent = request.send(SendBody::from_reader(&mut &mut *body));
        answer(url, sent.map_err(|error| transport(url, error))?)
    }

    /// With the token, and time for the hub to look at what it got.
    fn prepared<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let patience = Some(self.options.answer_timeout);
        let request =
            request.config().timeout_recv_response(patience).timeout_per_read(patience).build();
        match &self.authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        }
    }

    /// Tries again what may succeed a moment later.
    fn retrying<T>(&self, url: &str, request: impl Fn() -> Result<T, Failure>) -> Result<T, Error> {
        let mut budget = RetryBudget::new(&self.options.fetch);
        let mut attempt = 1;
        loop {
            let Failure { error, transient, retry_after } = match request() {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !transient {
                return Err(*error);
            }
            let Some(wait) = budget.wait_before(attempt + 1, retry_after) else {
                let url = redacted(url);
                return Err(Error::RetriesExhausted { url, attempts: attempt, source: error });
            };
            attempt += 1;
            thread::sleep(wait);
        }
    }
}

/// Tells how far a file has come.
struct Observed<'a, R> {
    inner: R,
    observer: &'a dyn PublishObserver,
}

impl<R: Read> Read for Observed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.observer.advanced(read as u64);
        Ok(read)
    }
}

/// The body of an answer that says yes.
fn answer(url: &str, mut response: Response<Body>) -> Result<Vec<u8>, Failure> {
    let status = response.status().as_u16();
    let kind = header(response.headers(), "content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let wait = retry_after(response.headers());
    if (300..400).contains(&status) {
        let why = "it redirects: publish to where it leads, if you know that place";
        return Err(not_a_hub(url, why).into());
    }
    let mut body = Vec::new();
    let read = response.body_mut().as_reader().take(MAX_ANSWER_BYTES + 1).read_to_end(&mut body);
    if (200..300).contains(&status) {
        read.map_err(|error| transport(url, error.into()))?;
        if kind != "application/json" {
            let why = format!("status {status} came with `{kind}` instead of JSON");
            return Err(not_a_hub(url, &why).into());
        }
        return Ok(body);
    }
    // Whatever is wrong with the explanation, the status says enough.
    let problem = (kind == PROBLEM_JSON).then(|| serde_json::from_slice(&body).ok()).flatten();
    Err(Failure { retry_after: wait, ..refused(url, status, problem) })
}

fn refused(url: &str, status: u16, problem: Option<Problem>) -> Failure {
    let title = match status {
        401 => "it knows no such token",
        403 => "this token does not allow it",
        _ => "no reason given",
    };
    let problem = problem.unwrap_or_else(|| Problem::new(status, title, ""));
    let problem = Problem {
        kind: printable(&problem.kind),
        title: printable(&problem.title),
        // What was sent counts, and not what somebody says was.
        status,
        detail: printable(&problem.detail),
        problems: problem.problems.iter().map(|problem| printable(problem)).collect(),
    };
    let error = PublishError::Refused { url: redacted(url), problem: Box::new(problem) };
    let transient = matches!(status, 408 | 429 | 500..=599);
    Failure { error: Box::new(error.into()), transient, retry_after: None }
}

/// What a stranger says, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(1000).collect()
}

/// An answer with status 200 can still be an error in disguise.
fn parse_answer<T: for<'de> Deserialize<'de>>(url: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        not_a_hub(url, &printable(&format!("its JSON is not the answer ({error})")))
    })
}

fn not_a_hub(url: &str, why: &str) -> Error {
    PublishError::NotAHub { url: redacted(url), why: why.to_owned() }.into()
}

fn transport(url: &str, source: ureq::Error) -> Failure {
    let source = Box::new(without_secrets(source));
    Error::Transport { url: redacted(url), source }.into()
}
