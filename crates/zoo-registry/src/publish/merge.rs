//! Adding a version to a model without changing what is said of the others.
//!
//! What the head of an entry says holds for every version without facts of its own. So where
//! a publisher describes the model differently today, the difference goes into the new
//! version; where there is no place for it there, it is refused. Only what is about the model
//! and not about its weights (summary, citation, aliases, default) follows the newest.

use semver::Version;

use super::error::PublishError;
use super::publication::invalid;
use crate::entry::{Entry, EntryVersion};
use crate::error::Error;

/// A model with one version more, or as it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Merged {
    New(Box<Entry>),
    AlreadyThere,
}

/// `before` with the one version of `new`.
pub(super) fn merge(before: &Entry, new: &Entry, added: &EntryVersion) -> Result<Merged, Error> {
    let mut version = added.clone();
    let mut problems = Vec::new();
    inherit(
        &mut problems,
        "architecture",
        before.architecture.as_ref(),
        new.architecture.as_ref(),
        |differs| {
            version.architecture.get_or_insert(differs);
        },
    );
    inherit(
        &mut problems,
        "parameters",
        before.parameters.as_ref(),
        new.parameters.as_ref(),
        |differs| {
            version.parameters.get_or_insert(differs);
        },
    );
    inherit(&mut problems, "classes", before.classes.as_ref(), new.classes.as_ref(), |differs| {
        version.classes.get_or_insert(differs);
    });
    if new.input != before.input {
        version.input.get_or_insert_with(|| new.input.clone());
    }
    if new.upstream != before.upstream {
        version.upstream.get_or_insert_with(|| new.upstream.clone());
    }
    if (&new.licence, &new.licence_note) != (&before.licence, &before.licence_note)
        && version.licence.is_none()
    {
        version.licence = Some(new.licence.clone());
        version.licence_note = version.licence_note.or_else(|| new.licence_note.clone());
    }
    let (old, now) =
        ((&before.preprocessing, &before.preparation), (&new.preprocessing, &new.preparation));
    if old != now && version.preprocessing.is_none() && version.preparation.is_none() {
        version.preprocessing.clone_from(&new.preprocessing);
        version.preparation.clone_from(&new.preparation);
        if now == (&None, &None) {
            problems.push("its preprocessing cannot be taken back".to_owned());
        }
    }
    for (what, old, now) in [
        ("task", Some(&before.task), Some(&new.task)),
        ("family", Some(&before.family), Some(&new.family)),
        ("labels", before.labels.as_ref(), new.labels.as_ref()),
    ] {
        if old != now {
            problems.push(format!("{what} is not that of the versions before: use another name"));
        }
    }
    if !problems.is_empty() {
        return Err(invalid(&new.name, problems));
    }
    if let Some(there) = before.versions.iter().find(|v| same_number(v, &version.version)) {
        return compare(before, there, version);
    }
    let mut entry = before.clone();
    entry.summary.clone_from(&new.summary);
    entry.citation.clone_from(&new.citation);
    entry.aliases.clone_from(&new.aliases);
    // An alias that somebody uses is not taken away by who forgets to say it again.
    entry.aliases.extend(before.aliases.iter().filter(|a| !new.aliases.contains(a)).cloned());
    if new.default.is_some() {
        entry.default.clone_from(&new.default);
    }
    entry.versions.push(version);
    Ok(Merged::New(Box::new(entry)))
}

/// Versions that differ in build metadata alone would be two that nobody can choose between.
fn same_number(there: &EntryVersion, wanted: &Version) -> bool {
    there.version.cmp_precedence(wanted).is_eq()
}

fn compare(
    before: &Entry,
    there: &EntryVersion,
    mut version: EntryVersion,
) -> Result<Merged, Error> {
    version.yanked = there.yanked;
    if *there == version {
        return Ok(Merged::AlreadyThere);
    }
    let digests = |version: &EntryVersion| -> Vec<_> {
        version.files.iter().map(|file| file.sha256).collect()
    };
    let what = if digests(there) == digests(&version) { "facts" } else { "files" };
    let (name, version) = (before.name.clone(), there.version.clone());
    Err(PublishError::Conflict { name, version, what }.into())
}

/// Lets `differs` have the fact of the new head where it is not the old one's.
fn inherit<T: Clone + PartialEq>(
    problems: &mut Vec<String>,
    what: &str,
    before: Option<&T>,
    new: Option<&T>,
    mut differs: impl FnMut(T),
) {
    match new {
        _ if before == new => {}
        Some(new) => differs(new.clone()),
        None => problems.push(format!("{what} cannot be taken back")),
    }
}
