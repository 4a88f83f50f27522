//! Whether a file is all there, where the decoder would not tell.

use image::ImageFormat;

/// Whether nothing is missing from the end of a file of this format. Formats whose decoder
/// notices by itself are taken to be complete.
pub(super) fn is_complete(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => has_end_of_image(bytes),
        ImageFormat::WebP => has_riff_length(bytes),
        _ => true,
    }
}

/// Whether the segments and scans of `jpeg` lead to an end-of-image marker (ITU-T T.81,
/// annex B). The decoder fills what is missing from a truncated file with gray and says
/// nothing; Pillow refuses such a file, also when only the marker is missing.
fn has_end_of_image(jpeg: &[u8]) -> bool {
    let mut rest = jpeg;
    // Between segments the next byte is a marker's 0xFF; within a scan it is searched for.
    while let Some(at) = rest.iter().position(|&byte| byte == 0xFF) {
        let Some((&marker, tail)) = rest[at + 1..].split_first() else {
            return false;
        };
        let skip = match marker {
            0xD9 => return true,
            // A fill byte: this one may start the marker itself.
            0xFF => {
                rest = &rest[at + 1..];
                continue;
            }
            // A stuffed 0xFF of a scan, and the markers that stand alone.
            0x00 | 0x01 | 0xD0..=0xD8 => 0,
            _ => match tail.first_chunk() {
                Some(&length) => usize::from(u16::from_be_bytes(length)),
                None => return false,
            },
        };
        rest = tail.get(skip..).unwrap_or_default();
    }
    false
}

/// Whether a RIFF file is as long as its header says, but for a last padding byte, which
/// some encoders leave out. Of a lossless bitstream that runs out, the decoder can only say
/// that it is wrong.
fn has_riff_length(riff: &[u8]) -> bool {
    let length = riff.get(4..).and_then(|bytes| bytes.first_chunk());
    length.is_some_and(|&length| riff.len() as u64 + 1 >= u64::from(u32::from_le_bytes(length)) + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_marker_inside_a_segment_or_missing_is_not_an_end() {
        let start = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9];
        assert!(!has_end_of_image(&start));
        assert!(has_end_of_image(&[&start[..], &[0xFF, 0xFF, 0xD9]].concat()));
        let scan = [&start[..], &[0xFF, 0xDA, 0, 2, 7, 0xFF, 0x00, 0xFF, 0xD0, 9]].concat();
        assert!(!has_end_of_image(&scan));
        assert!(!has_end_of_image(&[&scan[..], &[0xFF]].concat()));
        assert!(!has_end_of_image(&[&scan[..], &[0xFF, 0xC4, 9]].concat()));
        assert!(has_end_of_image(&[&scan[..], &[0xFF, 0xD9, 1, 2]].concat()));
    }
}
