//! The one tar that a bundle can be: POSIX ustar, regular files, fixed fields.

use std::path::Path;

use bytes::Bytes;

use super::files::Members;
use crate::Error;

const BLOCK: usize = 512;

/// The largest size that the header's eleven octal digits hold.
pub(super) const MAX_MEMBER: u64 = 0o777_7777_7777;

/// The header of a member: permissions 644, owner 0, time 0.
pub(super) fn header(name: &str, size: u64) -> [u8; BLOCK] {
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
pub(super) fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// The zeros after the last member.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Takes a `.zoo` file apart without copying it.
pub(super) fn read(path: &Path, bytes: Bytes) -> Result<Members, Error> {
    let refuse = |reason: String| Error::Bundle { path: path.to_owned(), reason };
    if bytes.is_empty() {
        return Err(refuse("the file is empty".to_owned()));
    }
    let mut members = Members::default();
    let mut at = 0;
    loop {
        let Some(block) = bytes.get(at..at + BLOCK) else {
            return Err(refuse(format!("it ends at byte {}, in the middle", bytes.len())));
        };
        if block.iter().all(|&byte| byte == 0) {
            if bytes[at..] != END {
                return Err(refuse(format!("there is something after its end at byte {at}")));
            }
            return Ok(members);
        }
        let name = text(&block[..100]);
        let size = text(&block[124..136]).and_then(|digits| u64::from_str_radix(digits, 8).ok());
        let (Some(name), Some(size)) = (name, size) else {
            return Err(refuse(format!("there is no tar header at byte {at}")));
        };
        if block != header(name, size) {
            return Err(refuse(format!(
                "the header at byte {at} is not one that zoo writes (unpack a tar from elsewhere and \
                 use the folder)"
            )));
        }
        let start = at + BLOCK;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        let Some(end) = end.filter(|&end| end <= bytes.len()) else {
            return Err(refuse(format!("`{name}` says it has {size} bytes, the file ends before")));
        };
        at = end + padding(end - start);
        if bytes.get(end..at).is_none_or(|zeros| zeros.iter().any(|&byte| byte != 0)) {
            return Err(refuse(format!("`{name}` is not followed by zeros")));
        }
        members.insert(name, bytes.slice(start..end)).map_err(refuse)?;
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&field[..end]).ok().filter(|text| !text.is_empty())
}
