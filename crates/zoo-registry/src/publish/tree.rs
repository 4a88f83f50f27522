//! A tree that is written to.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::blobs::BlobUpload;
use super::claims::{Current, claim_path};
use super::error::PublishError;
use super::files::{Files, PublishObserver};
use super::licence::licence_conflict;
use super::merge::{Merged, merge};
use super::names;
use super::publication::{Publication, PublishLimits, Published, one_version, placed};
use super::roots::ROOT;
use super::signing::Signing;
use super::snapshot::Snapshot;
use super::sweep::Swept;
use crate::bounded;
use crate::digest::Sha256Digest;
use crate::entry::{Entry, EntryVersion};
use crate::error::Error;
use crate::name::ModelName;
use crate::observer::Silent;
use crate::schema;
use crate::tree::{
    INDEX_SCHEMA, IndexFile, Line, MAX_INDEX_BYTES, blob_path, page_path, shard_path, to_json,
};
use crate::trust::{Root, Timestamp};

/// How often a change is made again because others were faster.
const ATTEMPTS: u32 = 100;

/// What nobody refers to is kept this long: somebody may be about to.
const GRACE: Duration = Duration::from_hours(24);

const CONFIG: &str = "config.json";

/// How a registry begins.
#[derive(Debug)]
pub struct InitOptions<'a> {
    /// The root, signed as it asks for itself; without one the registry is unsigned.
    pub root: Option<&'a [u8]>,
    /// The keys for the first, empty index.
    pub signing: &'a Signing,
    /// The time.
    pub now: Timestamp,
}

/// Writes to the tree in one folder. Any number of them, in any processes, may do so at once.
#[derive(Clone)]
pub struct TreeWriter {
    files: Files,
    is_signed: bool,
    limits: PublishLimits,
}

#[derive(Serialize, Deserialize)]
struct Config {
    schema: u32,
    index: String,
    /// Trees that were built in one piece do not say it: a root does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<bool>,
}

impl TreeWriter {
    /// Makes an empty registry in `dir`, which may have other files in it.
    ///
    /// # Errors
    /// [`PublishError::AlreadyARegistry`]; [`PublishError::KeyNeeded`],
    /// [`PublishError::Unsigned`] where root and keys do not fit; any
    /// [`TrustError`](crate::trust::TrustError) about the root; [`Error::Io`].
    pub fn init(dir: &Path, options: &InitOptions<'_>) -> Result<Self, Error> {
        let files = Files { dir: dir.to_owned(), observer: Arc::new(Silent) };
        let is_signed = options.root.is_some();
        files.check_kind(is_signed, options.signing)?;
        // Only its last step writes config.json: without it, an empty index is a leftover.
        let leftover = |current: &Current| current.file.counter == 1 && current.file.models == 0;
        if files.path(CONFIG).exists()
            || files.installed()?.is_some_and(|current| !leftover(&current))
            || files.claimed()?.iter().any(|&counter| counter != 1)
        {
            return Err(PublishError::AlreadyARegistry { path: dir.to_owned() }.into());
        }
        files.remove(&files.path("index.json"))?;
        files.remove(&files.path("history/1.json"))?;
        if let Some(bytes) = options.root {
            files.write_root(&Root::verify(bytes)?, bytes)?;
        }
        let writer = Self { files, is_signed, limits: PublishLimits::default() };
        let file = Self::next_index(0, vec![String::new()], 0, options.signing, options.now);
        let envelope = writer.envelope(&file, options.signing, options.now)?;
        if !writer.files.install(1, &envelope)? {
            return Err(PublishError::AlreadyARegistry { path: dir.to_owned() }.into());
        }
        let config = Config {
            schema: INDEX_SCHEMA,
            index: "index.json".to_owned(),
            signed: Some(is_signed),
        };
        writer.files.replace(CONFIG, &to_json(&config, CONFIG)?)?;
        Ok(writer)
    }

    /// The registry in `dir`. Nothing is written yet.
    ///
    /// # Errors
    /// [`PublishError::NotARegistry`], [`Error::FutureSchema`], [`Error::Json`],
    /// [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(CONFIG);
        if !path.is_file() {
            return Err(PublishError::NotARegistry { path: dir.to_owned() }.into());
        }
        let origin = path.display().to_string();
        let config: Config = serde_json::from_slice(&bounded::read(&path, MAX_INDEX_BYTES)?)
            .map_err(|source| Error::Json { origin: origin.clone(), source })?;
        schema::check(config.schema, &origin, INDEX_SCHEMA)?;
        let files = Files { dir: dir.to_owned(), observer: Arc::new(Silent) };
        // Saying that it is unsigned does not make a registry with a root unsigned.
        let is_signed = config.signed == Some(true) || files.path(ROOT).exists();
        Ok(Self { files, is_signed, limits: PublishLimits::default() })
    }

    /// Tells `observer` of every step.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn PublishObserver>) -> Self {
        self.files.observer = observer;
        self
    }

    /// Sets the most that is taken.
    #[must_use]
    pub fn with_limits(mut self, limits: PublishLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.files.dir
    }

    /// Whether its index is signed.
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Finishes what a killed writer had decided, removes temporaries older than
    /// `leftovers_older_than`, and gives the counter of the index.
    ///
    /// # Errors
    /// [`PublishError::Damaged`], [`Error::Io`].
    pub fn recover(&self, leftovers_older_than: Duration) -> Result<u64, Error> {
        let current = self.files.roll_forward()?;
        self.files.sweep_temporaries(leftovers_older_than)?;
        Ok(current.file.counter)
    }

    /// The model of this name, not alias, and the digest of its shard.
    ///
    /// # Errors
    /// What reading it says.
    pub fn model(&self, name: &ModelName) -> Result<Option<(Entry, Sha256Digest)>, Error> {
        Snapshot::new(&self.files, &self.files.roll_forward()?).model(name)
    }

    /// Whether a model's file is there, and its size.
    pub fn blob_size(&self, digest: &Sha256Digest) -> Option<u64> {
        self.files.blob_size(digest)
    }

    /// Where a model's file is, or would be.
    pub fn blob_path(&self, digest: &Sha256Digest) -> PathBuf {
        self.files.path(&blob_path(digest))
    }

    /// Takes a file piece by piece.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin_blob(&self, digest: Sha256Digest) -> Result<BlobUpload, Error> {
        BlobUpload::begin(&self.files, digest, self.limits.blob_bytes)
    }

    /// Publishes one version: its files, then its line, then the index.
    ///
    /// # Errors
    /// [`PublishError`], whose variants say which; [`TrustError`](crate::trust::TrustError)
    /// where the keys are not those that the root asks for; [`Error::Io`].
    pub fn publish(
        &self,
        publication: &Publication,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Published, Error> {
        one_version(&publication.entry)?;
        self.files.check_kind(self.is_signed, signing)?;
        let _polite = self.lock()?;
        let snapshot_before = self.files.roll_forward()?;
        let blob = |digest: &Sha256Digest| {
            let sent = publication.blobs.iter().find(|(sent, _)| sent == digest);
            let sent = sent.and_then(|(_, path)| path.metadata().ok().map(|found| found.len()));
            sent.or_else(|| self.files.blob_size(digest))
        };
        let entry = placed(&publication.entry, &self.limits, blob)?;
        // All that can be refused is refused before gigabytes are copied.
        Self::merged(&Snapshot::new(&self.files, &snapshot_before), &entry, publication)?;
        for (digest, from) in &publication.blobs {
            self.files.add_blob(digest, from, self.limits.blob_bytes)?;
        }
        self.change(signing, now, |snapshot| Self::merged(snapshot, &entry, publication))
    }

    fn merged(
        snapshot: &Snapshot<'_>,
        entry: &Entry,
        publication: &Publication,
    ) -> Result<Change, Error> {
        let version = one_version(entry)?;
        let before = snapshot.model(&entry.name)?;
        let after = match &before {
            None => entry.clone(),
            Some((before, _)) => match merge(before, entry, version)? {
                Merged::AlreadyThere => return Ok(Change::None),
                Merged::New(merged) => *merged,
            },
        };
        if let Some(seen) = publication.based_on
            && before.as_ref().is_none_or(|(_, shard)| *shard != seen)
        {
            return Err(PublishError::Outdated { name: entry.name.clone() }.into());
        }
        let origin = entry.name.to_string();
        after.validate(&origin)?;
        check_parent(snapshot, &after, version)?;
        let warnings = names::check(snapshot, &after, before.is_none())?;
        let before = before.map(|(before, _)| before);
        Ok(Change::To { after: Box::new(after), before: before.map(Box::new), warnings })
    }

    /// Marks a version as not to be chosen by anybody who has not pinned it, or takes that
    /// back.
    ///
    /// # Errors
    /// [`PublishError::NoSuchVersion`]; as [`TreeWriter::publish`].
    pub fn yank(
        &self,
        name: &ModelName,
        version: &Version,
        yanked: bool,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Published, Error> {
        self.files.check_kind(self.is_signed, signing)?;
        let _polite = self.lock()?;
        self.change(signing, now, |snapshot| {
            let missing =
                || PublishError::NoSuchVersion { name: name.clone(), version: version.clone() };
            let (before, _) = snapshot.model(name)?.ok_or_else(missing)?;
            let mut after = before.clone();
            let found = after.versions.iter_mut().find(|v| v.version == *version);
            let found = found.ok_or_else(missing)?;
            if found.yanked == yanked {
                return Ok(Change::None);
            }
            found.yanked = yanked;
            if yanked && after.default.as_ref() == Some(version) {
                after.default = None;
            }
            let (after, before) = (Box::new(after), Some(Box::new(before)));
            Ok(Change::To { after, before, warnings: Vec::new() })
        })
    }

    /// Signs the index anew, so that it is good for longer. Index keys that the newest root
    /// has taken away may have signed the one before.
    ///
    /// # Errors
    /// As [`TreeWriter::publish`].
    pub fn resign(&self, signing: &Signing, now: Timestamp) -> Result<Published, Error> {
        self.files.check_kind(self.is_signed, signing)?;
        let _polite = self.lock()?;
        for _ in 0..ATTEMPTS {
            let current = self.files.roll_forward()?;
            if self.is_signed {
                self.files.check_once_signed(&current.envelope)?;
            }
            let IndexFile { counter, pages, models, .. } = current.file;
            let next = Self::next_index(counter, pages, models, signing, now);
            if self.files.install(next.counter, &self.envelope(&next, signing, now)?)? {
                let (counter, warnings) = (next.counter, Vec::new());
                return Ok(Published { counter, already_there: false, warnings });
            }
        }
        Err(self.busy())
    }

    /// Makes `root` the root of this registry. It takes signatures of the keys of both; the
    /// index gets the signatures of `signing`, which must be enough for the new root.
    ///
    /// # Errors
    /// Any [`TrustError`](crate::trust::TrustError) about either; [`PublishError::KeyNeeded`].
    pub fn rotate_root(&self, root: &[u8], signing: &Signing) -> Result<Root, Error> {
        let _polite = self.lock()?;
        if !self.is_signed {
            return Err(PublishError::Unsigned { path: self.files.dir.clone() }.into());
        }
        self.files.rotate(root, signing)
    }

    /// Removes pages and shards that no index refers to and that are older than a day, and
    /// what killed writers left. Files of models stay.
    ///
    /// # Errors
    /// [`PublishError::Damaged`], [`Error::Io`].
    pub fn gc(&self) -> Result<Swept, Error> {
        self.gc_older_than(GRACE)
    }

    /// The same with another age, for whoever knows that nobody else is writing.
    ///
    /// # Errors
    /// As [`TreeWriter::gc`].
    pub fn gc_older_than(&self, age: Duration) -> Result<Swept, Error> {
        let _polite = self.lock()?;
        Ok(Swept {
            objects: self.files.sweep_objects(age)?,
            temporaries: self.files.sweep_temporaries(age)?,
        })
    }

    /// The files, relative to the folder, that the index and this model are made of: what is
    /// to be copied or committed after it was published.
    ///
    /// # Errors
    /// [`PublishError::NoSuchVersion`], [`Error::Io`].
    pub fn files_of(&self, name: &ModelName, version: &Version) -> Result<Vec<String>, Error> {
        let current = self.files.roll_forward()?;
        let snapshot = Snapshot::new(&self.files, &current);
        let missing =
            || PublishError::NoSuchVersion { name: name.clone(), version: version.clone() };
        let (entry, shard) = snapshot.model(name)?.ok_or_else(missing)?;
        let found = entry.versions.iter().find(|v| v.version == *version).ok_or_else(missing)?;
        let mut all = vec![CONFIG.to_owned(), "index.json".to_owned(), shard_path(name, &shard)];
        // Every page: the tree may have been laid out anew.
        let pages = current.file.pages.iter().filter(|page| !page.is_empty());
        for page in pages {
            all.push(page_path(&page.parse()?));
        }
        if self.is_signed {
            let newest = self.files.root()?.version();
            all.push(ROOT.to_owned());
            all.extend((1..=newest).map(|version| format!("{version}.root.json")));
        }
        let digests = found.files.iter().filter_map(|file| file.sha256);
        all.extend(digests.filter(|d| self.blob_size(d).is_some()).map(|d| blob_path(&d)));
        all.retain(|path| self.files.path(path).is_file());
        Ok(all)
    }

    /// Forgets the indexes before the newest: for a folder whose history something else
    /// keeps, and may turn back.
    pub(super) fn forget_history(&self) -> Result<(), Error> {
        let _polite = self.lock()?;
        self.files.roll_forward()?;
        for counter in self.files.claimed()? {
            self.files.remove(&self.files.path(&claim_path(counter)))?;
        }
        self.files.remove(&self.files.path("history/.lock"))?;
        // Not empty where somebody is publishing.
        let _ = std::fs::remove_dir(self.files.path("history"));
        Ok(())
    }

    /// Makes a change on top of the newest index, again and again until nobody else was
    /// faster.
    fn change(
        &self,
        signing: &Signing,
        now: Timestamp,
        make: impl Fn(&Snapshot<'_>) -> Result<Change, Error>,
    ) -> Result<Published, Error> {
        for attempt in 0..ATTEMPTS {
            let current = self.files.roll_forward()?;
            if self.is_signed {
                // Signing what others wrote into the folder would make it believed.
                self.files.check_signed(&current.envelope, now)?;
            }
            let snapshot = Snapshot::new(&self.files, &current);
            let counter = current.file.counter;
            let (after, before, warnings) = match make(&snapshot)? {
                Change::None => {
                    // After the first attempt it may be ours, and others have built on it.
                    let already_there = attempt == 0;
                    return Ok(Published { counter, already_there, warnings: Vec::new() });
                }
                Change::To { after, before, warnings } => (after, before, warnings),
            };
            let (pages, models) = snapshot.with(&after, before.as_deref())?;
            let next = Self::next_index(counter, pages, models, signing, now);
            if self.files.install(next.counter, &self.envelope(&next, signing, now)?)? {
                let counter = next.counter;
                return Ok(Published { counter, already_there: false, warnings });
            }
        }
        Err(self.busy())
    }

    fn next_index(
        counter: u64,
        pages: Vec<String>,
        models: u64,
        signing: &Signing,
        now: Timestamp,
    ) -> IndexFile {
        let expires = match signing {
            Signing::Keys { valid_for, .. } => Some(now.after(*valid_for).to_string()),
            Signing::Unsigned => None,
        };
        IndexFile {
            kind: "index".to_owned(),
            schema: INDEX_SCHEMA,
            counter: counter.saturating_add(1),
            created: Some(now.to_string()),
            expires,
            models,
            pages,
        }
    }

    fn envelope(
        &self,
        file: &IndexFile,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let payload = serde_json::to_vec(file)
            .map_err(|source| Error::Json { origin: "index.json".to_owned(), source })?;
        self.files.sign(&payload, signing, self.is_signed, now)
    }

    /// Waits for others that write, so that nobody's work is in vain. Everything stays right
    /// where everyone gets the lock.
    fn lock(&self) -> Result<File, Error> {
        let path = self.files.path("history/.lock");
        crate::atomic::create_dir_all(&self.files.path("history"))?;
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let _ = file.lock();
        Ok(file)
    }

    fn busy(&self) -> Error {
        PublishError::Busy { path: self.files.dir.clone(), attempts: ATTEMPTS }.into()
    }
}

enum Change {
    None,
    To { after: Box<Entry>, before: Option<Box<Entry>>, warnings: Vec<super::PublishWarning> },
}

/// Refuses a licence that the model's parent, where it is here, does not allow.
fn check_parent(
    snapshot: &Snapshot<'_>,
    entry: &Entry,
    version: &EntryVersion,
) -> Result<(), Error> {
    let Some(parent) = &version.parent else { return Ok(()) };
    let Some((found, _)) = snapshot.model(&parent.name)? else { return Ok(()) };
    let parents = found.versions.iter().find(|v| v.version == parent.version);
    let parent_licence = parents.map_or(&*found.licence, |v| found.licence_of(v));
    let child = version.licence.as_deref().unwrap_or_else(|| {
        let merged = entry.versions.iter().find(|v| v.version == version.version);
        merged.map_or(&entry.licence, |v| entry.licence_of(v))
    });
    match licence_conflict(child, parent_licence) {
        None => Ok(()),
        Some(why) => Err(PublishError::Licence {
            child: child.to_owned(),
            parent: Box::new(parent.name.clone()),
            parent_licence: parent_licence.to_owned(),
            why,
        }
        .into()),
    }
}

impl Line {
    /// The model that it is about.
    pub(super) fn model(&self) -> &ModelName {
        match self {
            Self::Alias { of, .. } => of,
            Self::Model { name, .. } => name,
        }
    }
}
