//! How often somebody may ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Buckets that are remembered before full ones are forgotten.
const MANY: usize = 10_000;

/// A bucket of requests: as many at once as it holds, and then as fast as it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests at once.
    pub burst: u32,
    /// Requests a minute.
    pub per_minute: u32,
}

impl Default for Rate {
    /// A model of a hundred files at once, and twenty files a minute.
    fn default() -> Self {
        Self { burst: 200, per_minute: 20 }
    }
}

/// The buckets of everybody who asked lately.
pub(crate) struct Buckets<K> {
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

struct Bucket {
    level: f64,
    at: Instant,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one request out of the bucket of `key`, or says how long to wait for one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        // A panic elsewhere does not make the numbers wrong.
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= MANY {
            let burst = f64::from(self.rate.burst);
            buckets.retain(|_, bucket| self.level(bucket, now) < burst);
        }
        let full = Bucket { level: f64::from(self.rate.burst), at: now };
        let bucket = buckets.entry(key).or_insert(full);
        let level = self.level(bucket, now);
        if level < 1.0 {
            let seconds = (1.0 - level) * 60.0 / f64::from(self.rate.per_minute.max(1));
            return Err(Duration::from_secs_f64(seconds));
        }
        *bucket = Bucket { level: level - 1.0, at: now };
        Ok(())
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> f64 {
        let minutes = now.saturating_duration_since(bucket.at).as_secs_f64() / 60.0;
        (bucket.level + minutes * f64::from(self.rate.per_minute)).min(f64::from(self.rate.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_156_a_bucket_empties_and_fills() {
        let buckets = Buckets::new(Rate { burst: 2, per_minute: 60 });
        let start = Instant::now();
        assert!(buckets.take("a", start).is_ok());
        assert!(buckets.take("a", start).is_ok());
        let wait = buckets.take("a", start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert!(buckets.take("b", start).is_ok());
        assert!(buckets.take("a", start + wait).is_ok());
        assert!(buckets.take("a", start + wait).is_err());
        // A clock that stands still or goes back gives nothing away.
        assert!(buckets.take("a", start).is_err());
    }
}
