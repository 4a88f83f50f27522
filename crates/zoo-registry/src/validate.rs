//! What is wrong with an entry that has the right types.

use std::collections::BTreeSet;

use crate::archive::ArchiveKind;
use crate::digest::Sha256Digest;
use crate::entry::{ArchiveMember, ENTRY_SCHEMA, Entry, EntryVersion, ModelFile, ParityVector};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::format::FileFormat;
use crate::name::{MAX_PART_LEN, is_weights_name};
use crate::preprocessing::Preprocessing;
use crate::url::Source;

impl Entry {
    /// Every problem of this entry, one sentence each; empty when it may be used.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.schema == 0 || self.schema > ENTRY_SCHEMA {
            problems.push(format!(
                "schema {} is not known, the newest that this version reads is {ENTRY_SCHEMA}",
                self.schema
            ));
        }
        for (what, text) in [
            ("summary", &self.summary),
            ("task", &self.task),
            ("family", &self.family),
            ("input", &self.input),
            ("licence", &self.licence),
            ("citation", &self.citation),
            ("upstream", &self.upstream),
        ] {
            check_text(&mut problems, what, text);
        }
        for (what, text) in [
            ("architecture", &self.architecture),
            ("labels", &self.labels),
            ("licence_note", &self.licence_note),
            ("preparation", &self.preparation),
        ] {
            check_optional_text(&mut problems, what, text.as_deref());
        }
        check_counts(&mut problems, self.parameters, self.classes);
        let mut names = BTreeSet::from([&self.name]);
        for alias in &self.aliases {
            if !names.insert(alias) {
                problems.push(format!("alias `{alias}` is there twice"));
            }
        }
        problems.extend(self.preprocessing.iter().flat_map(Preprocessing::problems));
        if self.preprocessing.is_some() && self.preparation.is_some() {
            problems.push("preprocessing and preparation say the same thing twice".to_owned());
        }
        if self.versions.is_empty() {
            problems.push("there is no version".to_owned());
        }
        let mut seen = BTreeSet::new();
        for version in &self.versions {
            if !seen.insert(version.version.to_string()) {
                problems.push(format!("version {} is there twice", version.version));
            }
            let within = format!("version {}: ", version.version);
            problems.extend(version.problems().into_iter().map(|p| within.clone() + &p));
        }
        if let Some(default) = &self.default {
            match self.versions.iter().find(|v| v.version == *default) {
                None => problems.push(format!("default {default} is not among the versions")),
                Some(v) if v.yanked => problems.push(format!("default {default} is yanked")),
                Some(_) => {}
            }
        }
        problems
    }

    /// Fails with every problem at once.
    ///
    /// # Errors
    /// [`Error::EntryInvalid`].
    pub fn validate(&self, origin: &str) -> Result<(), Error> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::EntryInvalid { origin: origin.to_owned(), problems })
    }
}

impl EntryVersion {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_weights_name(&self.weights) {
            problems.push(format!(
                "weights {:?} is not a name: a letter, then letters, digits, `-`, `_` and `.`, at \
                 most {MAX_PART_LEN}",
                self.weights
            ));
        }
        for (what, text) in [
            ("provenance", &self.provenance),
            ("architecture", &self.architecture),
            ("input", &self.input),
            ("licence", &self.licence),
            ("licence_note", &self.licence_note),
            ("upstream", &self.upstream),
            ("preparation", &self.preparation),
        ] {
            check_optional_text(&mut problems, what, text.as_deref());
        }
        check_counts(&mut problems, self.parameters, self.classes);
        if let Some(top1) = &self.top1 {
            if !(0.0..=100.0).contains(&top1.percent) {
                problems.push(format!("top1 {} is not a percentage", top1.percent));
            }
            check_text(&mut problems, "the source of top1", &top1.source);
        }
        problems.extend(self.preprocessing.iter().flat_map(Preprocessing::problems));
        if self.preprocessing.is_some() && self.preparation.is_some() {
            problems.push("preprocessing and preparation say the same thing twice".to_owned());
        }
        problems.extend(self.parity.iter().flat_map(ParityVector::problems));
        if self.files.is_empty() {
            problems.push("there is no file".to_owned());
        }
        let mut paths = BTreeSet::new();
        for file in &self.files {
            // Folded: two paths that differ in case are one file on macOS and Windows.
            if !paths.insert(file.path.to_ascii_lowercase()) {
                problems.push(format!("file `{}` is there twice", file.path));
            }
            let within = format!("file `{}`: ", file.path);
            problems.extend(file.problems().into_iter().map(|p| within.clone() + &p));
        }
        problems
    }
}

impl ModelFile {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_safe_relative_path(&self.path) {
            problems.push("the path is not relative, or has an unsafe part".to_owned());
        }
        if self.size.is_some_and(|size| size.bytes == 0) {
            problems.push("the size is 0".to_owned());
        }
        if self.urls.is_empty() {
            problems.push("there is no url".to_owned());
        }
        for url in &self.urls {
            if let Err(why) = Source::parse(url) {
                problems.push(format!("url `{}` {why}", crate::url::redacted(url)));
            }
        }
        problems.extend(contradictions(self.sha256.as_ref(), &self.evidence));
        if let Some(archive) = &self.archive {
            problems.extend(archive.problems());
        }
        if !self.can_be_verified() {
            problems.push("there is no digest of any kind".to_owned());
        }
        match (self.format, &self.composed) {
            (FileFormat::ZooDelta, None) => {
                problems.push("a delta without the digest of what it composes to".to_owned());
            }
            (FileFormat::ZooDelta, Some(_)) | (_, None) => {}
            (_, Some(_)) => problems.push("composed is for deltas alone".to_owned()),
        }
        problems
    }

    /// Whether any digest, of any kind, is known of what is fetched or of what is in it.
    pub(crate) fn can_be_verified(&self) -> bool {
        let inside =
            |archive: &ArchiveMember| archive.sha256.is_some() || !archive.evidence.is_empty();
        self.sha256.is_some()
            || !self.evidence.is_empty()
            || self.archive.as_ref().is_some_and(inside)
    }
}

impl ArchiveMember {
    fn problems(&self) -> Vec<String> {
        let mut problems = contradictions(self.sha256.as_ref(), &self.evidence);
        if self.kind == ArchiveKind::Gz && !self.member.is_empty() {
            problems.push("a gz has no members with names".to_owned());
        }
        // Empty: not known which member it is.
        if !self.member.is_empty() && !is_safe_member(&self.member) {
            problems.push(format!("the member {:?} is not a plain relative path", self.member));
        }
        problems
    }
}

impl ParityVector {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.rule != "tiles" {
            problems.push(format!("parity rule {:?} is not known", self.rule));
        }
        let elements = self.shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side));
        if self.shape.is_empty() || elements.is_none_or(|n| n == 0 || n > MAX_PROBE_ELEMENTS) {
            problems.push(format!("parity shape {:?} is not one of an input", self.shape));
        }
        if self.expected.is_empty() || self.expected.iter().any(|value| !value.is_finite()) {
            problems.push("parity expects nothing, or a number that is not finite".to_owned());
        }
        if !self.deviation.is_finite() || self.deviation <= 0.0 {
            problems.push(format!("parity deviation {} is not positive", self.deviation));
        }
        problems
    }
}

/// Most numbers in the input of a parity vector: 16 pictures of 1024 by 1024 in colour.
const MAX_PROBE_ELEMENTS: usize = 16 * 3 * 1024 * 1024;

/// Where evidence and a full digest cannot both be right.
fn contradictions(sha256: Option<&Sha256Digest>, evidence: &[Evidence]) -> Vec<String> {
    let Some(sha256) = sha256 else { return Vec::new() };
    evidence
        .iter()
        .filter(|evidence| evidence.agrees_with(sha256) == Some(false))
        .map(|evidence| {
            format!(
                "sha256 {sha256} contradicts the {} {} of {}",
                evidence.kind(),
                evidence.value(),
                evidence.publisher()
            )
        })
        .collect()
}

fn check_counts(problems: &mut Vec<String>, parameters: Option<u64>, classes: Option<u32>) {
    if parameters == Some(0) {
        problems.push("parameters is 0".to_owned());
    }
    if classes == Some(0) {
        problems.push("classes is 0".to_owned());
    }
}

fn check_optional_text(problems: &mut Vec<String>, what: &str, text: Option<&str>) {
    if let Some(text) = text {
        check_text(problems, what, text);
    }
}

/// Whether `path` may name a member of an archive: relative, with no way up.
fn is_safe_member(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 255
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn check_text(problems: &mut Vec<String>, what: &str, text: &str) {
    if text.trim().is_empty() {
        problems.push(format!("{what} is empty"));
    } else if text.chars().any(char::is_control) {
        problems.push(format!("{what} has control characters"));
    }
}

/// Whether `path` stays below the folder it is joined to, on every operating system.
pub(crate) fn is_safe_relative_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 255
        && path.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+'))
        })
}
