//! Files that are cut, damaged or made up: errors, never a panic, never more memory than they have.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Random, Rows, binary, read, text};
use zoo_text::Error;
use zoo_text::vectors::{Policy, Reader};

fn rows() -> Rows {
    let mut random = Random(3);
    (0..9).map(|row| (format!("wört{row}"), random.numbers(5))).collect()
}

#[test]
fn a_binary_file_cut_anywhere_is_refused() {
    let rows = rows();
    for newline in [false, true] {
        let file = binary(&rows, newline);
        let complete = file.len() - usize::from(newline);
        for end in 0..complete {
            let error = read(&file[..end], Policy::lenient()).unwrap_err();
            assert!(
                matches!(error, Error::NotVectors | Error::Truncated { .. }),
                "cut at {end}: {error}"
            );
        }
        assert_eq!(read(&file[..complete], Policy::default()).unwrap().0, rows);
    }
}

/// Cut inside a number a text file may still be well formed; never are there rows that it has not.
#[test]
fn a_text_file_cut_anywhere_has_no_other_rows() {
    let rows = rows();
    for header in [false, true] {
        let file = text(&rows, header, "\n");
        for end in 0..file.len() {
            if let Ok((read, _)) = read(&file[..end], Policy::lenient()) {
                assert!(read.len() <= rows.len(), "cut at {end}");
                let whole = read.len().saturating_sub(1);
                assert_eq!(read[..whole], rows[..whole], "cut at {end}");
            }
        }
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let rows = rows();
    let mut random = Random(11);
    let mut refused = 0;
    for file in [
        binary(&rows, true),
        binary(&rows, false),
        text(&rows, true, "\n"),
        text(&rows, false, "\n"),
    ] {
        for _ in 0..5_000 {
            let mut damaged = file.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] = random.next() as u8;
            }
            for policy in [Policy::default(), Policy::lenient()] {
                match read(&damaged, policy) {
                    Ok((read, _)) => {
                        assert!(read.iter().flat_map(|row| &row.1).all(|value| value.is_finite()));
                        assert!(read.iter().all(|row| !row.0.contains(['\n', '\r'])));
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn damaged_gzip_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let many: Rows = (0..4000).map(|row| (format!("w{row}"), Random(row).numbers(8))).collect();
    encoder.write_all(&text(&many, false, "\n")).unwrap();
    let file = encoder.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.gz");
    for end in [2, 10, 500, file.len() / 2, file.len() - 1] {
        std::fs::write(&path, &file[..end]).unwrap();
        let all = || -> Result<u64, Error> {
            let mut reader = Reader::open(&path, Policy::lenient())?;
            while reader.next_row()?.is_some() {}
            Ok(reader.findings().rows)
        };
        assert!(matches!(all(), Err(Error::Read { .. })), "cut at {end}");
    }
}
