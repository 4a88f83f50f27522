//! What can go wrong in this crate, said with the resource it went wrong on.

use std::io;
use std::path::PathBuf;

use zoo_model::Kind;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, on which resource, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data does not exist.
    #[error("no such folder or file: {}", path.display())]
    PathMissing {
        /// The path as given.
        path: PathBuf,
    },

    /// The data path is something else than a folder or a table.
    #[error("neither a folder nor a table (.csv, .tsv, .jsonl): {}", path.display())]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },

    /// A file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// Examples lie directly in the folder, so nothing says which class they are of.
    #[error(
        "{files} {} lie directly in {}: move them into one folder a class, such as {}/CLASS/{}",
        kind.plural(),
        path.display(),
        path.display(),
        file_of(*kind)
    )]
    FilesWithoutClasses {
        /// The folder.
        path: PathBuf,
        /// How many lie there.
        files: usize,
        /// What they are.
        kind: Kind,
    },

    /// The folder holds neither class folders nor examples.
    #[error(
        "no class folders in {}: expected one folder a class, such as {}/CLASS/{}",
        path.display(),
        path.display(),
        file_of(*kind)
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// What examples are.
        kind: Kind,
    },

    /// A table without the columns that say what is learned from what.
    #[error("{} needs the columns {needed}, it has {found}", path.display())]
    Columns {
        /// The table.
        path: PathBuf,
        /// The columns that are needed.
        needed: &'static str,
        /// Those that it has.
        found: String,
    },

    /// A row of a table that is no example.
    #[error("line {line} of {} is no example: {reason}", path.display())]
    Row {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why not.
        reason: String,
    },

    /// A table without rows.
    #[error("there is no example in {}", path.display())]
    NoRows {
        /// The table.
        path: PathBuf,
    },

    /// A name that the pattern of groups does not fit.
    #[error("the pattern of groups does not fit the name `{name}`")]
    NoGroup {
        /// The file's name.
        name: String,
    },

    /// There is nothing to tell apart.
    #[error("only one class, `{class}`, in {}: at least two are needed", path.display())]
    OneClass {
        /// The folder.
        path: PathBuf,
        /// The only class.
        class: String,
    },

    /// A class folder holds no example.
    #[error("no {} for class `{class}` in {}", kind.plural(), path.display())]
    EmptyClass {
        /// The class folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// What examples are.
        kind: Kind,
    },

    /// A class has validation or test examples but none to learn from.
    #[error("class `{class}` has {} in {} but none for training", kind.plural(), path.display())]
    ClassNotInTraining {
        /// The class folder or the table that was found.
        path: PathBuf,
        /// The class.
        class: String,
        /// What examples are.
        kind: Kind,
    },

    /// The name of a class or of a file is not UTF-8, so it could not be written into labels.
    #[error("the name of {} is not UTF-8", path.display())]
    NameNotUtf8 {
        /// The class folder or the file.
        path: PathBuf,
    },

    /// Folders lie deeper than any data set needs.
    #[error("folders nest deeper than {limit} levels at {}", path.display())]
    TooDeep {
        /// The folder that was not entered.
        path: PathBuf,
        /// The limit, in levels below a class folder.
        limit: usize,
    },

    /// Two arguments that describe the same thing differ in size.
    #[error("{what}: expected {expected}, got {actual}")]
    Size {
        /// What was counted.
        what: &'static str,
        /// The size that the other arguments call for.
        expected: usize,
        /// The size that came.
        actual: usize,
    },

    /// A label names a class that does not exist.
    #[error("label {label} of example {row} is out of range: there are {classes} classes")]
    LabelOutOfRange {
        /// The example, from 0.
        row: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },

    /// A feature or probability is NaN or infinite.
    #[error("{value} in row {row}, column {column} is not a finite number")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: f32,
    },

    /// The training examples are of fewer than two classes.
    #[error("training examples of {present} class: at least two are needed")]
    TooFewClasses {
        /// How many classes have an example.
        present: usize,
    },

    /// An example could not be read, or not be run.
    #[error("cannot use {name}")]
    Example {
        /// Its path, or the table and line.
        name: String,
        /// Why.
        #[source]
        source: Box<zoo_model::Error>,
    },

    /// The trunk made something of an example that is no number.
    #[error("the feature of {name} is not a finite number at position {column}")]
    FeatureNotFinite {
        /// The example's path, or the table and line.
        name: String,
        /// The position.
        column: usize,
    },

    /// The trunk made a feature of another length than of other examples.
    #[error("the feature of {name} has {found} numbers, {length} were expected")]
    FeatureLength {
        /// The example's path, or the table and line.
        name: String,
        /// As many as others have.
        length: usize,
        /// As many as it has.
        found: usize,
    },

    /// A model that takes no examples, or does not say how.
    #[error(
        "the model `{model}` does not say how a picture, a text or a recording becomes its input"
    )]
    NoReader {
        /// The model's name.
        model: String,
    },

    /// A model for examples of another kind.
    #[error("the model `{model}` is for {}, the data are {}", takes.plural(), found.plural())]
    OtherKind {
        /// The model's name.
        model: String,
        /// What it is for.
        takes: Kind,
        /// What was given.
        found: Kind,
    },

    /// A model without a head that could be replaced.
    #[error("the model `{model}` has no head that could be replaced: it is no classifier")]
    NoHead {
        /// The model's name.
        model: String,
    },

    /// A trunk that nobody has put a head on yet.
    #[error("the model `{model}` names no classes: it is a trunk, to be adapted first")]
    Headless {
        /// The model's name.
        model: String,
    },

    /// A model that does not name its classes, where their names are needed.
    #[error("the model `{model}` knows the classes {known}, the data has {found}")]
    OtherClasses {
        /// The model's name.
        model: String,
        /// The model's classes.
        known: String,
        /// A class of the data that is not among them.
        found: String,
    },

    /// A class all of whose examples belong to groups that are held out.
    #[error(
        "all examples of class `{class}` are held out with their groups: none is left to learn from"
    )]
    OnlyHeldOut {
        /// The class.
        class: String,
    },

    /// Groups that leave nothing to measure with.
    #[error("nothing is held out: all examples belong to one group")]
    NothingHeldOut,

    /// Nothing that is left of the data can be learned from.
    #[error("class `{class}` has {usable} usable examples: {needed} are needed")]
    TooFewExamples {
        /// The class.
        class: String,
        /// How many can be used.
        usable: usize,
        /// How many it takes.
        needed: usize,
    },

    /// Training examples of which none can be set aside to choose the epochs by.
    #[error(
        "{examples} training examples are too few to fine-tune: no class has two different ones, of \
         which one could be set aside to choose the epochs by"
    )]
    TooFewToFinetune {
        /// How many training examples there are.
        examples: usize,
    },

    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// The model.
    #[error(transparent)]
    Model(#[from] zoo_model::Error),

    /// A setting is outside its range.
    #[error("{name} must be {expected}, got {actual}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is allowed, in words.
        expected: &'static str,
        /// What came, in words.
        actual: String,
    },
}

impl Error {
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    pub(crate) fn setting(
        name: &'static str,
        expected: &'static str,
        actual: impl std::fmt::Display,
    ) -> Self {
        Self::Setting { name, expected, actual: actual.to_string() }
    }

    /// `Ok` where `actual` is the expected size of `what`.
    pub(crate) fn expect_size(what: &'static str, expected: usize, actual: usize) -> Result<()> {
        if expected == actual { Ok(()) } else { Err(Self::Size { what, expected, actual }) }
    }
}

/// A file as an example of a kind is called.
fn file_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Picture => "PICTURE.jpg",
        Kind::Text => "TEXT.txt",
        Kind::Sound => "RECORDING.wav",
    }
}

/// `Ok` where every label is below `classes`.
pub(crate) fn expect_labels(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(Error::LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}
