//! Which servers have failed, so that they are asked last from then on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::web_url::{WebOrigin, WebUrl};

/// Failures by server, in memory. Clones share what they know, so that one failure counts for
/// every later fetch with the same options.
#[derive(Debug, Clone, Default)]
pub struct MirrorScores {
    failures: Arc<Mutex<BTreeMap<WebOrigin, u32>>>,
}

impl MirrorScores {
    /// `urls` with those of servers that have failed at the end, otherwise as they were.
    pub(crate) fn in_order<'a>(&self, urls: &'a [String]) -> Vec<&'a String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let mut urls: Vec<_> = urls.iter().collect();
        // Stable, and what is no server at all has never failed.
        urls.sort_by_key(|url| {
            WebUrl::parse(url).ok().and_then(|url| failures.get(&url.origin).copied()).unwrap_or(0)
        });
        urls
    }

    /// Notes what `url` said, if that is a reason to ask it last.
    pub(crate) fn failed(&self, url: &str, error: &Error) {
        let Ok(url) = WebUrl::parse(url) else {
            return;
        };
        if is_fault_of_server(error) {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let count = failures.entry(url.origin).or_default();
            *count = count.saturating_add(1);
        }
    }
}

/// Whether `error` says something about the server and not only about one file on it, the
/// caller's rights or this machine.
fn is_fault_of_server(error: &Error) -> bool {
    match error {
        Error::RetriesExhausted { .. }
        | Error::Transport { .. }
        | Error::HttpProtocol { .. }
        | Error::Truncated { .. }
        | Error::TooSlow { .. }
        | Error::SizeMismatch { .. }
        | Error::TooLarge { .. }
        | Error::DigestMismatch { .. }
        | Error::EvidenceMismatch { .. }
        | Error::HtmlInsteadOfFile { .. }
        | Error::LfsPointer { .. }
        | Error::RedirectRefused { .. } => true,
        Error::HttpStatus { status, .. } => matches!(status, 408 | 429 | 500..=599),
        _ => false,
    }
}
