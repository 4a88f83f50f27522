//! Whether a name may be taken, and what people could take it for.

use super::error::PublishError;
use super::publication::{PublishWarning, invalid};
use super::snapshot::Snapshot;
use crate::entry::Entry;
use crate::error::Error;
use crate::name::{ModelName, fold};
use crate::tree::Line;

/// Refuses names of `entry` that somebody has, or that nobody can tell from one that somebody
/// has: the same but for separators, also if the `/` is one of them, or of an owner who
/// differs from another in separators alone. Warns of those that differ in one letter.
///
/// All names are read only for a model that is new. Of the others only the aliases can be,
/// and their twins share their page.
pub(super) fn check(
    snapshot: &Snapshot<'_>,
    entry: &Entry,
    is_new: bool,
) -> Result<Vec<PublishWarning>, Error> {
    let stray: Vec<String> = entry
        .aliases
        .iter()
        .filter(|alias| alias.owner() != entry.name.owner())
        .map(|alias| format!("the alias `{alias}` is of another owner"))
        .collect();
    if !stray.is_empty() {
        return Err(invalid(&entry.name, stray));
    }
    for name in [&entry.name].into_iter().chain(&entry.aliases) {
        for line in snapshot.neighbours(name)? {
            if line.key().folded() == name.folded() && line.model() != &entry.name {
                return Err(taken(name, line.key()));
            }
        }
    }
    let mut warnings = Vec::new();
    if is_new {
        for page in 0..snapshot.pages() {
            for line in snapshot.page(page)? {
                compare(&entry.name, &line, &mut warnings)?;
            }
        }
    }
    Ok(warnings)
}

fn compare(name: &ModelName, line: &Line, warnings: &mut Vec<PublishWarning>) -> Result<(), Error> {
    let other = line.key();
    if other.owner() == name.owner() {
        return Ok(());
    }
    if fold(other.as_str()) == fold(name.as_str()) {
        return Err(taken(name, other));
    }
    match (name.owner(), other.owner()) {
        (Some(one), Some(two)) if fold(one) == fold(two) => return Err(taken(name, other)),
        (Some(_), None) if fold(other.model()) == fold(name.model()) => {
            warnings.push(PublishWarning::OfficialName { official: line.model().clone() });
        }
        _ => {}
    }
    let (one, two) = (name.folded(), other.folded());
    if one.len().abs_diff(two.len()) <= 1 && strsim::osa_distance(&one, &two) == 1 {
        warnings
            .push(PublishWarning::SimilarName { name: name.clone(), like: line.model().clone() });
    }
    Ok(())
}

fn taken(name: &ModelName, taken: &ModelName) -> Error {
    PublishError::NameTaken { name: Box::new(name.clone()), taken: Box::new(taken.clone()) }.into()
}
