//! Who uses the cache: readers share a lock on `CACHE/in-use.lock`, the collector of garbage
//! takes it alone.

use std::time::Duration;

use crate::error::Error;
use crate::file_lock::{FileLock, LockFailure, Mode};

use super::{Store, StoreError};

/// How long a reader waits for a collection to end. It takes seconds: it hashes nothing.
const HOLD_PATIENCE: Duration = Duration::from_mins(1);

/// While this lives, no other process removes what is in the cache.
#[must_use = "the cache is held only while this lives"]
#[derive(Debug)]
pub struct InUse {
    /// None where there are no locks.
    _lock: Option<FileLock>,
}

impl Store {
    /// Keeps garbage collection away from the cache for as long as what is returned lives:
    /// take it before the first path is asked for, drop it after the last byte is read. Any
    /// number of processes can hold a cache at once.
    ///
    /// Where there are no locks (a cache that cannot be written to and has no lock file, a
    /// file system without locks), or where they lie, only the collector's grace period
    /// stands between a reader and a collection.
    ///
    /// # Errors
    /// [`StoreError::Busy`] after a minute in which another process collected garbage.
    pub fn hold(&self) -> Result<InUse, Error> {
        self.hold_within(HOLD_PATIENCE)
    }

    /// As [`Store::hold`], but waits for up to `patience`.
    ///
    /// # Errors
    /// [`StoreError::Busy`].
    pub fn hold_within(&self, patience: Duration) -> Result<InUse, Error> {
        match FileLock::acquire(&self.in_use_path(), Mode::Shared, patience, self.locks) {
            Ok(lock) => Ok(InUse { _lock: Some(lock) }),
            Err(LockFailure::Busy(holder)) => Err(self.busy(holder, patience)),
            // Whoever cannot lock the file because the cache is not theirs only reads it.
            Err(LockFailure::Impossible(_)) => Ok(InUse { _lock: None }),
        }
    }

    /// The cache for this process alone, for a collection.
    pub(super) fn hold_alone(&self, patience: Duration) -> Result<InUse, Error> {
        let path = self.in_use_path();
        match FileLock::acquire(&path, Mode::Exclusive, patience, self.locks) {
            Ok(lock) => Ok(InUse { _lock: Some(lock) }),
            // Readers have it: whoever collected last is not among them.
            Err(LockFailure::Busy(_)) => Err(self.busy(None, patience)),
            Err(LockFailure::Impossible(source)) => {
                Err(StoreError::CannotLock { path, source }.into())
            }
        }
    }

    fn busy(&self, holder: Option<u32>, waited: Duration) -> Error {
        StoreError::Busy { cache: self.root().to_owned(), holder, waited }.into()
    }
}
