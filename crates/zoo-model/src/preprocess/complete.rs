//! Whether a file is all there, where the decoder would not tell.

use image::ImageFormat;

/// Whether nothing is missing from the end of a file of this format. Formats whose decoder
/// notices by itself are taken to be complete.
pub(super) fn is_complete(bytes: &[u8], format: ImageFormat) -> bool {
    format != ImageFormat::WebP || has_riff_length(bytes)
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
    fn a_riff_file_ends_where_its_header_says() {
        let file = |length: u32| [b"RIFF", &length.to_le_bytes()[..], b"WEBPrest"].concat();
        assert!(is_complete(&file(8), ImageFormat::WebP));
        assert!(is_complete(&file(9), ImageFormat::WebP), "a padding byte may be left out");
        assert!(!is_complete(&file(10), ImageFormat::WebP));
        assert!(!is_complete(b"RIFF", ImageFormat::WebP));
        assert!(is_complete(b"", ImageFormat::Png));
    }
}
