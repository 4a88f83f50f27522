//! Locks on files, shared or exclusive, that end with the process that holds them.
//!
//! A lock here saves work and keeps others waiting; no contents depend on it. Lustre, GPFS
//! and some NFS mounts grant every lock to everyone, and others know none at all: whatever
//! takes a lock must stay right when it was granted for nothing. [`Locks::Lying`] lets tests
//! run the same operations under such locks.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

/// How often a lock that is taken is tried again.
const POLL: Duration = Duration::from_millis(10);

/// Whether locks can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locks {
    /// Those of the operating system.
    #[default]
    System,
    /// Every lock is granted at once and keeps nobody out, as on some network file systems.
    /// For tests.
    Lying,
}

/// Who else may have the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Others that share it.
    Shared,
    /// Nobody.
    Exclusive,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockFailure {
    /// Others have it; the process that has it alone, if there is one and it can be told.
    Busy(Option<u32>),
    /// The file cannot be opened or the system knows no locks.
    Impossible(io::Error),
}

/// A lock that ends when this is dropped, or when the process does.
#[derive(Debug)]
pub(crate) struct FileLock {
    /// Kept for the lock on it.
    _file: File,
}

impl FileLock {
    /// Takes the lock on `path`, which is created if it is missing and never removed: to
    /// lock a file that another then creates anew is to lock nothing. Waits for up to
    /// `patience`.
    pub(crate) fn acquire(
        path: &Path,
        mode: Mode,
        patience: Duration,
        locks: Locks,
    ) -> Result<Self, LockFailure> {
        let mut file = open(path, mode).map_err(LockFailure::Impossible)?;
        if locks == Locks::System {
            wait_for(&file, mode, patience).map_err(|error| {
                error.map_or_else(|| LockFailure::Busy(holder(path)), LockFailure::Impossible)
            })?;
        }
        if mode == Mode::Exclusive {
            // For the message that others get; without it theirs only says less.
            let _ = file
                .set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| writeln!(file, "{}", process::id()));
        }
        Ok(Self { _file: file })
    }
}

/// Locks `file`. The error is none when others have it for longer than `patience`.
fn wait_for(file: &File, mode: Mode, patience: Duration) -> Result<(), Option<io::Error>> {
    let deadline = Instant::now() + patience;
    loop {
        let tried = match mode {
            Mode::Shared => file.try_lock_shared(),
            Mode::Exclusive => file.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Err(None),
            Err(TryLockError::Error(error)) => return Err(Some(error)),
        }
    }
}

/// Opens the lock file. To share a lock, reading is enough: a cache that cannot be written to
/// has locks as well.
fn open(path: &Path, mode: Mode) -> io::Result<File> {
    let writable = File::options().read(true).write(true).create(true).truncate(false).open(path);
    match (writable, mode) {
        (Err(_), Mode::Shared) => File::open(path),
        (opened, _) => opened,
    }
}

/// The process that has the lock on `path` alone, or had it last.
fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

/// The lock file beside `path`: a file that is replaced cannot itself be locked.
pub(crate) fn guard_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".guard");
    path.with_file_name(name)
}

/// Whether nobody has the file at `path` locked, so far as this can be told.
pub(crate) fn is_unlocked(path: &Path, locks: Locks) -> bool {
    locks == Locks::Lying
        || File::open(path)
            .is_ok_and(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}
