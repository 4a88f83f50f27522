//! Files as they are found: every format, and every way of being no image.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};

use super::patterned;
use crate::preprocess::{DecodeError, Error, Pixels, decode_bytes, decode_file};

/// A smooth image, encoded.
fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn rgb(image: &Pixels) -> DynamicImage {
    let (width, height) = (image.width as u32, image.height as u32);
    image::RgbImage::from_raw(width, height, image.data.clone()).unwrap().into()
}

fn cause(bytes: &[u8]) -> DecodeError {
    match decode_bytes(bytes) {
        Err(Error::DecodeBytes { source }) => source,
        other => panic!("{other:?}"),
    }
}

/// JPEG, which nothing here encodes, has its files in `jpeg/samples.rs`.
const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif];

#[test]
fn all_formats_are_read() {
    let image = Pixels::new(24, 32, 3, vec![100; 24 * 32 * 3]).unwrap();
    for format in FORMATS {
        let decoded = decode_bytes(&encoded(rgb(&image), format)).unwrap();
        assert_eq!((decoded.height, decoded.width), (24, 32));
        assert!(decoded.data.iter().all(|&v| v.abs_diff(100) <= 1 || v == 255), "{format:?}");
    }
}

#[test]
fn truncated_files_are_errors() {
    let image = patterned(40, 50, 3);
    for format in FORMATS {
        let bytes = encoded(rgb(&image), format);
        for kept in [bytes.len() / 3, bytes.len() / 2, bytes.len() * 9 / 10] {
            let cause = cause(&bytes[..kept]);
            // The GIF decoder's own end-of-file error cannot be told from its others.
            let is_gif = format == ImageFormat::Gif;
            let expected = matches!(cause, DecodeError::Truncated)
                || is_gif && matches!(cause, DecodeError::Malformed { .. });
            assert!(expected, "{format:?} {kept}: {cause:?}");
        }
    }
}

#[test]
fn no_prefix_of_a_file_panics() {
    let image = patterned(9, 7, 3);
    for format in FORMATS {
        let bytes = encoded(rgb(&image), format);
        for kept in 0..bytes.len() {
            let _ = decode_bytes(&bytes[..kept]);
        }
    }
}

#[test]
fn what_is_no_image_is_named() {
    assert!(matches!(cause(b""), DecodeError::Empty));
    assert!(matches!(cause(b"<html>404</html>"), DecodeError::NotAnImage));
    assert!(matches!(cause(b"II*\0\x08\0\0\0"), DecodeError::Unsupported { .. }));
}

#[test]
fn errors_name_the_file() {
    let missing = std::path::Path::new("/nowhere/rose.png");
    let error = decode_file(missing).unwrap_err();
    assert_eq!(error.to_string(), "cannot read image \"/nowhere/rose.png\"");
}

/// A PNG whose header promises far more than its bytes hold.
#[test]
fn too_large_images_are_refused_before_they_are_allocated() {
    let mut png = encoded(rgb(&patterned(1, 1, 3)), ImageFormat::Png);
    for (width, height) in [(16_385, 1), (16_384, 16_384), (u32::MAX >> 1, 2)] {
        png[16..20].copy_from_slice(&u32::to_be_bytes(width));
        png[20..24].copy_from_slice(&u32::to_be_bytes(height));
        let checksum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.to_be_bytes());
        let cause = cause(&png);
        assert!(matches!(cause, DecodeError::TooLarge { .. }), "{cause:?}");
    }
}

/// CRC-32 as PNG uses it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn sixteen_bits_keep_the_upper_eight() {
    let image = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![0x12FF, 0xFFFF]);
    let decoded = decode_bytes(&encoded(image.unwrap().into(), ImageFormat::Png)).unwrap();
    assert_eq!((decoded.channels, decoded.data), (1, vec![0x12, 0xFF]));
}
