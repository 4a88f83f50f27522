//! Listing folders: sorted, without what is hidden, and never out of the root by a link.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use zoo_model::Kind;

use super::{Dataset, Skipped};
use crate::error::{Error, Result};

/// How deep folders may nest inside a class; a tree deeper than this is a mistake.
const MAX_DEPTH: usize = 64;

/// What one folder holds, sorted by name.
#[derive(Default)]
pub(super) struct Found {
    pub(super) folders: Vec<(String, PathBuf)>,
    pub(super) files: Vec<(String, PathBuf)>,
}

/// A walk below one root, counting what it leaves out.
pub(super) struct Walk {
    root: PathBuf,
    pub(super) kind: Kind,
    pub(super) skipped: Skipped,
}

impl Walk {
    pub(super) fn new(root: &Path, kind: Kind) -> Result<Self> {
        Ok(Self { root: canonical(root)?, kind, skipped: Skipped::default() })
    }

    /// The visible folders and examples directly in `folder`.
    pub(super) fn list(&mut self, folder: &Path) -> Result<Found> {
        let unreadable = |source| Error::Read { path: folder.to_path_buf(), source };
        let mut found = Found::default();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let name = entry.file_name();
            if is_hidden(&name.to_string_lossy()) {
                self.skipped.hidden += 1;
                continue;
            }
            let kind = entry.file_type().map_err(unreadable)?;
            let Some(kind) = self.resolve(&path, folder, kind) else {
                self.skipped.links += 1;
                continue;
            };
            let is_wanted = kind.is_dir() || (kind.is_file() && is_of_kind(&path, self.kind));
            if !is_wanted {
                self.skipped.others += 1;
                continue;
            }
            let Ok(name) = name.into_string() else {
                return Err(Error::NameNotUtf8 { path });
            };
            if kind.is_dir() {
                found.folders.push((name, path));
            } else {
                found.files.push((name, path));
            }
        }
        found.folders.sort();
        found.files.sort();
        Ok(found)
    }

    /// Every example below `folder` with its path from there, `/` between the parts.
    pub(super) fn files_below(&mut self, folder: &Path) -> Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        let mut pending = vec![(String::new(), folder.to_path_buf(), 0)];
        while let Some((prefix, path, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                return Err(Error::TooDeep { path, limit: MAX_DEPTH });
            }
            let found = self.list(&path)?;
            for (name, path) in found.files {
                files.push((format!("{prefix}{name}"), path));
            }
            for (name, path) in found.folders {
                pending.push((format!("{prefix}{name}/"), path, depth + 1));
            }
        }
        Ok(files)
    }

    /// The kind of what is at `path`, through a link where that is safe to follow.
    fn resolve(&self, path: &Path, folder: &Path, kind: FileType) -> Option<FileType> {
        if !kind.is_symlink() {
            return Some(kind);
        }
        let target = fs::canonicalize(path).ok()?;
        let kind = fs::metadata(&target).ok()?.file_type();
        // A link to a folder above itself would be walked for ever.
        let above = fs::canonicalize(folder).ok()?.starts_with(&target);
        (target.starts_with(&self.root) && !(kind.is_dir() && above)).then_some(kind)
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// Whether the extension of `path` is one of [`Dataset::extensions`].
pub fn is_of_kind(path: &Path, kind: Kind) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        Dataset::extensions(kind).iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}
