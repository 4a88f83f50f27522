//! What must not be in a tar that is read as a checkpoint.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

const BLOCK: u64 = 512;

/// Why the tar in `file` must not be read; `None` where it may, or where it is no tar.
///
/// A member may be sparse, as GNU's tar writes files with holes: no bytes then become any number
/// of zeros, all of which the reader of tars would hold. And an extended header of POSIX may give
/// a member another size, so that what seems to be its content is members. `torch.save` never
/// wrote either. Sources: the manual of GNU tar, "Storing Sparse Files"; POSIX, `pax`.
pub(super) fn refusal(file: &mut File) -> io::Result<Option<&'static str>> {
    /// Names and times: there is no reason for more.
    const MAX_EXTENDED: u64 = 64 << 10;
    let length = file.metadata()?.len();
    let mut at = 0_u64;
    while at.saturating_add(BLOCK) <= length {
        let mut header = [0; BLOCK as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        if at == 0 && &header[257..262] != b"ustar" {
            return Ok(None);
        }
        let size = size(&header);
        match header[156] {
            b'S' => return Ok(Some("a member of the tar is sparse")),
            b'x' | b'g' => {
                let mut records = Vec::new();
                file.take(size.min(MAX_EXTENDED)).read_to_end(&mut records)?;
                if size > MAX_EXTENDED || records.windows(6).any(|window| window == b" size=") {
                    return Ok(Some("an extended header of the tar gives a size"));
                }
            }
            _ => {}
        }
        let Some(next) = size.checked_next_multiple_of(BLOCK) else { break };
        at = at.saturating_add(BLOCK).saturating_add(next);
    }
    Ok(None)
}

/// The size field: octal digits, or after a set bit the number itself.
fn size(header: &[u8]) -> u64 {
    let field = &header[124..136];
    if field[0] & 0x80 != 0 {
        return field[4..].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    }
    let digits = field.split(|byte| !byte.is_ascii_digit()).find(|digits| !digits.is_empty());
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u64::from_str_radix(digits, 8).ok()).unwrap_or(0)
}
