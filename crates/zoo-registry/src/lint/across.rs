//! Rules about entries among each other.

use std::collections::BTreeMap;

use crate::entry::{Entry, EntryVersion, ModelFile};
use crate::evidence::EvidenceKind;

use super::{Finding, Level, Report};

/// A file of a version of an entry.
#[derive(Clone, Copy)]
struct Place<'a> {
    entry: &'a Entry,
    version: &'a EntryVersion,
    file: &'a ModelFile,
}

impl Place<'_> {
    fn name(&self) -> String {
        format!("{}@{}", self.entry.name, self.version.version)
    }

    /// Whether both take something of the same archive, and not the same thing.
    fn is_other_member(&self, other: &Self) -> bool {
        match (&self.file.archive, &other.file.archive) {
            (Some(a), Some(b)) => a.kind == b.kind && a.member != b.member,
            _ => false,
        }
    }
}

pub(super) fn check(
    entries: &[Entry],
    runs: &dyn Fn(&Entry, &EntryVersion) -> bool,
    findings: &mut Vec<Finding>,
) {
    twins(entries, findings);
    let places: Vec<Place<'_>> = entries
        .iter()
        .flat_map(|entry| entry.versions.iter().map(move |version| (entry, version)))
        .flat_map(|(entry, version)| {
            version.files.iter().map(move |file| Place { entry, version, file })
        })
        .collect();
    same_bytes(&places, findings);
    same_url(&places, findings);
    counts(entries, runs, findings);
}

/// Names and aliases that differ in separators alone must be of one entry.
fn twins(entries: &[Entry], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, &Entry> = BTreeMap::new();
    for entry in entries {
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            let known = *seen.entry(name.folded()).or_insert(entry);
            if known.name != entry.name {
                let text = format!("`{name}` cannot be told from a name of {}", known.name);
                Report { entry, findings }.add(Level::Error, "twins", None, text);
            }
        }
    }
}

/// One digest means one file. Two versions of an entry may share one where it is said why.
fn same_bytes(places: &[Place<'_>], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<(EvidenceKind, &str), Place<'_>> = BTreeMap::new();
    let digests: Vec<Option<String>> =
        places.iter().map(|place| place.file.sha256.map(|digest| digest.to_string())).collect();
    for (place, sha256) in places.iter().zip(&digests) {
        let inside = place.file.archive.iter().flat_map(|archive| &archive.evidence);
        let mut full: Vec<(EvidenceKind, &str)> = place
            .file
            .evidence
            .iter()
            .chain(inside)
            .filter(|one| one.kind() != EvidenceKind::Sha256Prefix)
            .map(|one| (one.kind(), one.value()))
            .collect();
        full.extend(sha256.as_deref().map(|digest| (EvidenceKind::Sha256, digest)));
        full.sort_unstable();
        full.dedup();
        let mut told = false;
        for (kind, digest) in full {
            let Some(known) = seen.get(&(kind, digest)).copied() else {
                seen.insert((kind, digest), *place);
                continue;
            };
            if told || place.is_other_member(&known) {
                continue;
            }
            told = true;
            shared(place, &known, kind, findings);
        }
    }
    // What is known in full was compared in full.
    for place in places.iter().filter(|place| place.file.sha256.is_none()) {
        let prefixes =
            place.file.evidence.iter().filter(|one| one.kind() == EvidenceKind::Sha256Prefix);
        for prefix in prefixes {
            let from = (EvidenceKind::Sha256, prefix.value());
            let other = seen
                .range(from..)
                .take_while(|((kind, digest), _)| {
                    *kind == EvidenceKind::Sha256 && digest.starts_with(prefix.value())
                })
                .map(|(_, known)| known)
                .find(|known| known.name() != place.name());
            if let Some(other) = other {
                let text =
                    format!("the prefix {} is of a file of {}", prefix.value(), other.name());
                let mut report = Report { entry: place.entry, findings };
                report.add(Level::Error, "same-digest", Some(place.version), text);
            }
        }
    }
}

fn shared(place: &Place<'_>, known: &Place<'_>, kind: EvidenceKind, findings: &mut Vec<Finding>) {
    let mut report = Report { entry: place.entry, findings };
    let other = known.name();
    let sizes = (place.file.exact_size(), known.file.exact_size());
    let (level, text) = match sizes {
        (Some(a), Some(b)) if a != b => {
            (Level::Error, format!("the {kind} of {other}, and another size: {a} and {b} bytes"))
        }
        _ if place.entry.name != known.entry.name => {
            (Level::Error, format!("the {kind} of {other}: one file under two names"))
        }
        _ if place.version.provenance.is_none() => {
            (Level::Warning, format!("the {kind} of {other}, and no provenance that says why"))
        }
        _ => return,
    };
    report.add(level, "same-digest", Some(place.version), text);
}

/// A url gives one file. What a registry keeps itself is named by its contents, so two
/// versions with the same bytes have the same url there.
fn same_url(places: &[Place<'_>], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for place in places {
        for url in place.file.urls.iter().filter(|url| !url.starts_with("blobs/sha256/")) {
            let known = *seen.entry(url).or_insert(*place);
            let same = std::ptr::eq(known.file, place.file);
            let one_archive =
                place.is_other_member(&known) && place.file.sha256 == known.file.sha256;
            if !same && !one_archive {
                let text = format!("{} is a url of {}", crate::url::redacted(url), known.name());
                let mut report = Report { entry: place.entry, findings };
                report.add(Level::Error, "same-url", Some(place.version), text);
            }
        }
    }
}

/// What is missing so often that one line each would hide the rest.
fn counts(
    entries: &[Entry],
    runs: &dyn Fn(&Entry, &EntryVersion) -> bool,
    findings: &mut Vec<Finding>,
) {
    let versions = || {
        entries.iter().flat_map(|entry| entry.versions.iter().map(move |version| (entry, version)))
    };
    let running = versions().filter(|(entry, version)| runs(entry, version)).count();
    let unproved = versions()
        .filter(|(entry, version)| runs(entry, version) && version.parity.is_none())
        .count();
    let unpinned = versions()
        .filter(|(_, version)| version.files.iter().any(|file| file.sha256.is_none()))
        .count();
    let mut note = |rule, text| {
        findings.push(Finding { level: Level::Note, entry: None, version: None, rule, text });
    };
    if unproved > 0 {
        note("parity", format!("{unproved} of {running} versions that run lack a parity vector"));
    }
    if unpinned > 0 {
        let all = versions().count();
        note(
            "no-sha256",
            format!("{unpinned} of {all} versions have no full sha256 of every file"),
        );
    }
}
