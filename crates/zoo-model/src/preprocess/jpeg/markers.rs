//! Markers and the segments that follow them (ITU-T T.81, B.1.1).

use super::failure::{Failure, malformed};

/// Start of image.
pub(super) const SOI: u8 = 0xD8;
/// End of image.
pub(super) const EOI: u8 = 0xD9;
/// Start of scan.
pub(super) const SOS: u8 = 0xDA;
/// Quantization tables.
pub(super) const DQT: u8 = 0xDB;
/// Huffman tables.
pub(super) const DHT: u8 = 0xC4;
/// Conditioning of arithmetic coding; shares its range with the frames' markers.
pub(super) const DAC: u8 = 0xCC;
/// Reserved in the same range.
pub(super) const JPG: u8 = 0xC8;
/// Restart interval.
pub(super) const DRI: u8 = 0xDD;
/// Application segments: JFIF.
pub(super) const APP0: u8 = 0xE0;
/// Application segments: Exif.
pub(super) const APP1: u8 = 0xE1;
/// Application segments: Adobe.
pub(super) const APP14: u8 = 0xEE;

/// Whether nothing follows a marker: restarts, start of image, and the temporary marker.
pub(super) fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=SOI)
}

/// Position of the next marker's code (the byte after its `0xFF`) in `bytes` from `from` on.
///
/// Skips fill bytes (B.1.1.2), stuffed `0xFF 0x00` of a scan, and whatever else stands
/// before a marker: some writers leave padding there, and libjpeg reads over it.
pub(super) fn find_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)? + 1;
        at += bytes.get(at..)?.iter().position(|&byte| byte != 0xFF)?;
        if bytes[at] != 0 {
            return Some(at);
        }
    }
}

/// Reads markers and segments one after the other.
pub(super) struct Segments<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Segments<'a> {
    /// The code of the next marker; the position is then behind it.
    pub(super) fn marker(&mut self) -> Result<u8, Failure> {
        let at = find_marker(self.bytes, self.at).ok_or(Failure::Truncated)?;
        self.at = at + 1;
        Ok(self.bytes[at])
    }

    /// The contents of the segment whose marker was just read, without its length.
    pub(super) fn contents(&mut self) -> Result<Fields<'a>, Failure> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = *rest.first_chunk().ok_or(Failure::Truncated)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length < 2 {
            return Err(malformed("a segment is shorter than its length field"));
        }
        let contents = rest.get(2..length).ok_or(Failure::Truncated)?;
        self.at += length;
        Ok(Fields(contents))
    }
}

/// The fields of a segment, taken from the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (bytes, rest) =
            self.0.split_at_checked(count).ok_or(malformed("a segment is too short"))?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Failure> {
        Ok(self.bytes(1)?[0])
    }

    /// Two numbers of four bits each, the upper one first.
    pub(super) fn nibbles(&mut self) -> Result<(u8, u8), Failure> {
        self.byte().map(|byte| (byte >> 4, byte & 15))
    }

    pub(super) fn word(&mut self) -> Result<u16, Failure> {
        Ok(u16::from(self.byte()?) << 8 | u16::from(self.byte()?))
    }
}
