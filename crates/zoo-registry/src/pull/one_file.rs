//! Bringing one file of a model here.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Registry, Resolved};
use crate::archive::{Limits, extract_into_store};
use crate::digest::Sha256Digest;
use crate::entry::{ArchiveMember, ModelFile};
use crate::error::Error;
use crate::evidence::{Evidence, EvidenceKind};
use crate::expected::Expected;
use crate::fetch::{FetchRequest, fetch};
use crate::index::Origin;
use crate::lock::LockFile;
use crate::observer::FetchObserver;
use crate::pulled::{PullOptions, PullWarning, PulledFile};
use crate::store::BlobState;
use crate::url::{PackageFile, Source, redacted};

/// One file of one pull.
pub(super) struct OneFile<'a> {
    pub(super) registry: &'a Registry,
    pub(super) resolved: &'a Resolved,
    pub(super) file: &'a ModelFile,
    pub(super) options: PullOptions,
    pub(super) observer: &'a dyn FetchObserver,
}

impl OneFile<'_> {
    /// Brings the file into the store, and gives what the caller should know.
    pub(super) fn pull_surely(
        &self,
        lock: &LockFile,
    ) -> Result<(PulledFile, Vec<PullWarning>), Error> {
        let mut warnings = Vec::new();
        let mut pulled = self.pull(lock, &mut warnings)?;
        // Where locks lie, it may have been collected since it was looked at.
        if !pulled.path.is_file() {
            pulled = self.pull(lock, &mut warnings)?;
        }
        Ok((pulled, warnings))
    }

    /// Leaves the model's own bytes in the store: of an archive, those of the member.
    fn pull(&self, lock: &LockFile, warnings: &mut Vec<PullWarning>) -> Result<PulledFile, Error> {
        let known = match self.archive() {
            Some(archive) => archive.sha256,
            None => self.file.sha256,
        };
        let pinned = self.pinned(lock, known)?;
        if let Some(digest) = known.or(pinned) {
            let exact = self.file.exact_size().filter(|_| self.archive().is_none());
            if let Some(path) = self.cached(&digest, exact, warnings)? {
                return Ok(self.pulled(path, digest, true));
            }
            let path = match self.archive() {
                Some(archive) => {
                    self.unpack_member(archive, &Expected::Sha256(digest), warnings)?.0
                }
                None => self.bring(Expected::Sha256(digest))?.0,
            };
            return Ok(self.pulled(path, digest, false));
        }
        let vouched = self.archive().is_some_and(|_| self.file.sha256.is_some());
        // A SHA-384 names a file as surely as a SHA-256 does.
        let published = match self.archive() {
            Some(archive) => &archive.evidence,
            None => &self.file.evidence,
        };
        let in_full = published.iter().any(|evidence| evidence.kind() >= EvidenceKind::Sha384);
        if self.options.require_sha256 && !vouched && !in_full {
            return Err(self.unknown());
        }
        // All that is known, not only the strongest: two digests are harder to forge than one.
        let (path, digest) = match self.archive() {
            Some(archive) => {
                let expected = Expected::Evidence(archive.evidence.clone());
                self.unpack_member(archive, &expected, warnings)?
            }
            None if self.file.evidence.is_empty() => return Err(self.unknown()),
            None => self.bring(Expected::Evidence(self.file.evidence.clone()))?,
        };
        let pin = self.resolved.pin(&self.file.path, digest);
        let locks = self.registry.store.locks();
        LockFile::pin_all_with(&self.registry.lock_path, vec![pin], locks)?;
        let inside = self.archive().into_iter().flat_map(|archive| &archive.evidence);
        let strongest = |evidence: &&Evidence| (evidence.kind(), evidence.value().len());
        if let (false, Some(evidence)) =
            (vouched, inside.chain(&self.file.evidence).max_by_key(strongest))
        {
            warnings.push(PullWarning::PinnedOnFirstSight {
                file: self.file.path.clone(),
                kind: evidence.kind(),
                prefix: evidence.value().to_owned(),
                publisher: evidence.publisher().to_owned(),
                digest,
            });
        }
        Ok(self.pulled(path, digest, false))
    }

    /// Which member of what is fetched is the model. Where nobody knows that, the archive
    /// itself is all that can be had.
    fn archive(&self) -> Option<&ArchiveMember> {
        self.file.archive.as_ref().filter(|archive| archive.is_located())
    }

    /// The digest in the lock, which must not contradict the one that is `known`.
    fn pinned(
        &self,
        lock: &LockFile,
        known: Option<Sha256Digest>,
    ) -> Result<Option<Sha256Digest>, Error> {
        let Resolved { entry, version, .. } = self.resolved;
        let Some(pin) = lock.get(&entry.name, &version.version, &self.file.path) else {
            return Ok(None);
        };
        match known {
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
        exact: Option<u64>,
        warnings: &mut Vec<PullWarning>,
    ) -> Result<Option<PathBuf>, Error> {
        let store = &self.registry.store;
        let state =
            if self.options.verify { store.verify(digest)? } else { store.check(digest, exact)? };
        match state {
            BlobState::Intact(size) if exact.is_none_or(|exact| exact == size) => {
                return Ok(Some(store.blob_path(digest)));
            }
            BlobState::RemovedCorrupt(found) => {
                let file = self.file.path.clone();
                warnings.push(PullWarning::ReplacedCorrupt { file, found });
            }
            BlobState::Intact(_) | BlobState::Missing => {}
        }
        Ok(None)
    }

    /// Brings the archive here, if it is not, and takes the member out that is the model.
    fn unpack_member(
        &self,
        archive: &ArchiveMember,
        expected: &Expected,
        warnings: &mut Vec<PullWarning>,
    ) -> Result<(PathBuf, Sha256Digest), Error> {
        let cached = match &self.file.sha256 {
            Some(digest) => self.cached(digest, self.file.exact_size(), warnings)?,
            None => None,
        };
        let path = match (cached, self.file.sha256) {
            (Some(path), _) => path,
            (None, Some(digest)) => self.bring(Expected::Sha256(digest))?.0,
            // Where nothing is known of the archive, the member tells.
            (None, None) => self.bring(Expected::Evidence(self.file.evidence.clone()))?.0,
        };
        let store = &self.registry.store;
        let (digest, member, _) =
            extract_into_store(store, &path, archive.kind, &archive.member, &Limits::default())?;
        let url = self.file.urls.first().map_or("", String::as_str);
        let place = format!("{}!{}", redacted(url), archive.member);
        let checked = expected
            .check(&place, digest, || File::open(&member).map_err(Error::io("open", &member)));
        if let Err(error) = checked {
            // Neither is of any use: the next pull must not find them.
            store.remove(&digest)?;
            if self.file.sha256.is_none() {
                store.remove(&Sha256Digest::of_file(&path)?)?;
            }
            return Err(error);
        }
        Ok((member, digest))
    }

    /// Fetches the file: from the binary, or else from where its urls say.
    fn bring(&self, expected: Expected) -> Result<(PathBuf, Sha256Digest), Error> {
        let mut urls = Vec::new();
        let mut failed = None;
        for url in &self.file.urls {
            match place(url, &self.resolved.origin) {
                Ok(Source::Builtin(name)) => match self.unpack(&name, &expected) {
                    Ok(unpacked) => return Ok(unpacked),
                    Err(error) => failed = Some(error),
                },
                Ok(Source::Http(url)) => urls.push(url),
                Ok(Source::File(path)) => urls.push(path.display().to_string()),
                Ok(Source::Hf(file)) => urls.push(file.to_string()),
                Ok(Source::PythonPackage(PackageFile { package, version, path })) => {
                    failed = Some(Error::InPythonPackage { package, version, path });
                }
                Ok(Source::Relative(_)) => {}
                Err(error) => failed = Some(error),
            }
        }
        if let (true, Some(error)) = (urls.is_empty(), failed) {
            return Err(error);
        }
        // Files of this machine need no network.
        let is_here = |url: &String| Path::new(url).is_absolute();
        if self.options.offline {
            urls.retain(is_here);
            if urls.is_empty() {
                return Err(Error::Offline {
                    name: self.resolved.entry.name.clone(),
                    version: self.resolved.version.version.clone(),
                    cache: self.registry.store.root().to_owned(),
                });
            }
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
        expected.check(&url, got, || Ok(bytes))?;
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
            let checkout = std::path::absolute(checkout).map_err(Error::io("find", checkout))?;
            Ok(Source::File(checkout.join(path)))
        }
        (Source::Relative(path), Origin::Url(base)) => Ok(Source::Http(format!("{base}/{path}"))),
        // A stranger has no business with the files of this machine.
        (Source::File(_), Origin::Url(_) | Origin::Git { .. }) => {
            Err(refuse("is a local file in a remote registry"))
        }
        (source, _) => Ok(source),
    }
}
