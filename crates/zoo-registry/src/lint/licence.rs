//! Licences: whether a text is an expression of licences that are known.

use crate::publish::is_known_licence;

/// The first part of `expression` that is no licence; `None` where it is one.
pub(super) fn unknown_part(expression: &str) -> Option<&str> {
    let words = expression.split([' ', '(', ')']).filter(|word| !word.is_empty());
    let mut before = "OR";
    for word in words {
        let is_operator = matches!(word, "AND" | "OR");
        let was_operator = matches!(before, "AND" | "OR");
        if is_operator == was_operator || !(is_operator || is_licence(word)) {
            return Some(word);
        }
        before = word;
    }
    matches!(before, "AND" | "OR").then_some(expression)
}

/// Whether `id` is a licence of nobody's list, whose text stands elsewhere.
pub(super) fn is_own(id: &str) -> bool {
    id.strip_prefix("LicenseRef-").is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    })
}

/// By the list that publishing goes by: a typing mistake must not pass as a licence that nobody
/// has heard of.
fn is_licence(id: &str) -> bool {
    is_known_licence(id) || is_own(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        for good in ["MIT", "Apache-2.0 OR MIT", "(MIT AND CC0-1.0) OR ISC", "LicenseRef-unknown"] {
            assert_eq!(unknown_part(good), None, "{good}");
        }
        for (bad, part) in [
            ("Apache 2.0", "Apache"),
            ("mit", "mit"),
            ("MIT OR", "MIT OR"),
            ("MIT CC0-1.0", "CC0-1.0"),
            ("AND", "AND"),
            ("", ""),
            ("LicenseRef-", "LicenseRef-"),
            ("see model card", "see"),
        ] {
            assert_eq!(unknown_part(bad), Some(part), "{bad}");
        }
    }
}
