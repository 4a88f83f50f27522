//! Where the files of a tree come from.

use std::fmt;
use std::path::PathBuf;

use crate::bounded;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::fetch::FetchOptions;
use crate::http::Client;
use crate::store::Store;
use crate::url::redacted;

/// Reads the files of one tree.
pub(crate) trait TreeReader: fmt::Debug + Send + Sync {
    /// A file that is named by its contents; its bytes have this digest.
    fn object(&self, path: &str, digest: &Sha256Digest, limit: u64) -> Result<Vec<u8>, Error>;

    /// Whether reading it costs no network.
    fn is_at_hand(&self, digest: &Sha256Digest) -> bool;
}

/// A tree in a folder.
#[derive(Debug)]
pub(crate) struct FolderReader {
    pub(crate) dir: PathBuf,
}

impl TreeReader for FolderReader {
    fn object(&self, path: &str, digest: &Sha256Digest, limit: u64) -> Result<Vec<u8>, Error> {
        let file = self.dir.join(path);
        checked(bounded::read(&file, limit)?, digest, &file.display().to_string())
    }

    fn is_at_hand(&self, _digest: &Sha256Digest) -> bool {
        true
    }
}

/// A tree behind a url; what was read once is kept in the store.
pub(crate) struct HttpReader {
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) options: FetchOptions,
    pub(crate) store: Store,
    pub(crate) offline: bool,
}

impl fmt::Debug for HttpReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReader").field("base", &redacted(&self.base)).finish_non_exhaustive()
    }
}

impl TreeReader for HttpReader {
    fn object(&self, path: &str, digest: &Sha256Digest, limit: u64) -> Result<Vec<u8>, Error> {
        if let Some(file) = self.store.open_verified(digest, None) {
            let bytes = bounded::read(&file, limit)?;
            if Sha256Digest::of(&bytes) == *digest {
                return Ok(bytes);
            }
            self.store.remove(digest)?;
        }
        let url = format!("{}/{path}", self.base);
        if self.offline {
            return Err(Error::OfflineIndex { url: redacted(&url) });
        }
        let bytes = self.client.get_small(&url, limit, &self.options)?;
        let bytes = checked(bytes, digest, &redacted(&url))?;
        // A cache that cannot be written to costs time, not correctness.
        let _ = self.store.insert(&bytes);
        Ok(bytes)
    }

    fn is_at_hand(&self, digest: &Sha256Digest) -> bool {
        self.store.open_verified(digest, None).is_some()
    }
}

fn checked(bytes: Vec<u8>, digest: &Sha256Digest, origin: &str) -> Result<Vec<u8>, Error> {
    let got = Sha256Digest::of(&bytes);
    if got != *digest {
        return Err(Error::DigestMismatch {
            url: origin.to_owned(),
            expected: digest.to_hex(),
            got,
        });
    }
    Ok(bytes)
}
