//! An entry: what the registry knows about one model. People write it as
//! `registry/models/NAME.toml`; the static tree carries the same data as JSON.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::archive::ArchiveKind;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::format::FileFormat;
use crate::name::{ModelName, Wanted, fold};
use crate::preprocessing::Preprocessing;

/// The entry schema that this version writes and the newest it reads.
pub const ENTRY_SCHEMA: u32 = 1;

/// Most bytes of one entry, as TOML or JSON.
pub const MAX_ENTRY_BYTES: u64 = 1 << 20;

/// Everything the registry knows about one model.
///
/// What is said here holds for every version that does not say otherwise. Where nobody
/// published a fact it is left out, never guessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The schema of this entry, [`ENTRY_SCHEMA`].
    pub schema: u32,
    /// The model's name.
    pub name: ModelName,
    /// Other names that mean it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ModelName>,
    /// One line for people.
    pub summary: String,
    /// What it does, such as `image-classification`.
    pub task: String,
    /// The family of architectures, such as `resnet`.
    pub family: String,
    /// The architecture as the converter knows it, such as `resnet-50`. Graphs that stand
    /// in their own file, and networks that the converter cannot build, have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// How many trainable numbers it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// What goes in, such as `3x224x224` (channels, height, width) or `16 kHz mono waveform`.
    pub input: String,
    /// How many classes come out, where it is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u32>,
    /// The set of labels that the outputs mean, such as `imagenet-1k`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// The licence of the weights: an SPDX expression, or `LicenseRef-...`.
    pub licence: String,
    /// What is known about the licence beyond its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_note: Option<String>,
    /// The paper to cite.
    pub citation: String,
    /// The page of the model's publisher.
    pub upstream: String,
    /// The version that a bare name means; without it the newest that is not yanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Version>,
    /// How an image becomes the input, of every version that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// How the input is made, in the publisher's words, where [`Preprocessing`] cannot say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<String>,
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
    /// The name of the weights, such as `IMAGENET1K_V1`: it may stand in a
    /// [`Reference`](crate::Reference) in the place of the version.
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
    /// An architecture that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// A number of parameters that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// An input that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// A number of classes that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u32>,
    /// Published without its last layer: features come out, whatever the entry says of classes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub headless: bool,
    /// A licence that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What is known about that licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_note: Option<String>,
    /// A publisher's page that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Preprocessing that differs from the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    /// A preparation that differs from the entry's; with it, the entry's preprocessing does
    /// not hold either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<String>,
    /// What the model makes of a known input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<ParityVector>,
    /// The model that this one was adapted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentModel>,
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

/// What a model makes of an input that everyone can make by rule: proof that bytes,
/// conversion and this machine's arithmetic agree with whoever wrote the entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParityVector {
    /// The rule of the input, as bundles name it: `tiles`.
    pub rule: String,
    /// The input's shape.
    pub shape: Vec<usize>,
    /// The first numbers of the first output.
    pub expected: Vec<f32>,
    /// The standard deviation of the whole first output, by which differences are measured.
    pub deviation: f32,
}

/// The model that another was adapted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentModel {
    /// Its name.
    pub name: ModelName,
    /// Its version.
    pub version: Version,
    /// The digest that names its bundle.
    pub bundle: Sha256Digest,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The publisher's file name: relative, without `..`.
    pub path: String,
    /// The size of what is fetched, where anyone knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<FileSize>,
    /// The digest of what is fetched, where the full one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// What the bytes are; of an archive, what the member is.
    pub format: FileFormat,
    /// Where to fetch it, tried in this order: `https:`, `http:`, `hf:`, `file:`, `builtin:`,
    /// or a path relative to the registry.
    pub urls: Vec<String>,
    /// Digests that others published of what is fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The part of it that is the model, where what is fetched is an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveMember>,
    /// The digest of the `.zoo` file that parent and delta give, where this is a delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composed: Option<Sha256Digest>,
}

/// Which part of an archive is the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveMember {
    /// The kind of archive.
    pub kind: ArchiveKind,
    /// The member's path inside. Empty for `gz`, which has one without a name, and where nobody
    /// published which member it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// The member's digest, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Digests that others published of the member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
    /// A yanked version is found only by its number, never by default or by its weights.
    ///
    /// # Errors
    /// [`Error::VersionNotFound`].
    pub fn version(&self, wanted: Option<&Wanted>) -> Result<&EntryVersion, Error> {
        let found = match wanted {
            // Exact equality: versions that differ in build metadata are different.
            Some(Wanted::Version(wanted)) => self.versions.iter().find(|v| v.version == *wanted),
            Some(Wanted::Weights(wanted)) => {
                let wanted = fold(wanted);
                let named = |v: &&EntryVersion| !v.yanked && fold(&v.weights) == wanted;
                self.versions.iter().filter(named).max_by(|a, b| a.version.cmp(&b.version))
            }
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

    /// The preprocessing of `version`: its own, or else the entry's, unless a preparation in
    /// words takes its place.
    pub fn preprocessing_of<'a>(&'a self, version: &'a EntryVersion) -> Option<&'a Preprocessing> {
        match (&version.preprocessing, &version.preparation) {
            (Some(own), _) => Some(own),
            (None, Some(_)) => None,
            (None, None) => self.preprocessing.as_ref(),
        }
    }

    /// How the input of `version` is made, in words, where there are any.
    pub fn preparation_of<'a>(&'a self, version: &'a EntryVersion) -> Option<&'a str> {
        match (&version.preparation, &version.preprocessing) {
            (Some(own), _) => Some(own),
            (None, Some(_)) => None,
            (None, None) => self.preparation.as_deref(),
        }
    }

    /// The architecture of `version`, as the converter knows it.
    pub fn architecture_of<'a>(&'a self, version: &'a EntryVersion) -> Option<&'a str> {
        version.architecture.as_deref().or(self.architecture.as_deref())
    }

    /// The licence of `version`.
    pub fn licence_of<'a>(&'a self, version: &'a EntryVersion) -> &'a str {
        version.licence.as_deref().unwrap_or(&self.licence)
    }

    /// What is known about the licence of `version` beyond its name.
    pub fn licence_note_of<'a>(&'a self, version: &'a EntryVersion) -> Option<&'a str> {
        match version.licence {
            Some(_) => version.licence_note.as_deref(),
            None => version.licence_note.as_deref().or(self.licence_note.as_deref()),
        }
    }

    /// What goes into `version`.
    pub fn input_of<'a>(&'a self, version: &'a EntryVersion) -> &'a str {
        version.input.as_deref().unwrap_or(&self.input)
    }

    /// How many classes come out of `version`; `None` where what comes out are no classes.
    pub fn classes_of(&self, version: &EntryVersion) -> Option<u32> {
        if version.headless { None } else { version.classes.or(self.classes) }
    }

    /// Whether the converter makes a bundle of `version`: its first file is of a format that is
    /// read, can be got at, and says what it computes or belongs to an architecture that is known.
    pub fn is_convertible(&self, version: &EntryVersion) -> bool {
        version.files.first().is_some_and(|file| {
            let located = file.archive.as_ref().is_none_or(ArchiveMember::is_located);
            let known = file.format.has_graph() || self.architecture_of(version).is_some();
            file.format.has_reader() && located && known
        })
    }

    /// The page of the publisher of `version`.
    pub fn upstream_of<'a>(&'a self, version: &'a EntryVersion) -> &'a str {
        version.upstream.as_deref().unwrap_or(&self.upstream)
    }

    /// How many parameters `version` has.
    pub fn parameters_of(&self, version: &EntryVersion) -> Option<u64> {
        version.parameters.or(self.parameters)
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

impl ArchiveMember {
    /// Whether it is known which member of the archive is the model.
    pub fn is_located(&self) -> bool {
        self.kind == ArchiveKind::Gz || !self.member.is_empty()
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
