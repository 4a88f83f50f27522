//! The tables beside the seed: which rows make which models, and what rows refer to.

use std::collections::BTreeMap;

use serde::Deserialize;
use zoo_registry::{ArchiveKind, FileFormat, Top1, Version};

/// `xtask/seed/models.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Models {
    pub(super) model: Vec<ModelPlan>,
    /// Rows that make no entry, with the reason.
    pub(super) skip: BTreeMap<String, String>,
}

/// One model: its names, and what its rows do not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelPlan {
    pub(super) name: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// What the file begins with, in place of the usual comment.
    pub(super) comment: Option<String>,
    pub(super) summary: String,
    pub(super) task: Option<String>,
    pub(super) family: String,
    /// The key of the paper.
    pub(super) paper: String,
    pub(super) parameters: Option<u64>,
    /// Whether all publishers' networks have that number of parameters.
    #[serde(default)]
    pub(super) same_parameters: bool,
    /// What goes into every version, whatever its row says.
    pub(super) input: Option<String>,
    pub(super) classes: Option<u32>,
    pub(super) labels: Option<String>,
    /// How the input of every version is made, whatever its row says.
    pub(super) preparation: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) default: Option<Version>,
    /// Whether the first version is the one that the binary carries.
    #[serde(default)]
    pub(super) starter: bool,
    /// The versions, in their order.
    pub(super) rows: Vec<VersionPlan>,
}

/// One version: its row, and what the row does not say or says wrongly.
#[allow(clippy::struct_excessive_bools, reason = "each is a word that people write in the table")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionPlan {
    pub(super) row: String,
    pub(super) weights: String,
    /// Other rows about the same bytes: their urls and digests are added.
    #[serde(default)]
    pub(super) also: Vec<String>,
    pub(super) provenance: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) architecture: Option<String>,
    pub(super) top1: Option<Top1>,
    pub(super) classes: Option<u32>,
    pub(super) input: Option<String>,
    #[serde(default)]
    pub(super) headless: bool,
    /// Whether nobody has seen that the url gives this model: never chosen before others.
    #[serde(default)]
    pub(super) guessed: bool,
    /// Whether this network has another number of parameters than torchvision's.
    #[serde(default)]
    pub(super) other_size: bool,
    pub(super) path: Option<String>,
    pub(super) format: Option<FileFormat>,
    pub(super) archive: Option<ArchiveKind>,
    pub(super) member: Option<String>,
    /// The row whose preprocessing holds.
    pub(super) preprocess_as: Option<String>,
    /// The length of the shorter side, in pixels.
    pub(super) resize: Option<u32>,
    /// Height and width, in pixels, of resizing without regard to the aspect ratio.
    pub(super) resize_exact: Option<[u32; 2]>,
    /// The side of the crop, in pixels.
    pub(super) crop: Option<u32>,
    pub(super) antialias: Option<bool>,
    /// Whether torchvision's network undoes the usual normalisation.
    #[serde(default)]
    pub(super) transform_input: bool,
}

/// `xtask/seed/facts.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) publisher: BTreeMap<String, Publisher>,
    pub(super) licence: BTreeMap<String, Licence>,
    pub(super) preparation: BTreeMap<String, String>,
    pub(super) paper: BTreeMap<String, String>,
}

/// A publisher; the file explains the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publisher {
    pub(super) upstream: String,
    pub(super) top1: String,
    pub(super) digest: Option<String>,
    pub(super) doubt: Option<String>,
    pub(super) antialias: bool,
    pub(super) same_size: bool,
}

/// What a text about a licence means.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Licence {
    pub(super) id: String,
    pub(super) note: Option<String>,
}
