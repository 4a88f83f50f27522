//! What can be wrong with a row, and where the row is.

use std::fmt;

use super::MAX_LINE;

/// Where a row is in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a text file, header and blank lines counted.
    Line(u64),
    /// A row of a binary file.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Too few or too many numbers.
    #[error("{found} numbers, not {expected}")]
    Count {
        /// Numbers in the row.
        found: usize,
        /// The dimension of the file.
        expected: usize,
    },
    /// A field that is to be a number is none.
    #[error("number {number} is not a number")]
    NotANumber {
        /// Which of the numbers, from 1.
        number: usize,
    },
    /// A number is infinite or NaN.
    #[error("number {number} is not finite")]
    NotFinite {
        /// Which of the numbers, from 1.
        number: usize,
    },
    /// The line, or the word of a binary file, is longer than [`MAX_LINE`].
    #[error("longer than {MAX_LINE} bytes")]
    TooLong,
    /// The word is empty, or nothing but spaces.
    #[error("the word is empty")]
    EmptyWord,
    /// The word is not UTF-8.
    #[error("the word is not UTF-8")]
    NotUtf8,
    /// The word holds a line feed or a carriage return, which no vocabulary can have.
    #[error("the word holds a line break")]
    LineBreak,
    /// The word had a row before.
    #[error("the word had a row before")]
    Duplicate,
}

impl Flaw {
    /// The kind of flaw, without its numbers.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Count { .. } => "wrong count of numbers",
            Self::NotANumber { .. } => "not a number",
            Self::NotFinite { .. } => "not a finite number",
            Self::TooLong => "too long",
            Self::EmptyWord => "empty word",
            Self::NotUtf8 => "word not UTF-8",
            Self::LineBreak => "line break in word",
            Self::Duplicate => "duplicate",
        }
    }
}
