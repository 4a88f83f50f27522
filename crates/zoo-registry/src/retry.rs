//! When to try again, and how long to wait before.
//!
//! | failure                                             | tried again |
//! |-----------------------------------------------------|-------------|
//! | no connection, reset, stall, too slow, body cut short | yes        |
//! | 408, 429, 5xx                                        | yes, after Retry-After if given |
//! | any other status, certificate, redirect loop         | no: next source |
//! | wrong digest, wrong size, web page, LFS pointer      | no: next source |
//! | disk full, no permission, stopped                    | no, and no other source either |

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::time::Duration;

use crate::error::Error;
use crate::fetch::FetchOptions;

/// The waiting that one fetch may still do, over all its sources.
pub(crate) struct RetryBudget<'a> {
    options: &'a FetchOptions,
    left: Duration,
}

impl<'a> RetryBudget<'a> {
    pub(crate) fn new(options: &'a FetchOptions) -> Self {
        Self { options, left: options.retry_budget }
    }

    /// How long to wait before attempt `next` (2 is the first retry), or `None` to give up.
    pub(crate) fn wait_before(
        &mut self,
        next: u32,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if next > self.options.attempts {
            return None;
        }
        let doubling = 1u32 << (next.saturating_sub(2)).min(10);
        let backoff = self.options.backoff.saturating_mul(doubling);
        // Half fixed, half random, so that many clients do not come back as one.
        let jittered = backoff / 2 + backoff.mul_f64(random_unit() / 2.0);
        let wait = match retry_after {
            Some(asked) => asked.min(self.options.retry_after_cap).max(jittered),
            None => jittered,
        };
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }
}

/// A number in `[0, 1)`. The standard library seeds its hashers at random, which is all the
/// randomness that jitter needs.
fn random_unit() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// Whether the same request may succeed a moment later.
pub(crate) fn is_transient(error: &Error) -> bool {
    match error {
        Error::HttpStatus { status, .. } => matches!(status, 408 | 429 | 500..=599),
        Error::Truncated { .. } | Error::TooSlow { .. } => true,
        Error::Transport { source, .. } => match &**source {
            // A TLS failure comes as invalid data: a bad certificate stays bad.
            ureq::Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Protocol(_)
            | ureq::Error::BodyStalled => true,
            _ => false,
        },
        _ => false,
    }
}

/// Whether another source may help where this one failed.
pub(crate) fn is_fault_of_source(error: &Error) -> bool {
    !matches!(
        error,
        Error::Io { .. }
            | Error::DiskFull { .. }
            | Error::CacheNotADirectory { .. }
            | Error::Stopped { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest that anyone can be made to wait, whatever servers say.
    #[test]
    fn fault_030_total_wait_is_bounded() {
        let options = FetchOptions { attempts: 1000, ..FetchOptions::default() };
        let mut budget = RetryBudget::new(&options);
        let mut total = Duration::ZERO;
        for next in 2..2000 {
            match budget.wait_before(next, Some(Duration::from_hours(24))) {
                Some(wait) => {
                    assert!(wait <= options.retry_after_cap.max(options.backoff * 1024));
                    total += wait;
                }
                None => break,
            }
        }
        assert!(total <= options.retry_budget);
    }

    #[test]
    fn attempts_are_counted() {
        let options = FetchOptions { attempts: 2, ..FetchOptions::default() };
        let mut budget = RetryBudget::new(&options);
        assert!(budget.wait_before(2, None).is_some());
        assert!(budget.wait_before(3, None).is_none());
    }
}
