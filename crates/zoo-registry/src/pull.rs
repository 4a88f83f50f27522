//! Pulling a model: from a reference to verified files in the store.

use std::path::{Path, PathBuf};

use crate::digest::Sha256Digest;
use crate::entry::{Entry, EntryVersion, ModelFile};
use crate::error::Error;
use crate::fetch::{Expected, FetchOptions, FetchRequest, fetch};
use crate::index::{Index, IndexOptions, Origin};
use crate::lock::{LockFile, Pin};
use crate::name::Reference;
use crate::observer::FetchObserver;
use crate::pulled::{PullOptions, PullWarning, Pulled, PulledFile};
use crate::sources::Sources;
use crate::store::{BlobState, Store};
use crate::url::{Source, redacted};

/// Finds the bytes of `builtin:NAME` by `NAME`.
pub type BuiltinFiles = fn(&str) -> Option<&'static [u8]>;

/// Registries and a store, and how to bring things from one into the other.
#[derive(Debug)]
pub struct Registry {
    sources: Sources,
    store: Store,
    fetch: FetchOptions,
    builtin: BuiltinFiles,
    lock_path: PathBuf,
}

/// A reference that was found in the index.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Where it was found.
    pub origin: Origin,
    /// The entry.
    pub entry: Entry,
    /// The version of it.
    pub version: EntryVersion,
}

impl Registry {
    /// These registries, with no builtin files and the lock file in the cache.
    pub fn new(sources: Sources) -> Self {
        let store = sources.options().store.clone();
        let fetch = sources.options().fetch.clone();
        let lock_path = store.root().join("zoo.lock");
        Self { sources, store, fetch, builtin: |_| None, lock_path }
    }

    /// One registry, with default patience.
    pub fn of(index: Index, store: Store) -> Self {
        Self::new(Sources::of(index, IndexOptions::new(store)))
    }

    /// Sets how patient fetches are.
    #[must_use]
    pub fn with_fetch_options(mut self, options: FetchOptions) -> Self {
        self.fetch = options;
        self
    }

    /// Sets where `builtin:` files come from.
    #[must_use]
    pub fn with_builtin(mut self, builtin: BuiltinFiles) -> Self {
        self.builtin = builtin;
        self
    }

    /// Sets the lock file that pins digests.
    #[must_use]
    pub fn with_lock_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.lock_path = path.into();
        self
    }

    /// The registries.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The lock file.
    pub fn lock_path(&self) -> &Path {
        &self.lock_path
    }

    /// The entry and version that `reference` means.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionNotFound`].
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, Error> {
        let (entry, index) = self.sources.lookup(&reference.name)?;
        let version = entry.version(reference.wanted.as_ref())?.clone();
        Ok(Resolved { origin: index.origin().clone(), entry, version })
    }

    /// Brings every file of a model into the store, unless it is there.
    ///
    /// # Errors
    /// Those of [`Registry::resolve`] and [`fetch`]; [`Error::Yanked`], [`Error::Offline`],
    /// [`Error::Sha256Unknown`], [`Error::PinMismatch`], [`Error::BuiltinMissing`].
    pub fn pull(
        &self,
        reference: &Reference,
        options: PullOptions,
        observer: &dyn FetchObserver,
    ) -> Result<Pulled, Error> {
        let resolved = self.resolve(reference)?;
        let Resolved { entry, version, .. } = &resolved;
        let lock = LockFile::read(&self.lock_path)?;
        let mut warnings = Vec::new();
        if version.yanked {
            if !lock.has_version(&entry.name, &version.version) {
                return Err(Error::Yanked {
                    name: entry.name.clone(),
                    version: version.version.clone(),
                });
            }
            warnings.push(PullWarning::Yanked { version: version.version.clone() });
        }
        let mut files = Vec::with_capacity(version.files.len());
        for file in &version.files {
            let one = PullOne { registry: self, resolved: &resolved, file, options, observer };
            files.push(one.pull(&lock, &mut warnings)?);
        }
        let Some(first) = files.first() else {
            // Validation refuses such an entry.
            return Err(Error::EntryInvalid {
                origin: entry.name.to_string(),
                problems: vec!["there is no file".to_owned()],
            });
        };
        Ok(Pulled {
            path: first.path.clone(),
            digest: first.digest,
            entry: entry.clone(),
            version: version.clone(),
            was_cached: files.iter().all(|file| file.was_cached),
            files,
            warnings,
        })
    }

    /// The source of `url`, with a relative one placed below the registry.
    fn place(url: &str, origin: &Origin) -> Result<Source, Error> {
        let refuse = |why| Error::UnsupportedUrl { url: redacted(url), why };
        match (Source::parse(url).map_err(refuse)?, origin) {
            (Source::Relative(_), Origin::Builtin) => Err(refuse("is relative to nothing")),
            (Source::Relative(path), Origin::Directory(dir)) => {
                // A url, unlike a path, must not depend on the working directory.
                let dir = std::path::absolute(dir).map_err(Error::io("find", dir))?;
                Ok(Source::File(dir.join(path)))
            }
            (Source::Relative(path), Origin::Git { checkout, .. }) => {
                Ok(Source::File(checkout.join(path)))
            }
            (Source::Relative(path), Origin::Url(base)) => {
                Ok(Source::Http(format!("{base}/{path}")))
            }
            // A server has no business with the files of its clients.
            (Source::File(_), Origin::Url(_) | Origin::Git { .. }) => {
                Err(refuse("is a local file in a remote registry"))
            }
            (source, _) => Ok(source),
        }
    }
}

/// One file of one pull.
struct PullOne<'a> {
    registry: &'a Registry,
    resolved: &'a Resolved,
    file: &'a ModelFile,
    options: PullOptions,
    observer: &'a dyn FetchObserver,
}

impl PullOne<'_> {
    fn pull(&self, lock: &LockFile, warnings: &mut Vec<PullWarning>) -> Result<PulledFile, Error> {
        let pinned = self.pinned(lock)?;
        if let Some(digest) = self.file.sha256.or(pinned) {
            if let Some(path) = self.cached(&digest, warnings)? {
                return Ok(self.pulled(path, digest, true));
            }
            let (path, _) = self.bring(Expected::Sha256(digest))?;
            return Ok(self.pulled(path, digest, false));
        }
        let Some(evidence) = self.file.strongest_evidence() else {
            return Err(self.unknown());
        };
        if self.options.require_sha256 {
            return Err(self.unknown());
        }
        let prefix = evidence.value().to_owned();
        let (path, digest) = self.bring(Expected::Sha256Prefix(prefix.clone()))?;
        LockFile::add(
            &self.registry.lock_path,
            Pin {
                name: self.resolved.entry.name.clone(),
                version: self.resolved.version.version.clone(),
                file: self.file.path.clone(),
                registry: self.resolved.origin.to_string(),
                sha256: digest,
            },
        )?;
        warnings.push(PullWarning::PinnedOnFirstSight {
            file: self.file.path.clone(),
            prefix,
            publisher: evidence.publisher().to_owned(),
            digest,
        });
        Ok(self.pulled(path, digest, false))
    }

    /// The digest in the lock, which must not contradict the entry.
    fn pinned(&self, lock: &LockFile) -> Result<Option<Sha256Digest>, Error> {
        let Resolved { entry, version, .. } = self.resolved;
        let Some(pin) = lock.get(&entry.name, &version.version, &self.file.path) else {
            return Ok(None);
        };
        match self.file.sha256 {
            Some(sha256) if sha256 != pin.sha256 => Err(Error::PinMismatch {
                name: entry.name.clone(),
                version: version.version.clone(),
                pinned: Box::new(pin.sha256),
                found: format!("the registry {}", self.resolved.origin),
                got: Box::new(sha256),
            }),
            _ => Ok(Some(pin.sha256)),
        }
    }

    fn cached(
        &self,
        digest: &Sha256Digest,
        warnings: &mut Vec<PullWarning>,
    ) -> Result<Option<PathBuf>, Error> {
        let store = &self.registry.store;
        if self.options.verify
            && let BlobState::RemovedCorrupt(found) = store.verify(digest)?
        {
            warnings.push(PullWarning::ReplacedCorrupt { file: self.file.path.clone(), found });
        }
        Ok(store.open_verified(digest, self.file.exact_size()))
    }

    /// Fetches the file: from the binary, or else from where its urls say.
    fn bring(&self, expected: Expected) -> Result<(PathBuf, Sha256Digest), Error> {
        let mut urls = Vec::new();
        let mut failed = None;
        for url in &self.file.urls {
            match Registry::place(url, &self.resolved.origin) {
                Ok(Source::Builtin(name)) => match self.unpack(&name, &expected) {
                    Ok(unpacked) => return Ok(unpacked),
                    Err(error) => failed = Some(error),
                },
                Ok(Source::Http(url)) => urls.push(url),
                Ok(Source::File(path)) => urls.push(path.display().to_string()),
                // Recorded, for people: a wheel is fetched by other programs.
                Ok(Source::PythonPackage(_)) => {
                    failed = Some(Error::UnsupportedUrl {
                        url: redacted(url),
                        why: "is a file in a Python package, which is not fetched here",
                    });
                }
                Ok(Source::Relative(_)) => {}
                Err(error) => failed = Some(error),
            }
        }
        if let (true, Some(error)) = (urls.is_empty(), failed) {
            return Err(error);
        }
        if self.options.offline {
            return Err(Error::Offline {
                name: self.resolved.entry.name.clone(),
                version: self.resolved.version.version.clone(),
                cache: self.registry.store.root().to_owned(),
            });
        }
        let request =
            FetchRequest { name: &self.file.path, urls: &urls, expected, size: self.file.size };
        let fetched = fetch(&self.registry.store, &request, &self.registry.fetch, self.observer)?;
        Ok((fetched.path, fetched.digest))
    }

    /// Writes a file that the binary carries into the store.
    fn unpack(&self, name: &str, expected: &Expected) -> Result<(PathBuf, Sha256Digest), Error> {
        let url = format!("builtin:{name}");
        let Some(bytes) = (self.registry.builtin)(name) else {
            return Err(Error::BuiltinMissing { url });
        };
        let got = Sha256Digest::of(bytes);
        expected.check(&url, got)?;
        let size = bytes.len() as u64;
        self.observer.started(&self.file.path, Some(size));
        let (digest, path) = self.registry.store.insert(bytes)?;
        self.observer.advanced(size);
        self.observer.finished();
        Ok((path, digest))
    }

    fn pulled(&self, path: PathBuf, digest: Sha256Digest, was_cached: bool) -> PulledFile {
        PulledFile { name: self.file.path.clone(), path, digest, was_cached }
    }

    fn unknown(&self) -> Error {
        Error::Sha256Unknown {
            name: self.resolved.entry.name.clone(),
            version: self.resolved.version.version.clone(),
        }
    }
}
