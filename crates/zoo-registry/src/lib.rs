//! Names, index, fetch, verify, store and lock: static files that nobody can corrupt.
//!
//! A [`Registry`] is an [`Index`] (what there is) and a [`Store`] (what is here). Pulling a
//! model looks its name up, fetches each file from the first source that gives the right
//! bytes, and leaves it in the store under its digest.
//!
//! Sources are untrusted bytes: a mirror, a cache or a hotel's sign-in page can fail a pull,
//! never change what it yields. Nothing here decodes a model, prints, or knows Burn.
//!
//! ```
//! use zoo_registry::{Index, ModelName, PullOptions, Registry, Silent, Store};
//!
//! let cache = tempfile::tempdir()?;
//! let registry = Registry::of(Index::builtin(), Store::open(cache.path())?);
//! assert_eq!(registry.resolve(&"resnet50".parse()?)?.entry.name.as_str(), "resnet-50");
//!
//! // Not in this empty cache, and not allowed to fetch.
//! let options = PullOptions { offline: true, ..PullOptions::default() };
//! let error = registry.pull(&"resnet-50".parse()?, options, &Silent).unwrap_err();
//! assert!(matches!(error, zoo_registry::Error::Offline { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

// What is asked for.
mod digest;
mod evidence;
mod hex;
mod name;

// What there is.
mod entry;
mod format;
mod index;
mod lint;
mod preprocessing;
mod schema;
mod sources;
mod tree;
mod url;
mod validate;
mod web_url;

// Who says so.
pub mod trust;

// What is here.
mod atomic;
mod bounded;
mod file_lock;
mod lock;
mod store;

// What comes inside of something.
pub mod archive;

// From there to here.
mod credentials;
mod download;
mod expected;
mod fetch;
mod git;
mod headers;
mod http;
mod http_date;
mod mirrors;
mod observer;
mod partial;
mod pieces;
mod positioned;
mod proxy;
mod pull;
mod pulled;
mod retry;
mod runs;
mod transfer;

// From here to there.
pub mod publish;

mod error;

pub use archive::ArchiveKind;
pub use credentials::{Credentials, CredentialsError};
pub use digest::{Sha256Digest, Sha256Hasher};
pub use entry::{
    ArchiveMember, ENTRY_SCHEMA, Entry, EntryVersion, FileSize, MAX_ENTRY_BYTES, ModelFile,
    ParentModel, ParityVector, Top1,
};
pub use error::Error;
pub use evidence::{Evidence, EvidenceKind};
pub use expected::Expected;
pub use fetch::{FetchOptions, FetchRequest, Fetched, fetch, fetch_all};
pub use file_lock::Locks;
pub use format::FileFormat;
pub use index::{Index, IndexOptions, Origin, Query, Row, fetch_root};
pub use lint::{Finding, Level, lint};
pub use lock::{LOCK_SCHEMA, LockError, LockFile, Pin};
pub use mirrors::MirrorScores;
pub use name::{MAX_PART_LEN, ModelName, Reference, Wanted};
pub use observer::{FetchObserver, Silent};
pub use preprocessing::{Color, Filter, Preprocessing, Resize};
pub use proxy::{InvalidProxy, Proxies};
pub use pull::{BuiltinFiles, Registry, Resolved};
pub use pulled::{PullOptions, PullWarning, Pulled, PulledFile};
pub use runs::Runs;
pub use semver::Version;
pub use sources::{Found, RegistrySpec, Sources};
pub use store::{
    BlobState, BlobUsage, CachePin, CorruptBlob, GcOptions, GcReport, InUse, Kind, KindUsage,
    PinTarget, Removed, Store, StoreError, Usage, VerifyProgress, VerifyReport, default_cache_dir,
    default_config_dir,
};
pub use tree::{
    BuildOptions, Built, INDEX_SCHEMA, blob_path as tree_blob_path, build_tree, write_index,
};
