//! Where the pickles of a PyTorch file lie, in each of its containers.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::DeflateDecoder;

/// Most bytes that the deflated members of a file are inflated to, in all: some bytes of a zip
/// can become any number of zeros.
const MAX_INFLATED: u64 = 256 << 20;

/// What may be pickles, each up to the end of the file where nothing says how long it is.
pub(super) fn pickles(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    if bytes.starts_with(b"PK\x03\x04") {
        zipped(bytes)
    } else if bytes.get(257..262) == Some(b"ustar") {
        in_tar(bytes)
    } else {
        vec![Cow::Borrowed(bytes)]
    }
}

/// The members of a zip that are called `.pkl`, or are not but begin as pickles do: what a member
/// is called, the directory at the end may say otherwise.
fn zipped(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
    const DEFLATED: usize = 8;
    let mut found = Vec::new();
    let mut left = MAX_INFLATED;
    let mut at = 0;
    while let Some(header) =
        bytes.get(at..at + 30).filter(|header| header.starts_with(LOCAL_HEADER))
    {
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (method, name, extra) = (u16_at(8), u16_at(26), u16_at(28));
        let start = at + 30 + name + extra;
        let Some(rest) = bytes.get(start..) else { break };
        let is_named = bytes[at + 30..at + 30 + name].ends_with(b".pkl");
        if method == DEFLATED && is_named {
            let mut inflated = Vec::new();
            // What came out before an error counts: a reader may want no more than that.
            let _ = DeflateDecoder::new(rest).take(left).read_to_end(&mut inflated);
            left -= inflated.len() as u64;
            found.push(Cow::Owned(inflated));
        } else if method != DEFLATED && (is_named || begins_as_pickle(rest)) {
            found.push(Cow::Borrowed(rest));
        }
        // Sizes may stand after the data, so the next member is looked for, not computed.
        let Some(next) = position(rest, LOCAL_HEADER) else { break };
        at = start + next;
    }
    found
}

/// As protocols 2 to 5 do.
fn begins_as_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The members of a tar, in which the first checkpoints came.
fn in_tar(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    const BLOCK: usize = 512;
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((header, data)) = rest.split_at_checked(BLOCK) {
        let digits = header[124..136].split(|byte| !byte.is_ascii_digit()).find(|d| !d.is_empty());
        let size = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let size = size.and_then(|digits| usize::from_str_radix(digits, 8).ok()).unwrap_or(0);
        found.push(Cow::Borrowed(&data[..size.min(data.len())]));
        let next = size.checked_next_multiple_of(BLOCK).and_then(|next| data.get(next..));
        let Some(next) = next else { break };
        rest = next;
    }
    found
}
