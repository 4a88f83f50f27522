//! One 512-byte header of a tar: v7, POSIX ustar or GNU.

use super::error::ArchiveFault;

/// Everything in a tar is a multiple of this.
pub(super) const BLOCK_BYTES: usize = 512;

pub(super) const HEADER: &str = "a tar header";

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    /// The name, with the prefix of a POSIX header.
    pub(super) name: Vec<u8>,
    /// Bytes of data that follow, without padding.
    pub(super) size: u64,
    pub(super) typeflag: u8,
}

impl Header {
    /// Parses `block`, which begins at byte `at` and is not all zeros.
    pub(super) fn parse(block: &[u8; BLOCK_BYTES], at: u64) -> Result<Self, ArchiveFault> {
        let malformed = |why: &str| ArchiveFault::malformed(HEADER, at, why);
        if !checksum_holds(block) {
            return Err(malformed("its checksum is wrong"));
        }
        // GNU uses the place of the prefix for other things.
        let prefix = match &block[257..265] {
            b"ustar\x0000" => text(&block[345..500]),
            b"ustar  \0" | [0, 0, 0, 0, 0, 0, 0, 0] => Some(&[][..]),
            _ => return Err(malformed("its magic is neither of POSIX nor of GNU")),
        };
        let (Some(name), Some(prefix)) = (text(&block[..100]), prefix) else {
            return Err(malformed("its name has a NUL inside"));
        };
        let name = match prefix {
            [] => name.to_vec(),
            prefix => [prefix, b"/", name].concat(),
        };
        let Some(size) = number(&block[124..136]) else {
            return Err(malformed("its size is not a number below 2^63"));
        };
        Ok(Self { name, size, typeflag: block[156] })
    }
}

/// Whether `block` could begin a tar.
pub(super) fn looks_like_header(block: &[u8]) -> bool {
    block.first_chunk().is_some_and(|block| block[0] != 0 && checksum_holds(block))
}

/// The sum of all bytes, with blanks in the place of the sum.
fn checksum_holds(block: &[u8; BLOCK_BYTES]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let expected = sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..]);
    number(&block[148..156]) == Some(expected)
}

/// A field up to its first NUL; `None` if anything but NULs follows that.
fn text(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    field[end..].iter().all(|&byte| byte == 0).then_some(&field[..end])
}

/// A number below 2^63: octal digits between blanks and NULs, or base-256 as GNU has it.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // 0xff would begin a negative number, other bits one far too large.
        if first != 0x80 {
            return None;
        }
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        let value = u64::from_be_bytes(low.try_into().ok()?);
        return (high.iter().all(|&byte| byte == 0) && value >> 63 == 0).then_some(value);
    }
    let is_blank = |byte: u8| byte == b' ' || byte == 0;
    let start = field.iter().position(|&byte| byte != b' ')?;
    let digits = &field[start..];
    let end = digits.iter().position(|&byte| is_blank(byte)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || !rest.iter().all(|&byte| is_blank(byte)) {
        return None;
    }
    // At most 12 digits of 3 bits: no overflow.
    digits.iter().try_fold(0, |value, &digit| {
        matches!(digit, b'0'..=b'7').then(|| value << 3 | u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_097_numbers_that_overflow_or_are_none() {
        assert_eq!(number(b"00000000012\0"), Some(10));
        assert_eq!(number(b"      12 \0\0\0"), Some(10));
        assert_eq!(number(b"777777777777"), Some((1 << 36) - 1));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(1 << 33));
        for bad in [
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
            b"\x81\0\0\0\0\0\0\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"00000000018\0",
            b"-0000000001\0",
            b"0000 000001\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0",
            b"            ",
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
