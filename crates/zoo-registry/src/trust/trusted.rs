//! One trusted registry: its root, the newest index seen, and how both move on.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::envelope::MAX_ROOT_BYTES;
use super::error::TrustError;
use super::root::Root;
use super::signed_index::{self, VerifiedIndex};
use super::state::{Seen, State, damaged, read_file};
use super::time::Timestamp;
use crate::atomic;
use crate::error::Error;

/// Most roots of one update; as many as python-tuf, the reference client, takes.
pub const MAX_ROOT_STEPS: u64 = 256;

/// How often something is looked at again that others change meanwhile.
const ATTEMPTS: usize = 8;

pub(super) const ROOT_FILE: &str = "root.json";
pub(super) const STATE_FILE: &str = "state.json";
const LOCK_FILE: &str = "lock";

/// A registry that is trusted.
#[derive(Debug, Clone)]
pub struct Trusted {
    folder: PathBuf,
    root: Root,
    state: State,
}

impl Trusted {
    /// Reads what is remembered in `folder`.
    pub(super) fn load(folder: &Path) -> Result<Self, Error> {
        let (root_path, state_path) = (folder.join(ROOT_FILE), folder.join(STATE_FILE));
        let mut state = State::read(&state_path)?;
        for _ in 0..ATTEMPTS {
            let bytes = read_file(&root_path, MAX_ROOT_BYTES as u64)?;
            let root = Root::verify(&bytes)
                .map_err(|source| damaged(&root_path, "it is no root", Some(Box::new(source))))?;
            let again = State::read(&state_path)?;
            // A root is written before the state that follows from it. Where the state did
            // not change around the root, the two belong together, or the root is newer.
            if again == state {
                let mut trusted = Self { folder: folder.to_owned(), root, state };
                trusted.forget_counter_of_lost_keys();
                return Ok(trusted);
            }
            state = again;
        }
        Err(damaged(&state_path, "it changes all the time", None))
    }

    /// Where the registry is, in its one spelling.
    pub fn location(&self) -> &str {
        &self.state.location
    }

    /// What its user calls it.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// The root that is trusted.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The newest index that was verified, if there was one.
    pub fn seen(&self) -> Option<&Seen> {
        self.state.seen.as_ref()
    }

    /// Follows the roots that came after the trusted one, and gives the version of the last.
    ///
    /// `fetch` gives the bytes of `VERSION.root.json`, or nothing where there is no such
    /// file. Each root is kept as soon as it is verified; those between may have expired
    /// (TUF specification, 5.3).
    ///
    /// # Errors
    /// What `fetch` says; any [`TrustError`] about a root; [`TrustError::Expired`] about the
    /// last; [`TrustError::TooManyRoots`]; [`Error::Io`].
    pub fn update_root(
        &mut self,
        now: Timestamp,
        mut fetch: impl FnMut(u64) -> Result<Option<Vec<u8>>, Error>,
    ) -> Result<u64, Error> {
        let from = self.root.version();
        let mut steps = 0;
        while let Some(version) = self.root.version().checked_add(1) {
            let Some(bytes) = fetch(version)? else {
                break;
            };
            if steps == MAX_ROOT_STEPS {
                return Err(TrustError::TooManyRoots { from, limit: MAX_ROOT_STEPS }.into());
            }
            let next = self.root.verify_next(&bytes)?;
            self.install_root(next, &bytes)?;
            steps += 1;
        }
        self.root.check_expiry(now)?;
        Ok(self.root.version())
    }

    /// Verifies an index. Nothing is remembered of it before [`Trusted::commit`].
    ///
    /// With `offline`, the index that was seen last is good even after it, or the root, has
    /// expired: [`VerifiedIndex::expired`] says so.
    ///
    /// # Errors
    /// Any [`TrustError`] about an index.
    pub fn verify_index(
        &self,
        bytes: &[u8],
        now: Timestamp,
        offline: bool,
    ) -> Result<VerifiedIndex, TrustError> {
        signed_index::verify(&self.root, self.seen(), bytes, now, offline)
    }

    /// Remembers that `index` was verified, so that no older one is taken again.
    ///
    /// Where another process has seen a newer index or root meanwhile, that one stays.
    /// Nothing is written for an index that was seen before.
    ///
    /// # Errors
    /// [`TrustError::Fork`] where another process saw another index with this counter;
    /// [`TrustError::StateDamaged`], [`Error::Io`].
    pub fn commit(&mut self, index: &VerifiedIndex, now: Timestamp) -> Result<(), Error> {
        let seen = Seen {
            counter: index.counter,
            sha256: index.digest,
            keys: self.root.index_role().keys().to_vec(),
            at: now,
        };
        let same = |other: &Seen| other.counter == seen.counter && other.sha256 == seen.sha256;
        if self.seen().is_some_and(|old| same(old) && old.keys == seen.keys) {
            return Ok(());
        }
        let _guard = self.lock()?;
        // Under a lock that lies, a lower counter may be written over this one at any time:
        // hence the second look. What stays was verified by one of those who wrote, and is
        // never lower than what was there before they began.
        for _ in 0..ATTEMPTS {
            let mut disk = Self::load(&self.folder)?;
            let newer_root = disk.root.version() > self.root.version();
            if newer_root || disk.seen().is_some_and(|old| old.counter > seen.counter) {
                *self = disk;
                return Ok(());
            }
            if let Some(old) = disk.seen() {
                signed_index::check_order(seen.counter, &seen.sha256, old)?;
                if same(old) && old.keys == seen.keys {
                    *self = disk;
                    return Ok(());
                }
            }
            disk.state.seen = Some(seen.clone());
            disk.write_state()?;
            *self = disk;
        }
        Ok(())
    }

    /// Makes `next` the trusted root, unless another process has got as far.
    fn install_root(&mut self, next: Root, bytes: &[u8]) -> Result<(), Error> {
        let _guard = self.lock()?;
        let mut disk = Self::load(&self.folder)?;
        if disk.root.version() < next.version() {
            // A counter forgotten on account of the root on disk must be forgotten there too
            // before the next root, which may give that key back.
            if State::read(&self.folder.join(STATE_FILE))? != disk.state {
                disk.write_state()?;
            }
            atomic::write(&self.folder.join(ROOT_FILE), bytes)?;
            disk.root = next;
            disk.forget_counter_of_lost_keys();
        }
        *self = disk;
        Ok(())
    }

    /// Forgets the counter if a key that might have made it up is no longer trusted: the
    /// recovery from a fast-forward attack (TUF specification, 5.3.11).
    ///
    /// It follows from the two files at any time, so that nothing is lost where a process
    /// is killed between writing the one and the other.
    fn forget_counter_of_lost_keys(&mut self) {
        let trusted = self.root.index_role().keys();
        let lost = |seen: &Seen| seen.keys.iter().any(|key| !trusted.contains(key));
        self.state.seen.take_if(|seen| lost(seen));
    }

    fn write_state(&self) -> Result<(), Error> {
        self.state.write(&self.folder.join(STATE_FILE))
    }

    /// Waits for others that write. Everything stays right where everyone gets the lock.
    fn lock(&self) -> Result<File, Error> {
        let path = self.folder.join(LOCK_FILE);
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let _ = file.lock();
        Ok(file)
    }
}
