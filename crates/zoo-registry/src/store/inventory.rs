//! Everything that is in the cache directory, each thing by its kind. Listing, verifying and
//! collecting garbage see the cache only through this, so that they agree.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::atomic::TEMPORARY_PREFIX;
use crate::digest::{Sha256Digest, is_lower_hex};
use crate::error::Error;

use super::Store;

/// Files of the cache itself. None of them is garbage.
const STATE_FILES: [&str; 5] =
    ["in-use.lock", "pins.toml", "pins.toml.guard", "zoo.lock", "zoo.lock.guard"];

/// What a thing in the cache is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file as its publisher made it.
    Blobs,
    /// A model that was converted.
    Bundles,
    /// Features that were computed.
    Features,
    /// What is cached of remote indexes.
    Index,
    /// A download that is not complete.
    Partial,
    /// A file under way, or what a killed process left of one.
    Temporary,
    /// A note of when something was verified and used, and what it was made from.
    Stamps,
    /// Pins and locks.
    State,
    /// What nobody here made: other files, links, directories in places where there are none.
    Stray,
}

impl Kind {
    /// Its name for people and in JSON, in the plural where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Bundles => "bundles",
            Self::Features => "features",
            Self::Index => "index",
            Self::Partial => "partial",
            Self::Temporary => "temporary",
            Self::Stamps => "stamps",
            Self::State => "state",
            Self::Stray => "stray",
        }
    }
}

/// One thing in the cache.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    /// Of a stray directory nothing is counted.
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Item {
    /// The digest of a blob.
    pub(super) fn digest(&self) -> Option<Sha256Digest> {
        if self.kind != Kind::Blobs {
            return None;
        }
        digest_of(self.path.file_name()?.to_str()?)
    }
}

impl Store {
    /// Everything in the cache, in no particular order. Links are stray and not followed.
    pub(super) fn inventory(&self) -> Result<Vec<Item>, Error> {
        let root = self.root();
        let mut items = Vec::new();
        for entry in entries(root)? {
            let Entry { name, path, metadata } = &entry;
            match (name.as_str(), metadata.is_dir()) {
                ("blobs", true) => {}
                ("stamps", true) => stamps(path, &mut items)?,
                ("partial", true) => files(path, &mut items, partial_kind)?,
                ("bundles", true) => {
                    files(path, &mut items, |name| kind_by_end(name, ".zoo", Kind::Bundles))?;
                }
                ("features", true) => {
                    files(path, &mut items, |name| kind_by_end(name, ".features", Kind::Features))?;
                }
                ("index", true) => tree(path, &mut items)?,
                (name, false) if metadata.is_file() => {
                    let is_state = STATE_FILES.contains(&name);
                    let kind = if is_state { Kind::State } else { temporary_or_stray(name) };
                    items.push(entry.item(kind));
                }
                _ => items.push(entry.item(Kind::Stray)),
            }
        }
        items.extend(blobs(root)?);
        Ok(items)
    }
}

/// Everything below `root/blobs`.
pub(super) fn blobs(root: &Path) -> Result<Vec<Item>, Error> {
    let top = root.join("blobs");
    let mut items = Vec::new();
    if !is_own_dir(&top) {
        return Ok(items);
    }
    for entry in entries(&top)? {
        if entry.name == "sha256" && entry.metadata.is_dir() {
            fans(&entry.path, &mut items, Kind::Blobs)?;
        } else {
            items.push(entry.item(Kind::Stray));
        }
    }
    Ok(items)
}

fn stamps(top: &Path, items: &mut Vec<Item>) -> Result<(), Error> {
    let mut rest = Vec::new();
    fans(top, &mut rest, Kind::Stamps)?;
    for item in rest {
        let is_notes =
            item.path.ends_with("stamps/bundles") || item.path.ends_with("stamps/features");
        if is_notes && is_own_dir(&item.path) {
            files(&item.path, items, |name| match temporary_or_stray(name) {
                Kind::Stray => Kind::Stamps,
                temporary => temporary,
            })?;
        } else {
            items.push(item);
        }
    }
    Ok(())
}

/// `top/ab/<64 digits>`: of `kind`, where the first two digits are those of the directory.
fn fans(top: &Path, items: &mut Vec<Item>, kind: Kind) -> Result<(), Error> {
    for fan in entries(top)? {
        let is_fan = fan.metadata.is_dir() && fan.name.len() == 2 && is_lower_hex(&fan.name);
        if !is_fan {
            items.push(fan.item(Kind::Stray));
            continue;
        }
        files(&fan.path, items, |name| {
            let is_digest = digest_of(name).is_some() && name.starts_with(&fan.name);
            if is_digest { kind } else { temporary_or_stray(name) }
        })?;
    }
    Ok(())
}

/// The files directly in `dir`; whatever is no file is stray.
fn files(dir: &Path, items: &mut Vec<Item>, kind: impl Fn(&str) -> Kind) -> Result<(), Error> {
    for entry in entries(dir)? {
        let kind = if entry.metadata.is_file() { kind(&entry.name) } else { Kind::Stray };
        items.push(entry.item(kind));
    }
    Ok(())
}

/// What is cached of indexes: any files, at any depth.
fn tree(top: &Path, items: &mut Vec<Item>) -> Result<(), Error> {
    let mut dirs = VecDeque::from([top.to_owned()]);
    while let Some(dir) = dirs.pop_front() {
        for entry in entries(&dir)? {
            if entry.metadata.is_dir() {
                dirs.push_back(entry.path);
            } else if entry.metadata.is_file() {
                let is_temporary = temporary_or_stray(&entry.name) == Kind::Temporary;
                items.push(entry.item(if is_temporary { Kind::Temporary } else { Kind::Index }));
            } else {
                items.push(entry.item(Kind::Stray));
            }
        }
    }
    Ok(())
}

/// Names of partial downloads begin with their key, whatever stands beside them.
fn partial_kind(name: &str) -> Kind {
    let key = name.split('.').next().unwrap_or_default();
    if name.contains('.') && (digest_of(key).is_some() || key.starts_with("url-")) {
        Kind::Partial
    } else if name.strip_suffix(".tmp").is_some() {
        Kind::Temporary
    } else {
        temporary_or_stray(name)
    }
}

fn kind_by_end(name: &str, end: &str, kind: Kind) -> Kind {
    match temporary_or_stray(name) {
        Kind::Stray if name.ends_with(end) && !name.starts_with('.') => kind,
        other => other,
    }
}

fn temporary_or_stray(name: &str) -> Kind {
    if name.starts_with(TEMPORARY_PREFIX) { Kind::Temporary } else { Kind::Stray }
}

fn digest_of(name: &str) -> Option<Sha256Digest> {
    name.parse().ok()
}

/// Whether `path` is a directory and no link to one.
pub(super) fn is_own_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Something in a directory.
struct Entry {
    /// With replacements, where it is not UTF-8: then it is nothing that is known here.
    name: String,
    path: PathBuf,
    /// Of a link itself, not of what it points to.
    metadata: Metadata,
}

impl Entry {
    fn item(&self, kind: Kind) -> Item {
        Item {
            kind,
            path: self.path.clone(),
            bytes: if self.metadata.is_file() { self.metadata.len() } else { 0 },
            modified: self.metadata.modified().ok(),
        }
    }
}

/// What is in `dir`; nothing if it is not there. What vanishes meanwhile is left out.
fn entries(dir: &Path) -> Result<Vec<Entry>, Error> {
    let read = match fs::read_dir(dir) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read the directory", dir)(error)),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry.map_err(Error::io("read the directory", dir))?;
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        entries.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            path: entry.path(),
            metadata,
        });
    }
    Ok(entries)
}
