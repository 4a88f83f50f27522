//! Preprocessing as data: from an image file to the numbers a model was trained on.
//!
//! A model is only right with the preprocessing it was trained with, so a card carries it
//! as data ([`Preprocess`]) and this module carries it out bit for bit as torchvision does
//! on Pillow images:
//!
//! 1. [`decode_file`] or [`decode_bytes`]: file to [`Pixels`], 8 bits a channel, bounded;
//! 2. orientation from EXIF, only if the card asks for it;
//! 3. alpha composited over white or dropped, colours to RGB or gray;
//! 4. [`Resize`] with Pillow's filters and its fixed-point arithmetic, computing only the
//!    window that the centre crop keeps;
//! 5. centre crop, padded with zeros where the image is smaller;
//! 6. `(x * scale - mean) / std` into `f32` [`Planes`] `[channels, height, width]`.
//!
//! ```text
//! resize = { shorter = 256 }
//! filter = "bilinear"
//! crop = [224, 224]
//! mean = [0.485, 0.456, 0.406]
//! std = [0.229, 0.224, 0.225]
//! ```
//!
//! [`Preprocess::digest`] names a preprocessing; the feature cache is keyed by it.
//! Colour profiles are ignored, as they are by torchvision.

#![allow(
    clippy::inline_always,
    reason = "what is compiled for several instruction sets must be inlined where it is"
)]

mod alpha;
mod apply;
mod canonical;
mod color;
mod complete;
mod decode;
mod error;
mod filter;
mod geometry;
mod jpeg;
mod nearest;
mod normalize;
mod orientation;
mod passes;
mod pixels;
mod resize;
mod spec;
mod taps;
mod validate;

#[cfg(test)]
mod npy;
#[cfg(test)]
mod tests;

pub use alpha::Alpha;
pub use color::Color;
pub use decode::{MAX_BYTES, MAX_DIMENSION, decode_bytes, decode_file};
pub use error::{DecodeError, Error};
pub use filter::Filter;
pub use geometry::Resize;
pub use normalize::Planes;
pub use pixels::Pixels;
pub use spec::Preprocess;
pub use validate::{MAX_OUTPUT_PIXELS, MAX_SIZE};
