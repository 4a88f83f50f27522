//! One line about a model: what is needed to find and choose it, without reading its entry.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::entry::Entry;
use crate::format::FileFormat;
use crate::name::ModelName;

/// What a list or a search shows of a model: facts of the version that a bare name means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The model's name.
    pub name: ModelName,
    /// Other names that mean it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ModelName>,
    /// The version.
    pub version: Version,
    /// What it does.
    pub task: String,
    /// The family of architectures.
    pub family: String,
    /// The architecture as the converter knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The format of the first file.
    pub format: FileFormat,
    /// The licence of the weights.
    pub licence: String,
    /// How many trainable numbers it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Bytes to fetch, where known, perhaps an approximation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The digest of the first file, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Published top-1 accuracy in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// One line for people.
    pub summary: String,
}

impl Row {
    /// The row of `entry`; `None` where no version of it may be chosen by default.
    pub fn of(entry: &Entry) -> Option<Self> {
        let version = entry.version(None).ok()?;
        let file = version.files.first()?;
        // Of the whole download: unknown where the size of any file is.
        let bytes = version.files.iter().map(|file| file.size.map(|size| size.bytes)).sum();
        Some(Self {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            version: version.version.clone(),
            task: entry.task.clone(),
            family: entry.family.clone(),
            architecture: entry.architecture_of(version).map(str::to_owned),
            format: file.format,
            licence: entry.licence_of(version).to_owned(),
            parameters: entry.parameters_of(version),
            bytes,
            sha256: file.sha256,
            top1: version.top1.as_ref().map(|top1| top1.percent),
            summary: entry.summary.clone(),
        })
    }
}
