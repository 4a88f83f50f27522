//! A download under way: a file of our own, and what an earlier one left behind.
//!
//! Every download writes to a new file that no other process ever opens for writing. What an
//! earlier, broken-off download of the same key left is *copied* into it (and hashed on the
//! way), not taken over. So two processes never write to one file, and the bytes on disk are
//! the bytes that were hashed, even where a lock is granted to everyone, as on some network
//! file systems. The lock only decides whether a leftover may be used and then deleted.
//!
//! A file that comes in several pieces at once has holes: beside the start, which is hashed,
//! there are pieces further on. The sidecar says which bytes are there, always after they
//! were written, so that it holds after a kill at any moment. (After a power cut it may not:
//! then the digest is wrong in the end, and everything is fetched once more.)

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::atomic::{self, create_dir_all};
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::error::Error;
use crate::expected::Expected;
use crate::positioned::{FromStart, read_at, write_all_at};
use crate::store::{Store, children};

/// Copying and hashing: large enough that system calls do not count.
const BUFFER_BYTES: usize = 1 << 18;

/// What identifies the object that a partial file is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validator {
    /// The url that the bytes came from.
    pub(crate) url: String,
    /// A strong `ETag`, or else `Last-Modified`, as it goes into `If-Range`.
    pub(crate) if_range: String,
}

/// Bytes from the first number up to the second.
pub(crate) type Extent = (u64, u64);

/// The sidecar of a partial file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    url: String,
    if_range: String,
    /// What is there, in order and apart; without it everything up to the end of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arrived: Option<Vec<Extent>>,
}

/// A download under way.
pub(crate) struct Partial {
    path: PathBuf,
    /// Open for reading and writing, and locked, where locks work, until this is dropped.
    file: File,
    /// Has seen the first [`Partial::length`] bytes, unless it is lent out.
    hasher: Sha256Hasher,
    length: u64,
    /// What is there after a hole.
    beyond: Vec<Extent>,
    /// The size of the whole file, where the server or the entry says it.
    total: Option<u64>,
    validator: Option<Validator>,
    /// Leave the file behind for a later attempt when this is dropped.
    keep: bool,
    /// A leftover that was taken over, held for its lock.
    taken_over: Option<File>,
}

impl Partial {
    /// Starts a download of `key`, with the most of it that was left behind and is not in use.
    pub(crate) fn claim(store: &Store, key: &str) -> Result<Self, Error> {
        let dir = store.partial_dir();
        create_dir_all(&dir)?;
        let mut partial = Self::create(&dir, key)?;
        let mut leftovers = leftovers(&dir, key, &partial.path)?;
        // The fullest first: the others are of no more use and go too.
        leftovers.sort_by_key(|leftover| std::cmp::Reverse(leftover.bytes()));
        for mut leftover in leftovers {
            if partial.arrived() == 0 && leftover.bytes() > 0 {
                match partial.copy_leftover(&mut leftover) {
                    // There is no room for a copy.
                    Err(Error::DiskFull { .. }) if partial.locks_are_honest() => {
                        match partial.take_over(leftover) {
                            // Whoever was granted our lock was faster.
                            Err(Error::Io { source, .. })
                                if source.kind() == io::ErrorKind::NotFound => {}
                            taken => taken?,
                        }
                        continue;
                    }
                    copied => copied?,
                }
            }
            leftover.delete();
        }
        Ok(partial)
    }

    /// A new file for `key`. It gets the name by which others find it only once it is locked:
    /// to them it would be a leftover until then. A kill in between leaves an empty file, which goes when
    /// garbage is collected.
    fn create(dir: &Path, key: &str) -> Result<Self, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{key}.{}-{count}.part", process::id()));
            let nameless = path.with_extension("new");
            let created = File::options().read(true).write(true).create_new(true).open(&nameless);
            let file = match created {
                Ok(file) => file,
                // Of an earlier process with our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io("create", &nameless)(error)),
            };
            // Without locks this is only less thrifty, never wrong.
            let _ = file.try_lock();
            if path.exists() {
                // A leftover, and not to be renamed over: it may be the fullest.
                let _ = fs::remove_file(nameless);
                continue;
            }
            atomic::rename(&nameless, &path).map_err(Error::io("rename", &nameless))?;
            return Ok(Self {
                path,
                file,
                hasher: Sha256Hasher::new(),
                length: 0,
                beyond: Vec::new(),
                total: None,
                validator: None,
                keep: false,
                taken_over: None,
            });
        }
    }

    fn copy_leftover(&mut self, leftover: &mut Leftover) -> Result<(), Error> {
        match &leftover.arrived {
            None => self.copy_from(&mut leftover.file, &leftover.path)?,
            Some(extents) => {
                let mut buffer = vec![0; BUFFER_BYTES];
                for &(start, end) in extents {
                    let mut at = start;
                    while at < end {
                        let most = buffer.len().min((end - at) as usize);
                        let n = read_at(&leftover.file, &mut buffer[..most], at)
                            .map_err(Error::io("read", &leftover.path))?;
                        if n == 0 {
                            break;
                        }
                        if at == self.length {
                            self.write(&buffer[..n])?;
                        } else {
                            write_all_at(&self.file, &buffer[..n], at)
                                .map_err(|error| self.write_error(error))?;
                        }
                        at += n as u64;
                    }
                    if start > self.length {
                        self.beyond.push((start, at));
                    }
                }
                self.seek_to_length()?;
            }
        }
        self.validator = leftover.validator.take();
        self.save_note();
        Ok(())
    }

    fn copy_from(&mut self, from: &mut File, path: &Path) -> Result<(), Error> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => self.write(&buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", path)(error)),
            }
        }
    }

    /// Whether a second handle is refused the lock that we hold.
    fn locks_are_honest(&self) -> bool {
        File::open(&self.path)
            .is_ok_and(|second| matches!(second.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Makes the file of `leftover` ours, where there is no room for a copy.
    fn take_over(&mut self, leftover: Leftover) -> Result<(), Error> {
        fs::rename(&leftover.path, &self.path).map_err(Error::io("take over", &leftover.path))?;
        let _ = fs::remove_file(sidecar(&leftover.path));
        let open = File::options().read(true).write(true).open(&self.path);
        self.file = open.map_err(Error::io("open", &self.path))?;
        self.hasher = Sha256Hasher::new();
        self.beyond = leftover.arrived.clone().unwrap_or_else(|| vec![(0, leftover.length)]);
        let start = match self.beyond.first() {
            Some(&(0, end)) => end,
            _ => 0,
        };
        self.beyond.retain(|extent| extent.0 > 0);
        let mut from = FromStart { file: &self.file, offset: 0 }.take(start);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match from.read(&mut buffer).map_err(Error::io("read", &self.path))? {
                0 => break,
                n => self.hasher.update(&buffer[..n]),
            }
        }
        self.length = self.hasher.bytes();
        self.validator = leftover.validator;
        self.taken_over = Some(leftover.file);
        self.seek_to_length()?;
        self.save_note();
        Ok(())
    }

    /// How many bytes are there from the start without a hole.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes are there, those after holes included.
    pub(crate) fn arrived(&self) -> u64 {
        self.length + self.beyond.iter().map(|(start, end)| end - start).sum::<u64>()
    }

    /// What is there after a hole, in order and apart.
    pub(crate) fn beyond(&self) -> &[Extent] {
        &self.beyond
    }

    /// The digest of the bytes from the start.
    pub(crate) fn digest(&self) -> Sha256Digest {
        self.hasher.finish()
    }

    /// Fails if the bytes from `url` that are there are not the expected ones.
    pub(crate) fn check(&self, expected: &Expected, url: &str) -> Result<(), Error> {
        expected.check(url, self.digest(), || Ok(FromStart { file: &self.file, offset: 0 }))
    }

    /// The validator of these bytes, if they came from `url`.
    pub(crate) fn validator_for(&self, url: &str) -> Option<&Validator> {
        self.validator.as_ref().filter(|v| v.url == url)
    }

    /// Notes what the bytes are a part of, so that a later process can go on.
    pub(crate) fn set_validator(&mut self, validator: Option<Validator>) {
        if self.validator != validator {
            self.validator = validator;
            if !self.save_note() {
                // An old note about new bytes would be worse than none.
                let _ = fs::remove_file(sidecar(&self.path));
            }
        }
    }

    /// Notes the size of the whole file.
    pub(crate) fn set_total(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// Writes what is known beside the file. Where that fails, as on a full disk, an earlier
    /// note stays: about the same object, it says less and nothing wrong.
    fn save_note(&self) -> bool {
        let start = (self.length > 0).then_some((0, self.length));
        let arrived = (!self.beyond.is_empty())
            .then(|| start.into_iter().chain(self.beyond.iter().copied()).collect());
        write_note(&self.path, self.validator.as_ref(), arrived)
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_unhashed(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Appends `bytes`, which whoever has [`Partial::lend_hasher`] hashes.
    pub(crate) fn write_unhashed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|error| self.write_error(error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The hasher, for another thread; to be given back before anything else is asked.
    pub(crate) fn lend_hasher(&mut self) -> Sha256Hasher {
        mem::take(&mut self.hasher)
    }

    /// Takes the hasher back, which has seen all that was written meanwhile.
    pub(crate) fn return_hasher(&mut self, hasher: Sha256Hasher) {
        debug_assert_eq!(hasher.bytes(), self.length);
        self.hasher = hasher;
    }

    /// The file for threads that write pieces of it; there must be a validator.
    pub(crate) fn piece_file(&self) -> PieceFile<'_> {
        PieceFile { partial: self }
    }

    /// Takes in what came in pieces: `hasher` has seen all up to the first hole.
    pub(crate) fn finish_pieces(
        &mut self,
        hasher: Sha256Hasher,
        beyond: Vec<Extent>,
    ) -> Result<(), Error> {
        self.length = hasher.bytes();
        self.hasher = hasher;
        self.beyond = beyond;
        // A failed write may have left bytes that nothing notes.
        let end = self.beyond.last().map_or(self.length, |extent| extent.1);
        self.file.set_len(end).map_err(Error::io("truncate", &self.path))?;
        self.save_note();
        self.seek_to_length()
    }

    /// Throws away what is there after holes.
    pub(crate) fn drop_beyond(&mut self) -> Result<(), Error> {
        if !self.beyond.is_empty() {
            self.beyond.clear();
            self.file.set_len(self.length).map_err(Error::io("truncate", &self.path))?;
            self.save_note();
        }
        Ok(())
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        self.beyond.clear();
        self.set_validator(None);
        self.length = 0;
        self.hasher = Sha256Hasher::new();
        self.file.set_len(0).map_err(Error::io("truncate", &self.path))?;
        self.seek_to_length()
    }

    fn seek_to_length(&mut self) -> Result<(), Error> {
        let sought = self.file.seek(SeekFrom::Start(self.length));
        sought.map(|_| ()).map_err(Error::io("seek in", &self.path))
    }

    fn write_error(&self, source: io::Error) -> Error {
        let needed = self.total.map(|total| total.saturating_sub(self.arrived()));
        Error::write(&self.path, needed)(source)
    }

    /// Leaves the bytes for a later attempt.
    pub(crate) fn keep(&mut self) {
        self.keep = self.arrived() > 0 && self.validator.is_some();
    }

    /// Makes the complete file a blob.
    pub(crate) fn install(mut self, store: &Store) -> Result<PathBuf, Error> {
        let digest = self.digest();
        match store.install(&self.file, &self.path, &digest) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                self.install_copy(store, &digest)
            }
            installed => installed,
        }
    }

    /// Somebody who was granted our lock finished first and removed our name. Our bytes are
    /// still there behind the open file.
    fn install_copy(&mut self, store: &Store, digest: &Sha256Digest) -> Result<PathBuf, Error> {
        if let Some(path) = store.open_verified(digest, Some(self.length())) {
            return Ok(path);
        }
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("read", &self.path))?;
        store.install_from(&mut self.file, digest)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.keep {
            // Bytes that never reached the disk would only fail the digest later.
            let _ = self.file.sync_data();
        } else {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(sidecar(&self.path));
        }
    }
}

/// A partial file while several threads write pieces of it.
pub(crate) struct PieceFile<'a> {
    partial: &'a Partial,
}

impl PieceFile<'_> {
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        write_all_at(&self.partial.file, bytes, offset)
            .map_err(|error| self.partial.write_error(error))
    }

    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        read_at(&self.partial.file, buffer, offset).map_err(Error::io("read", &self.partial.path))
    }

    /// Notes that `arrived` is there, in order and apart.
    pub(crate) fn note(&self, arrived: Vec<Extent>) {
        write_note(&self.partial.path, self.partial.validator.as_ref(), Some(arrived));
    }
}

/// Where the note about the partial file at `path` is.
fn sidecar(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Writes the note about the partial file at `path`; without a validator there is none.
///
/// In one step, so that a kill leaves the old or the new one; without a flush, because a lost
/// note costs no more than a download from the start.
fn write_note(path: &Path, validator: Option<&Validator>, arrived: Option<Vec<Extent>>) -> bool {
    let Some(Validator { url, if_range }) = validator.cloned() else {
        return false;
    };
    let temporary = path.with_extension("tmp");
    let written = serde_json::to_vec(&Note { url, if_range, arrived }).is_ok_and(|json| {
        fs::write(&temporary, json).and_then(|()| fs::rename(&temporary, sidecar(path))).is_ok()
    });
    if !written {
        let _ = fs::remove_file(temporary);
    }
    written
}

/// What an earlier download left.
struct Leftover {
    path: PathBuf,
    /// Locked.
    file: File,
    length: u64,
    validator: Option<Validator>,
    arrived: Option<Vec<Extent>>,
}

impl Leftover {
    /// How many bytes of it are of use.
    fn bytes(&self) -> u64 {
        match &self.arrived {
            Some(extents) => extents.iter().map(|(start, end)| end - start).sum(),
            None => self.length,
        }
    }

    fn delete(self) {
        drop(self.file);
        for extension in ["json", "tmp", "part"] {
            let _ = fs::remove_file(self.path.with_extension(extension));
        }
    }
}

/// Partial files of `key` that nobody is using.
fn leftovers(dir: &Path, key: &str, own: &Path) -> Result<Vec<Leftover>, Error> {
    let prefix = format!("{key}.");
    let mut found = Vec::new();
    for path in children(dir)? {
        let named = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(&prefix));
        if !named || path == own || path.extension().is_none_or(|e| e != "part") {
            continue;
        }
        // It may be gone, or not a file: then it is of no use.
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
            continue;
        }
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        let length = metadata.len();
        let (validator, arrived) = match read_note(&path) {
            Some(Note { url, if_range, arrived }) => {
                let arrived = arrived.map(|extents| within(extents, length));
                (Some(Validator { url, if_range }), arrived)
            }
            None => (None, None),
        };
        found.push(Leftover { path, file, length, validator, arrived });
    }
    Ok(found)
}

/// The note beside `path`, if it can be read; anything odd is as good as none.
fn read_note(path: &Path) -> Option<Note> {
    let mut text = String::new();
    File::open(sidecar(path)).ok()?.take(1 << 20).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// `extents` if they are in order, apart and within `length`; else none.
fn within(extents: Vec<Extent>, length: u64) -> Vec<Extent> {
    let mut end = None;
    let sound = extents.iter().all(|&(start, stop)| {
        let apart = end.is_none_or(|end| start > end);
        end = Some(stop);
        apart && start < stop && stop <= length
    });
    if sound { extents } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    fn validator() -> Validator {
        Validator { url: "http://a/b".to_owned(), if_range: "\"1\"".to_owned() }
    }

    #[test]
    fn a_leftover_is_copied_and_removed() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hello").unwrap();
        first.keep();
        drop(first);
        let second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 5);
        assert_eq!(second.digest(), Sha256Digest::of(b"hello"));
        assert!(second.validator_for("http://a/b").is_some());
        assert!(second.validator_for("http://other/b").is_none());
        drop(second);
        assert!(children(&store.partial_dir()).unwrap().is_empty());
    }

    #[test]
    fn pieces_beyond_a_hole_are_copied_too() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"he").unwrap();
        first.piece_file().write_at(b"lo", 3).unwrap();
        // A kill at this moment: the note says what is there.
        first.piece_file().note(vec![(0, 2), (3, 5)]);
        first.file.unlock().unwrap();
        let second = Partial::claim(&store, "k").unwrap();
        assert_eq!((second.length(), second.beyond()), (2, &[(3, 5)][..]));
        assert_eq!(second.digest(), Sha256Digest::of(b"he"));
        let mut hasher = Sha256Hasher::new();
        second.piece_file().write_at(b"l", 2).unwrap();
        let mut all = [0; 8];
        assert_eq!(second.piece_file().read_at(&mut all, 0).unwrap(), 5);
        hasher.update(&all[..5]);
        let mut second = second;
        second.finish_pieces(hasher, Vec::new()).unwrap();
        assert_eq!(fs::read(second.install(&store).unwrap()).unwrap(), b"hello");
    }

    #[test]
    fn fault_041_notes_that_lie() {
        assert_eq!(within(vec![(0, 2), (3, 5)], 5), [(0, 2), (3, 5)]);
        for odd in [vec![(0, 6)], vec![(3, 5), (0, 2)], vec![(0, 3), (3, 5)], vec![(2, 2)]] {
            assert_eq!(within(odd, 5), []);
        }
    }

    /// Where a copy finds no room, the leftover itself is used.
    #[test]
    fn fault_056_a_leftover_is_taken_over() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hel").unwrap();
        first.keep();
        drop(first);
        let mut second = Partial::create(&store.partial_dir(), "k").unwrap();
        assert!(second.locks_are_honest());
        let leftover = leftovers(&store.partial_dir(), "k", &second.path).unwrap().pop().unwrap();
        second.take_over(leftover).unwrap();
        assert_eq!(second.digest(), Sha256Digest::of(b"hel"));
        assert_eq!(second.validator_for("http://a/b"), Some(&validator()));
        second.write(b"lo").unwrap();
        assert_eq!(fs::read(second.install(&store).unwrap()).unwrap(), b"hello");
    }

    /// Nobody sees a partial file before its lock: those that start together leave each
    /// other's alone.
    #[test]
    fn fault_062_partial_files_are_locked_from_their_first_moment() {
        let (_dir, store) = store();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut partial = Partial::claim(&store, "k").unwrap();
                        thread::yield_now();
                        partial.write(b"x").unwrap();
                        assert!(partial.path.exists(), "{}", partial.path.display());
                    }
                });
            }
        });
        assert!(children(&store.partial_dir()).unwrap().is_empty());
    }

    #[test]
    fn a_partial_file_in_use_is_left_alone() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hello").unwrap();
        let second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 0);
        assert!(first.path.exists());
    }

    /// What happens where everyone gets the lock: the second takes over what the first is
    /// still writing, and both end with a right blob.
    #[test]
    fn fault_066_a_lock_that_lies() {
        let (_dir, store) = store();
        let mut first = Partial::claim(&store, "k").unwrap();
        first.set_validator(Some(validator()));
        first.write(b"hel").unwrap();
        first.file.unlock().unwrap();
        let mut second = Partial::claim(&store, "k").unwrap();
        assert_eq!(second.length(), 3);
        assert!(!first.path.exists());
        first.write(b"XX").unwrap();
        second.write(b"lo").unwrap();
        let blob = second.install(&store).unwrap();
        first.restart().unwrap();
        assert_eq!(fs::read(&blob).unwrap(), b"hello");
        first.write(b"other").unwrap();
        let other = first.install(&store).unwrap();
        assert_eq!(fs::read(other).unwrap(), b"other");
        assert_eq!(fs::read(blob).unwrap(), b"hello");
    }
}
