//! The registry as static files that any web server, bucket, git host or folder can serve.
//!
//! ```text
//! config.json                   {"schema":1,...}: what kind of registry this is, for people
//! root.json, N.root.json        whose signatures count (only where it is signed)
//! index.json                    signed: counter, times, and the digest of each page
//! pages/<sha256>.jsonl          a line a model: what a search shows, and its shard's digest
//! models/NAME/<sha256>.json     a shard: all that is known of one model
//! blobs/sha256/ab/<sha256>      files that the registry keeps itself
//! ```
//!
//! Everything but the first three is named by its contents: a cache between server and client
//! can never pair a new index with an old shard, and what a client has it need not fetch
//! again. Nothing in the index is a path, so nothing in it can lead astray.
//!
//! A model stands in the page that the first bits of the SHA-256 of its name (without
//! separators) choose. There are as many pages, a power of two, as keep them at
//! [`ROWS_PER_PAGE`] lines on average, so a lookup reads `index.json` (65 bytes a page), one
//! page and one shard: 1 + 1/4000 of what there is to know of a million models. Names that
//! only differ in separators share a page, which is why twins cannot be published.
//!
//! The same entries, counter and times give the same bytes.

mod build;
mod page;
mod read;
mod reader;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::name::ModelName;

pub(crate) use build::to_json;
pub use build::{BuildOptions, Built, build_tree, write_index};
pub(crate) use page::{Line, Page, encode};
pub(crate) use read::{Tree, read_index};
pub(crate) use reader::{FolderReader, HttpReader, TreeReader};

/// The index schema that this version writes and the newest it reads.
pub const INDEX_SCHEMA: u32 = 1;

/// Lines of a page, on average, at most.
pub(crate) const ROWS_PER_PAGE: usize = 256;

/// Most pages: room for sixteen million models.
pub(crate) const MAX_PAGES: usize = 1 << 16;

/// Most bytes of `index.json`: the most pages, and its signatures.
pub(crate) const MAX_INDEX_BYTES: u64 = 8 << 20;

/// Most bytes of a page: room for pages that are ten times as long as the average.
pub(crate) const MAX_PAGE_BYTES: u64 = 4 << 20;

/// The index of the whole tree, as `index.json` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexFile {
    /// Always `index`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) schema: u32,
    /// Grows with every change.
    pub(crate) counter: u64,
    /// When it was made, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    /// Until when it counts, where it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// How many models there are.
    pub(crate) models: u64,
    /// The digest of each page; empty for a page without lines.
    pub(crate) pages: Vec<String>,
}

/// How many pages `models` models need.
pub(crate) fn pages_for(models: usize) -> usize {
    models.div_ceil(ROWS_PER_PAGE).next_power_of_two().min(MAX_PAGES)
}

/// The page, of `pages`, in which `name` stands.
pub(crate) fn page_of(name: &ModelName, pages: usize) -> usize {
    let digest = Sha256Digest::of(name.folded().as_bytes());
    let first = u32::from_be_bytes([
        digest.as_bytes()[0],
        digest.as_bytes()[1],
        digest.as_bytes()[2],
        digest.as_bytes()[3],
    ]);
    // The highest bits: splitting a page in two keeps its neighbours where they are.
    ((u64::from(first) * pages as u64) >> 32) as usize
}

pub(crate) fn page_path(digest: &Sha256Digest) -> String {
    format!("pages/{digest}.jsonl")
}

pub(crate) fn shard_path(name: &ModelName, digest: &Sha256Digest) -> String {
    format!("models/{name}/{digest}.json")
}

/// Where a tree keeps the file with this digest, from the top of the tree.
pub fn blob_path(digest: &Sha256Digest) -> String {
    let hex = digest.to_hex();
    format!("blobs/sha256/{}/{hex}", &hex[..2])
}
