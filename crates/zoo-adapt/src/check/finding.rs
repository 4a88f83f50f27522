//! One thing that is wrong with the data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dataset::Split;

/// What is odd about one example, though it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flaw {
    /// A recording in which nothing is heard.
    Silent,
    /// A recording that is cut off at full scale in many places.
    Clipped,
    /// A text of which the model knows no word.
    NoKnownWord,
    /// A text that is longer than the model reads.
    CutOff,
}

impl Flaw {
    fn text(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Clipped => "clipped: louder than can be recorded",
            Self::NoKnownWord => "without any word that the model knows",
            Self::CutOff => "longer than the model reads: the rest is left out",
        }
    }
}

/// One thing that is wrong with the data; prints as a sentence without a final period.
///
/// Paths are relative to the data folder, with `/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// A file could not be read or decoded.
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Examples that can be used, and are odd.
    Odd {
        /// In what way.
        flaw: Flaw,
        /// The examples, sorted.
        paths: Vec<String>,
    },
    /// The same bytes under several labels.
    ConflictingLabels {
        /// The files, sorted.
        paths: Vec<String>,
        /// Their classes, sorted, each once.
        classes: Vec<String>,
    },
    /// The same bytes in several splits, so that a score would count what was learned.
    DuplicateAcrossSplits {
        /// The files, sorted.
        paths: Vec<String>,
        /// Their splits, each once.
        splits: Vec<Split>,
    },
    /// The same bytes several times in one class (and in one split, where splits are given).
    Duplicate {
        /// The files, sorted.
        paths: Vec<String>,
        /// Their class.
        class: String,
    },
    /// A class with too few different usable examples to be both learned and measured.
    ClassTooSmall {
        /// The class.
        class: String,
        /// Its different usable examples to train on.
        examples: usize,
    },
    /// A class with fewer examples than advised.
    ClassSmall {
        /// The class.
        class: String,
        /// Its different usable examples to train on.
        examples: usize,
        /// How many are advised.
        advised: usize,
    },
    /// A given validation or test split that has no usable example of a class.
    ClassMissingInSplit {
        /// The class.
        class: String,
        /// The split.
        split: Split,
    },
    /// Some class has many times the examples of another.
    Imbalance {
        /// The largest class.
        largest: String,
        /// Its different usable examples to train on.
        largest_examples: usize,
        /// The smallest class that has any.
        smallest: String,
        /// Its different usable examples to train on.
        smallest_examples: usize,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => write!(formatter, "cannot use {path}: {reason}"),
            Self::Odd { flaw, paths } => {
                /// More would hide the other findings.
                const SHOWN: usize = 5;
                let shown = paths.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
                let more = match paths.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(formatter, "{} {}: {shown}{more}", paths.len(), flaw.text())
            }
            Self::ConflictingLabels { paths, classes } => write!(
                formatter,
                "the same content is labelled {}: {}",
                classes.join(" and "),
                paths.join(", ")
            ),
            Self::DuplicateAcrossSplits { paths, splits } => {
                let splits: Vec<String> = splits.iter().map(Split::to_string).collect();
                write!(
                    formatter,
                    "the same content is in {}: {}",
                    splits.join(" and "),
                    paths.join(", ")
                )
            }
            Self::Duplicate { paths, class } => write!(
                formatter,
                "the same content is {} times in {class}: {}",
                paths.len(),
                paths.join(", ")
            ),
            Self::ClassTooSmall { class, examples } => write!(
                formatter,
                "class {class} has {examples} usable examples, too few to learn from and to measure with"
            ),
            Self::ClassSmall { class, examples, advised } => write!(
                formatter,
                "class {class} has {examples} examples, at least {advised} are advised"
            ),
            Self::ClassMissingInSplit { class, split } => {
                write!(formatter, "class {class} has no usable example in {split}")
            }
            Self::Imbalance { largest, largest_examples, smallest, smallest_examples } => write!(
                formatter,
                "classes are uneven: {largest} has {largest_examples} examples, {smallest} has {smallest_examples}"
            ),
        }
    }
}
