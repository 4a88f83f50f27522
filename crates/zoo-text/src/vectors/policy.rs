//! What is done about malformed rows.

use super::Flaw;

/// What is done about a row that is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends the reading with an error.
    Refuse,
    /// It is left out and counted.
    Skip,
}

/// What is done about each kind of [`Flaw`]; see the [module](super) for the default's reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Wrong counts, what is not a finite number, lines that are too long.
    pub malformed: Malformed,
    /// Words that are empty, not UTF-8, or hold a line break.
    pub words: Malformed,
    /// Words that had a row before.
    pub duplicates: Malformed,
    /// The largest number of rows, which bounds memory; a file with more is refused.
    pub max_rows: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            malformed: Malformed::Refuse,
            words: Malformed::Skip,
            duplicates: Malformed::Skip,
            // The largest that are published have 12 million (Tencent AI Lab).
            max_rows: 1 << 25,
        }
    }
}

impl Policy {
    /// Skips whatever can be skipped.
    pub fn lenient() -> Self {
        Self { malformed: Malformed::Skip, ..Self::default() }
    }

    pub(super) fn of(&self, flaw: Flaw) -> Malformed {
        match flaw {
            Flaw::Count { .. }
            | Flaw::NotANumber { .. }
            | Flaw::NotFinite { .. }
            | Flaw::TooLong => self.malformed,
            Flaw::EmptyWord | Flaw::NotUtf8 | Flaw::LineBreak => self.words,
            Flaw::Duplicate => self.duplicates,
        }
    }
}
