//! Writing a whole tree, from all entries.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{INDEX_SCHEMA, IndexFile, Line, encode, page_of, page_path, pages_for, shard_path};
use crate::atomic;
use crate::digest::Sha256Digest;
use crate::entry::Entry;
use crate::error::Error;
use crate::name::ModelName;
use crate::trust::{Kind, SecretKey, sign_envelope};

/// How a tree is written.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// The counter of the index, which must be above that of the tree it replaces.
    pub counter: u64,
    /// When it was made, RFC 3339; left out of the index if not given.
    pub created: Option<String>,
    /// Until when it counts, RFC 3339.
    pub expires: Option<String>,
    /// Do not wait until each file is on disk. For trees that are made anew when the power
    /// fails; a crash of the program alone loses nothing either way.
    pub in_a_hurry: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// How many models.
    pub models: usize,
    /// How many pages.
    pub pages: usize,
    /// The index without signatures: what is to be signed, and written to `index.json`.
    pub payload: Vec<u8>,
}

#[derive(Serialize)]
struct Config {
    schema: u32,
    index: &'static str,
}

/// Writes shards, pages and `config.json` of `entries` below `dir`, but not `index.json`: its
/// payload comes back, to be signed. Until that is written, nothing refers to what is new.
/// Files there that are not part of the tree are left.
///
/// # Errors
/// [`Error::Io`], [`Error::Json`]; [`Error::NameConflict`] where two entries, or an alias and
/// an entry, have names that differ in separators only.
pub fn build_tree(
    entries: impl IntoIterator<Item = impl Borrow<Entry>>,
    dir: &Path,
    options: &BuildOptions,
) -> Result<Built, Error> {
    let write = if options.in_a_hurry { atomic::write_carelessly } else { atomic::write };
    let mut lines = Vec::new();
    let mut models = 0;
    for entry in entries {
        let entry = entry.borrow();
        models += 1;
        let shard = to_json(entry, entry.name.as_str())?;
        let digest = Sha256Digest::of(&shard);
        let path = dir.join(shard_path(&entry.name, &digest));
        // Named by its contents: if it is there, it is this one.
        if !path.is_file() {
            write(&path, &shard)?;
        }
        lines.extend(Line::all_of(entry, digest));
    }
    refuse_twins(&lines)?;
    let count = pages_for(models);
    let mut pages: Vec<Vec<Line>> = vec![Vec::new(); count];
    for line in lines {
        pages[page_of(line.key(), count)].push(line);
    }
    let mut digests = Vec::with_capacity(count);
    for mut lines in pages {
        if lines.is_empty() {
            digests.push(String::new());
            continue;
        }
        let bytes = encode(&mut lines)?;
        let digest = Sha256Digest::of(&bytes);
        let path = dir.join(page_path(&digest));
        if !path.is_file() {
            write(&path, &bytes)?;
        }
        digests.push(digest.to_hex());
    }
    let index = IndexFile {
        kind: "index".to_owned(),
        schema: INDEX_SCHEMA,
        counter: options.counter,
        created: options.created.clone(),
        expires: options.expires.clone(),
        models: models as u64,
        pages: digests,
    };
    let config = Config { schema: INDEX_SCHEMA, index: "index.json" };
    atomic::write(&dir.join("config.json"), &to_json(&config, "config.json")?)?;
    let payload = serde_json::to_vec(&index)
        .map_err(|source| Error::Json { origin: "index.json".to_owned(), source })?;
    Ok(Built { models, pages: count, payload })
}

/// Signs `payload`, which [`build_tree`] gave, with `keys` and makes it the `index.json` below
/// `dir`, in one step. Without keys it is unsigned.
///
/// # Errors
/// [`Error::Io`]; [`Error::Trust`] where the payload is none of an index.
pub fn write_index(dir: &Path, payload: &[u8], keys: &[SecretKey]) -> Result<(), Error> {
    atomic::write(&dir.join("index.json"), &sign_envelope(Kind::Index, payload, keys)?)
}

/// One name must not be two models, nor two that nobody can tell apart.
fn refuse_twins(lines: &[Line]) -> Result<(), Error> {
    let mut taken: BTreeMap<String, (&ModelName, &ModelName)> = BTreeMap::new();
    for line in lines {
        let (name, owner) = match line {
            Line::Alias { alias, of } => (alias, of),
            Line::Model { name, .. } => (name, name),
        };
        // A model may be called `resnet-50` and have the alias `resnet50`.
        if let Some((twin, other)) = taken.insert(name.folded(), (name, owner))
            && (other != owner || twin == name)
        {
            return Err(Error::NameConflict {
                origin: owner.to_string(),
                name: name.clone(),
                why: format!("`{twin}` of `{other}` has it"),
            });
        }
    }
    Ok(())
}

/// As shards and other files of a tree are written: one line.
pub(crate) fn to_json(value: &impl Serialize, origin: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|source| Error::Json { origin: origin.to_owned(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}
