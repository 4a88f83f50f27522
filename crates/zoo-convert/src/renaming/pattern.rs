//! Patterns of names.
//!
//! In a pattern, `{i}` stands for a number, `{j}` and `{k}` for others, and `*` at the end for
//! whatever is left. In the name that it becomes, `{i}` is the number again, `{2i+1}`
//! and `{i-1}` are calculated from it, and `*` is what was left.

/// What a pattern found in a name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found<'a> {
    pub(super) numbers: Vec<(char, usize)>,
    pub(super) rest: &'a str,
}

/// Matches the whole of `name`.
pub(super) fn matches<'a>(pattern: &str, name: &'a str) -> Option<Found<'a>> {
    /// More digits than any network has blocks; what has more is no number of one.
    const MAX_DIGITS: usize = 6;
    let mut found = Found::default();
    let (mut pattern, mut name) = (pattern, name);
    loop {
        let Some(at) = pattern.find(['{', '*']) else {
            return (name == pattern).then_some(found);
        };
        name = name.strip_prefix(&pattern[..at])?;
        if pattern[at..].starts_with('*') {
            found.rest = name;
            return (!name.is_empty()).then_some(found);
        }
        let (letter, after) = pattern[at + 1..].split_once('}')?;
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        if digits > MAX_DIGITS {
            return None;
        }
        found.numbers.push((letter.chars().next()?, name[..digits].parse().ok()?));
        (pattern, name) = (after, &name[digits..]);
    }
}

/// The name that `template` makes of what was found.
pub(super) fn expand(template: &str, found: &Found) -> String {
    let mut name = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '*']) {
        name.push_str(&rest[..at]);
        if let Some(after) = rest[at..].strip_prefix('*') {
            name.push_str(found.rest);
            rest = after;
        } else {
            let (term, after) = rest[at + 1..].split_once('}').unwrap_or_default();
            name.push_str(&calculated(term, found).unwrap_or_default().to_string());
            rest = after;
        }
    }
    name + rest
}

/// `2i+1` and the like.
fn calculated(term: &str, found: &Found) -> Option<usize> {
    let at = term.find(|c: char| c.is_ascii_alphabetic())?;
    let factor = if at == 0 { 1 } else { term[..at].parse().ok()? };
    let letter = term[at..].chars().next()?;
    let (_, number) = found.numbers.iter().find(|(known, _)| *known == letter)?;
    let product = factor * number;
    let rest = &term[at + 1..];
    if let Some(less) = rest.strip_prefix('-') {
        return product.checked_sub(less.parse().ok()?);
    }
    Some(product + rest.strip_prefix('+').map_or(Some(0), |added| added.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::{expand, matches};

    fn renamed(from: &str, to: &str, name: &str) -> Option<String> {
        Some(expand(to, &matches(from, name)?))
    }

    #[test]
    fn numbers_are_found_and_calculated_with() {
        let rule = |name| renamed("stages.{i}.blocks.{j}.norm.*", "features.{2i+1}.{j}.2.*", name);
        assert_eq!(rule("stages.3.blocks.12.norm.weight").unwrap(), "features.7.12.2.weight");
        for other in [
            "stages.3.blocks.12.norm.",
            "stages.x.blocks.12.norm.weight",
            "stages..blocks.12.norm.weight",
            "stages.99999999999999999999.blocks.1.norm.weight",
            "a.stages.3.blocks.12.norm.weight",
            "stages.3.blocks.12",
        ] {
            assert_eq!(rule(other), None, "{other}");
        }
        assert_eq!(renamed("cls_token", "class_token", "cls_token").unwrap(), "class_token");
        assert_eq!(renamed("cls_token", "class_token", "cls_tokens"), None);
        assert_eq!(renamed("a{i}", "b{i-1}", "a3").unwrap(), "b2");
        assert_eq!(renamed("a{i}", "b{i-1}", "a0").unwrap(), "b0");
        assert_eq!(renamed("a.{i}.*", "{i+1}{3i}", "a.2.é").unwrap(), "36");
    }
}
