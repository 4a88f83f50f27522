//! Which examples belong together, by their names: recordings of one speaker, frames of one film.

use std::collections::HashMap;

use super::Example;
use crate::error::{Error, Result};

/// The part of a pattern that names the group.
const MARK: &str = "{group}";

/// A pattern over the names of files, such as `{group}_*.wav`: what stands at `{group}` is what
/// examples that belong together share. `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    before: Vec<String>,
    after: Vec<String>,
}

impl Grouping {
    /// Reads a pattern.
    ///
    /// Fails where it does not have exactly one `{group}`.
    pub fn new(pattern: &str) -> Result<Self> {
        let parts: Vec<&str> = pattern.split(MARK).collect();
        let [before, after] = parts[..] else {
            return Err(Error::setting("the pattern of groups", "one with one {group}", pattern));
        };
        let pieces = |text: &str| text.split('*').map(str::to_owned).collect();
        Ok(Self { before: pieces(before), after: pieces(after) })
    }

    /// The group of a file called `name`: the shortest text that fits; `None` where the pattern
    /// does not fit.
    pub fn group<'a>(&self, name: &'a str) -> Option<&'a str> {
        let bounds = || name.char_indices().map(|(at, _)| at).chain([name.len()]);
        for start in bounds().filter(|&start| fits(&self.before, &name[..start])) {
            let end = bounds().find(|&end| end > start && fits(&self.after, &name[end..]));
            if let Some(end) = end {
                return Some(&name[start..end]);
            }
        }
        None
    }

    /// A number for each of `examples`, which those share that are in one group; the pattern is
    /// laid over the last part of the path.
    ///
    /// Fails where it does not fit the name of one.
    pub fn groups<'a>(&self, examples: impl Iterator<Item = &'a Example>) -> Result<Vec<usize>> {
        let mut numbers = HashMap::new();
        let number = |example: &'a Example| {
            let name = example.relative.rsplit('/').next().unwrap_or_default();
            let group = self.group(name).ok_or_else(|| Error::NoGroup { name: name.to_owned() })?;
            let next = numbers.len();
            Ok(*numbers.entry(group).or_insert(next))
        };
        examples.map(number).collect()
    }
}

/// Whether `text` consists of `pieces` in their order, with anything between them.
fn fits(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

/// One number for those that share a number in `a` or in `b`, directly or by others.
pub(crate) fn joined(a: &[usize], b: &[usize]) -> Vec<usize> {
    fn root(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    let mut parents: Vec<usize> = (0..a.len()).collect();
    for groups in [a, b] {
        let mut first = HashMap::new();
        for (example, group) in groups.iter().enumerate() {
            let other = *first.entry(group).or_insert(example);
            let (one, other) = (root(&mut parents, example), root(&mut parents, other));
            parents[one.max(other)] = one.min(other);
        }
    }
    (0..a.len()).map(|example| root(&mut parents, example)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(pattern: &str, name: &str) -> Option<String> {
        Grouping::new(pattern).unwrap().group(name).map(str::to_owned)
    }

    #[test]
    fn a_pattern_finds_the_group() {
        assert_eq!(group("{group}_*.wav", "jackson_12.wav").unwrap(), "jackson");
        assert_eq!(group("*_{group}_*.wav", "7_jackson_12.wav").unwrap(), "jackson");
        assert_eq!(group("*-{group}", "a-b").unwrap(), "b");
        assert_eq!(group("{group}_*", "é_1_2").unwrap(), "é");
        assert_eq!(group("{group}_*.wav", "jackson.wav"), None);
        assert_eq!(group("{group}_*", "_1"), None);
        assert_eq!(group("{group}", "whole").unwrap(), "whole");
    }

    #[test]
    fn a_pattern_has_one_group() {
        for pattern in ["", "*", "{group}{group}", "{groups}"] {
            assert!(Grouping::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn groups_that_touch_are_one() {
        assert_eq!(joined(&[0, 0, 2, 3], &[5, 6, 6, 7]), [0, 0, 0, 3]);
        assert_eq!(joined(&[0, 1], &[0, 1]), [0, 1]);
    }
}
