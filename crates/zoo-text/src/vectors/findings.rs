//! What a reader found besides the rows that it gave.

use std::collections::BTreeMap;

use super::{Flaw, Place};

/// How many skipped rows are told one by one.
pub const MAX_FINDINGS: usize = 20;

/// A row that was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Where it is.
    pub place: Place,
    /// Why it was skipped.
    pub flaw: Flaw,
}

/// What was read so far; of the whole file once [`Reader::next_row`](super::Reader::next_row)
/// has given `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rows that were given.
    pub rows: u64,
    /// Rows that were met: given or skipped.
    pub present: u64,
    /// Rows that the header declares. If it is not `present`, the header of a text file lies.
    pub declared: Option<u64>,
    /// Whether a binary file goes on after the last row that it declares.
    pub goes_on: bool,
    /// Skipped rows by [`Flaw::kind`].
    pub skipped: BTreeMap<&'static str, u64>,
    /// The first [`MAX_FINDINGS`] of them.
    pub first: Vec<Finding>,
}

impl Findings {
    /// The number of rows that were skipped.
    pub fn total_skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    pub(super) fn skip(&mut self, place: Place, flaw: Flaw) {
        *self.skipped.entry(flaw.kind()).or_default() += 1;
        if self.first.len() < MAX_FINDINGS {
            self.first.push(Finding { place, flaw });
        }
    }
}
