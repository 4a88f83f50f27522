//! Collecting garbage: what nothing needs goes, in an order in which it can be killed.
//!
//! What stays whatever its age: what a pin or a given lock file names, and entries of the
//! index that a cached index names. Anything else goes by the time of its last use: not
//! within the grace period. A pull that has just begun, in this process or another, is
//! spared by the lock of [`Store::hold`], and by the grace period where locks lie.
//!
//! Of a blob the stamp is removed before the bytes: stopped in between, a blob without a
//! stamp is left, which is hashed before anybody believes it and which the next collection
//! removes.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::{Sha256Digest, is_lower_hex};
use crate::entry::MAX_ENTRY_BYTES;
use crate::error::Error;
use crate::file_lock::is_unlocked;
use crate::lock::LockFile;

use super::clock::{Age, Clock};
use super::inventory::{Item, Kind};
use super::{Store, remove_file, stamp};

/// A file under way is written within this time, whatever the grace period is.
const TEMPORARY_GRACE: Duration = Duration::from_hours(1);

/// What to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcOptions {
    /// Blobs that stay.
    pub keep: BTreeSet<Sha256Digest>,
    /// Lock files of projects: the blobs that they pin stay. A missing one pins nothing. (The
    /// lock file in the cache is none of them: it remembers digests, not wishes.)
    pub lock_files: Vec<PathBuf>,
    /// What was used or made within this time stays. Use is noted to the hour.
    pub grace: Duration,
    /// Downloads that broke off stay for this long, to be continued.
    pub partial_grace: Duration,
    /// With a size in bytes, things go in the order of their last use until the cache is no
    /// larger, and no more. Without, all blobs go that may, and what was made from them;
    /// bundles and features whose sources stay or are not known are kept.
    pub max_bytes: Option<u64>,
    /// Report, and remove nothing.
    pub dry_run: bool,
    /// How long to wait for others to end.
    pub wait: Duration,
}

impl Default for GcOptions {
    /// A grace period of a day, of a week for downloads; no limit, no waiting.
    fn default() -> Self {
        Self {
            keep: BTreeSet::new(),
            lock_files: Vec::new(),
            grace: Duration::from_hours(24),
            partial_grace: Duration::from_hours(7 * 24),
            max_bytes: None,
            dry_run: false,
            wait: Duration::ZERO,
        }
    }
}

/// What was collected.
#[derive(Debug, Default)]
pub struct GcReport {
    /// What went, or would go, in this order. A blob's stamp is not told apart from it.
    pub removed: Vec<Removed>,
    /// The bytes of those.
    pub freed: u64,
    /// How many files stay, stray ones not counted.
    pub kept: usize,
    /// The bytes of those.
    pub kept_bytes: u64,
    /// What does not belong here. It is never removed.
    pub stray: Vec<PathBuf>,
    /// What should go and could not be removed, and why.
    pub failed: Vec<Error>,
    /// The clock is wrong, so nothing has an age and nothing was removed.
    pub clock_is_wrong: bool,
}

/// Something that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What it was.
    pub kind: Kind,
    /// Where it was.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Store {
    /// Removes what nothing needs; [`GcOptions`] says what that is. Stray files and links
    /// are left alone.
    ///
    /// # Errors
    /// [`super::StoreError::Busy`] while others [hold](Store::hold) the cache, this process
    /// included; [`super::StoreError::CannotLock`]; [`Error::Io`]. Pins or lock files that
    /// cannot be read are errors too: what they say must stay is not known.
    pub fn gc(&self, options: &GcOptions) -> Result<GcReport, Error> {
        // Looking needs no lock, and works in a cache that cannot be written to.
        let _alone = if options.dry_run { None } else { Some(self.hold_alone(options.wait)?) };
        let roots = self.roots(options)?;
        let clock = Clock::of_file(&self.in_use_path());
        let mut report = GcReport { clock_is_wrong: clock.is_wrong(), ..GcReport::default() };
        let mut collection = Collection {
            store: self,
            options,
            clock,
            roots,
            indexed: HashSet::new(),
            gone: HashSet::new(),
        };
        collection.run(&mut report)?;
        Ok(report)
    }

    fn roots(&self, options: &GcOptions) -> Result<BTreeSet<Sha256Digest>, Error> {
        let mut roots = self.pinned()?;
        roots.extend(&options.keep);
        for path in &options.lock_files {
            roots.extend(LockFile::read(path)?.pins().iter().map(|pin| pin.sha256));
        }
        Ok(roots)
    }

    /// When something was last used: its own time, and that of its stamp or note.
    fn times(&self, item: &Item) -> (Option<SystemTime>, Option<SystemTime>) {
        let modified = |path: &Path| fs::symlink_metadata(path).ok()?.modified().ok();
        let note = match item.digest() {
            Some(digest) => Some(self.stamp_path(&digest)),
            None => self.note_path(&item.path),
        };
        (note.and_then(|note| modified(&note)), modified(&item.path))
    }
}

struct Collection<'a> {
    store: &'a Store,
    options: &'a GcOptions,
    clock: Clock,
    roots: BTreeSet<Sha256Digest>,
    /// What cached indexes name.
    indexed: HashSet<Sha256Digest>,
    /// The blobs that were removed.
    gone: HashSet<Sha256Digest>,
}

impl Collection<'_> {
    fn run(&mut self, report: &mut GcReport) -> Result<(), Error> {
        let items = self.store.inventory()?;
        for item in items.iter().filter(|item| item.kind == Kind::Index) {
            self.indexed.extend(digests_in(&item.path));
        }
        let present: HashSet<Sha256Digest> = items.iter().filter_map(Item::digest).collect();
        let mut total: u64 =
            items.iter().filter(|item| item.kind != Kind::Stray).map(|item| item.bytes).sum();
        let mut rest = Vec::new();
        // What is no use to anyone, whatever the limit.
        for item in items {
            let goes = match item.kind {
                Kind::Partial => {
                    self.is_as_old_as(&item, self.grace(&item))
                        && is_unlocked(&item.path, self.store.locks())
                }
                Kind::Temporary => self.is_as_old_as(&item, self.grace(&item)),
                Kind::Stamps => {
                    !self.has_subject(&item) && self.is_as_old_as(&item, self.options.grace)
                }
                Kind::Stray => {
                    report.stray.push(item.path);
                    continue;
                }
                _ => false,
            };
            if goes {
                self.remove(&item, &mut total, report);
            } else {
                rest.push(item);
            }
        }
        let kept = self.collect_by_use(rest, &present, &mut total, report);
        report.kept = kept;
        report.kept_bytes = total;
        Ok(())
    }

    /// Removes blobs and what was made from them, the least recently used first. Gives how
    /// many things stay.
    fn collect_by_use(
        &mut self,
        items: Vec<Item>,
        present: &HashSet<Sha256Digest>,
        total: &mut u64,
        report: &mut GcReport,
    ) -> usize {
        let count = items.len();
        let before = report.removed.len();
        let mut aged: Vec<(Duration, Item)> =
            items.into_iter().filter_map(|item| Some((self.expired(&item)?, item))).collect();
        // Blobs first where there is no limit: what was made from them follows.
        let by_kind = self.options.max_bytes.is_none();
        aged.sort_by(|(a_age, a), (b_age, b)| {
            let kind = if by_kind { a.kind.cmp(&b.kind) } else { std::cmp::Ordering::Equal };
            kind.then(Reverse(a_age).cmp(&Reverse(b_age))).then(a.path.cmp(&b.path))
        });
        for (_, item) in aged {
            let goes = match self.options.max_bytes {
                Some(limit) => *total > limit,
                None => item.kind == Kind::Blobs || self.is_orphan(&item, present),
            };
            if goes {
                self.remove(&item, total, report);
            }
        }
        count - (report.removed.len() - before)
    }

    /// The age of a blob, bundle or features file that may go.
    fn expired(&self, item: &Item) -> Option<Duration> {
        let is_rooted = match item.kind {
            Kind::Blobs => item.digest().is_some_and(|digest| self.keeps_blob(&digest, item.bytes)),
            // What it was made from is wanted, so it is.
            Kind::Bundles | Kind::Features => self
                .store
                .sources_of(&item.path)
                .is_some_and(|sources| sources.iter().any(|source| self.roots.contains(source))),
            _ => true,
        };
        if is_rooted {
            return None;
        }
        match self.age(item) {
            Age::Known(age) if age >= self.options.grace => Some(age),
            _ => None,
        }
    }

    /// An index may also name the files of models: they go by their use, as others do.
    fn keeps_blob(&self, digest: &Sha256Digest, bytes: u64) -> bool {
        let is_entry = || bytes <= MAX_ENTRY_BYTES && self.indexed.contains(digest);
        self.roots.contains(digest) || is_entry()
    }

    /// Whether none of what it was made from is left. Of what nobody noted, nothing is known.
    fn is_orphan(&self, item: &Item, present: &HashSet<Sha256Digest>) -> bool {
        self.store.sources_of(&item.path).is_some_and(|sources| {
            !sources.iter().any(|source| present.contains(source) && !self.gone.contains(source))
        })
    }

    fn is_as_old_as(&self, item: &Item, than: Duration) -> bool {
        matches!(self.age(item), Age::Known(age) if age >= than)
    }

    fn grace(&self, item: &Item) -> Duration {
        match item.kind {
            Kind::Partial => self.options.partial_grace,
            Kind::Temporary => self.options.grace.max(TEMPORARY_GRACE),
            _ => self.options.grace,
        }
    }

    /// The age of `item`; a wrong time is set right on the way.
    fn age(&self, item: &Item) -> Age {
        let (noted, own) = self.store.times(item);
        let age = self.clock.age(noted, own);
        if age == Age::Unknown && !self.clock.is_wrong() && !self.options.dry_run {
            let note = match item.digest() {
                Some(digest) => Some(self.store.stamp_path(&digest)),
                None => self.store.note_path(&item.path),
            };
            // The time of a blob that has a stamp is part of what the stamp says.
            let path = note.filter(|_| noted.is_some()).unwrap_or_else(|| item.path.clone());
            stamp::set_modified(&path, self.clock.now);
        }
        age
    }

    /// Whether what a stamp or note is about is there.
    fn has_subject(&self, stamp: &Item) -> bool {
        let name = stamp.path.file_name().unwrap_or_default();
        let folder = stamp.path.parent().and_then(Path::file_name).unwrap_or_default();
        match name.to_str().and_then(|name| name.parse().ok()) {
            Some(digest) if folder.len() == 2 => self.store.blob_path(&digest).exists(),
            _ => self.store.root().join(folder).join(name).exists(),
        }
    }

    fn remove(&mut self, item: &Item, total: &mut u64, report: &mut GcReport) {
        if !self.options.dry_run {
            // Used since it was looked at, by somebody whom no lock kept out.
            if !self.is_as_old_as(item, self.grace(item)) {
                return;
            }
            if let Err(error) = self.unlink(item) {
                report.failed.push(error);
                return;
            }
        }
        self.gone.extend(item.digest());
        *total = total.saturating_sub(item.bytes);
        report.freed += item.bytes;
        let Item { kind, path, bytes, .. } = item.clone();
        report.removed.push(Removed { kind, path, bytes });
    }

    fn unlink(&self, item: &Item) -> Result<(), Error> {
        if let Some(digest) = item.digest() {
            self.store.remove(&digest)?;
            return Ok(());
        }
        if let Some(note) = self.store.note_path(&item.path) {
            remove_file(&note)?;
        }
        remove_file(&item.path)?;
        Ok(())
    }
}

/// The digests that a cached index names, whatever its shape: every run of 64 hexadecimal
/// digits. Entries of the index are found by them, offline as well.
fn digests_in(path: &Path) -> Vec<Sha256Digest> {
    let Ok(bytes) = fs::read(path) else {
        return Vec::new();
    };
    bytes
        .split(|byte| !byte.is_ascii_hexdigit())
        .filter(|run| run.len() == 64)
        .filter_map(|run| std::str::from_utf8(run).ok())
        .filter(|run| is_lower_hex(run))
        .filter_map(|run| run.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_any_shape_names_digests() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        let digest = Sha256Digest::of(b"shard");
        let upper = Sha256Digest::of(b"other").to_hex().to_uppercase();
        fs::write(&path, format!("\"{digest}\" {digest}00 {upper} {}", &digest.to_hex()[..63]))
            .unwrap();
        assert_eq!(digests_in(&path), [digest]);
        assert!(digests_in(&dir.path().join("missing")).is_empty());
    }
}
