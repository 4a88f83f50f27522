//! What the application segments say of the image.

use image::metadata::Orientation;

use super::frame::Frame;
use super::markers;

/// The findings.
pub(super) struct Application {
    /// Whether the file says that it follows JFIF, whose colours are luma and chroma.
    jfif: bool,
    /// Adobe's colour transform: 0 for none.
    adobe: Option<u8>,
    /// How the image is to be turned for viewing.
    pub(super) orientation: Orientation,
    /// Whether there was an Exif segment; the first one counts.
    exif: bool,
}

impl Default for Application {
    fn default() -> Self {
        Self { jfif: false, adobe: None, orientation: Orientation::NoTransforms, exif: false }
    }
}

impl Application {
    /// Takes note of a segment. One that cannot be read says nothing.
    pub(super) fn read(&mut self, marker: u8, contents: &[u8]) {
        match marker {
            // Version, density and the thumbnail's size are always there.
            markers::APP0 if contents.starts_with(b"JFIF\0") && contents.len() >= 14 => {
                self.jfif = true;
            }
            // Version, two flags and the transform.
            markers::APP14 if contents.starts_with(b"Adobe") && contents.len() >= 12 => {
                self.adobe = Some(contents[11]);
            }
            markers::APP1 if !self.exif => {
                if let Some(tiff) = contents.strip_prefix(b"Exif\0\0") {
                    self.exif = true;
                    self.orientation =
                        Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms);
                }
            }
            _ => {}
        }
    }

    /// Whether three components are red, green and blue, by the rules of libjpeg: Adobe's word
    /// counts if JFIF is not claimed, the components' names if neither is.
    pub(super) fn is_rgb(&self, frame: &Frame) -> bool {
        match (self.jfif, self.adobe) {
            (true, _) => false,
            (false, Some(transform)) => transform == 0,
            (false, None) => frame.components.iter().map(|part| part.id).eq(*b"RGB"),
        }
    }
}
