//! Text to words, as a line of Python does.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};

/// The words of `text` and each of its other characters but white space: what Python's
/// `re.findall(r"\w+|[^\w\s]", text)` gives.
///
/// ```
/// let words: Vec<&str> = zoo_text::words("Don't stop, Müller!").collect();
/// assert_eq!(words, ["Don", "'", "t", "stop", ",", "Müller", "!"]);
/// ```
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// The iterator that [`words`] gives.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches(is_space);
        let first = rest.chars().next()?;
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, rest) = rest.split_at(length);
        self.rest = rest;
        Some(word)
    }
}

impl FusedIterator for Words<'_> {}

/// Python's `\w`: what `str.isalnum` holds for, which is letters and numbers but no marks, and `_`.
fn is_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        let ranges = &*LETTERS_AND_NUMBERS;
        let after = ranges.partition_point(|&(first, _)| first <= c);
        after > 0 && c <= ranges[after - 1].1
    }
}

/// Python's `\s`: Unicode's white space and four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Unicode's general categories `L` and `N` as ranges, rising. `char::is_alphanumeric` will not do:
/// it holds for marks that stand for vowels, and for letters in circles.
static LETTERS_AND_NUMBERS: LazyLock<Vec<(char, char)>> =
    LazyLock::new(|| match regex_syntax::parse(r"[\p{L}\p{N}]").map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| (range.start(), range.end())).collect()
        }
        _ => unreachable!("the pattern is a class"),
    });

/// What happens to letters before words are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    /// They stay as they are.
    Keep,
    /// The whole text is lowered before it is split, as Python's `str.lower` does. It matters
    /// that it is before: `İ` becomes two characters, of which the second ends the word.
    #[default]
    Lower,
}

impl Case {
    /// The text by this rule.
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Keep => Cow::Borrowed(text),
            Self::Lower => Cow::Owned(text.to_lowercase()),
        }
    }
}
