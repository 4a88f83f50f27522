//! One HTTP request at a time: what is asked, and which answers count.
//!
//! | asked            | answer                                      | then                    |
//! |------------------|---------------------------------------------|-------------------------|
//! | whole file       | 200                                         | read from the start     |
//! | rest, `If-Range` | 206, exact `Content-Range`, same validator  | go on                   |
//! | rest, `If-Range` | 200                                         | truncate, read it all   |
//! | rest, `If-Range` | 416, or any other 206                       | truncate, ask for all   |
//!
//! `Accept-Encoding` is `identity`: a digest is of the bytes as stored, and a compressed
//! body would have another length, other ranges and other bytes.

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::observer::FetchObserver;
use crate::partial::{Partial, Validator};
use crate::retry::{RetryBudget, is_transient};
use crate::transfer::{self, Limits, Stopped};
use crate::url::redacted;

/// Whether a transfer filled the file by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// All bytes are of this one answer.
    Whole,
    /// It went on after bytes of an earlier answer.
    Continued,
}

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

/// An HTTP client with the time limits of a fetch.
pub(crate) struct Client {
    agent: Agent,
}

impl Client {
    pub(crate) fn new(options: &FetchOptions) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(options.max_redirects)
            .user_agent(options.user_agent.as_str())
            .accept_encoding("identity")
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.stall_timeout))
            .timeout_per_read(Some(options.stall_timeout))
            .timeout_per_write(Some(options.stall_timeout))
            .build()
            .into();
        Self { agent }
    }

    /// Fills `partial` from `url`, going on where it ends if the server can prove that the
    /// file is the same one.
    pub(crate) fn transfer(
        &self,
        url: &str,
        partial: &mut Partial,
        limits: Limits,
        observer: &dyn FetchObserver,
    ) -> Result<Piece, Failure> {
        let shown = redacted(url);
        // At most twice: the second time nothing is left to go on from.
        let (mut response, piece) = loop {
            let resume = partial.validator_for(url).filter(|_| partial.length() > 0).cloned();
            if resume.is_none() && partial.length() > 0 {
                restart(partial, observer)?;
            }
            let response = self.request(url, &shown, partial.length(), resume.as_ref())?;
            match (response.status().as_u16(), &resume) {
                (200, _) => {
                    if partial.length() > 0 {
                        restart(partial, observer)?;
                    }
                    break (response, Piece::Whole);
                }
                (206, Some(validator)) if continues(&response, partial, validator, limits) => {
                    break (response, Piece::Continued);
                }
                (206 | 416, Some(_)) => restart(partial, observer)?,
                (206, None) => {
                    return Err(against_rules(&shown, "a part was sent, the whole was asked for"));
                }
                _ => return Err(status_failure(&shown, &response)),
            }
        };
        if let Some(encoding) = header(response.headers(), "content-encoding")
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let why = format!("content encoding `{encoding}` was not asked for");
            return Err(against_rules(&shown, &why));
        }
        if piece == Piece::Whole {
            partial.set_validator(
                strong_validator(response.headers())
                    .map(|if_range| Validator { url: url.to_owned(), if_range }),
            );
        }
        let body = response.body_mut();
        let announced = body.content_length().map(|n| n + partial.length());
        let mut reader = body.as_reader();
        match transfer::copy(&mut reader, partial, &shown, announced, limits, observer) {
            Ok(()) => Ok(piece),
            Err(Stopped::Reading(error)) => {
                Err(Error::Transport { url: shown, source: Box::new(error.into()) }.into())
            }
            Err(Stopped::Failed(error)) => {
                // What came of a wrong file is of no use to a later attempt.
                if !is_transient(&error) && !matches!(error, Error::Io { .. }) {
                    restart(partial, observer)?;
                }
                Err(error.into())
            }
        }
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
        let mut response = self.request(url, &shown, 0, None)?;
        if response.status().as_u16() != 200 {
            return Err(status_failure(&shown, &response));
        }
        let mut bytes = Vec::new();
        response.body_mut().as_reader().take(limit + 1).read_to_end(&mut bytes).map_err(
            |error| Error::Transport { url: shown.clone(), source: Box::new(error.into()) },
        )?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { url: shown, limit }.into());
        }
        Ok(bytes)
    }

    fn request(
        &self,
        url: &str,
        shown: &str,
        from: u64,
        resume: Option<&Validator>,
    ) -> Result<Response<Body>, Error> {
        let mut request = self.agent.get(url);
        if let Some(validator) = resume {
            request = request
                .header("Range", format!("bytes={from}-"))
                .header("If-Range", validator.if_range.as_str());
        }
        request
            .call()
            .map_err(|source| Error::Transport { url: shown.to_owned(), source: Box::new(source) })
    }
}

fn restart(partial: &mut Partial, observer: &dyn FetchObserver) -> Result<(), Error> {
    partial.restart()?;
    observer.restarted();
    Ok(())
}

fn against_rules(url: &str, why: &str) -> Failure {
    Error::HttpProtocol { url: url.to_owned(), why: why.to_owned() }.into()
}

fn status_failure(url: &str, response: &Response<Body>) -> Failure {
    Failure {
        error: Error::HttpStatus { url: url.to_owned(), status: response.status().as_u16() },
        // The other form, a date, needs two clocks that agree: our own backoff is as good.
        retry_after: header(response.headers(), "retry-after")
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What may go into `If-Range`: a strong entity tag, or a date where there is no tag.
fn strong_validator(headers: &HeaderMap) -> Option<String> {
    match header(headers, "etag") {
        // A weak tag says "equivalent", which is not "the same bytes" (RFC 9110, 13.1.5).
        Some(tag) => (tag.starts_with('"') && tag.len() > 2).then(|| tag.to_owned()),
        None => header(headers, "last-modified").map(str::to_owned),
    }
}

/// Whether a 206 is the rest of the very file that `partial` is the start of.
fn continues(
    response: &Response<Body>,
    partial: &Partial,
    validator: &Validator,
    limits: Limits,
) -> bool {
    let headers = response.headers();
    let same = strong_validator(headers).is_none_or(|now| now == validator.if_range);
    let Some((first, last, total)) = header(headers, "content-range").and_then(content_range)
    else {
        return false;
    };
    let length = response.body().content_length();
    same && first == partial.length()
        && last.checked_add(1) == Some(total)
        && length.is_none_or(|length| length == total - first)
        && limits.exact.is_none_or(|exact| exact == total)
}

/// First byte, last byte and total of `bytes 5-9/10`.
fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_039_ranges() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 9, 10)));
        for odd in ["bytes 9-5/10", "bytes 5-9/*", "5-9/10", "bytes */10", ""] {
            assert_eq!(content_range(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn fault_047_weak_tags_do_not_prove_anything() {
        let mut headers = HeaderMap::new();
        headers.insert("last-modified", "Tue, 01 Jul 2025 10:00:00 GMT".parse().unwrap());
        assert!(strong_validator(&headers).is_some());
        headers.insert("etag", "W/\"1\"".parse().unwrap());
        assert_eq!(strong_validator(&headers), None);
        headers.insert("etag", "\"1\"".parse().unwrap());
        assert_eq!(strong_validator(&headers).as_deref(), Some("\"1\""));
    }
}
