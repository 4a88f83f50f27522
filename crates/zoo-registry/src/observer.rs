//! Progress as events, so that this crate never prints.

use std::time::Duration;

/// Hears how a download goes. Every method does nothing unless it is implemented.
pub trait FetchObserver: Sync {
    /// A file begins; `total` is its size in bytes, where known, perhaps an approximation.
    fn started(&self, name: &str, total: Option<u64>) {
        let _ = (name, total);
    }

    /// The first `at` bytes are there from an earlier attempt and are not fetched again.
    fn resumed(&self, at: u64) {
        let _ = at;
    }

    /// What had come is thrown away; counting starts at zero again.
    fn restarted(&self) {}

    /// `bytes` more have arrived.
    fn advanced(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Attempt number `attempt` (the first retry is 2) follows after `wait`.
    fn retrying(&self, why: &str, attempt: u32, wait: Duration) {
        let _ = (why, attempt, wait);
    }

    /// The file is complete and verified.
    fn finished(&self) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl FetchObserver for Silent {}
