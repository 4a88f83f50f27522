//! Which container a file is, and what would be believed of it without looking.

use std::collections::HashMap;

use crate::DecodeError;

/// The longest setup header of a Vorbis stream that is read, in bytes. Encoders write some 5 KB;
/// decoders make up to 1,000 times as much of it, before the first sample.
const MAX_SETUP: usize = 256 << 10;

/// The containers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Wav,
    Compressed(Compressed),
}

/// Those that symphonia reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compressed {
    Flac,
    Ogg,
    Mp3,
}

/// Which container it is, by how it begins, and its bytes without ID3 tags before it.
pub(crate) fn recognize(bytes: &[u8]) -> Result<(Container, &[u8]), DecodeError> {
    let bytes = without_tags(bytes);
    let container = match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Container::Wav,
        [b'f', b'L', b'a', b'C', ..] => Container::Compressed(Compressed::Flac),
        [b'O', b'g', b'g', b'S', ..] => Container::Compressed(Compressed::Ogg),
        // Eleven ones, and neither a reserved version nor a reserved layer.
        &[0xff, second, ..] if second >= 0xe0 && second & 0x18 != 0x08 && second & 0x06 != 0 => {
            Container::Compressed(Compressed::Mp3)
        }
        _ => return Err(DecodeError::NotARecording),
    };
    if container == Container::Compressed(Compressed::Ogg) && longest_setup(bytes) > MAX_SETUP {
        return Err(DecodeError::Unsupported { what: "a setup header of more than 256 KiB" });
    }
    Ok((container, bytes))
}

/// What is behind the `ID3v2` tags at the beginning: pictures in them are easily taken for sound.
fn without_tags(mut bytes: &[u8]) -> &[u8] {
    // "ID3", version, revision, flags, and the length in four times seven bits: section 3.1 of
    // ID3 2.4.
    while let &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ref rest @ ..] = bytes {
        let length =
            [a, b, c, d].iter().fold(0, |sum, &seven| sum << 7 | usize::from(seven & 0x7f));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        bytes = rest.get(length + footer..).unwrap_or_default();
        // Some encoders put zeros between tag and sound.
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        bytes = &bytes[zeros..];
    }
    bytes
}

/// The length of the longest packet that begins as a Vorbis setup header does.
fn longest_setup(mut bytes: &[u8]) -> usize {
    let mut open: HashMap<&[u8], usize> = HashMap::new();
    let mut longest = 0;
    // A page: "OggS", version, flags, position, stream, number, checksum, and the lengths of its
    // segments, of which one below 255 ends a packet (RFC 3533, 6).
    while let Some(at) = bytes.windows(4).position(|window| window == b"OggS") {
        bytes = &bytes[at..];
        let (Some(stream), Some(&count)) = (bytes.get(14..18), bytes.get(26)) else { break };
        let Some(lengths) = bytes.get(27..27 + usize::from(count)) else { break };
        let mut start = 27 + lengths.len();
        for &length in lengths {
            let segment = bytes.get(start..).unwrap_or_default();
            start += usize::from(length);
            let packet = open.remove(stream);
            let packet = packet.or_else(|| segment.starts_with(b"\x05vorbis").then_some(0));
            if let Some(packet) = packet {
                let packet = packet + usize::from(length);
                longest = longest.max(packet);
                if length == 255 {
                    open.insert(stream, packet);
                }
            }
        }
        bytes = &bytes[4..];
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of stream 7 with segments of these lengths, and these bytes.
    fn page(lengths: &[u8], content: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        page.push(lengths.len() as u8);
        page.extend(lengths);
        page.extend(content);
        page
    }

    #[test]
    fn setup_headers_are_measured_over_pages() {
        let mut content = vec![0; 3 + 255 + 255];
        content[3..10].copy_from_slice(b"\x05vorbis");
        let mut file = page(&[3, 255, 255], &content);
        file.extend(page(&[255, 9, 200], &[0; 255 + 9 + 200]));
        assert_eq!(longest_setup(&file), 3 * 255 + 9);
        assert_eq!(longest_setup(&file[..40]), 510, "what a cut-off page says counts");
        assert_eq!(longest_setup(&page(&[200], &[0; 200])), 0);
    }

    #[test]
    fn long_setup_headers_are_refused() {
        let mut content = vec![0; 255 * 255];
        content[..7].copy_from_slice(b"\x05vorbis");
        let mut file = Vec::new();
        for _ in 0..5 {
            file.extend(page(&[255; 255], &content));
        }
        let error = recognize(&file).unwrap_err();
        assert!(matches!(error, DecodeError::Unsupported { .. }), "{error:?}");
    }

    #[test]
    fn sound_is_recognised_behind_tags() {
        let mp3 = Container::Compressed(Compressed::Mp3);
        assert_eq!(recognize(&[0xff, 0xfb, 0x90]).unwrap(), (mp3, &[0xff, 0xfb, 0x90][..]));
        let tagged = b"ID3\x04\0\x10\0\0\0\x02abfooter 10.\0\0fLaC";
        let (container, rest) = recognize(tagged).unwrap();
        assert_eq!((container, rest), (Container::Compressed(Compressed::Flac), &b"fLaC"[..]));
        for other in [&b"RIFF\0\0\0\0AVI "[..], b"\xff\xd8\xff", b"\xff\xe1", b"ID3", b"\xff"] {
            assert!(matches!(recognize(other), Err(DecodeError::NotARecording)), "{other:?}");
        }
    }
}
