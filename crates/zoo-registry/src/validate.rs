//! What is wrong with an entry that has the right types.

use std::collections::BTreeSet;

use crate::entry::{ENTRY_SCHEMA, Entry, EntryVersion, ModelFile};
use crate::error::Error;
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
            ("architecture", &self.architecture),
            ("licence", &self.licence),
            ("citation", &self.citation),
            ("upstream", &self.upstream),
            ("labels", &self.labels),
        ] {
            check_text(&mut problems, what, text);
        }
        if self.parameters == 0 {
            problems.push("parameters is 0".to_owned());
        }
        let mut names = BTreeSet::from([&self.name]);
        for alias in &self.aliases {
            if !names.insert(alias) {
                problems.push(format!("alias `{alias}` is there twice"));
            }
        }
        problems.extend(self.preprocessing.problems());
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
        check_text(&mut problems, "weights", &self.weights);
        if let Some(top1) = &self.top1 {
            if !(0.0..=100.0).contains(&top1.percent) {
                problems.push(format!("top1 {} is not a percentage", top1.percent));
            }
            check_text(&mut problems, "the source of top1", &top1.source);
        }
        if let Some(preprocessing) = &self.preprocessing {
            problems.extend(preprocessing.problems());
        }
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
        match &self.sha256 {
            Some(sha256) => {
                for evidence in &self.evidence {
                    if evidence.agrees_with(sha256) == Some(false) {
                        problems.push(format!(
                            "sha256 {sha256} contradicts the {} {} of {}",
                            evidence.kind(),
                            evidence.value(),
                            evidence.publisher()
                        ));
                    }
                }
            }
            None if self.strongest_evidence().is_none() => {
                problems.push("there is neither a sha256 nor any other digest".to_owned());
            }
            None => {}
        }
        problems
    }
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
