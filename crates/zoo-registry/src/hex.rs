//! Lowercase hexadecimal digits of a fixed number of bytes, and nothing else: where two
//! spellings of one key were allowed, a changed byte could go unnoticed.

use std::fmt::Write as _;

/// The digits of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The `N` bytes that `digits` stand for.
pub(crate) fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        assert_eq!(decode::<2>(b"0aff"), Some([10, 255]));
        assert_eq!(encode(&[10, 255]), "0aff");
        for digits in ["", "0af", "0aff0", "0aFf", "0ag0", "+a-b"] {
            assert_eq!(decode::<2>(digits.as_bytes()), None, "{digits}");
        }
    }
}
