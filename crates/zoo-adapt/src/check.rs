//! The look at the data before anything is learned from it.
//!
//! Most disappointing models come from the data, not from the recipe: a file that is not
//! an image, the same picture under two labels, a test image that was also trained on. All
//! of this is seen while the files are hashed, which happens anyway, once.

mod digest;
mod finding;
mod look;
mod rules;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Example};

pub use digest::data_digest;
pub use finding::{Finding, Flaw};
pub(crate) use look::look;
use zoo_model::Digest;

/// When a class counts as too small, and classes as too uneven.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CheckOptions {
    /// A class with fewer examples to train on is warned about.
    pub min_per_class: usize,
    /// Warned about where the largest class has more than this many times the examples
    /// of the smallest.
    pub max_imbalance: f64,
    /// Larger files, in bytes, are not read but reported as unreadable.
    pub max_file_bytes: u64,
}

impl Default for CheckOptions {
    /// 10 examples a class, 10 to 1, 256 MiB.
    fn default() -> Self {
        Self { min_per_class: 10, max_imbalance: 10.0, max_file_bytes: 256 << 20 }
    }
}

/// What is wrong with the data, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// What makes results worse, or is merely odd.
    pub warnings: Vec<Finding>,
    /// What makes results wrong: unusable files, contradicting labels, test images that
    /// were trained on, classes that cannot be both learned and measured.
    pub errors: Vec<Finding>,
}

impl DataReport {
    /// Whether there is nothing to report.
    pub fn is_clean(&self) -> bool {
        self.warnings.is_empty() && self.errors.is_empty()
    }
}

/// What the check learned about the data.
#[derive(Debug, Clone, PartialEq)]
pub struct DataCheck {
    /// What is wrong.
    pub report: DataReport,
    /// SHA-256 over all paths, classes and contents, in hexadecimal: see [`data_digest`].
    pub data_digest: String,
    /// The digest of every file, in the order of the examples; `None` where a file could
    /// not be read.
    pub digests: Vec<Option<Digest>>,
    /// Whether every example can be used: its file was read and decoded.
    pub usable: Vec<bool>,
}

impl DataCheck {
    /// A number an example that exact duplicates share: the first example of that content.
    ///
    /// This is what [`stratified_holdout`](crate::split::stratified_holdout) and
    /// [`stratified_folds`](crate::split::stratified_folds) take as `groups`.
    pub fn duplicate_groups(&self) -> Vec<usize> {
        digest::groups(&self.digests)
    }

    /// The indices of the examples that can be used, ascending.
    pub fn usable_examples(&self) -> Vec<usize> {
        let all = 0..self.usable.len();
        all.filter(|&example| self.usable[example]).collect()
    }
}

/// Reads every file of `folder` once, in parallel, and reports what is wrong.
///
/// `look` is given each example with its bytes, and says why it cannot be used, if so, such as
/// that a picture does not decode; or else what is odd about it. It runs on several threads at once.
/// Nothing here fails: a file that cannot be read is a finding.
pub fn check(
    folder: &Dataset,
    options: &CheckOptions,
    look: impl Fn(&Example, &[u8]) -> Result<Vec<Flaw>, String> + Sync,
) -> DataCheck {
    let read = digest::read_all(folder.examples(), options.max_file_bytes, look);
    let digests: Vec<_> = read.iter().map(|file| file.digest).collect();
    DataCheck {
        report: rules::report(folder, options, &read),
        data_digest: data_digest(folder, &digests),
        usable: read.iter().map(|file| file.failure.is_none()).collect(),
        digests,
    }
}
