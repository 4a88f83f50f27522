//! A tree as one index has it, and the next index after a change to one model.

use std::collections::BTreeMap;

use super::claims::Current;
use super::files::Files;
use crate::bounded;
use crate::digest::Sha256Digest;
use crate::entry::{Entry, MAX_ENTRY_BYTES};
use crate::error::Error;
use crate::name::ModelName;
use crate::tree::{
    IndexFile, Line, MAX_PAGE_BYTES, Page, encode, page_of, page_path, pages_for, shard_path,
    to_json,
};

/// Reads what an index refers to.
pub(super) struct Snapshot<'a> {
    files: &'a Files,
    index: &'a IndexFile,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(files: &'a Files, current: &'a Current) -> Self {
        Self { files, index: &current.file }
    }

    /// The lines of one page.
    ///
    /// # Errors
    /// Whatever is wrong with any of them: a page with a line that was not understood cannot
    /// be written again.
    pub(super) fn page(&self, at: usize) -> Result<Vec<Line>, Error> {
        if self.index.pages[at].is_empty() {
            return Ok(Vec::new());
        }
        let digest: Sha256Digest = self.index.pages[at].parse()?;
        let path = page_path(&digest);
        let bytes = self.object(&path, &digest, MAX_PAGE_BYTES)?;
        Page::new(&bytes, &path).lines().collect()
    }

    fn object(&self, path: &str, digest: &Sha256Digest, limit: u64) -> Result<Vec<u8>, Error> {
        let bytes = bounded::read(&self.files.path(path), limit)?;
        if Sha256Digest::of(&bytes) != *digest {
            return Err(self.files.damaged(format!("{path} has other contents than its name")));
        }
        Ok(bytes)
    }

    /// The lines that share a page with `name`: those of its twins are among them.
    pub(super) fn neighbours(&self, name: &ModelName) -> Result<Vec<Line>, Error> {
        self.page(page_of(name, self.index.pages.len()))
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> usize {
        self.index.pages.len()
    }

    /// The model of this name, not alias, and the digest of its shard.
    pub(super) fn model(&self, name: &ModelName) -> Result<Option<(Entry, Sha256Digest)>, Error> {
        for line in self.neighbours(name)? {
            if let Line::Model { name: found, shard, .. } = line
                && found == *name
            {
                let path = shard_path(name, &shard);
                let bytes = self.object(&path, &shard, MAX_ENTRY_BYTES)?;
                let entry = Entry::from_json(&bytes, &path)?;
                if entry.name != *name {
                    return Err(self.files.damaged(format!("{path} is of `{}`", entry.name)));
                }
                return Ok(Some((entry, shard)));
            }
        }
        Ok(None)
    }

    /// Writes shard and pages of the tree with `entry` in the place of `before`, and gives
    /// the digests of all pages and the number of models.
    pub(super) fn with(
        &self,
        entry: &Entry,
        before: Option<&Entry>,
    ) -> Result<(Vec<String>, u64), Error> {
        let json = to_json(entry, entry.name.as_str())?;
        if json.len() as u64 > MAX_ENTRY_BYTES {
            return Err(Error::EntryTooLarge {
                origin: entry.name.to_string(),
                bytes: json.len() as u64,
                limit: MAX_ENTRY_BYTES,
            });
        }
        let shard = Sha256Digest::of(&json);
        self.files.object(&shard_path(&entry.name, &shard), &json)?;

        let models = self.index.models + u64::from(before.is_none());
        let count = self.index.pages.len().max(pages_for(models as usize));
        let mut digests = self.index.pages.clone();
        let mut changed: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
        if count == self.index.pages.len() {
            let old = before.into_iter().flat_map(|before| &before.aliases);
            let names = [&entry.name].into_iter().chain(old).chain(&entry.aliases);
            for at in names.map(|name| page_of(name, count)) {
                if let std::collections::btree_map::Entry::Vacant(slot) = changed.entry(at) {
                    slot.insert(self.page(at)?);
                }
            }
        } else {
            // Twice as many pages: each line moves to one of two.
            digests = vec![String::new(); count];
            for at in 0..self.index.pages.len() {
                for line in self.page(at)? {
                    changed.entry(page_of(line.key(), count)).or_default().push(line);
                }
            }
        }
        for lines in changed.values_mut() {
            lines.retain(|line| line.model() != &entry.name);
        }
        for line in Line::all_of(entry, shard) {
            changed.entry(page_of(line.key(), count)).or_default().push(line);
        }
        for (at, mut lines) in changed {
            digests[at] = self.write_page(&mut lines)?;
        }
        Ok((digests, models))
    }

    fn write_page(&self, lines: &mut [Line]) -> Result<String, Error> {
        if lines.is_empty() {
            return Ok(String::new());
        }
        let bytes = encode(lines)?;
        if bytes.len() as u64 > MAX_PAGE_BYTES {
            return Err(self.files.damaged("a page is full".to_owned()));
        }
        let digest = Sha256Digest::of(&bytes);
        self.files.object(&page_path(&digest), &bytes)?;
        Ok(digest.to_hex())
    }
}
