//! The index: what one registry has, found by name.
//!
//! A registry is one of three things, and everything above this module treats them alike:
//! the entries inside the binary, a folder of TOML files that people edit, or a tree of
//! static files ([`crate::tree`]) in a folder or behind a url. One bad entry never hides the
//! good ones: it is kept as a [rejection](Index::take_rejected).

mod builtin;
mod folder;
mod open;
mod query;
mod row;
mod suggest;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::entry::Entry;
use crate::error::Error;
use crate::name::ModelName;
use crate::tree::Tree;
use crate::url::redacted;
use folder::Folder;

pub use open::{IndexOptions, fetch_root};
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
    /// A repository.
    Git {
        /// Its address.
        url: String,
        /// Where its newest commit is.
        checkout: PathBuf,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::Directory(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(&redacted(url)),
            Self::Git { url, .. } => write!(f, "git+{}", redacted(url)),
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

    /// The registry at `location`: a url, `git+` and the url of a repository, or a folder.
    ///
    /// # Errors
    /// What bringing its `index.json` here says, or its contents; [`Error::Untrusted`],
    /// [`Error::Trust`], [`Error::OfflineIndex`].
    pub fn open(location: &str, options: &IndexOptions) -> Result<Self, Error> {
        open::open(location, options)
    }

    /// The registry in `dir`, whose files are taken at their word: `models/*.toml`
    /// (`models/OWNER/*.toml` for community models), the same without `models/`, or else a
    /// tree of static files.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::IndexInvalid`] where there is nothing of the kind. A bad
    /// entry is no error: see [`Index::take_rejected`].
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        open::open_folder(dir, None)
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
