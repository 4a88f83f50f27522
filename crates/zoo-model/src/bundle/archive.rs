//! The one tar that a bundle or a delta can be: POSIX ustar, regular files, fixed fields.

use std::borrow::Cow;

use bytes::Bytes;

use super::files::{Members, Table};

const BLOCK: usize = 512;

/// The largest size that the header's eleven octal digits hold.
const MAX_MEMBER: u64 = 0o777_7777_7777;

/// The header of a member: permissions 644, owner 0, time 0.
fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    // The checksum counts its own field as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// How many zeros follow a member of `size` bytes.
fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// The zeros after the last member.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The archive of `members`, each in pieces, as the pieces of one file; the reason why not, if
/// one is too large.
pub(super) fn pieces<'a>(
    members: impl IntoIterator<Item = (&'static str, Vec<&'a [u8]>)>,
) -> Result<Vec<Cow<'a, [u8]>>, String> {
    let mut pieces = Vec::new();
    for (name, bytes) in members {
        let size: usize = bytes.iter().map(|piece| piece.len()).sum();
        if size as u64 > MAX_MEMBER {
            return Err(format!("`{name}` is larger than a .zoo file can hold: write a folder"));
        }
        pieces.push(Cow::Owned(header(name, size as u64).to_vec()));
        pieces.extend(bytes.into_iter().map(Cow::Borrowed));
        pieces.push(Cow::Borrowed(&END[..padding(size)]));
    }
    pieces.push(Cow::Borrowed(&END));
    Ok(pieces)
}

/// Takes an archive with the members of `table` apart without copying it; the reason why not.
pub(super) fn read(bytes: &Bytes, table: Table) -> Result<Members, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let mut members = Members::new(table);
    let mut at = 0;
    loop {
        let Some(block) = bytes.get(at..at + BLOCK) else {
            return Err(format!("it ends at byte {}, in the middle", bytes.len()));
        };
        if block.iter().all(|&byte| byte == 0) {
            if bytes[at..] != END {
                return Err(format!("there is something after its end at byte {at}"));
            }
            return Ok(members);
        }
        let name = text(&block[..100]);
        let size = text(&block[124..136]).and_then(|digits| u64::from_str_radix(digits, 8).ok());
        let (Some(name), Some(size)) = (name, size) else {
            return Err(format!("there is no tar header at byte {at}"));
        };
        if block != header(name, size) {
            return Err(format!(
                "the header at byte {at} is not one that zoo writes (unpack a tar from elsewhere and \
                 use the folder)"
            ));
        }
        let start = at + BLOCK;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        let Some(end) = end.filter(|&end| end <= bytes.len()) else {
            return Err(format!("`{name}` says it has {size} bytes, the file ends before"));
        };
        at = end + padding(end - start);
        if bytes.get(end..at).is_none_or(|zeros| zeros.iter().any(|&byte| byte != 0)) {
            return Err(format!("`{name}` is not followed by zeros"));
        }
        members.insert(name, bytes.slice(start..end))?;
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&field[..end]).ok().filter(|text| !text.is_empty())
}
