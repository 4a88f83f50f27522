//! Pulling a model: from a reference to verified files in the store.

mod one_file;

use std::path::{Path, PathBuf};
use std::thread;

use semver::Version;

use crate::digest::Sha256Digest;
use crate::entry::{Entry, EntryVersion, ModelFile};
use crate::error::Error;
use crate::expected::Expected;
use crate::fetch::{FetchOptions, FetchRequest, Fetched, fetch};
use crate::index::{Index, IndexOptions, Origin};
use crate::lock::{LockFile, Pin};
use crate::name::{ModelName, Reference, Wanted};
use crate::observer::FetchObserver;
use crate::pulled::{PullOptions, PullWarning, Pulled};
use crate::sources::{Found, Sources};
use crate::store::Store;
use crate::url::{Source, redacted};
use one_file::OneFile;

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
    /// Whether the lock file is a project's: it then pins all that is pulled and decides on
    /// versions, instead of holding only what nobody else vouches for.
    is_project: bool,
}

/// A reference that was found in a registry.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What its user calls the registry.
    pub registry: String,
    /// Where that is.
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
        Self { sources, store, fetch, builtin: |_| None, lock_path, is_project: false }
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

    /// Sets the lock file of a project, in which every file that is pulled is pinned, and
    /// whose versions are taken where none is asked for. Without one, that in the cache pins
    /// files of which no full digest was published.
    #[must_use]
    pub fn with_lock_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.lock_path = path.into();
        self.is_project = true;
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

    /// The entry and version that `reference` means: in a project, where none is asked for,
    /// the version that is pinned.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionNotFound`]; [`Error::OtherRegistry`] where the
    /// pinned version is from another; what reading registries or the lock says.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, Error> {
        self.resolve_with(reference, &LockFile::read(&self.lock_path)?)
    }

    fn resolve_with(&self, reference: &Reference, lock: &LockFile) -> Result<Resolved, Error> {
        let Found { entry, index, registry } = self.sources.lookup(&reference.name)?;
        let pinned = match reference.wanted {
            None if self.is_project => only_version(lock, &entry.name),
            _ => None,
        };
        let pinned = pinned.map(Wanted::Version);
        let version = entry.version(pinned.as_ref().or(reference.wanted.as_ref()))?.clone();
        if self.is_project
            && let Some(pin) = lock.pins().iter().find(|pin| {
                pin.name == entry.name && pin.version == version.version && pin.registry != registry
            })
        {
            return Err(Error::OtherRegistry {
                name: entry.name,
                version: version.version,
                pinned: pin.registry.clone(),
                found: registry.to_owned(),
            });
        }
        let (registry, origin) = (registry.to_owned(), index.origin().clone());
        Ok(Resolved { registry, origin, entry, version })
    }

    /// Brings every file of a model into the store, unless it is there.
    ///
    /// Keeps garbage collection away while it runs; [`Store::hold`] does for whoever reads the
    /// files after that.
    ///
    /// # Errors
    /// Those of [`Registry::resolve`], [`Store::hold`], [`LockFile::pin_all`] and [`fetch`];
    /// [`Error::Yanked`], [`Error::Offline`], [`Error::Sha256Unknown`],
    /// [`Error::PinMismatch`], [`Error::BuiltinMissing`], [`Error::Archive`].
    pub fn pull(
        &self,
        reference: &Reference,
        options: PullOptions,
        observer: &dyn FetchObserver,
    ) -> Result<Pulled, Error> {
        let lock = LockFile::read(&self.lock_path)?;
        let resolved = self.resolve_with(reference, &lock)?;
        let Resolved { entry, version, .. } = &resolved;
        let _in_use = self.store.hold()?;
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
        let one = |file: &ModelFile| {
            let one = OneFile { registry: self, resolved: &resolved, file, options, observer };
            one.pull_surely(&lock)
        };
        let mut files = Vec::with_capacity(version.files.len());
        for some in version.files.chunks(self.fetch.files_at_once.max(1)) {
            for pulled in at_once(some, &one) {
                let (file, said) = pulled?;
                files.push(file);
                warnings.extend(said);
            }
        }
        if self.is_project {
            let pins = files.iter().map(|file| resolved.pin(&file.name, file.digest));
            LockFile::pin_all_with(&self.lock_path, pins.collect(), self.store.locks())?;
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
            was_cached: files.iter().all(|file| file.was_cached),
            files,
            warnings,
            entry: resolved.entry,
            version: resolved.version,
        })
    }

    /// Brings one file into the store that no registry knows: `hf:OWNER/REPO/PATH`, or an
    /// address. Without `sha256`, nobody vouches for what comes.
    ///
    /// # Errors
    /// As [`fetch`]; [`Error::UnsupportedUrl`], [`Error::OfflineUrl`].
    pub fn pull_url(
        &self,
        url: &str,
        sha256: Option<Sha256Digest>,
        observer: &dyn FetchObserver,
    ) -> Result<Fetched, Error> {
        let refuse = |why| Error::UnsupportedUrl { url: redacted(url), why };
        match Source::parse(url).map_err(refuse)? {
            Source::Http(_) | Source::Hf(_) => {}
            _ => return Err(refuse("is no address on a network")),
        }
        let _in_use = self.store.hold()?;
        if let Some(digest) = sha256
            && let Some(path) = self.store.open_verified(&digest, None)
        {
            let size = path.metadata().map_err(Error::io("open", &path))?.len();
            return Ok(Fetched { path, digest, size, url: url.to_owned() });
        }
        if self.sources.options().offline {
            return Err(Error::OfflineUrl { url: redacted(url) });
        }
        let expected = sha256.map_or_else(|| Expected::Evidence(Vec::new()), Expected::Sha256);
        let name = url.rsplit('/').next().unwrap_or(url);
        let request = FetchRequest { name, urls: &[url.to_owned()], expected, size: None };
        fetch(&self.store, &request, &self.fetch, observer)
    }
}

impl Resolved {
    /// The pin of one of its files.
    fn pin(&self, file: &str, sha256: Sha256Digest) -> Pin {
        Pin {
            name: self.entry.name.clone(),
            version: self.version.version.clone(),
            file: file.to_owned(),
            registry: self.registry.clone(),
            sha256,
        }
    }
}

/// What `work` makes of each file, all of them at the same time.
fn at_once<T: Send>(files: &[ModelFile], work: &(impl Fn(&ModelFile) -> T + Sync)) -> Vec<T> {
    let [first, others @ ..] = files else { return Vec::new() };
    thread::scope(|scope| {
        let others: Vec<_> =
            others.iter().map(|file| (file, scope.spawn(move || work(file)))).collect();
        let mut done = vec![work(first)];
        // A thread that panicked has said so; its file is done again here.
        done.extend(others.into_iter().map(|(file, o)| o.join().unwrap_or_else(|_| work(file))));
        done
    })
}

/// The version of `name` that is pinned, if there is just one.
fn only_version(lock: &LockFile, name: &ModelName) -> Option<Version> {
    let mut versions: Vec<&Version> =
        lock.pins().iter().filter(|pin| pin.name == *name).map(|pin| &pin.version).collect();
    versions.dedup();
    match versions[..] {
        [version] => Some(version.clone()),
        _ => None,
    }
}
