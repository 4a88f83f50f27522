use serde::Serialize;

use crate::{ArchiveMember, Entry, EntryVersion, FileFormat};

/// Whether a program that builds some architectures runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runs {
    /// It does.
    Yes,
    /// Its file is read and says what it computes; whether all of that is built shows when it is
    /// converted.
    Untried,
    /// It does not.
    No,
}

impl Runs {
    /// As far as a file's format and the architecture tell; `is_built` says of an architecture's
    /// name whether it is built.
    pub fn of(
        format: FileFormat,
        architecture: Option<&str>,
        is_built: impl Fn(&str) -> bool,
    ) -> Self {
        match format {
            FileFormat::Zoo | FileFormat::ZooDelta => Self::Yes,
            format if format.is_words() => Self::Yes,
            format if format.has_graph() => Self::Untried,
            format if format.has_reader() && architecture.is_some_and(is_built) => Self::Yes,
            _ => Self::No,
        }
    }

    /// The same of a version of an entry, whose file must be one that can be got at.
    pub fn of_version(
        entry: &Entry,
        version: &EntryVersion,
        is_built: impl Fn(&str) -> bool,
    ) -> Self {
        match version.files.first() {
            Some(file) if file.archive.as_ref().is_none_or(ArchiveMember::is_located) => {
                Self::of(file.format, entry.architecture_of(version), is_built)
            }
            _ => Self::No,
        }
    }

    /// `yes`, `untried`, `no`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Untried => "untried",
            Self::No => "no",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_and_architecture_decide() {
        let runs = |format, architecture| Runs::of(format, architecture, |name| name == "known");
        assert_eq!(runs(FileFormat::Zoo, None), Runs::Yes);
        assert_eq!(runs(FileFormat::GloveText, None), Runs::Yes);
        assert_eq!(runs(FileFormat::Pytorch, Some("known")), Runs::Yes);
        assert_eq!(runs(FileFormat::Pytorch, Some("other")), Runs::No);
        assert_eq!(runs(FileFormat::Pytorch, None), Runs::No);
        assert_eq!(runs(FileFormat::Onnx, None), Runs::Untried);
        assert_eq!(runs(FileFormat::Onnx, Some("known")), Runs::Untried);
        assert_eq!(runs(FileFormat::Ggml, Some("known")), Runs::No);
    }
}
