//! Labelled images as people keep them: one folder a class.
//!
//! ```text
//! flowers/daisy/1.jpg            flowers/train/daisy/1.jpg
//! flowers/rose/2.jpg             flowers/val/daisy/3.jpg
//!                                flowers/test/rose/2.jpg
//! ```
//!
//! On the left the split is made later, on the right it is given. Folders inside a class
//! are read too. What is listed, and in which order, depends on names alone, never on the
//! order in which a file system happens to list them.

mod layout;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Result;

pub use walk::is_image;

/// The part of the data that an example belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learned from.
    Train,
    /// Held out to choose between models.
    Val,
    /// Held out to the end, to measure with.
    Test,
}

impl std::fmt::Display for Split {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        })
    }
}

/// One labelled image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Where the file is.
    pub path: PathBuf,
    /// The path below the root, with `/` between its parts on every platform.
    pub relative: String,
    /// Index into [`ImageFolder::classes`].
    pub class: usize,
    /// The part it was put in, where the folders say so.
    pub split: Option<Split>,
}

/// What lay in the folders and was left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Files and folders whose name begins with a dot, and `__MACOSX`.
    pub hidden: usize,
    /// Files that are not images by their extension, such as NOTICE or README.
    pub not_images: usize,
    /// Symbolic links that lead nowhere, out of the root, or back up into their own folder.
    pub links: usize,
}

/// A folder of folders of images.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    root: PathBuf,
    classes: Vec<String>,
    examples: Vec<Example>,
    has_split: bool,
    skipped: Skipped,
}

impl ImageFolder {
    /// The extensions that count as images, whatever their case.
    pub const EXTENSIONS: [&'static str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "gif"];

    /// Lists the images under `path`; reads no image.
    ///
    /// # Errors
    ///
    /// The path is missing, not a folder or unreadable; there are no classes, or only one;
    /// a class has no image (to train on); a name is not UTF-8.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        layout::open(path.as_ref())
    }

    /// The folder that was opened, as given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The class names, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// All examples, by split, then class, then relative path.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Whether the folders say which examples are for training.
    pub fn has_split(&self) -> bool {
        self.has_split
    }

    /// What was left out.
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// The class of every example, in the order of [`Self::examples`].
    pub fn labels(&self) -> Vec<usize> {
        self.examples.iter().map(|example| example.class).collect()
    }

    /// The number of examples of every class, all splits together.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for example in &self.examples {
            counts[example.class] += 1;
        }
        counts
    }
}
