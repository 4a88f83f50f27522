//! What the cache holds, for people who wonder where their disk went.

use std::collections::BTreeMap;
use std::fs;
use std::time::SystemTime;

use crate::digest::Sha256Digest;
use crate::error::Error;

use super::Store;
use super::inventory::Kind;

/// What the cache holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Every blob, in the order of digests.
    pub blobs: Vec<BlobUsage>,
    /// How much there is of each kind, stray things included; kinds of which there is
    /// nothing are left out.
    pub kinds: BTreeMap<Kind, KindUsage>,
}

/// One blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobUsage {
    /// Its digest.
    pub digest: Sha256Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used, to the hour; when it came, if it was not used since.
    pub last_used: Option<SystemTime>,
    /// Whether it looks as it did when all of its bytes were last read and right.
    pub verified: bool,
}

/// How much there is of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindUsage {
    /// How many files.
    pub count: usize,
    /// How many bytes in them.
    pub bytes: u64,
}

impl Usage {
    /// All bytes of all kinds, stray files included.
    pub fn bytes(&self) -> u64 {
        self.kinds.values().map(|kind| kind.bytes).sum()
    }
}

impl Store {
    /// What the cache holds. Looks at metadata only.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn usage(&self) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        for item in self.inventory()? {
            let of_kind = usage.kinds.entry(item.kind).or_default();
            of_kind.count += 1;
            of_kind.bytes += item.bytes;
            let Some(digest) = item.digest() else {
                continue;
            };
            let used = fs::metadata(self.stamp_path(&digest)).and_then(|m| m.modified()).ok();
            usage.blobs.push(BlobUsage {
                digest,
                bytes: item.bytes,
                last_used: used.max(item.modified),
                verified: self.believed(&digest).is_some(),
            });
        }
        usage.blobs.sort_unstable_by_key(|blob| blob.digest);
        Ok(usage)
    }
}
