//! What can go wrong between a file and a model's input.

use std::path::PathBuf;

/// An error of decoding or preprocessing an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read at all.
    #[error("cannot read image {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file was read, and is not an image that can be used.
    #[error("cannot decode image {path:?}")]
    DecodeFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: DecodeError,
    },
    /// Bytes that came without a file's name are not an image that can be used.
    #[error("cannot decode image")]
    DecodeBytes {
        /// The reason.
        #[source]
        source: DecodeError,
    },
    /// A [`Preprocess`](super::Preprocess) that cannot be carried out.
    #[error("invalid preprocessing: `{field}` {problem}")]
    Invalid {
        /// The field as it is written in the card.
        field: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// Without a crop, this image would become too large an input.
    #[error("preprocessing would give {height} x {width} pixels, more than {limit} in all")]
    OutputTooLarge {
        /// Height of the output in pixels.
        height: u64,
        /// Width of the output in pixels.
        width: u64,
        /// The largest number of pixels allowed.
        limit: u64,
    },
    /// [`Pixels::new`](super::Pixels::new) was given a buffer that does not fit its shape.
    #[error(
        "a buffer of {len} bytes is not an image of {height} x {width} pixels and {channels} \
         channels (1 to 4)"
    )]
    Shape {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Number of channels.
        channels: usize,
        /// Length of the buffer in bytes.
        len: usize,
    },
}

/// Why bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// No known image format starts like this.
    #[error("not an image (png, jpeg, webp, bmp and gif are read)")]
    NotAnImage,
    /// An image format, or a variant of one, that is not read.
    #[error("this kind of image is not supported")]
    Unsupported {
        /// The decoder's reason.
        #[source]
        source: image::ImageError,
    },
    /// The image ends before its last pixel or before its end marker.
    #[error("the image is truncated")]
    Truncated,
    /// The image has no pixels.
    #[error("the image has no pixels")]
    NoPixels,
    /// The file or the image exceeds [`MAX_DIMENSION`](super::MAX_DIMENSION) or
    /// [`MAX_BYTES`](super::MAX_BYTES).
    #[error("too large: {what}")]
    TooLarge {
        /// What is too large, and the limit.
        what: String,
    },
    /// The decoder found the image to be damaged.
    #[error("the image is damaged")]
    Malformed {
        /// The decoder's reason.
        #[source]
        source: image::ImageError,
    },
}
