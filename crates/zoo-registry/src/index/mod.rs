//! The index: what one registry has, found by name.
//!
//! A registry is one of three things, and everything above this module treats them alike:
//! the entries inside the binary, a folder of TOML files that people edit, or a tree of
//! static files ([`crate::tree`]) in a folder or behind a url. One bad entry never hides the
//! good ones: it is kept as a [rejection](Index::take_rejected).

mod builtin;
mod folder;
mod query;
mod row;
mod suggest;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::bounded;
use crate::digest::Sha256Digest;
use crate::entry::Entry;
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::http::Client;
use crate::name::ModelName;
use crate::store::Store;
use crate::tree::{FolderReader, HttpReader, MAX_INDEX_BYTES, Tree};
use crate::url::{Source, redacted};
use folder::Folder;

pub use query::Query;
pub use row::Row;
pub(crate) use suggest::Suggestions;

/// Where an index came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This binary.
    Builtin,
    /// A directory.
    Directory(PathBuf),
    /// Static files below this url.
    Url(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::Directory(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(&redacted(url)),
        }
    }
}

/// What one registry has.
#[derive(Debug)]
pub struct Index {
    origin: Origin,
    entries: Entries,
    rejected: Mutex<Vec<Error>>,
}

#[derive(Debug)]
enum Entries {
    Builtin,
    Folder(Folder),
    Tree(Tree),
}

impl Index {
    /// The entries inside the binary.
    pub fn builtin() -> Self {
        Self::new(Origin::Builtin, Entries::Builtin, Vec::new())
    }

    /// The registry that `--registry` means: a url, or else a directory.
    ///
    /// # Errors
    /// As [`Index::from_url`] and [`Index::from_dir`].
    pub fn open(
        registry: &str,
        store: &Store,
        options: &FetchOptions,
        offline: bool,
    ) -> Result<Self, Error> {
        if registry.contains("://") && !registry.starts_with("file://") {
            return Self::from_url(registry, store, options, offline);
        }
        match Source::parse(registry) {
            Ok(Source::File(dir)) => Self::from_dir(&dir),
            _ => Self::from_dir(Path::new(registry)),
        }
    }

    /// The registry in `dir`: `models/*.toml` (`models/OWNER/*.toml` for community models),
    /// the same without `models/`, or else a tree of static files.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::IndexInvalid`] where there is nothing of the kind. A bad
    /// entry is no error: see [`Index::take_rejected`].
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        let origin = Origin::Directory(dir.to_owned());
        let file = dir.join("index.json");
        if file.is_file() {
            let bytes = bounded::read(&file, MAX_INDEX_BYTES)?;
            let reader = Box::new(FolderReader { dir: dir.to_owned() });
            let tree = Tree::new(origin.to_string(), payload(&bytes, &origin)?, reader)?;
            return Ok(Self::new(origin, Entries::Tree(tree), Vec::new()));
        }
        match Folder::read(dir)? {
            Some((folder, rejected)) => {
                Ok(Self::new(origin, Entries::Folder(folder), rejected))
            }
            None => Err(Error::IndexInvalid {
                origin: dir.display().to_string(),
                why: "there is neither a models/*.toml nor an index.json".to_owned(),
            }),
        }
    }

    /// The registry whose `index.json` is below `url`. Pages and shards that are in `store`
    /// already are not fetched again; with `offline` nothing is fetched and the last
    /// `index.json` seen is used.
    ///
    /// # Errors
    /// What fetching `index.json` says, or its contents; [`Error::OfflineIndex`].
    pub fn from_url(
        url: &str,
        store: &Store,
        options: &FetchOptions,
        offline: bool,
    ) -> Result<Self, Error> {
        if let Err(why) = Source::parse(url) {
            return Err(Error::UnsupportedUrl { url: redacted(url), why });
        }
        // With or without the trailing slash it is the same registry.
        let base = url.trim_end_matches('/').to_owned();
        let client = Client::new(options);
        let origin = Origin::Url(base.clone());
        let cached =
            store.root().join("index").join(Sha256Digest::of(base.as_bytes()).to_hex() + ".json");
        let bytes = if offline {
            if !cached.is_file() {
                return Err(Error::OfflineIndex { url: redacted(&base) });
            }
            bounded::read(&cached, MAX_INDEX_BYTES)?
        } else {
            client.get_small(&format!("{base}/index.json"), MAX_INDEX_BYTES, options)?
        };
        let (options, store) = (options.clone(), store.clone());
        let reader = Box::new(HttpReader { base, client, options, store, offline });
        let tree = Tree::new(origin.to_string(), payload(&bytes, &origin)?, reader)?;
        if !offline {
            // Only what could be read takes the place of what could be read before.
            let _ = crate::atomic::write(&cached, &bytes);
        }
        Ok(Self::new(origin, Entries::Tree(tree), Vec::new()))
    }

    fn new(origin: Origin, entries: Entries, rejected: Vec<Error>) -> Self {
        Self { origin, entries, rejected: Mutex::new(rejected) }
    }

    /// Where this index came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many models it has, where that is known without reading them.
    pub fn models(&self) -> u64 {
        match &self.entries {
            Entries::Builtin => builtin::names().count() as u64,
            Entries::Folder(folder) => folder.entries().count() as u64,
            Entries::Tree(tree) => tree.models(),
        }
    }

    /// What was left out since the last call, and why: broken entries, and names that were
    /// taken. Of a tree, only what was read can be found broken.
    pub fn take_rejected(&self) -> Vec<Error> {
        self.rejected.lock().map(|mut rejected| std::mem::take(&mut *rejected)).unwrap_or_default()
    }

    fn reject(&self, errors: Vec<Error>) {
        if let Ok(mut rejected) = self.rejected.lock() {
            rejected.extend(errors);
        }
    }

    /// The entry with this name or alias; `None` if there is none.
    ///
    /// # Errors
    /// What reading the entry, or what leads to it, says.
    pub fn get(&self, name: &ModelName) -> Result<Option<Entry>, Error> {
        match &self.entries {
            Entries::Builtin => builtin::get(name),
            Entries::Folder(folder) => Ok(folder.get(name).cloned()),
            Entries::Tree(tree) => {
                let mut rejected = Vec::new();
                let found = tree.lookup(name, &mut rejected);
                self.reject(rejected);
                found
            }
        }
    }

    /// The entry with this name or alias.
    ///
    /// # Errors
    /// [`Error::NotFound`], with up to three names that are close; as [`Index::get`].
    pub fn lookup(&self, name: &ModelName) -> Result<Entry, Error> {
        self.get(name)?.ok_or_else(|| {
            let mut suggestions = Suggestions::to(name);
            self.suggest(&mut suggestions);
            Error::NotFound { name: name.clone(), suggestions: suggestions.into_names() }
        })
    }

    /// Considers the names and aliases of this index.
    pub(crate) fn suggest(&self, suggestions: &mut Suggestions) {
        match &self.entries {
            Entries::Builtin => {
                let names = builtin::names().map(|name| (name, name));
                for (spelling, name) in names.chain(builtin::aliases()) {
                    if let (Ok(spelling), Ok(name)) = (spelling.parse(), name.parse()) {
                        suggestions.consider(&spelling, &name);
                    }
                }
            }
            Entries::Folder(folder) => {
                for entry in folder.entries() {
                    suggestions.consider(&entry.name, &entry.name);
                }
                for (alias, name) in folder.aliases() {
                    suggestions.consider(alias, name);
                }
            }
            Entries::Tree(tree) => tree.suggest(suggestions),
        }
    }

    /// Every entry, in the order of names. Reads all there is: meant for registries that one
    /// holds, not for searching.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        match &self.entries {
            Entries::Builtin => builtin::entries().collect(),
            Entries::Folder(folder) => Ok(folder.entries().cloned().collect()),
            Entries::Tree(_) => {
                let names = self.search(&Query::default()).into_iter().map(|row| row.name);
                names.filter_map(|name| self.get(&name).transpose()).collect()
            }
        }
    }

    /// The rows that `query` matches, in the order of names. What cannot be read is
    /// [rejected](Index::take_rejected).
    pub fn search(&self, query: &Query) -> Vec<Row> {
        let rows = Mutex::new(Vec::new());
        let visit = |row: Row| {
            if query.matches(&row)
                && let Ok(mut rows) = rows.lock()
            {
                rows.push(row);
            }
        };
        let mut rejected = Vec::new();
        match &self.entries {
            Entries::Builtin => {
                for entry in builtin::entries() {
                    match entry {
                        Ok(entry) => Row::of(&entry).into_iter().for_each(visit),
                        Err(error) => rejected.push(error),
                    }
                }
            }
            Entries::Folder(folder) => folder.entries().filter_map(Row::of).for_each(visit),
            Entries::Tree(tree) => tree.rows(&visit, &mut rejected),
        }
        self.reject(rejected);
        let mut rows = rows.into_inner().unwrap_or_default();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }
}

/// The payload of `index.json`.
fn payload<'a>(bytes: &'a [u8], origin: &Origin) -> Result<&'a [u8], Error> {
    let start = b",\"signed\":\n";
    let payload = bytes
        .windows(start.len())
        .position(|window| window == start)
        .and_then(|at| bytes[at + start.len()..].strip_suffix(b"\n}\n"));
    payload.ok_or_else(|| Error::IndexInvalid {
        origin: origin.to_string(),
        why: "index.json is not one".to_owned(),
    })
}
