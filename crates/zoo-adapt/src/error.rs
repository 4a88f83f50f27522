//! What can go wrong in this crate, said with the resource it went wrong on.

use std::io;
use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, on which resource, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder does not exist.
    #[error("no such folder: {}", path.display())]
    PathMissing {
        /// The path as given.
        path: PathBuf,
    },

    /// The data path is a file or something else that is not a folder.
    #[error("not a folder: {}", path.display())]
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

    /// Images lie directly in the folder, so nothing says which class they are of.
    #[error(
        "{images} images lie directly in {}: move them into one folder a class, such as {}/CLASS/IMAGE.jpg",
        path.display(),
        path.display()
    )]
    ImagesWithoutClasses {
        /// The folder.
        path: PathBuf,
        /// How many images lie there.
        images: usize,
    },

    /// The folder holds neither class folders nor images.
    #[error(
        "no class folders in {}: expected one folder a class, such as {}/CLASS/IMAGE.jpg",
        path.display(),
        path.display()
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
    },

    /// There is nothing to tell apart.
    #[error("only one class, `{class}`, in {}: at least two are needed", path.display())]
    OneClass {
        /// The folder.
        path: PathBuf,
        /// The only class.
        class: String,
    },

    /// A class folder holds no image of a known kind.
    #[error("no images for class `{class}` in {}", path.display())]
    EmptyClass {
        /// The class folder.
        path: PathBuf,
        /// The class.
        class: String,
    },

    /// A class has validation or test images but none to learn from.
    #[error("class `{class}` has images in {} but none for training", path.display())]
    ClassNotInTraining {
        /// The class folder that was found.
        path: PathBuf,
        /// The class.
        class: String,
    },

    /// A class or image name is not UTF-8, so it could not be written into labels.
    #[error("the name of {} is not UTF-8", path.display())]
    NameNotUtf8 {
        /// The class folder or the image.
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

    /// An image could not be read, or not be run.
    #[error("cannot use the image {}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<zoo_model::Error>,
    },

    /// The trunk made something of an image that is no number.
    #[error("the feature of {} is not a finite number at position {column}", path.display())]
    FeatureNotFinite {
        /// The image.
        path: PathBuf,
        /// The position.
        column: usize,
    },

    /// A model that takes no images, or does not say how.
    #[error("the model `{model}` does not say how an image becomes its input")]
    NotForImages {
        /// The model's name.
        model: String,
    },

    /// A model without a head that could be replaced.
    #[error("the model `{model}` has no head that could be replaced: it is no classifier")]
    NoHead {
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

    /// Nothing that is left of the data can be learned from.
    #[error("class `{class}` has {usable} usable images: {needed} are needed")]
    TooFewImages {
        /// The class.
        class: String,
        /// How many can be used.
        usable: usize,
        /// How many it takes.
        needed: usize,
    },

    /// Training images of which none can be set aside to choose the epochs by.
    #[error(
        "{images} training images are too few to fine-tune: no class has two different ones, of \
         which one could be set aside to choose the epochs by"
    )]
    TooFewToFinetune {
        /// How many training images there are.
        images: usize,
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

/// `Ok` where every label is below `classes`.
pub(crate) fn expect_labels(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(Error::LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}
