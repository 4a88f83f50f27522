//! Filling a partial file from one url: what is asked, and which answers count.
//!
//! | asked            | answer                                      | then                    |
//! |------------------|---------------------------------------------|-------------------------|
//! | whole file       | 200                                         | read from the start     |
//! | rest, `If-Range` | 206, exact `Content-Range`, same validator  | go on                   |
//! | rest, `If-Range` | 200                                         | truncate, read it all   |
//! | rest, `If-Range` | 416, or any other 206                       | truncate, ask for all   |
//!
//! Either way the rest may come in several pieces at once: see [`crate::pieces`].

use ureq::Body;
use ureq::http::Response;

use crate::error::Error;
use crate::headers::{
    accepts_ranges, content_range, foreign_encoding, is_strong_tag, strong_validator,
};
use crate::http::{Client, Failure, Part};
use crate::partial::{Partial, Validator};
use crate::pieces::{self, Trouble, Whole};
use crate::retry::is_transient;
use crate::transfer::{self, Job, Limits, Stopped};
use crate::url::redacted;

/// Whether a transfer filled the file by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MadeOf {
    /// All bytes are of one answer.
    OneAnswer,
    /// They are of several.
    SeveralAnswers,
}

/// How a file is fetched; an attempt that fails makes the next one more modest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Most connections at once; with 0 there are no pieces, whatever is there already.
    pub(crate) connections: usize,
    /// What is left must be as long for pieces to be worth it.
    pub(crate) threshold: u64,
    /// Bytes of a piece.
    pub(crate) piece_bytes: u64,
}

/// Fills `partial` from `url`, going on where it ends if the server can prove that the file is
/// the same one.
pub(crate) fn download(
    client: &Client,
    url: &str,
    partial: &mut Partial,
    plan: &mut Plan,
    job: &Job<'_>,
) -> Result<MadeOf, Failure> {
    loop {
        match attempt(client, url, partial, plan, job) {
            // The server is not up to it, or the file changed in between: once, and in one
            // stream from then on.
            Err(Trouble::Odd) => {
                plan.connections = 0;
                restart(partial, job)?;
            }
            Err(Trouble::Failed(failure)) => {
                plan.connections = (plan.connections / 2).max(plan.connections.min(1));
                return Err(failure);
            }
            Ok(made_of) => return Ok(made_of),
        }
    }
}

fn attempt(
    client: &Client,
    url: &str,
    partial: &mut Partial,
    plan: &Plan,
    job: &Job<'_>,
) -> Result<MadeOf, Trouble> {
    let shown = redacted(url);
    // At most twice: the second time nothing is left to go on from.
    let (mut answer, made_of) = loop {
        job.check_wanted()?;
        let resume = partial.validator_for(url).filter(|_| partial.arrived() > 0).cloned();
        if resume.is_none() && partial.arrived() > 0 {
            restart(partial, job)?;
        }
        let part = resume.as_ref().map(|validator| Part {
            first: partial.length(),
            last: None,
            if_range: &validator.if_range,
        });
        let answer = client.request(url, part)?;
        match (answer.status(), &resume) {
            (200, _) => {
                if partial.arrived() > 0 {
                    restart(partial, job)?;
                }
                break (answer, MadeOf::OneAnswer);
            }
            (206, Some(validator))
                if continues(&answer.response, partial, validator, job.limits) =>
            {
                break (answer, MadeOf::SeveralAnswers);
            }
            (206 | 416, Some(_)) => restart(partial, job)?,
            (206, None) => {
                return Err(against_rules(&shown, "a part was sent, the whole was asked for"));
            }
            _ => return Err(answer.failure(&shown).into()),
        }
    };
    let headers = answer.response.headers();
    if let Some(encoding) = foreign_encoding(headers) {
        let why = format!("content encoding `{encoding}` was not asked for");
        return Err(against_rules(&shown, &why));
    }
    let parts = made_of == MadeOf::SeveralAnswers || accepts_ranges(headers);
    if made_of == MadeOf::OneAnswer {
        partial.set_validator(
            strong_validator(headers).map(|if_range| Validator { url: url.to_owned(), if_range }),
        );
    }
    let body = answer.response.body_mut();
    let announced = body.content_length().map(|n| n + partial.length());
    let mut reader = body.as_reader();
    transfer::begin(&mut reader, partial, &shown, announced, job)
        .map_err(|stopped| stopped_failure(stopped, &shown, partial, job))?;
    let tag = partial
        .validator_for(url)
        .map(|validator| validator.if_range.clone())
        .filter(|tag| parts && is_strong_tag(tag));
    if let (Some(tag), Some(total)) = (tag, announced) {
        let rest = total.saturating_sub(partial.length());
        let many = plan.connections > 1 && rest >= plan.threshold;
        if plan.connections > 0 && (many || !partial.beyond().is_empty()) {
            let whole = Whole { client, url, shown: &shown, tag: &tag, total };
            pieces::fetch(&whole, reader, partial, plan, job)?;
            return Ok(MadeOf::SeveralAnswers);
        }
    }
    partial.drop_beyond()?;
    transfer::copy_rest(&mut reader, partial, &shown, announced, job)
        .map_err(|stopped| stopped_failure(stopped, &shown, partial, job))?;
    Ok(made_of)
}

/// The failure that a broken-off copy means. What came of a wrong file is thrown away.
fn stopped_failure(stopped: Stopped, shown: &str, partial: &mut Partial, job: &Job<'_>) -> Failure {
    let error = match stopped {
        Stopped::Reading(error) => {
            Error::Transport { url: shown.to_owned(), source: Box::new(error.into()) }
        }
        Stopped::Failed(error) => {
            let ours =
                matches!(error, Error::Io { .. } | Error::DiskFull { .. } | Error::Stopped { .. });
            if ours || is_transient(&error) {
                error
            } else {
                restart(partial, job).err().unwrap_or(error)
            }
        }
    };
    error.into()
}

fn restart(partial: &mut Partial, job: &Job<'_>) -> Result<(), Error> {
    partial.restart()?;
    job.observer.restarted();
    Ok(())
}

fn against_rules(url: &str, why: &str) -> Trouble {
    Failure::from(Error::HttpProtocol { url: url.to_owned(), why: why.to_owned() }).into()
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
    let Some((first, last, total)) = content_range(headers) else {
        return false;
    };
    let length = response.body().content_length();
    let beyond = partial.beyond().last().map_or(0, |extent| extent.1);
    same && first == partial.length()
        && last.checked_add(1) == Some(total)
        && beyond <= total
        && length.is_none_or(|length| length == total - first)
        && limits.exact.is_none_or(|exact| exact == total)
}
