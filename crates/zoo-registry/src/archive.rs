//! Archives: which part of one is the model.

use serde::{Deserialize, Serialize};

/// The kind of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveKind {
    /// A tar.
    #[serde(rename = "tar")]
    Tar,
    /// A tar in gzip.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A zip.
    #[serde(rename = "zip")]
    Zip,
    /// One file in gzip.
    #[serde(rename = "gz")]
    Gz,
}
