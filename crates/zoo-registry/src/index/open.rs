//! Opening a registry: bringing its `index.json` here, and deciding whether to believe it.
//!
//! | registry | trusted | else |
//! |---|---|---|
//! | a folder | signatures, counter and expiry are checked | taken at its word |
//! | `https://`, `http://`, `git+...` | the same | refused, unless named as unsigned |

use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::{Entries, Index, Origin};
use crate::bounded;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::git;
use crate::http::Client;
use crate::store::Store;
use crate::tree::{FolderReader, HttpReader, MAX_INDEX_BYTES, Tree};
use crate::trust::{Envelope, MAX_ROOT_BYTES, Timestamp, TrustStore};
use crate::url::{Source, redacted};

/// How a registry is opened.
#[derive(Debug, Clone)]
pub struct IndexOptions {
    /// Where what was read is kept.
    pub store: Store,
    /// How patient fetching is.
    pub fetch: FetchOptions,
    /// Fetch nothing.
    pub offline: bool,
    /// Whose signatures count; without it no registry is trusted.
    pub trust: Option<TrustStore>,
    /// Take a registry that nobody is trusted for, though it is not on this machine.
    pub allow_unsigned: bool,
    /// The time, for what expires.
    pub now: Timestamp,
}

impl IndexOptions {
    /// Default patience, nobody trusted, the time by this machine's clock.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            fetch: FetchOptions::default(),
            offline: false,
            trust: None,
            allow_unsigned: false,
            now: Timestamp::now(),
        }
    }
}

/// The `root.json` that the registry at `location` shows: what a user who comes for the first
/// time begins to trust, after comparing its fingerprint.
///
/// # Errors
/// [`Error::NoRoot`] where it has none; what bringing it here says.
pub fn fetch_root(location: &str, options: &IndexOptions) -> Result<Vec<u8>, Error> {
    const NAME: &str = "root.json";
    let limit = MAX_ROOT_BYTES as u64;
    let found = if let Some(url) = location.strip_prefix("git+") {
        let dir = git::bring(url, &options.store, options.offline)?;
        read_if_there(&dir.join(NAME), limit)?
    } else if let Ok(Source::Http(url)) = Source::parse(location) {
        if options.offline {
            return Err(Error::OfflineUrl { url: redacted(&url) });
        }
        let url = format!("{}/{NAME}", url.trim_end_matches('/'));
        get_if_there(&Client::new(&options.fetch)?, &url, limit, &options.fetch)?
    } else {
        read_if_there(&Path::new(location).join(NAME), limit)?
    };
    found.ok_or_else(|| Error::NoRoot { location: redacted(location) })
}

pub(super) fn open(location: &str, options: &IndexOptions) -> Result<Index, Error> {
    if let Some(url) = location.strip_prefix("git+") {
        let dir = git::bring(url, &options.store, options.offline)?;
        let origin = Origin::Git { url: url.to_owned(), checkout: dir.clone() };
        let bytes = bounded::read(&dir.join("index.json"), MAX_INDEX_BYTES)?;
        let root = |name: &str| read_if_there(&dir.join(name), MAX_ROOT_BYTES as u64);
        let payload = believe(location, &bytes, &root, options, false)?;
        return tree(origin, &payload, FolderReader { dir });
    }
    match Source::parse(location) {
        Ok(Source::Http(_)) => open_url(location, options),
        Ok(Source::File(dir)) => open_folder(&dir, Some(options)),
        Err(why) if location.contains("://") => {
            Err(Error::UnsupportedUrl { url: redacted(location), why })
        }
        _ => open_folder(Path::new(location), Some(options)),
    }
}

/// A folder: a tree of static files, or TOML as people edit it. Without `options` it is taken
/// at its word.
pub(super) fn open_folder(dir: &Path, options: Option<&IndexOptions>) -> Result<Index, Error> {
    let origin = Origin::Directory(dir.to_owned());
    let file = dir.join("index.json");
    if file.is_file() {
        let bytes = bounded::read(&file, MAX_INDEX_BYTES)?;
        let payload = match options {
            Some(options) => {
                let root = |name: &str| read_if_there(&dir.join(name), MAX_ROOT_BYTES as u64);
                // However its path is written, it is the same registry.
                let place = dir.canonicalize().map_err(Error::io("find", dir))?;
                believe(&place.display().to_string(), &bytes, &root, options, true)?
            }
            None => Envelope::parse(&bytes)?.payload().to_vec(),
        };
        return tree(origin, &payload, FolderReader { dir: dir.to_owned() });
    }
    match Folder::read(dir)? {
        Some((folder, rejected)) => Ok(Index::new(origin, Entries::Folder(folder), rejected)),
        None => Err(Error::IndexInvalid {
            origin: dir.display().to_string(),
            why: "there is neither a models/*.toml nor an index.json".to_owned(),
        }),
    }
}

/// Static files behind a url. Pages and shards that are in the store already are not fetched
/// again; offline nothing is fetched, and the last `index.json` seen is used.
fn open_url(url: &str, options: &IndexOptions) -> Result<Index, Error> {
    // With or without the trailing slash it is the same registry.
    let base = url.trim_end_matches('/').to_owned();
    let (store, offline) = (options.store.clone(), options.offline);
    let client = Client::new(&options.fetch)?;
    let cached = cached_index(&store, &base);
    let bytes = if offline {
        if !cached.is_file() {
            return Err(Error::OfflineIndex { url: redacted(&base) });
        }
        bounded::read(&cached, MAX_INDEX_BYTES)?
    } else {
        client.get_small(&format!("{base}/index.json"), MAX_INDEX_BYTES, &options.fetch)?
    };
    let root = |name: &str| {
        get_if_there(&client, &format!("{base}/{name}"), MAX_ROOT_BYTES as u64, &options.fetch)
    };
    let payload = believe(&base, &bytes, &root, options, false)?;
    let origin = Origin::Url(base.clone());
    let fetch = options.fetch.clone();
    let index =
        tree(origin, &payload, HttpReader { base, client, options: fetch, store, offline })?;
    if !offline {
        // Only what could be believed takes the place of what was believed before.
        let _ = crate::atomic::write(&cached, &bytes);
    }
    Ok(index)
}

fn cached_index(store: &Store, base: &str) -> PathBuf {
    store.root().join("index").join(Sha256Digest::of(base.as_bytes()).to_hex() + ".json")
}

/// Gives a root by its file name, where there is one.
type ReadRoot<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, Error> + 'a;

/// The payload of the `index.json` in `bytes`, if the registry at `location` may say it.
/// `root` gives its file of that name.
fn believe(
    location: &str,
    bytes: &[u8],
    root: &ReadRoot<'_>,
    options: &IndexOptions,
    is_here: bool,
) -> Result<Vec<u8>, Error> {
    let trusted = options.trust.as_ref().map(|trust| trust.get(location)).transpose()?.flatten();
    let Some(mut trusted) = trusted else {
        if !options.allow_unsigned && !is_here {
            return Err(Error::Untrusted { location: redacted(location) });
        }
        return Ok(Envelope::parse(bytes)?.payload().to_vec());
    };
    if !options.offline {
        trusted.update_root(options.now, |version| root(&format!("{version}.root.json")))?;
    }
    let index = trusted.verify_index(bytes, options.now, options.offline)?;
    trusted.commit(&index, options.now)?;
    Ok(index.payload)
}

fn tree(
    origin: Origin,
    payload: &[u8],
    reader: impl crate::tree::TreeReader + 'static,
) -> Result<Index, Error> {
    let tree = Tree::new(&origin.to_string(), payload, Box::new(reader))?;
    Ok(Index::new(origin, Entries::Tree(tree), Vec::new()))
}

/// The small file at `url`, if the server has it.
fn get_if_there(
    client: &Client,
    url: &str,
    limit: u64,
    options: &FetchOptions,
) -> Result<Option<Vec<u8>>, Error> {
    match client.get_small(url, limit, options) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::HttpStatus { status: 404 | 410, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    if path.is_file() { bounded::read(path, limit).map(Some) } else { Ok(None) }
}
