//! Removing what nobody refers to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::files::Files;
use super::snapshot::Snapshot;
use crate::atomic::TEMPORARY_PREFIX;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::store::children;
use crate::tree::{Line, page_path, shard_path};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Pages and shards that no index refers to.
    pub objects: usize,
    /// What was never finished.
    pub temporaries: usize,
}

/// Whether the file is older than that. A clock that went back says no.
fn is_old(path: &Path, age: Duration) -> bool {
    let modified = path.symlink_metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|old| old >= age))
}

impl Files {
    /// Removes temporaries older than `age`, wherever a tree has any.
    pub(super) fn sweep_temporaries(&self, age: Duration) -> Result<usize, Error> {
        let mut dirs = vec![self.dir.clone(), self.path("history"), self.path("pages")];
        dirs.extend(below(&self.path("blobs/sha256"), 1)?);
        dirs.extend(below(&self.path("models"), 2)?);
        let mut removed = 0;
        for path in dirs.iter().map(|dir| children(dir)).collect::<Result<Vec<_>, _>>()?.concat() {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(TEMPORARY_PREFIX))
                && path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
                && is_old(&path, age)
            {
                self.remove(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes pages and shards older than `age` that neither the index nor those before it,
    /// as far as they are kept, refer to. Who began to read an old index gets to its end.
    pub(super) fn sweep_objects(&self, age: Duration) -> Result<usize, Error> {
        let mut used: BTreeSet<PathBuf> = BTreeSet::new();
        let newest = self.roll_forward()?;
        for current in [&newest].into_iter().chain(&self.history()?) {
            let snapshot = Snapshot::new(self, current);
            for (at, page) in current.file.pages.iter().enumerate() {
                let Ok(digest) = page.parse::<Sha256Digest>() else { continue };
                if !used.insert(self.path(&page_path(&digest))) {
                    continue;
                }
                let lines = match snapshot.page(at) {
                    Ok(lines) => lines,
                    // Of an older index nobody needs what is damaged. Of the newest, what a
                    // page refers to must not go because the page cannot be read.
                    Err(_) if current.file.counter < newest.file.counter => continue,
                    Err(error) => return Err(error),
                };
                for line in lines {
                    if let Line::Model { name, shard, .. } = line {
                        used.insert(self.path(&shard_path(&name, &shard)));
                    }
                }
            }
        }
        let mut files = children(&self.path("pages"))?;
        for dir in below(&self.path("models"), 2)? {
            files.extend(children(&dir)?);
        }
        let mut removed = 0;
        for path in files {
            let digest = path
                .file_name()
                .and_then(|name| name.to_str()?.split('.').next()?.parse::<Sha256Digest>().ok());
            if digest.is_some() && path.is_file() && !used.contains(&path) && is_old(&path, age) {
                self.remove(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// `dir` and the folders in it, to that depth. Links are not followed.
fn below(dir: &Path, depth: usize) -> Result<Vec<PathBuf>, Error> {
    let mut all = vec![dir.to_owned()];
    if depth > 0 {
        for path in children(dir)? {
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                all.extend(below(&path, depth - 1)?);
            }
        }
    }
    Ok(all)
}
