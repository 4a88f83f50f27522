//! Where files come from: schemes, and names that must agree.

use crate::entry::{EntryVersion, ModelFile};
use crate::evidence::{Evidence, EvidenceKind};

use super::{Level, Report};

pub(super) fn check(report: &mut Report<'_>, version: &EntryVersion, file: &ModelFile) {
    for url in &file.urls {
        scheme(report, version, file, url);
    }
    names(report, version, file);
}

/// What travels in the clear can be changed on its way; a full digest of any kind but MD5 tells.
fn scheme(report: &mut Report<'_>, version: &EntryVersion, file: &ModelFile, url: &str) {
    let shown = crate::url::redacted(url);
    if url.starts_with("file:") || url.starts_with('/') {
        let text = format!("{shown} is a place on one machine");
        report.add(Level::Error, "url-scheme", Some(version), text);
    }
    if !url.starts_with("http:") {
        return;
    }
    let whole = |e: &Evidence| {
        matches!(e.kind(), EvidenceKind::Sha1 | EvidenceKind::Sha256 | EvidenceKind::Sha384)
    };
    let (level, why) = if file.sha256.is_some() || file.evidence.iter().any(whole) {
        (Level::Note, "a digest tells whether it was changed on its way")
    } else {
        (Level::Warning, "nothing tells whether it was changed on its way")
    };
    report.add(level, "url-scheme", Some(version), format!("{shown} is not encrypted: {why}"));
}

/// The name at the end of a url is the file's; of several urls, a mirror may call it something
/// else.
fn names(report: &mut Report<'_>, version: &EntryVersion, file: &ModelFile) {
    let path_end = file.path.rsplit('/').next().unwrap_or(&file.path);
    let mut ends = Vec::new();
    for url in file.urls.iter().filter(|url| !url.starts_with("builtin:")) {
        let plain = url.split(['?', '#']).next().unwrap_or(url);
        let end = plain.rsplit(['/', '!']).next().unwrap_or(plain);
        // Stores by digest and scripts that hand out files say nothing.
        if end.contains('.') {
            ends.push(end);
        }
    }
    if !ends.is_empty() && !ends.contains(&path_end) {
        let text = format!("the urls give {}, the file is {}", ends.join(", "), file.path);
        report.add(Level::Warning, "url-name", Some(version), text);
    }
}
