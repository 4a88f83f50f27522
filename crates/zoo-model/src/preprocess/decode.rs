//! From a file to pixels, within bounds.
//!
//! PNG, JPEG, WebP, BMP and GIF (the first frame). Palettes and bit depths below 8 are
//! expanded; of 16 bits the upper 8 are kept, as Pillow keeps them of 16-bit RGB (16-bit gray
//! it clips instead, which is not imitated).
//!
//! JPEG is decoded here ([`jpeg`]), since photos must come out to the byte as libjpeg-turbo
//! decodes them; all other formats by the `image` crate.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use image::error::{DecodingError, UnsupportedError, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::jpeg::{self, Failure};
use super::{DecodeError, Error, Pixels, complete};

/// The largest width or height, in pixels, that is decoded.
pub const MAX_DIMENSION: u32 = 16_384;

/// The largest file and the largest decoded image, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;

/// Reads and decodes the image in a file.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read, [`Error::DecodeFile`] if it is empty, no
/// image, truncated, damaged or too large.
pub fn decode_file(path: &Path) -> Result<Pixels, Error> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    decode(&bytes).map_err(|source| Error::DecodeFile { path: path.to_owned(), source })
}

/// Decodes an image from memory.
///
/// # Errors
///
/// [`Error::DecodeBytes`] if the bytes are empty, no image, truncated, damaged or too large.
pub fn decode_bytes(bytes: &[u8]) -> Result<Pixels, Error> {
    decode(bytes).map_err(|source| Error::DecodeBytes { source })
}

fn decode(bytes: &[u8]) -> Result<Pixels, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(format!("the file exceeds {} MiB", MAX_BYTES >> 20)));
    }
    let format = image::guess_format(bytes).map_err(|_| DecodeError::NotAnImage)?;
    if format == ImageFormat::Jpeg {
        return jpeg::decode(bytes).map_err(|failure| match failure {
            Failure::Unsupported => {
                let kind = "a JPEG of CMYK, of 12 bits, lossless or arithmetically coded";
                let kind = UnsupportedErrorKind::GenericFeature(kind.to_owned());
                let source = UnsupportedError::from_format_and_kind(format.into(), kind);
                DecodeError::Unsupported { source: ImageError::Unsupported(source) }
            }
            Failure::Truncated => DecodeError::Truncated,
            Failure::TooLarge { width, height } => too_large_image(width.into(), height.into()),
            Failure::Malformed(damage) => {
                let source = DecodingError::new(format.into(), damage);
                DecodeError::Malformed { source: ImageError::Decoding(source) }
            }
        });
    }
    if !complete::is_complete(bytes, format) {
        return Err(DecodeError::Truncated);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(classify)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels);
    }
    if width > MAX_DIMENSION || height > MAX_DIMENSION || decoder.total_bytes() > MAX_BYTES {
        return Err(too_large_image(width, height));
    }
    // An orientation that cannot be read is none: the pixels do not depend on it.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut pixels = interleave(DynamicImage::from_decoder(decoder).map_err(classify)?);
    pixels.orientation = orientation;
    Ok(pixels)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_DIMENSION);
    limits.max_image_height = Some(MAX_DIMENSION);
    limits.max_alloc = Some(MAX_BYTES);
    limits
}

/// The decoded image with 8 bits a channel.
fn interleave(image: DynamicImage) -> Pixels {
    let (height, width) = (image.height() as usize, image.width() as usize);
    let upper = |values: Vec<u16>| values.into_iter().map(|value| (value >> 8) as u8).collect();
    let (channels, data) = match image {
        DynamicImage::ImageLuma8(image) => (1, image.into_raw()),
        DynamicImage::ImageLumaA8(image) => (2, image.into_raw()),
        DynamicImage::ImageRgb8(image) => (3, image.into_raw()),
        DynamicImage::ImageRgba8(image) => (4, image.into_raw()),
        DynamicImage::ImageLuma16(image) => (1, upper(image.into_raw())),
        DynamicImage::ImageLumaA16(image) => (2, upper(image.into_raw())),
        DynamicImage::ImageRgb16(image) => (3, upper(image.into_raw())),
        DynamicImage::ImageRgba16(image) => (4, upper(image.into_raw())),
        // Floating-point formats are not among those enabled.
        other => (4, other.into_rgba8().into_raw()),
    };
    Pixels::from_parts(height, width, channels, data)
}

/// What a decoder's error means to the owner of the file.
fn classify(error: ImageError) -> DecodeError {
    if ends_early(&error) {
        return DecodeError::Truncated;
    }
    match error {
        ImageError::Limits(_) => too_large(bounds()),
        ImageError::Unsupported(_) => DecodeError::Unsupported { source: error },
        _ => DecodeError::Malformed { source: error },
    }
}

/// Whether the cause of an error is that the bytes ran out.
fn ends_early(error: &ImageError) -> bool {
    let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    if let ImageError::IoError(error) = error {
        return is_end(error);
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(is_end) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn bounds() -> String {
    format!("at most {MAX_DIMENSION} pixels a side and {} MiB decoded", MAX_BYTES >> 20)
}

fn too_large_image(width: u32, height: u32) -> DecodeError {
    too_large(format!("{width} x {height} pixels ({})", bounds()))
}

fn too_large(what: String) -> DecodeError {
    DecodeError::TooLarge { what }
}
