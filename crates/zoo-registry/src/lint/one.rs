//! Rules about one entry by itself.

use std::collections::BTreeMap;

use crate::entry::{ArchiveMember, Entry, EntryVersion, ModelFile};
use crate::evidence::{Evidence, EvidenceKind};
use crate::format::FileFormat;

use super::{Level, Report, licence, places};
use crate::lint::Finding;

/// The digests of no bytes at all: what a failed download leaves in a list.
const OF_NOTHING: [(EvidenceKind, &str); 4] = [
    (EvidenceKind::Md5, "d41d8cd98f00b204e9800998ecf8427e"),
    (EvidenceKind::Sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    (EvidenceKind::Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
        EvidenceKind::Sha384,
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    ),
];

/// Files smaller or larger than this, in bytes, are no weights.
const PLAUSIBLE_BYTES: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 40;

/// Bytes for each parameter: half a byte in four bits, eight in double precision, and twice that
/// for what checkpoints carry besides.
const PLAUSIBLE_PER_PARAMETER: std::ops::RangeInclusive<f64> = 0.5..=16.0;

/// Parts of the names of tasks whose inputs are images.
const VISION: [&str; 4] = ["image", "object", "face", "video"];

pub(super) fn check(entry: &Entry, findings: &mut Vec<Finding>) {
    let mut report = Report { entry, findings };
    for problem in entry.problems() {
        report.add(Level::Error, "schema", None, problem);
    }
    if !entry.upstream.starts_with("https://") {
        let text = format!("upstream {:?} is no https url", entry.upstream);
        report.add(Level::Warning, "upstream", None, text);
    }
    if entry.version(None).is_err() {
        let text = "there is no version that a bare name could mean".to_owned();
        report.add(Level::Error, "default", None, text);
    }
    for version in &entry.versions {
        licence_of(&mut report, version);
        preparation_of(&mut report, version);
        if let Some(upstream) = version.upstream.as_ref().filter(|u| !u.starts_with("https://")) {
            let text = format!("upstream {upstream:?} is no https url");
            report.add(Level::Warning, "upstream", Some(version), text);
        }
        for file in &version.files {
            places::check(&mut report, version, file);
            size_of(&mut report, version, file);
            digests(&mut report, version, file);
            if !file.archive.as_ref().is_none_or(ArchiveMember::is_located) {
                let text = format!("nobody published which member of {} it is", file.path);
                report.add(Level::Note, "archive-member", Some(version), text);
            }
        }
    }
}

fn licence_of(report: &mut Report<'_>, version: &EntryVersion) {
    let entry = report.entry;
    let licence = entry.licence_of(version);
    if let Some(part) = licence::unknown_part(licence) {
        let text = format!("{part:?} of the licence {licence:?} is neither SPDX nor LicenseRef-");
        report.add(Level::Error, "licence", Some(version), text);
    } else if licence::is_own(licence) && entry.licence_note_of(version).is_none() {
        let text = format!("{licence} without a licence_note says nothing");
        report.add(Level::Warning, "licence", Some(version), text);
    }
}

fn preparation_of(report: &mut Report<'_>, version: &EntryVersion) {
    let entry = report.entry;
    let sees = VISION.iter().any(|part| entry.task.contains(part));
    let known =
        entry.preprocessing_of(version).is_some() || entry.preparation_of(version).is_some();
    if sees && !known {
        let text = "nothing says how an image becomes its input".to_owned();
        report.add(Level::Error, "preprocessing", Some(version), text);
    }
}

fn size_of(report: &mut Report<'_>, version: &EntryVersion, file: &ModelFile) {
    let Some(size) = file.size else { return };
    if !PLAUSIBLE_BYTES.contains(&size.bytes) {
        let text = format!("{} has {} bytes", file.path, size.bytes);
        report.add(Level::Warning, "size", Some(version), text);
        return;
    }
    let bare = file.archive.is_none()
        && matches!(file.format, FileFormat::Pytorch | FileFormat::Safetensors | FileFormat::Zoo);
    if let Some(parameters) = report.entry.parameters_of(version).filter(|_| bare) {
        let each = size.bytes as f64 / parameters as f64;
        if !PLAUSIBLE_PER_PARAMETER.contains(&each) {
            let text =
                format!("{} has {each:.1} bytes for each of {parameters} numbers", file.path);
            report.add(Level::Warning, "size", Some(version), text);
        }
    }
}

fn digests(report: &mut Report<'_>, version: &EntryVersion, file: &ModelFile) {
    // Of one file each: the archive, and what is in it.
    let inside = file.archive.iter().map(|archive| (archive.sha256, archive.evidence.as_slice()));
    for (sha256, evidence) in std::iter::once((file.sha256, file.evidence.as_slice())).chain(inside)
    {
        let sha256 = sha256.map(|digest| digest.to_string());
        let mut full: BTreeMap<EvidenceKind, Vec<&str>> = BTreeMap::new();
        if let Some(sha256) = &sha256 {
            full.entry(EvidenceKind::Sha256).or_default().push(sha256);
        }
        for one in evidence.iter().filter(|one| one.kind() != EvidenceKind::Sha256Prefix) {
            full.entry(one.kind()).or_default().push(one.value());
        }
        for (kind, values) in &mut full {
            values.sort_unstable();
            values.dedup();
            if OF_NOTHING.iter().any(|(of, digest)| of == kind && values.contains(digest)) {
                let text = format!("{} has the {kind} of a file without bytes", file.path);
                report.add(Level::Error, "empty-digest", Some(version), text);
            }
            if values.len() > 1 {
                let text = format!("{} has more than one {kind}: {}", file.path, values.join(", "));
                report.add(Level::Error, "digests-disagree", Some(version), text);
            }
        }
        let known = full.get(&EvidenceKind::Sha256).and_then(|values| values.first());
        let prefixes = evidence.iter().filter(|one| one.kind() == EvidenceKind::Sha256Prefix);
        for prefix in prefixes.map(Evidence::value) {
            if OF_NOTHING.iter().any(|(_, digest)| digest.starts_with(prefix)) {
                let text = format!("{} has the sha256 of a file without bytes", file.path);
                report.add(Level::Error, "empty-digest", Some(version), text);
            }
            if known.is_some_and(|full| !full.starts_with(prefix)) {
                let text = format!("{}: no sha256 begins with the prefix {prefix}", file.path);
                report.add(Level::Error, "digests-disagree", Some(version), text);
            }
        }
    }
    if let (Some(sha256), Some(named)) = (file.sha256, digits_in(file))
        && !sha256.to_string().starts_with(named)
    {
        let text = format!("the sha256 of {} does not begin as its name ends", file.path);
        report.add(Level::Warning, "digest-in-name", Some(version), text);
    }
}

/// The digits that `PyTorch`'s hub checks: 8 or more between the last `-` and the ending.
fn digits_in(file: &ModelFile) -> Option<&str> {
    let (stem, _) = file.path.rsplit_once('.').filter(|_| file.format == FileFormat::Pytorch)?;
    let (_, digits) = stem.rsplit_once('-')?;
    (digits.len() >= 8 && crate::digest::is_lower_hex(digits)).then_some(digits)
}
