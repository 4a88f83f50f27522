//! The registries that this user trusts, on disk.
//!
//! ```text
//! TRUST/<sha256 of the location>/root.json    the trusted root, as it came
//! TRUST/<sha256 of the location>/state.json   location, name, the newest index seen
//! TRUST/<sha256 of the location>/lock         held by who writes
//! ```
//!
//! A folder appears complete, by one rename. If a file in it is missing or damaged, the
//! registry is an error, not a registry that was never seen: only its user removes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::TrustError;
use super::location::normalize;
use super::root::Root;
use super::state::{STATE_SCHEMA, State, damaged};
use super::trusted::{ROOT_FILE, STATE_FILE, Trusted};
use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::store::children;

/// Longest name of a registry, in bytes.
const MAX_NAME_LEN: usize = 64;

/// The registries that are trusted, in a folder of the user.
#[derive(Debug, Clone)]
pub struct TrustStore {
    dir: PathBuf,
}

impl TrustStore {
    /// The registries remembered in `dir`, which need not be there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Begins to trust the registry at `location`, on account of the `root` that it shows.
    ///
    /// Whoever answers for that location now is believed from here on, so `fingerprint`
    /// should come from its owner by another way. It is that of [`Root::fingerprint`]. An
    /// expired root is taken: its successors may be there ([`Trusted::update_root`]).
    ///
    /// # Errors
    /// Any [`TrustError`] about a root; [`TrustError::Fingerprint`];
    /// [`TrustError::AlreadyTrusted`] with another root, while the same one gives what is
    /// there; [`TrustError::Location`], [`TrustError::Name`], [`TrustError::StateDamaged`],
    /// [`Error::Io`].
    pub fn add(
        &self,
        location: &str,
        name: &str,
        root: &[u8],
        fingerprint: Option<&Sha256Digest>,
    ) -> Result<Trusted, Error> {
        let location = normalize(location)?;
        check_name(name)?;
        let verified = Root::verify(root)?;
        let found = *verified.fingerprint();
        if let Some(expected) = fingerprint
            && *expected != found
        {
            let (expected, found) = (Box::new(*expected), Box::new(found));
            return Err(TrustError::Fingerprint { expected, found }.into());
        }
        let folder = self.folder(&location);
        if !exists(&folder)? {
            atomic::create_dir_all(&self.dir)?;
            let temporary = tempfile::Builder::new()
                .prefix(".zoo-")
                .tempdir_in(&self.dir)
                .map_err(Error::io("create a folder in", &self.dir))?;
            atomic::write(&temporary.path().join(ROOT_FILE), root)?;
            let name = name.to_owned();
            let state = State { schema: STATE_SCHEMA, location, name, seen: None };
            state.write(&temporary.path().join(STATE_FILE))?;
            match fs::rename(temporary.path(), &folder) {
                Ok(()) => {
                    atomic::sync_dir(&self.dir);
                    // It has another name now: there is nothing left to delete.
                    let _ = temporary.keep();
                }
                // Another process was faster.
                Err(_) if exists(&folder)? => {}
                Err(error) => return Err(Error::io("create the folder", &folder)(error)),
            }
        }
        let trusted = self.load(&folder)?;
        if *trusted.root().fingerprint() != found {
            let location = trusted.location().to_owned();
            return Err(TrustError::AlreadyTrusted { location }.into());
        }
        Ok(trusted)
    }

    /// Forgets the registry at `location`, damaged or not; says whether it was there.
    ///
    /// # Errors
    /// [`TrustError::Location`], [`Error::Io`]. What is left then is an error until it is
    /// removed again.
    pub fn remove(&self, location: &str) -> Result<bool, Error> {
        let folder = self.folder(&normalize(location)?);
        match fs::remove_dir_all(&folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove the folder", &folder)(error)),
        }
    }

    /// The registry at `location`, if it is trusted.
    ///
    /// # Errors
    /// [`TrustError::Location`], [`TrustError::StateDamaged`], [`Error::FutureSchema`],
    /// [`Error::Io`].
    pub fn get(&self, location: &str) -> Result<Option<Trusted>, Error> {
        let folder = self.folder(&normalize(location)?);
        if exists(&folder)? { self.load(&folder).map(Some) } else { Ok(None) }
    }

    /// All registries in the order of their names; a damaged one, last, does not hide the
    /// others.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Result<Trusted, Error>>, Error> {
        let mut folders = children(&self.dir)?;
        // Others are leftovers of a process that was killed.
        folders.retain(|path| digest_in(path).is_some() && path.is_dir());
        folders.sort();
        let mut all: Vec<_> = folders.iter().map(|folder| self.load(folder)).collect();
        let key = |trusted: &Trusted| (trusted.name().to_owned(), trusted.location().to_owned());
        all.sort_by_cached_key(|trusted| {
            (trusted.is_err(), trusted.as_ref().map(key).unwrap_or_default())
        });
        Ok(all)
    }

    fn folder(&self, location: &str) -> PathBuf {
        self.dir.join(Sha256Digest::of(location.as_bytes()).to_hex())
    }

    fn load(&self, folder: &Path) -> Result<Trusted, Error> {
        let trusted = Trusted::load(folder)?;
        if self.folder(trusted.location()) != folder {
            return Err(damaged(&folder.join(STATE_FILE), "it is of another registry", None));
        }
        Ok(trusted)
    }
}

/// Whether something is there, a thing that cannot be read included.
fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(Error::io("look for", path))
}

fn digest_in(folder: &Path) -> Option<Sha256Digest> {
    folder.file_name()?.to_str()?.parse().ok()
}

fn check_name(name: &str) -> Result<(), TrustError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_NAME_LEN || !name.bytes().all(allowed) {
        return Err(TrustError::Name { name: name.chars().take(80).collect() });
    }
    Ok(())
}
