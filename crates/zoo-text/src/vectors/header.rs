//! The first line of word2vec's files: `count dimension`.

/// The largest number of rows that a header may declare.
pub const MAX_COUNT: u64 = 1 << 40;

/// The largest dimension.
pub const MAX_DIMENSION: usize = 65_536;

/// More bytes than a header can have: 2 numbers of 20 digits, a space, some blanks, a newline.
const LONGEST: usize = 64;

/// A header as it is written; numbers beyond 64 bits are the largest of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) count: u64,
    pub(super) dimension: u64,
    /// Bytes with the newline.
    pub(super) length: usize,
}

impl Header {
    /// The header that `head` begins with, if it does.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let end = head.iter().take(LONGEST).position(|&byte| byte == b'\n')?;
        let mut fields =
            head[..end].split(|byte| b" \t\r".contains(byte)).filter(|field| !field.is_empty());
        let (count, dimension) = (digits(fields.next()?)?, digits(fields.next()?)?);
        fields.next().is_none().then_some(Self { count, dimension, length: end + 1 })
    }

    /// What is absurd about it.
    pub(super) fn problem(&self) -> Option<String> {
        let Self { count, dimension, .. } = *self;
        if dimension == 0 || dimension > MAX_DIMENSION as u64 {
            return Some(format!("declares {dimension} numbers a word (1 to {MAX_DIMENSION})"));
        }
        if count == 0 || count > MAX_COUNT {
            return Some(format!("declares {count} words (1 to {MAX_COUNT})"));
        }
        None
    }
}

fn digits(field: &[u8]) -> Option<u64> {
    field.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let parsed = |text: &str| Header::parse(text.as_bytes()).map(|h| (h.count, h.dimension));
        assert_eq!(parsed("20 300\n"), Some((20, 300)));
        assert_eq!(parsed("20 300 \r\nword"), Some((20, 300)));
        assert_eq!(parsed("99999999999999999999999 1\n"), Some((u64::MAX, 1)));
        for not in ["", "20 300", "20\n", "20 300 1\n", "-1 5\n", "a 5\n", "2 5x\n", "\n"] {
            assert_eq!(parsed(not), None, "{not:?}");
        }
    }

    #[test]
    fn absurd_ones_are_named() {
        let problem = |text: &str| Header::parse(text.as_bytes()).unwrap().problem();
        assert_eq!(problem("1 65536\n"), None);
        assert_eq!(problem("1099511627776 1\n"), None);
        assert!(problem("1 0\n").unwrap().contains("0 numbers"));
        assert!(problem("1 65537\n").unwrap().contains("65537 numbers"));
        assert!(problem("0 1\n").unwrap().contains("0 words"));
        assert!(problem("1099511627777 1\n").unwrap().contains("1099511627777 words"));
    }
}
