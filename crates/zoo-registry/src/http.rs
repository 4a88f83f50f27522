//! One HTTP request at a time: through which proxy, with which token, along which redirects.
//!
//! Redirects are followed here and not by the HTTP client, because each one is a new decision:
//!
//! | redirect                                          | then                              |
//! |---------------------------------------------------|-----------------------------------|
//! | from https to http, to any other scheme           | refused                           |
//! | with a user name in it, to a url that was asked    | refused                           |
//! | to another scheme, host or port                   | followed without the token        |
//! | its own body, length and headers but `Location`   | not looked at                     |
//!
//! A token goes where [`crate::Credentials`] says it belongs; `WWW-Authenticate` is not read.
//! `Accept-Encoding` is `identity`: a digest is of the bytes as stored, and a compressed
//! body would have another length, other ranges and other bytes.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderValue, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy};

use crate::credentials::Credentials;
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::headers::retry_after;
use crate::proxy::Proxies;
use crate::retry::{RetryBudget, is_transient};
use crate::transfer::{BUFFER_BYTES, MinRate, Pace, Stopped, read_some};
use crate::url::redacted;
use crate::web_url::{WebOrigin, WebUrl};

/// Most bytes of a file of certificates; the usual bundles have 200 to 400 KiB.
const MAX_CERTIFICATES_BYTES: u64 = 16 << 20;

/// A failed request.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// What the server asked to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None }
    }
}

/// Which part of a file is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) first: u64,
    /// The last byte; the end of the file where there is none.
    pub(crate) last: Option<u64>,
    /// What the file must still be, for `If-Range`.
    pub(crate) if_range: &'a str,
}

/// The answer at the end of all redirects.
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    origin: WebOrigin,
    token_sent: bool,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The failure that this answer, which is not the file, means for `url`.
    pub(crate) fn failure(&self, url: &str) -> Failure {
        let (url, status) = (url.to_owned(), self.status());
        let error = match status {
            401 | 403 => Error::Unauthorized {
                url,
                status,
                origin: self.origin.to_string(),
                token_sent: self.token_sent,
            },
            _ => Error::HttpStatus { url, status },
        };
        Failure { error, retry_after: retry_after(self.response.headers()) }
    }
}

/// An HTTP client with the time limits of a fetch.
pub(crate) struct Client {
    direct: Agent,
    via_http_proxy: Option<Agent>,
    via_https_proxy: Option<Agent>,
    proxies: Proxies,
    credentials: Credentials,
    max_redirects: u32,
    min_rate: MinRate,
}

impl Client {
    /// A client for `options`.
    ///
    /// # Errors
    /// [`Error::InvalidProxy`]; [`Error::NoCertificate`] and [`Error::Io`] of the file of
    /// certificates.
    pub(crate) fn new(options: &FetchOptions) -> Result<Self, Error> {
        let proxies = match &options.proxies {
            Some(proxies) => proxies.clone(),
            None => Proxies::from_env()?,
        };
        let roots = options.ca_file.as_deref().map(read_certificates).transpose()?;
        let agent = |proxy: Option<&Proxy>| agent(options, roots.clone(), proxy.cloned());
        Ok(Self {
            direct: agent(None),
            via_http_proxy: proxies.http.as_ref().map(|proxy| agent(Some(proxy))),
            via_https_proxy: proxies.https.as_ref().map(|proxy| agent(Some(proxy))),
            proxies,
            credentials: options.credentials.clone(),
            max_redirects: options.max_redirects,
            min_rate: options.min_rate(),
        })
    }

    /// What `url` answers when asked for all of the file or for `part` of it.
    pub(crate) fn request(&self, url: &str, part: Option<Part<'_>>) -> Result<Answer, Error> {
        let shown = redacted(url);
        let refuse = |why| Err(Error::RedirectRefused { url: shown.clone(), why });
        let mut at =
            WebUrl::parse(url).map_err(|why| Error::UnsupportedUrl { url: shown.clone(), why })?;
        let mut asked = Vec::new();
        loop {
            let answer = self.request_once(&at, &shown, part)?;
            if !matches!(answer.status(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let Some(location) = answer.response.headers().get("location") else {
                return refuse("names no place".to_owned());
            };
            let to = match at.join(location.as_bytes()) {
                Ok(to) => to,
                Err(why) => {
                    let location = String::from_utf8_lossy(location.as_bytes());
                    let location = redacted(&location).chars().take(200).collect::<String>();
                    return refuse(format!("names `{}`, which {why}", location.escape_debug()));
                }
            };
            if at.origin.https && !to.origin.https {
                let to = redacted(&to.to_string());
                return refuse(format!("leads from https to {to}"));
            }
            asked.push(at);
            if asked.contains(&to) {
                return refuse("leads in a circle".to_owned());
            }
            if asked.len() > self.max_redirects as usize {
                return refuse(format!("goes on for more than {} steps", self.max_redirects));
            }
            at = to;
        }
    }

    /// What to ask `origin` with, and whether somebody is in between.
    pub(crate) fn agent_for(&self, origin: &WebOrigin) -> (&Agent, bool) {
        let proxied = self.proxies.applies_to(origin);
        let proxy = if origin.https { &self.via_https_proxy } else { &self.via_http_proxy };
        (proxy.as_ref().filter(|_| proxied).unwrap_or(&self.direct), proxied)
    }

    /// One request to `url`; `shown` is the url that messages name.
    fn request_once(
        &self,
        url: &WebUrl,
        shown: &str,
        part: Option<Part<'_>>,
    ) -> Result<Answer, Error> {
        let (agent, proxied) = self.agent_for(&url.origin);
        let mut request = agent.get(url.to_string());
        if let Some(Part { first, last, if_range }) = part {
            let last = last.map_or_else(String::new, |last| last.to_string());
            request = request
                .header("Range", format!("bytes={first}-{last}"))
                .header("If-Range", if_range);
        }
        // Plain http to this machine is private only without a proxy in between.
        let private = url.origin.https || (url.origin.is_loopback() && !proxied);
        let token = self.credentials.token_for(&url.origin).filter(|_| private);
        if let Some(token) = token
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}"))
        {
            value.set_sensitive(true);
            request = request.header("Authorization", value);
        }
        let response = request.call().map_err(|source| Error::Transport {
            url: shown.to_owned(),
            source: Box::new(without_secrets(source)),
        })?;
        Ok(Answer { response, origin: url.origin.clone(), token_sent: token.is_some() })
    }

    /// The body at `url`, at most `limit` bytes, with retries. For an index or a shard.
    pub(crate) fn get_small(
        &self,
        url: &str,
        limit: u64,
        options: &FetchOptions,
    ) -> Result<Vec<u8>, Error> {
        let mut budget = RetryBudget::new(options);
        let mut attempt = 1;
        loop {
            let Failure { error, retry_after } = match self.get_once(url, limit) {
                Ok(bytes) => return Ok(bytes),
                Err(failure) => failure,
            };
            if !is_transient(&error) {
                return Err(error);
            }
            let Some(wait) = budget.wait_before(attempt + 1, retry_after) else {
                return Err(Error::RetriesExhausted {
                    url: redacted(url),
                    attempts: attempt,
                    source: Box::new(error),
                });
            };
            attempt += 1;
            thread::sleep(wait);
        }
    }

    fn get_once(&self, url: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        let shown = redacted(url);
        let mut answer = self.request(url, None)?;
        if answer.status() != 200 {
            return Err(answer.failure(&shown));
        }
        let mut reader = answer.response.body_mut().as_reader();
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        let mut pace = Pace::new(self.min_rate);
        loop {
            let n = read_some(&mut reader, &mut buffer).map_err(|stopped| match stopped {
                Stopped::Reading(error) => {
                    Error::Transport { url: shown.clone(), source: Box::new(error.into()) }
                }
                Stopped::Failed(error) => error,
            })?;
            if n == 0 {
                break;
            }
            pace.advance(&shown, n as u64)?;
            bytes.extend_from_slice(&buffer[..n]);
            if bytes.len() as u64 > limit {
                return Err(Error::TooLarge { url: shown, limit }.into());
            }
        }
        Ok(bytes)
    }
}

fn agent(options: &FetchOptions, roots: Option<RootCerts>, proxy: Option<Proxy>) -> Agent {
    let roots = roots.unwrap_or(RootCerts::WebPki);
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(options.user_agent.as_str())
        .accept_encoding("identity")
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(1 << 14)
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(Some(options.stall_timeout))
        .timeout_per_read(Some(options.stall_timeout))
        .timeout_per_write(Some(options.stall_timeout))
        .build()
        .into()
}

/// The certificates in the PEM file at `path`.
fn read_certificates(path: &Path) -> Result<RootCerts, Error> {
    let mut pem = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_CERTIFICATES_BYTES).read_to_end(&mut pem))
        .map_err(Error::io("read the certificates in", path))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(RootCerts::from(certificates))
}

/// `error` where its text quotes a url, without the url: it may be signed.
pub(crate) fn without_secrets(error: ureq::Error) -> ureq::Error {
    match error {
        ureq::Error::BadUri(_) => ureq::Error::BadUri("the url of a redirect".to_owned()),
        error => error,
    }
}
