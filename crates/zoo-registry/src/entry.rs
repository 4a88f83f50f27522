//! An entry: what the registry knows about one model. People write it as
//! `registry/models/NAME.toml`; the static tree carries the same data as JSON.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::name::ModelName;
use crate::preprocessing::Preprocessing;

/// The entry schema that this version writes and the newest it reads.
pub const ENTRY_SCHEMA: u32 = 1;

/// Most bytes of one entry, as TOML or JSON.
pub const MAX_ENTRY_BYTES: u64 = 1 << 20;

/// Everything the registry knows about one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The schema of this entry, [`ENTRY_SCHEMA`].
    pub schema: u32,
    /// The model's name.
    pub name: ModelName,
    /// Other names that mean it.
    #[serde(default)]
    pub aliases: Vec<ModelName>,
    /// One line for people.
    pub summary: String,
    /// What it does, such as `image-classification`.
    pub task: String,
    /// The family of architectures, such as `resnet`.
    pub family: String,
    /// The architecture as the converter knows it, such as `resnet-50`.
    pub architecture: String,
    /// How many trainable numbers it has.
    pub parameters: u64,
    /// The licence of the weights, an SPDX expression.
    pub licence: String,
    /// What is known about the licence beyond its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_note: Option<String>,
    /// The paper to cite.
    pub citation: String,
    /// The page of the model's publisher.
    pub upstream: String,
    /// The set of labels that the outputs mean, such as `imagenet-1k`.
    pub labels: String,
    /// The version that a bare name means; without it the newest that is not yanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Version>,
    /// The preprocessing of every version that has none of its own.
    pub preprocessing: Preprocessing,
    /// The versions, in the order written.
    #[serde(rename = "version")]
    pub versions: Vec<EntryVersion>,
}

/// One version of a model: one set of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryVersion {
    /// The version.
    pub version: Version,
    /// The publisher's name for the weights, such as `IMAGENET1K_V1`.
    pub weights: String,
    /// Where the files come from and what was done to them, where that needs telling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// The quality that somebody measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<Top1>,
    /// Never chosen for anyone who has not pinned it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
    /// Preprocessing that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// The files; the first holds the weights.
    pub files: Vec<ModelFile>,
}

/// A published top-1 accuracy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Top1 {
    /// Percent, 0 to 100.
    pub percent: f64,
    /// Who measured it.
    pub source: String,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The publisher's file name: relative, without `..`.
    pub path: String,
    /// The size, where anyone knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FileSize>,
    /// The digest, where the full one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// What the bytes are.
    pub format: FileFormat,
    /// Where to fetch it, tried in this order: `https:`, `http:`, `file:`, `builtin:`, or a
    /// path relative to the registry.
    pub urls: Vec<String>,
    /// Digests that others published.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A size in bytes that says whether it may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSize {
    /// Bytes.
    pub bytes: u64,
    /// An exact size is enforced; one that is not only feeds a progress bar.
    pub exact: bool,
}

/// What the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// A `state_dict` as `PyTorch` saves it (`.pth`).
    Pytorch,
    /// An ONNX graph.
    Onnx,
    /// A safetensors file.
    Safetensors,
    /// A bundle of ours.
    Zoo,
}

impl Entry {
    /// Reads an entry from TOML. `origin` names the text in errors.
    ///
    /// Checks the syntax and types only; see [`Entry::problems`].
    ///
    /// # Errors
    /// [`Error::EntryTooLarge`], [`Error::EntrySyntax`].
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Error> {
        check_length(text.len(), origin)?;
        toml::from_str(text).map_err(|source| Error::EntrySyntax {
            origin: origin.to_owned(),
            source: Box::new(source),
        })
    }

    /// Reads an entry from the JSON of a shard. `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::EntryTooLarge`], [`Error::Json`].
    pub fn from_json(bytes: &[u8], origin: &str) -> Result<Self, Error> {
        check_length(bytes.len(), origin)?;
        serde_json::from_slice(bytes)
            .map_err(|source| Error::Json { origin: origin.to_owned(), source })
    }

    /// The version that `wanted` means: that one, or the default.
    ///
    /// A yanked version is found only by its number, never by default.
    ///
    /// # Errors
    /// [`Error::VersionNotFound`].
    pub fn version(&self, wanted: Option<&Version>) -> Result<&EntryVersion, Error> {
        let found = match wanted {
            // Exact equality: versions that differ in build metadata are different.
            Some(wanted) => self.versions.iter().find(|v| v.version == *wanted),
            None => self.default_version(),
        };
        found.ok_or_else(|| Error::VersionNotFound {
            name: self.name.clone(),
            wanted: wanted.cloned(),
            available: self
                .versions
                .iter()
                .filter(|v| !v.yanked)
                .map(|v| v.version.to_string())
                .collect(),
        })
    }

    fn default_version(&self) -> Option<&EntryVersion> {
        let usable = || self.versions.iter().filter(|v| !v.yanked);
        let named = self.default.as_ref();
        usable()
            .find(|v| named == Some(&v.version))
            .or_else(|| {
                usable()
                    .filter(|v| v.version.pre.is_empty())
                    .max_by(|a, b| a.version.cmp(&b.version))
            })
            .or_else(|| usable().max_by(|a, b| a.version.cmp(&b.version)))
    }

    /// The preprocessing of `version`: its own, or else the entry's.
    pub fn preprocessing_of<'a>(&'a self, version: &'a EntryVersion) -> &'a Preprocessing {
        version.preprocessing.as_ref().unwrap_or(&self.preprocessing)
    }
}

impl ModelFile {
    /// The evidence that is hardest to forge: in the order of [`crate::EvidenceKind`], and of two
    /// prefixes the longer one.
    pub fn strongest_evidence(&self) -> Option<&Evidence> {
        self.evidence.iter().max_by_key(|e| (e.kind(), e.value().len()))
    }

    /// The size, if it may be relied on.
    pub fn exact_size(&self) -> Option<u64> {
        self.size.filter(|size| size.exact).map(|size| size.bytes)
    }
}

fn check_length(bytes: usize, origin: &str) -> Result<(), Error> {
    if bytes as u64 > MAX_ENTRY_BYTES {
        return Err(Error::EntryTooLarge {
            origin: origin.to_owned(),
            bytes: bytes as u64,
            limit: MAX_ENTRY_BYTES,
        });
    }
    Ok(())
}
