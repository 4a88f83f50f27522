//! Stamps of large files wherever they lie, such as bundles that a user opens again and again.
//!
//! A file of some hundred megabytes takes longer to hash than to use. So what it looked like when all
//! of its bytes were seen to be right is noted below `opened/`, by its path, and believed while it
//! looks the same: see [`stamp`](super::stamp). The file is not ours, so its time is not set back;
//! instead one that was written just now is not noted.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Store;
use super::stamp::{Stamp, UNSETTLED_AGE};
use crate::digest::Sha256Digest;

impl Store {
    fn opened_path(&self, path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(path).ok()?;
        let name = Sha256Digest::of(path.as_os_str().as_encoded_bytes()).to_hex();
        Some(self.root.join("opened").join(name))
    }

    /// Whether the file at `path` looks just as it did when it was noted under `digest`.
    pub fn is_unchanged(&self, path: &Path, digest: &Sha256Digest) -> bool {
        let noted = self.opened_path(path).and_then(|stamp| Stamp::read(&stamp));
        let now = fs::metadata(path).ok().and_then(|metadata| Stamp::of(digest, &metadata));
        noted.is_some() && noted == now
    }

    /// Notes that the bytes of the file at `path` are those that `digest` stands for. `before` is
    /// what its metadata were before they were read: a file that was changed meanwhile, or shortly
    /// before, is not noted.
    pub fn note_unchanged(&self, path: &Path, digest: &Sha256Digest, before: &Metadata) {
        let is_old = before.modified().is_ok_and(|modified| {
            SystemTime::now().duration_since(modified).is_ok_and(|age| age >= UNSETTLED_AGE)
        });
        let Ok(after) = fs::metadata(path) else { return };
        let (before, after) = (Stamp::of(digest, before), Stamp::of(digest, &after));
        if let (true, Some(before), Some(after)) = (is_old, before, after)
            && before == after
            && let Some(to) = self.opened_path(path)
        {
            after.write(&to);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::Duration;

    use super::*;

    fn age(path: &Path) {
        let then = SystemTime::now() - Duration::from_mins(1);
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(then)).unwrap();
    }

    #[test]
    fn a_file_is_believed_until_it_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("cache")).unwrap();
        let (path, digest) = (dir.path().join("large.zoo"), Sha256Digest::of(b"what is in it"));
        fs::write(&path, "one").unwrap();
        // What was written just now may be written again within one tick of the clock.
        store.note_unchanged(&path, &digest, &fs::metadata(&path).unwrap());
        assert!(!store.is_unchanged(&path, &digest));
        age(&path);
        store.note_unchanged(&path, &digest, &fs::metadata(&path).unwrap());
        assert!(store.is_unchanged(&path, &digest));
        assert!(!store.is_unchanged(&path, &Sha256Digest::of(b"something else")));
        fs::write(&path, "two").unwrap();
        assert!(!store.is_unchanged(&path, &digest));
        // Even where its time is set back to what it was.
        age(&path);
        assert!(!store.is_unchanged(&path, &digest));
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_not_noted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("cache")).unwrap();
        let (path, digest) = (dir.path().join("large.zoo"), Sha256Digest::of(b"what is in it"));
        fs::write(&path, "one").unwrap();
        age(&path);
        let before = fs::metadata(&path).unwrap();
        fs::write(&path, "three").unwrap();
        store.note_unchanged(&path, &digest, &before);
        assert!(!store.is_unchanged(&path, &digest));
        assert!(!store.is_unchanged(&dir.path().join("none"), &digest));
    }
}
