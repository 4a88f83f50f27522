//! The index: every entry of one registry, in memory, found by name.
//!
//! A registry is one of three things, and everything above this module treats them alike:
//! the entries inside the binary, a directory of TOML files, or static files behind a url.
//! One bad entry never hides the good ones: it is kept as a [rejection](Index::rejected).

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::digest::Sha256Digest;
use crate::embedded;
use crate::entry::{Entry, MAX_ENTRY_BYTES};
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::http::Client;
use crate::name::{ModelName, fold};
use crate::static_tree::{self, MAX_INDEX_BYTES};
use crate::store::{Store, children};
use crate::url::{Source, redacted};

/// Most suggestions in [`Error::NotFound`].
const MAX_SUGGESTIONS: usize = 3;

/// Least similarity of a suggestion: 1 less the share of letters that would have to change
/// (Damerau-Levenshtein).
const MIN_SIMILARITY: f64 = 0.65;

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

/// Every entry of one registry.
#[derive(Debug)]
pub struct Index {
    origin: Origin,
    entries: BTreeMap<ModelName, Entry>,
    aliases: BTreeMap<ModelName, ModelName>,
    rejected: Vec<Error>,
}

impl Index {
    /// The entries inside the binary.
    pub fn embedded() -> Self {
        let mut index = Self::empty(Origin::Builtin);
        for (stem, text) in embedded::ENTRIES {
            index.add_toml(text, &format!("builtin:{stem}.toml"), stem);
        }
        index.add_aliases();
        index
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
    /// the same without `models/`, or else the static files of [`crate::write_static_tree`].
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::IndexInvalid`] where there is nothing of the kind. A bad
    /// entry is no error: see [`Index::rejected`].
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        let mut index = Self::empty(Origin::Directory(dir.to_owned()));
        let models = dir.join("models");
        let top = if models.is_dir() { &models } else { dir };
        let mut files = Vec::new();
        for path in children(top)? {
            if path.is_dir() {
                files.extend(children(&path)?);
            } else {
                files.push(path);
            }
        }
        files.retain(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file());
        files.sort();
        for path in &files {
            let origin = path.display().to_string();
            // `alice/flowers.toml`, with `/` on every system.
            let stem = path
                .strip_prefix(top)
                .unwrap_or(path)
                .with_extension("")
                .to_string_lossy()
                .replace('\\', "/");
            match read_bounded(path) {
                Ok(text) => index.add_toml(&text, &origin, &stem),
                Err(error) => index.rejected.push(error),
            }
        }
        if files.is_empty() {
            if !dir.join("index.json").is_file() {
                return Err(Error::IndexInvalid {
                    origin: dir.display().to_string(),
                    why: "there is neither a models/*.toml nor an index.json".to_owned(),
                });
            }
            let read = |path: &str, limit| read_bytes(&dir.join(path), limit);
            let bytes = read("index.json", MAX_INDEX_BYTES)?;
            static_tree::read(&mut index, &bytes, |shard, _| read(shard, MAX_ENTRY_BYTES))?;
        }
        index.add_aliases();
        Ok(index)
    }

    /// The registry whose `index.json` is below `url`. Shards that are in `store` already
    /// are not fetched again; with `offline` nothing is fetched and the last `index.json`
    /// seen is used.
    ///
    /// # Errors
    /// What fetching `index.json` or its contents says; [`Error::OfflineIndex`]. A bad shard
    /// is no error: see [`Index::rejected`].
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
        let client = Client::new(options)?;
        let mut index = Self::empty(Origin::Url(base.clone()));
        let cached =
            store.root().join("index").join(Sha256Digest::of(base.as_bytes()).to_hex() + ".json");
        let bytes = if offline {
            if !cached.is_file() {
                return Err(Error::OfflineIndex { url: redacted(&base) });
            }
            read_bytes(&cached, MAX_INDEX_BYTES)?
        } else {
            client.get_small(&format!("{base}/index.json"), MAX_INDEX_BYTES, options)?
        };
        static_tree::read(&mut index, &bytes, |shard, digest| {
            if let Some(path) = store.open_verified(digest, None) {
                let bytes = read_bytes(&path, MAX_ENTRY_BYTES)?;
                if Sha256Digest::of(&bytes) == *digest {
                    return Ok(bytes);
                }
                store.remove(digest)?;
            }
            if offline {
                return Err(Error::OfflineIndex { url: format!("{}/{shard}", redacted(&base)) });
            }
            let bytes = client.get_small(&format!("{base}/{shard}"), MAX_ENTRY_BYTES, options)?;
            if Sha256Digest::of(&bytes) == *digest {
                // A cache that cannot be written to costs time, not correctness.
                let _ = store.insert(&bytes);
            }
            Ok(bytes)
        })?;
        if !offline {
            let _ = crate::atomic::write(&cached, &bytes);
        }
        index.add_aliases();
        Ok(index)
    }

    fn empty(origin: Origin) -> Self {
        Self { origin, entries: BTreeMap::new(), aliases: BTreeMap::new(), rejected: Vec::new() }
    }

    fn add_toml(&mut self, text: &str, origin: &str, stem: &str) {
        match Entry::from_toml(text, origin) {
            Ok(entry) => self.add(entry, origin, stem),
            Err(error) => self.rejected.push(error),
        }
    }

    /// Takes in `entry`, which stands under the name `stem`, or rejects it.
    pub(crate) fn add(&mut self, entry: Entry, origin: &str, stem: &str) {
        if let Err(error) = entry.validate(origin) {
            self.rejected.push(error);
            return;
        }
        let conflict = |why: String| Error::NameConflict {
            origin: origin.to_owned(),
            name: entry.name.clone(),
            why,
        };
        if entry.name.as_str() != stem {
            self.rejected.push(conflict(format!("it stands under `{stem}`")));
            return;
        }
        // `resnet-50` and `resnet.50` would be two models that nobody can tell apart.
        let folded = entry.name.folded();
        if let Some(twin) = self.entries.keys().find(|name| name.folded() == folded) {
            self.rejected.push(conflict(format!("`{twin}` has it")));
            return;
        }
        self.entries.insert(entry.name.clone(), entry);
    }

    /// Keeps an entry that could not be read among the rejections.
    pub(crate) fn reject(&mut self, error: Error) {
        self.rejected.push(error);
    }

    /// After all names are known: a name wins over an alias, the first alias over others.
    fn add_aliases(&mut self) {
        for entry in self.entries.values() {
            for alias in &entry.aliases {
                let owner = self
                    .entries
                    .get_key_value(alias)
                    .map(|(name, _)| name)
                    .or_else(|| self.aliases.get(alias));
                if let Some(owner) = owner {
                    self.rejected.push(Error::NameConflict {
                        origin: entry.name.to_string(),
                        name: alias.clone(),
                        why: format!("`{owner}` has it"),
                    });
                } else {
                    self.aliases.insert(alias.clone(), entry.name.clone());
                }
            }
        }
    }

    /// Where this index came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The entries in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// What was left out, and why: broken entries, and names that were taken.
    pub fn rejected(&self) -> &[Error] {
        &self.rejected
    }

    /// The entry with this name or alias.
    ///
    /// # Errors
    /// [`Error::NotFound`], with up to three names that are close.
    pub fn lookup(&self, name: &ModelName) -> Result<&Entry, Error> {
        let own_name = self.aliases.get(name).unwrap_or(name);
        self.entries.get(own_name).ok_or_else(|| Error::NotFound {
            name: name.clone(),
            suggestions: self.suggestions(name),
        })
    }

    fn suggestions(&self, name: &ModelName) -> Vec<String> {
        let wanted = name.folded();
        let names = self.entries.keys().map(|name| (name, name));
        let aliases = self.aliases.iter();
        let mut best: BTreeMap<&ModelName, f64> = BTreeMap::new();
        for (spelling, own_name) in names.chain(aliases) {
            let folded = spelling.folded();
            let score = if folded == wanted {
                // Above any similarity: only the separators differ.
                2.0
            } else {
                strsim::normalized_damerau_levenshtein(&folded, &wanted)
            };
            if score >= MIN_SIMILARITY {
                let known = best.entry(own_name).or_insert(score);
                *known = known.max(score);
            }
        }
        let mut best: Vec<_> = best.into_iter().collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        best.truncate(MAX_SUGGESTIONS);
        best.into_iter().map(|(name, _)| name.to_string()).collect()
    }

    /// The entries in which every word of `term` occurs in the name, an alias, the task or
    /// the family, whatever the case and the separators. No word finds everything.
    pub fn search(&self, term: &str) -> Vec<&Entry> {
        let words: Vec<String> =
            term.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
        self.entries
            .values()
            .filter(|entry| {
                let mut texts = vec![fold(&entry.task), fold(&entry.family)];
                texts.push(fold(entry.name.as_str()));
                texts.extend(entry.aliases.iter().map(|alias| fold(alias.as_str())));
                words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
            })
            .collect()
    }
}

/// At most `limit` bytes of the file at `path`.
fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(Error::io("open", path))?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::EntryTooLarge {
            origin: path.display().to_string(),
            bytes: bytes.len() as u64,
            limit,
        });
    }
    Ok(bytes)
}

fn read_bounded(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_bytes(path, MAX_ENTRY_BYTES)?).map_err(|_| Error::EntryInvalid {
        origin: path.display().to_string(),
        problems: vec!["it is not UTF-8".to_owned()],
    })
}
