//! Whether what was made from a model may be given away under another licence.
//!
//! A table of what licences say about works made from theirs, not legal advice: it refuses
//! what is plainly forbidden, and what it does not know.

/// What a licence asks of works made from what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terms {
    /// A notice at most: any licence will do.
    Permissive,
    /// The same licence, or one of these.
    ShareAlike(&'static [&'static str]),
    /// No commercial use, so no licence that allows it.
    NonCommercial,
    /// No commercial use, and the same licence.
    NonCommercialShareAlike(&'static [&'static str]),
    /// No changed works at all.
    NoDerivatives,
}

const PERMISSIVE: [&str; 22] = [
    "0BSD",
    "AFL-3.0",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSL-1.0",
    "CC-BY-2.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "ODC-By-1.0",
    "PDDL-1.0",
    "Unlicense",
    "Zlib",
];

/// Licences with terms on works made from theirs. Which licences may follow is as their
/// texts say: later versions where named, and the compatible ones that Creative Commons lists.
const TERMS: [(&str, Terms); 25] = [
    ("AGPL-3.0-only", Terms::ShareAlike(&[])),
    ("AGPL-3.0-or-later", Terms::ShareAlike(&["AGPL-3.0-only"])),
    ("CC-BY-NC-2.0", Terms::NonCommercial),
    ("CC-BY-NC-3.0", Terms::NonCommercial),
    ("CC-BY-NC-4.0", Terms::NonCommercial),
    ("CC-BY-NC-ND-3.0", Terms::NoDerivatives),
    ("CC-BY-NC-ND-4.0", Terms::NoDerivatives),
    ("CC-BY-NC-SA-2.0", Terms::NonCommercialShareAlike(&["CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"])),
    ("CC-BY-NC-SA-3.0", Terms::NonCommercialShareAlike(&["CC-BY-NC-SA-4.0"])),
    ("CC-BY-NC-SA-4.0", Terms::NonCommercialShareAlike(&[])),
    ("CC-BY-ND-3.0", Terms::NoDerivatives),
    ("CC-BY-ND-4.0", Terms::NoDerivatives),
    ("CC-BY-SA-2.0", Terms::ShareAlike(&["CC-BY-SA-3.0", "CC-BY-SA-4.0"])),
    ("CC-BY-SA-3.0", Terms::ShareAlike(&["CC-BY-SA-4.0"])),
    ("CC-BY-SA-4.0", Terms::ShareAlike(&["GPL-3.0-only"])),
    ("CDLA-Sharing-1.0", Terms::ShareAlike(&[])),
    ("EUPL-1.2", Terms::ShareAlike(&[])),
    ("GPL-2.0-only", Terms::ShareAlike(&[])),
    ("GPL-2.0-or-later", Terms::ShareAlike(&["GPL-2.0-only", "GPL-3.0-only", "GPL-3.0-or-later"])),
    ("GPL-3.0-only", Terms::ShareAlike(&["AGPL-3.0-only"])),
    ("GPL-3.0-or-later", Terms::ShareAlike(&["GPL-3.0-only", "AGPL-3.0-only"])),
    ("LGPL-2.1-or-later", Terms::ShareAlike(&["GPL-2.0-or-later", "GPL-3.0-or-later"])),
    ("LGPL-3.0-only", Terms::ShareAlike(&["GPL-3.0-only"])),
    ("MPL-2.0", Terms::ShareAlike(&[])),
    ("ODbL-1.0", Terms::ShareAlike(&[])),
];

fn terms(licence: &str) -> Option<Terms> {
    if PERMISSIVE.contains(&licence) {
        return Some(Terms::Permissive);
    }
    TERMS.iter().find(|(name, _)| *name == licence).map(|(_, terms)| *terms)
}

/// Whether `licence` is one that this table knows the terms of.
pub(crate) fn is_known(licence: &str) -> bool {
    terms(licence).is_some()
}

/// Why what was made from something under `parent` cannot be published under `child`, if it
/// cannot. Completes the sentence "... is under `parent`: ...".
///
/// Both are SPDX expressions or `LicenseRef-...`. Of `A OR B` the publisher may choose; all
/// of `A AND B` hold. The same licence is always allowed, but for one without derivatives.
///
/// ```
/// use zoo_registry::publish::licence_conflict;
/// assert_eq!(licence_conflict("MIT", "Apache-2.0"), None);
/// assert!(licence_conflict("MIT", "CC-BY-NC-4.0").is_some());
/// ```
pub fn licence_conflict(child: &str, parent: &str) -> Option<String> {
    let (child, parent) = (child.trim(), parent.trim());
    // Parentheses and exceptions are beyond this table: only the very same will do.
    let plain = |text: &str| !text.contains(['(', ')']) && !text.contains(" WITH ");
    if !plain(child) || !plain(parent) {
        return (child != parent).then(|| "it is known to allow itself only".to_owned());
    }
    let mut reason = None;
    for choice in parent.split(" OR ") {
        let refused = choice.split(" AND ").find_map(|parent| {
            // Whoever gets a choice may take either: each must be allowed.
            child.split(" OR ").find_map(|child| {
                let any_forbids = |child: &str| one_conflict(child.trim(), parent.trim());
                // A part with the right licence keeps the whole to it.
                let parts: Vec<_> = child.split(" AND ").map(any_forbids).collect();
                if parts.iter().any(Option::is_none) {
                    None
                } else {
                    parts.into_iter().flatten().next()
                }
            })
        });
        match refused {
            None => return None,
            Some(why) => reason = reason.or(Some(why)),
        }
    }
    reason
}

fn one_conflict(child: &str, parent: &str) -> Option<String> {
    match terms(parent) {
        Some(Terms::NoDerivatives) => Some("it forbids publishing changed works".to_owned()),
        _ if child == parent => None,
        Some(Terms::Permissive) => None,
        Some(Terms::ShareAlike(others)) => (!others.contains(&child))
            .then(|| "it must be kept for what is made from it".to_owned()),
        Some(Terms::NonCommercialShareAlike(others)) => (!others.contains(&child))
            .then(|| "it must be kept for what is made from it".to_owned()),
        Some(Terms::NonCommercial) => match terms(child) {
            Some(Terms::NonCommercial | Terms::NonCommercialShareAlike(_)) => None,
            _ => Some("it forbids commercial use".to_owned()),
        },
        None => Some("what it allows is not known here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::licence_conflict;

    #[test]
    fn fault_154_licences_that_cannot_follow() {
        for (child, parent) in [
            ("MIT", "CC-BY-NC-4.0"),
            ("CC-BY-4.0", "CC-BY-NC-SA-4.0"),
            ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"),
            ("CC-BY-ND-4.0", "CC-BY-ND-4.0"),
            ("MIT", "GPL-3.0-only"),
            ("GPL-2.0-only", "GPL-3.0-only"),
            ("GPL-3.0-only", "AGPL-3.0-only"),
            ("MIT", "LicenseRef-research-only"),
            ("LicenseRef-b", "LicenseRef-a"),
            ("MIT OR GPL-3.0-only", "GPL-3.0-only"),
            ("MIT", "MIT AND CC-BY-SA-4.0"),
            ("mit", "AGPL-3.0-only"),
            ("MIT", "(MIT OR Apache-2.0)"),
        ] {
            assert!(licence_conflict(child, parent).is_some(), "{child} from {parent}");
        }
    }

    #[test]
    fn licences_that_can_follow() {
        for (child, parent) in [
            ("LicenseRef-mine", "MIT"),
            ("AGPL-3.0-only", "BSD-3-Clause"),
            ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"),
            ("GPL-3.0-only", "GPL-2.0-or-later"),
            ("AGPL-3.0-only", "GPL-3.0-only"),
            ("LicenseRef-a", "LicenseRef-a"),
            ("MIT", "MIT OR GPL-3.0-only"),
            ("MIT AND CC-BY-SA-4.0", "MIT AND CC-BY-SA-4.0"),
            ("(MIT OR X11)", "(MIT OR X11)"),
        ] {
            assert_eq!(licence_conflict(child, parent), None, "{child} from {parent}");
        }
    }
}
