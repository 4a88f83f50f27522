//! Extended headers of POSIX (pax): records `LENGTH KEY=VALUE\n`.

use super::error::ArchiveFault;

const WHAT: &str = "a pax header";

/// Keys by which a member would be something else than its header says: sparse files of GNU,
/// star and Solaris, and volumes.
const REFUSED_KEYS: [&[u8]; 6] = [
    b"GNU.sparse",
    b"GNU.dumpdir",
    b"GNU.volume",
    b"SCHILY.realsize",
    b"SCHILY.filetype",
    b"SUN.holesdata",
];

/// What a pax header changes about the member after it. Times, owners and the like are
/// passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Pax {
    /// Parses `data`, which begins at byte `at`.
    pub(super) fn parse(data: &[u8], at: u64) -> Result<Self, ArchiveFault> {
        let malformed = |why: String| ArchiveFault::malformed(WHAT, at, why);
        let mut pax = Self::default();
        let mut rest = data;
        while !rest.is_empty() {
            let Some((key, value, after)) = record(rest) else {
                return Err(malformed("a record is not `LENGTH KEY=VALUE`".to_owned()));
            };
            rest = after;
            let twice = match key {
                b"path" => pax.path.replace(value.to_vec()).is_some(),
                b"size" => {
                    let size = decimal(value).filter(|size| size >> 63 == 0);
                    let Some(size) = size else {
                        return Err(malformed("its size is not a number below 2^63".to_owned()));
                    };
                    pax.size.replace(size).is_some()
                }
                b"linkpath" => return Err(malformed("it makes a link".to_owned())),
                key if REFUSED_KEYS.iter().any(|refused| key.starts_with(refused)) => {
                    let key = String::from_utf8_lossy(&key[..key.len().min(40)]);
                    return Err(malformed(format!("`{key}` is not let in")));
                }
                _ => false,
            };
            if twice {
                let key = String::from_utf8_lossy(key);
                return Err(malformed(format!("`{key}` is there twice")));
            }
        }
        Ok(pax)
    }
}

/// Splits the first record off: key, value, what follows.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().take(21).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&data[..blank])?).ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    (equals > 0).then(|| (&record[..equals], &record[equals + 1..], rest))
}

fn decimal(text: &[u8]) -> Option<u64> {
    // `parse` would take a sign.
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_size_and_what_does_not_matter() {
        let pax = Pax::parse(b"12 path=a=b\n9 size=7\n17 mtime=1.5e=\n\n\n", 0).unwrap();
        assert_eq!(pax, Pax { path: Some(b"a=b".to_vec()), size: Some(7) });
    }

    #[test]
    fn fault_096_lengths_of_records() {
        for bad in [
            &b"0 path=a\n"[..],
            b"1 path=a\n",
            b"9 path=a\n ",
            b"11 path=a\n",
            b"99999999999999999999999 path=a\n",
            b"18446744073709551615 path=a\n",
            b"+9 path=a\n",
            b" 9 path=a\n",
            b"3 =\n",
            b"4 =a\n",
            b"9path=aa\n",
            b"9 pathaaa",
            b"2 ",
            b"\0",
        ] {
            assert!(Pax::parse(bad, 0).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn fault_089_sizes_that_are_none() {
        for bad in [
            &b"8 size=\n"[..],
            b"10 size=-1\n",
            b"10 size=+1\n",
            b"10 size=1 \n",
            b"28 size=9223372036854775808\n",
            b"29 size=18446744073709551616\n",
            b"9 size=1\n9 size=1\n",
        ] {
            assert!(Pax::parse(bad, 0).is_err(), "{bad:?}");
        }
    }
}
