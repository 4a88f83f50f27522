//! Writing the files of a tree, one step at a time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use crate::atomic::{TEMPORARY_PREFIX, parent_of, sync_dir, temporary_in};
use crate::error::Error;

/// A step that was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// A temporary is complete and flushed.
    Wrote,
    /// It has its name.
    Placed,
    /// The file was there with the right bytes.
    Found,
    /// It was removed.
    Removed,
}

/// Is told what happens to a registry while something is published.
pub trait PublishObserver: Send + Sync {
    /// A step was done to the file at `path`; of a temporary, the path that it is for.
    fn done(&self, operation: Operation, path: &Path) {
        let _ = (operation, path);
    }

    /// So many more bytes of a model's file were copied or sent.
    fn advanced(&self, bytes: u64) {
        let _ = bytes;
    }
}

impl PublishObserver for crate::observer::Silent {}

/// The files of one tree.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) dir: PathBuf,
    pub(super) observer: Arc<dyn PublishObserver>,
}

impl Files {
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    /// Makes sure that there is a file with these bytes, whose name follows from them.
    pub(super) fn object(&self, relative: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(relative);
        // What a power cut left has the right name and perhaps not the right bytes.
        if fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64)
            && fs::read(&path).is_ok_and(|found| found == bytes)
        {
            self.found(&path);
            return Ok(());
        }
        self.replace(relative, bytes)
    }

    /// An old file that is used again is not to be swept away as an old leftover.
    pub(super) fn found(&self, path: &Path) {
        // Who cannot do so cannot sweep either.
        let _ = File::options()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        self.observer.done(Operation::Found, path);
    }

    /// Writes a file, replacing what is there in one step.
    pub(super) fn replace(&self, relative: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(relative);
        let temporary = self.complete(&path, bytes)?;
        self.place(temporary, &path)
    }

    /// Creates a file with all of its bytes, unless there is one: then it says `false`.
    pub(super) fn claim(&self, relative: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.path(relative);
        let temporary = self.complete(&path, bytes)?;
        match temporary.persist_noclobber(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(Error::io("create", &path)(error.error)),
        }
        sync_dir(parent_of(&path));
        self.observer.done(Operation::Placed, &path);
        Ok(true)
    }

    /// A flushed temporary with these bytes, beside `path`.
    fn complete(&self, path: &Path, bytes: &[u8]) -> Result<NamedTempFile, Error> {
        let mut temporary = self.temporary(parent_of(path))?;
        temporary
            .write_all(bytes)
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(Error::io("write", path))?;
        self.observer.done(Operation::Wrote, path);
        Ok(temporary)
    }

    /// Gives a complete and flushed temporary its name.
    pub(super) fn place(&self, temporary: NamedTempFile, path: &Path) -> Result<(), Error> {
        temporary.persist(path).map_err(|error| Error::io("replace", path)(error.error))?;
        sync_dir(parent_of(path));
        self.observer.done(Operation::Placed, path);
        Ok(())
    }

    /// A temporary in `dir` with the mode that files usually have: others may serve it.
    pub(super) fn temporary(&self, dir: &Path) -> Result<NamedTempFile, Error> {
        self.create_dir(dir)?;
        temporary_in(dir, TEMPORARY_PREFIX, "")
    }

    /// Creates `dir` so that a power cut does not take it away with what is in it.
    fn create_dir(&self, dir: &Path) -> Result<(), Error> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = parent_of(dir);
        if dir != self.dir && parent.starts_with(&self.dir) {
            self.create_dir(parent)?;
        }
        fs::create_dir_all(dir).map_err(Error::io("create the directory", dir))?;
        sync_dir(parent);
        Ok(())
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Ok(()) => {
                self.observer.done(Operation::Removed, path);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", path)(error)),
        }
    }
}
