//! Lint: what is wrong, doubtful or missing in entries, beyond what keeps one from being read.
//!
//! The zoos before this one died of their data: digests of the empty file, the same digest under
//! two names, manifests that had drifted from the files. Every rule here is such a case.

mod across;
mod licence;
mod one;
mod places;

use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::entry::{Entry, EntryVersion};
use crate::name::ModelName;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably wrong.
    Warning,
    /// Wrong.
    Error,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The entry; `None` where it is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<ModelName>,
    /// The version, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The rule's name, such as `empty-digest`.
    pub rule: &'static str,
    /// What was found, as a sentence without its end.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}[{}]: ", self.rule)?;
        match (&self.entry, &self.version) {
            (Some(entry), Some(version)) => write!(f, "{entry}@{version}: ")?,
            (Some(entry), None) => write!(f, "{entry}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.text)
    }
}

/// Everything found in `entries`, the worst first. `runs` says whether the program at hand makes a
/// model of a version.
///
/// ```
/// use zoo_registry::{Entry, Index, Level, lint};
///
/// let entries = Index::builtin().entries()?;
/// let findings = lint(&entries, &Entry::is_convertible);
/// assert!(findings.iter().all(|finding| finding.level == Level::Note));
/// # Ok::<(), zoo_registry::Error>(())
/// ```
pub fn lint(entries: &[Entry], runs: &dyn Fn(&Entry, &EntryVersion) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in entries {
        one::check(entry, &mut findings);
    }
    across::check(entries, runs, &mut findings);
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (f.entry.clone(), f.version.clone());
        b.level.cmp(&a.level).then_with(|| place(a).cmp(&place(b)))
    });
    findings
}

/// Takes findings about one entry.
struct Report<'a> {
    entry: &'a Entry,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    fn add(
        &mut self,
        level: Level,
        rule: &'static str,
        version: Option<&EntryVersion>,
        text: String,
    ) {
        self.findings.push(Finding {
            level,
            entry: Some(self.entry.name.clone()),
            version: version.map(|version| version.version.clone()),
            rule,
            text,
        });
    }
}
