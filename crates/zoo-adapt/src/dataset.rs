//! Labelled pictures, texts and recordings as people keep them: one folder a class, or a table.
//!
//! ```text
//! flowers/daisy/1.jpg            flowers/train/daisy/1.jpg         spam.csv
//! flowers/rose/2.jpg             flowers/val/daisy/3.jpg             label,text
//!                                flowers/test/rose/2.jpg             ham,see you at eight
//! ```
//!
//! On the left the split is made later, in the middle it is given, and a table may have a column
//! `split`: see [`Dataset::open`]. Folders inside a class are read too. What is listed, and in
//! which order, depends on names alone, never on the order in which a file system happens to list
//! them.

mod grouping;
mod layout;
mod manifest;
mod walk;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use zoo_model::{Graph, Kind, Reader, Tensor};

use crate::error::{Error, Result};
use crate::features::MAX_BYTES;

pub use grouping::Grouping;
pub(crate) use grouping::joined;
pub use walk::is_of_kind;

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

/// What an example is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file, by its path.
    File(PathBuf),
    /// A text that stood in a table.
    Text(String),
}

impl Content {
    /// Its bytes.
    ///
    /// Fails where a file cannot be read or has more than `most` bytes.
    pub fn read(&self, most: u64) -> io::Result<Cow<'_, [u8]>> {
        let path = match self {
            Self::Text(text) => return Ok(Cow::Borrowed(text.as_bytes())),
            Self::File(path) => path,
        };
        let file = File::open(path)?;
        let expected = file.metadata()?.len().min(most);
        let mut bytes = Vec::with_capacity(expected as usize);
        // One byte more than allowed tells a file of exactly the limit from a larger one.
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            let message = format!("larger than {most} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(Cow::Owned(bytes))
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    /// The inputs of `graph` that it becomes, a batch of one; `name` is what errors call it.
    ///
    /// Fails where it cannot be read, or is not what `reader` takes.
    pub(crate) fn inputs(
        &self,
        reader: &Reader,
        graph: &Graph,
        name: impl Fn() -> String,
    ) -> Result<Vec<Tensor>> {
        self.bytes_and_inputs(reader, graph, name).map(|(_, inputs)| inputs)
    }

    /// The same, and the bytes that it was made of.
    pub(crate) fn bytes_and_inputs(
        &self,
        reader: &Reader,
        graph: &Graph,
        name: impl Fn() -> String,
    ) -> Result<(Cow<'_, [u8]>, Vec<Tensor>)> {
        let read = |source| Error::Read { path: name().into(), source };
        let bytes = self.read(MAX_BYTES).map_err(read)?;
        let refused = |source| Error::Example { name: name(), source: Box::new(source) };
        let inputs = reader.read(&bytes, graph).map_err(refused)?;
        Ok((bytes, inputs))
    }
}

/// One labelled example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it is.
    pub content: Content,
    /// The path below the root, with `/` between its parts on every platform; of a row of a table
    /// the table's name and the line, such as `spam.csv:7`.
    pub relative: String,
    /// Index into [`Dataset::classes`].
    pub class: usize,
    /// The part it was put in, where folders or a column say so.
    pub split: Option<Split>,
}

impl Example {
    /// Its name in messages: the path of a file, the table and line of a row.
    pub fn name(&self) -> String {
        self.content.path().map_or_else(|| self.relative.clone(), |path| path.display().to_string())
    }
}

/// What lay in the folders and was left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Files and folders whose name begins with a dot, and `__MACOSX`.
    pub hidden: usize,
    /// Files that are no examples by their extension, such as NOTICE or README.
    pub others: usize,
    /// Symbolic links that lead nowhere, out of the root, or back up into their own folder.
    pub links: usize,
}

/// Labelled examples of one kind.
#[derive(Debug, Clone)]
pub struct Dataset {
    root: PathBuf,
    kind: Kind,
    classes: Vec<String>,
    examples: Vec<Example>,
    has_split: bool,
    skipped: Skipped,
}

impl Dataset {
    /// The extensions of files that are examples of `kind`, whatever their case.
    pub fn extensions(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Picture => &["png", "jpg", "jpeg", "webp", "bmp", "gif"],
            Kind::Text => &["txt"],
            Kind::Sound => &["wav", "flac", "mp3", "ogg", "oga"],
        }
    }

    /// Lists the examples under `path`, a folder of folders; reads none of them. Or reads a table:
    /// `.csv` and `.tsv` with a heading, `.jsonl` with an object a line. Its columns are `label`, and
    /// `text` or `path` (relative to the table, and below its folder), and, if there is one, `split`:
    /// `train`, `val` or `test`. Others are passed over.
    ///
    /// # Errors
    ///
    /// The path is missing, neither a folder nor a table, or unreadable; there are no classes, or
    /// only one; a class has no example (to train on); a name is not UTF-8; a table lacks a column,
    /// or has a row that is no example.
    pub fn open(path: impl AsRef<Path>, kind: Kind) -> Result<Self> {
        let path = path.as_ref();
        match manifest::Table::of(path) {
            Some(table) if !path.is_dir() => manifest::open(path, table, kind),
            _ => layout::open(path, kind),
        }
    }

    /// What the examples are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The folder or table that was opened, as given.
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

    /// Whether folders or a column say which examples are for training.
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
