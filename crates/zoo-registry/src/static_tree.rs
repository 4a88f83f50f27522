//! The registry as static files that any web server, bucket or git host can serve.
//!
//! ```text
//! config.json                     {"schema":1,"index":"index.json"}
//! index.json                      {"schema":1,"models":{NAME:{"sha256":…,"path":…}}}
//! models/NAME/<16 digits>.json    one entry as JSON; the digits start its sha256
//! ```
//!
//! A shard's path changes with its contents, so a cache between server and client can never
//! pair a new index with an old shard. The shards are written before the index that names
//! them. The same entries give the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;
use crate::entry::Entry;
use crate::error::Error;
use crate::index::Index;
use crate::name::ModelName;
use crate::validate::is_safe_relative_path;

/// The index schema that this version writes and the newest it reads.
pub const INDEX_SCHEMA: u32 = 1;

/// Most bytes of `index.json`: room for a hundred thousand models.
pub(crate) const MAX_INDEX_BYTES: u64 = 32 << 20;

#[derive(Serialize)]
struct Config {
    schema: u32,
    index: &'static str,
}

#[derive(Serialize, Deserialize)]
struct IndexFile {
    schema: u32,
    // Strings, checked one by one: a bad line must not hide the good ones.
    models: BTreeMap<String, Shard>,
}

#[derive(Serialize, Deserialize)]
struct Shard {
    sha256: String,
    path: String,
}

#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

/// Writes the entries of `index` below `dir`. Files there that are not part of it are left.
///
/// # Errors
/// [`Error::Io`], [`Error::Json`].
pub fn write_static_tree(index: &Index, dir: &Path) -> Result<(), Error> {
    let mut models = BTreeMap::new();
    for entry in index.entries() {
        let shard = to_json(entry, entry.name.as_str())?;
        let digest = Sha256Digest::of(&shard);
        let path = format!("models/{}/{}.json", entry.name, &digest.to_hex()[..16]);
        atomic::write(&dir.join(&path), &shard)?;
        models.insert(entry.name.to_string(), Shard { sha256: digest.to_hex(), path });
    }
    let file = IndexFile { schema: INDEX_SCHEMA, models };
    atomic::write(&dir.join("index.json"), &to_json(&file, "index.json")?)?;
    let config = Config { schema: INDEX_SCHEMA, index: "index.json" };
    atomic::write(&dir.join("config.json"), &to_json(&config, "config.json")?)
}

fn to_json(value: &impl Serialize, origin: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|source| Error::Json { origin: origin.to_owned(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Takes the models of an `index.json` into `index`; `load` gives the bytes of a shard by
/// path and digest.
pub(crate) fn read(
    index: &mut Index,
    bytes: &[u8],
    mut load: impl FnMut(&str, &Sha256Digest) -> Result<Vec<u8>, Error>,
) -> Result<(), Error> {
    let origin = format!("index.json of {}", index.origin());
    let broken = |source| Error::Json { origin: origin.clone(), source };
    let schema = serde_json::from_slice::<SchemaOnly>(bytes).map_err(broken)?.schema;
    if schema > INDEX_SCHEMA {
        return Err(Error::FutureSchema { origin, found: schema, supported: INDEX_SCHEMA });
    }
    let file: IndexFile = serde_json::from_slice(bytes).map_err(broken)?;
    for (name, shard) in &file.models {
        match read_shard(name, shard, &origin, &mut load) {
            Ok(entry) => index.add(entry, &origin, name),
            Err(error) => index.reject(error),
        }
    }
    Ok(())
}

fn read_shard(
    name: &str,
    shard: &Shard,
    origin: &str,
    load: &mut impl FnMut(&str, &Sha256Digest) -> Result<Vec<u8>, Error>,
) -> Result<Entry, Error> {
    let name: ModelName = name.parse()?;
    let digest: Sha256Digest = shard.sha256.parse()?;
    if !is_safe_relative_path(&shard.path) {
        return Err(Error::IndexInvalid {
            origin: origin.to_owned(),
            why: format!("the path of `{name}` is not a plain relative path"),
        });
    }
    let bytes = load(&shard.path, &digest)?;
    let got = Sha256Digest::of(&bytes);
    if got != digest {
        return Err(Error::DigestMismatch {
            url: shard.path.clone(),
            expected: digest.to_hex(),
            got,
        });
    }
    Entry::from_json(&bytes, &shard.path)
}
