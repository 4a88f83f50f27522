//! Who makes the next index, and how it comes to be the index.

use std::path::Path;

use super::error::PublishError;
use super::files::Files;
use crate::bounded;
use crate::error::Error;
use crate::store::children;
use crate::tree::{IndexFile, MAX_INDEX_BYTES, read_index};
use crate::trust::Envelope;

/// Indexes that are kept beside the newest one. A writer who is further behind than this
/// finds out that he is, and begins again.
const KEPT: u64 = 16;

/// How often an index is put in its place before somebody else's seems to go wrong.
const ATTEMPTS: usize = 64;

const INDEX: &str = "index.json";

/// An index with its signatures.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) envelope: Vec<u8>,
    pub(super) file: IndexFile,
}

impl Files {
    /// The newest index, after making sure that it is `index.json`.
    pub(super) fn roll_forward(&self) -> Result<Current, Error> {
        // Who is slow may put an older index over a newer one. He looks again afterwards, so
        // whoever is last leaves the newest.
        for _ in 0..ATTEMPTS {
            let installed = self.installed()?;
            let Some(newest) = self.claimed()?.pop() else {
                return installed.ok_or_else(|| self.damaged("there is no index.json".to_owned()));
            };
            if let Some(installed) = installed
                && installed.file.counter >= newest
            {
                return Ok(installed);
            }
            let path = claim_path(newest);
            let bytes = bounded::read(&self.path(&path), MAX_INDEX_BYTES)?;
            let claimed = self.parse(bytes, &path)?;
            if claimed.file.counter != newest {
                return Err(self.damaged(format!("{path} has counter {}", claimed.file.counter)));
            }
            self.replace(INDEX, &claimed.envelope)?;
        }
        Err(self.damaged("index.json changes all the time".to_owned()))
    }

    /// Makes `envelope`, the index with this counter, the newest one. Says `false` if
    /// somebody else was faster: then nothing has changed.
    ///
    /// All that the index refers to must be on disk.
    pub(super) fn install(&self, counter: u64, envelope: &[u8]) -> Result<bool, Error> {
        if !self.claim(&claim_path(counter), envelope)? {
            return Ok(false);
        }
        // A claim that was free because it is so old that it was swept away is worth nothing.
        // One on which others have built already is found again by who looks for his change.
        if self.claimed()?.pop() != Some(counter) {
            return Ok(false);
        }
        self.replace(INDEX, envelope)?;
        self.roll_forward()?;
        for old in self.claimed()?.into_iter().filter(|old| old.saturating_add(KEPT) <= counter) {
            self.remove(&self.path(&claim_path(old)))?;
        }
        Ok(true)
    }

    /// What `index.json` says, if it is there.
    pub(super) fn installed(&self) -> Result<Option<Current>, Error> {
        let path = self.path(INDEX);
        if !path.exists() {
            return Ok(None);
        }
        self.parse(bounded::read(&path, MAX_INDEX_BYTES)?, INDEX).map(Some)
    }

    /// The indexes in `history`, without those that cannot be read.
    pub(super) fn history(&self) -> Result<Vec<Current>, Error> {
        let read = |counter: u64| {
            let path = claim_path(counter);
            self.parse(bounded::read(&self.path(&path), MAX_INDEX_BYTES).ok()?, &path).ok()
        };
        Ok(self.claimed()?.into_iter().filter_map(read).collect())
    }

    fn parse(&self, envelope: Vec<u8>, name: &str) -> Result<Current, Error> {
        let origin = self.path(name).display().to_string();
        let file = read_index(Envelope::parse(&envelope)?.payload(), &origin)?;
        Ok(Current { envelope, file })
    }

    /// The counters in `history`, in order.
    pub(super) fn claimed(&self) -> Result<Vec<u64>, Error> {
        let counter = |path: &Path| -> Option<u64> {
            let number = path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()?;
            // One spelling a number.
            (path.file_name()?.to_str()? == format!("{number}.json")).then_some(number)
        };
        let mut counters: Vec<u64> =
            children(&self.path("history"))?.iter().filter_map(|path| counter(path)).collect();
        counters.sort_unstable();
        Ok(counters)
    }

    pub(super) fn damaged(&self, why: String) -> Error {
        PublishError::Damaged { path: self.dir.clone(), why }.into()
    }
}

pub(super) fn claim_path(counter: u64) -> String {
    format!("history/{counter}.json")
}
