//! What is to be published, what it must be like, and what became of it.

use std::fmt;
use std::path::PathBuf;

use crate::digest::Sha256Digest;
use crate::entry::{Entry, EntryVersion, FileSize, ModelFile};
use crate::error::Error;
use crate::format::FileFormat;
use crate::name::ModelName;
use crate::tree::blob_path;
use crate::url::Source;

use super::error::PublishError;

/// One version of a model, and its files.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The model as its publisher describes it, with exactly one version: the new one.
    ///
    /// Its files need neither `urls` nor a size where they are among `blobs`.
    pub entry: Entry,
    /// Files on this machine, by the digest that they must have.
    pub blobs: Vec<(Sha256Digest, PathBuf)>,
    /// The shard that the publisher saw, where the model must not have changed since.
    pub based_on: Option<Sha256Digest>,
}

/// The most that a registry takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishLimits {
    /// Bytes of one file.
    pub blob_bytes: u64,
    /// Files of one version.
    pub files: usize,
}

impl Default for PublishLimits {
    /// 16 GiB a file, as much as a fetch takes; 64 files.
    fn default() -> Self {
        Self { blob_bytes: 16 << 30, files: 64 }
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The counter of the index that has it.
    pub counter: u64,
    /// It was there before, and nothing was changed.
    pub already_there: bool,
    /// What the publisher should know.
    pub warnings: Vec<PublishWarning>,
}

/// What a publisher should know about what was published all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishWarning {
    /// Another owner's model has a name that differs in one letter.
    SimilarName {
        /// The name published.
        name: ModelName,
        /// The other name.
        like: ModelName,
    },
    /// An official model has the same name without an owner.
    OfficialName {
        /// The official name.
        official: ModelName,
    },
}

impl fmt::Display for PublishWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SimilarName { name, like } => {
                write!(f, "`{name}` differs from `{like}` of another owner in one letter")
            }
            Self::OfficialName { official } => {
                write!(f, "there is an official model `{official}` too")
            }
        }
    }
}

impl Publication {
    /// A publication of `entry`, whose one version's files are `blobs`.
    pub fn new(entry: Entry, blobs: Vec<(Sha256Digest, PathBuf)>) -> Self {
        Self { entry, blobs, based_on: None }
    }
}

/// The one version of `entry`.
///
/// # Errors
/// [`PublishError::Invalid`] where there is none or there are several.
pub(super) fn one_version(entry: &Entry) -> Result<&EntryVersion, Error> {
    match &entry.versions[..] {
        [version] => Ok(version),
        versions => {
            let problem = format!("it has {} versions instead of the new one", versions.len());
            Err(invalid(&entry.name, vec![problem]))
        }
    }
}

pub(super) fn invalid(name: &ModelName, problems: Vec<String>) -> Error {
    PublishError::Invalid { name: name.clone(), problems }.into()
}

/// `entry` as it will be published: files that the registry `holds` (with their size) have
/// their place in it as the first url.
pub(super) fn placed(
    entry: &Entry,
    limits: &PublishLimits,
    holds: impl Fn(&Sha256Digest) -> Option<u64>,
) -> Result<Entry, Error> {
    one_version(entry)?;
    let mut entry = entry.clone();
    let mut problems = Vec::new();
    for version in &mut entry.versions {
        if version.yanked {
            problems.push("a new version cannot be yanked already".to_owned());
        }
        if version.files.len() > limits.files {
            problems.push(format!(
                "it has {} files, more than {}",
                version.files.len(),
                limits.files
            ));
        }
        for file in &mut version.files {
            let within = format!("file `{}`: ", file.path);
            let found = place(file, limits, &holds);
            problems.extend(found.into_iter().map(|problem| within.clone() + &problem));
        }
    }
    problems.extend(entry.problems());
    if !is_licence(&entry.licence) {
        problems.push(format!("the licence {:?} is no SPDX expression", entry.licence));
    }
    if problems.is_empty() { Ok(entry) } else { Err(invalid(&entry.name, problems)) }
}

fn place(
    file: &mut ModelFile,
    limits: &PublishLimits,
    holds: &impl Fn(&Sha256Digest) -> Option<u64>,
) -> Vec<String> {
    let mut problems = Vec::new();
    if matches!(file.format, FileFormat::Pytorch | FileFormat::Torchscript | FileFormat::Nemo) {
        problems.push(format!("a {} file holds a pickle: publish a bundle", file.format));
    }
    let Some(digest) = file.sha256 else {
        problems.push("there is no sha256".to_owned());
        return problems;
    };
    let own = blob_path(&digest);
    for url in &file.urls {
        // Any other place in the registry, or on somebody's machine, is not the publisher's
        // to point at.
        if *url != own && !matches!(Source::parse(url), Ok(Source::Http(_))) {
            problems.push(format!("url `{}` is no web address", crate::url::redacted(url)));
        }
    }
    match holds(&digest) {
        Some(bytes) => {
            file.urls.retain(|url| *url != own);
            file.urls.insert(0, own);
            if file.size.is_some_and(|size| size.exact && size.bytes != bytes) {
                problems.push(format!("the size is not {bytes}, which the file has"));
            }
            file.size = Some(FileSize { bytes, exact: true });
        }
        None if file.urls.is_empty() || file.urls.contains(&own) => {
            problems.push(format!("the file with sha256 {digest} was not sent"));
        }
        None => {}
    }
    if file.size.is_some_and(|size| size.bytes > limits.blob_bytes) {
        problems.push(format!("it has more than {} bytes", limits.blob_bytes));
    }
    problems
}

/// Whether `text` is built like an SPDX expression: identifiers, `AND`, `OR`, `WITH`, `+` and
/// parentheses. Whether an identifier is on the list is the licences' own question.
fn is_licence(text: &str) -> bool {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    let mut ids = 0;
    for word in words.filter(|word| !word.is_empty() && !matches!(*word, "AND" | "OR" | "WITH")) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':');
        if !word.chars().all(allowed) || word.eq_ignore_ascii_case("none") {
            return false;
        }
        ids += 1;
    }
    ids > 0
}
