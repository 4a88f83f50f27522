//! Reading word vectors: the layouts, what is refused, what is skipped.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Random, Rows, binary, read, text};
use zoo_text::Error;
use zoo_text::vectors::{Flaw, Layout, MAX_LINE, Malformed, Place, Policy, Reader};

fn rows(count: usize, dimension: usize) -> Rows {
    let mut random = Random(1);
    let names = ["the", "don't", "café", "日本", ",", "7", "a\u{a0}b", "\"", "\u{85}", "nan"];
    (0..count)
        .map(|row| {
            let word = names.get(row).map_or_else(|| format!("word{row}"), ToString::to_string);
            (word, random.numbers(dimension))
        })
        .collect()
}

fn zipped(file: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(file).unwrap();
    encoder.finish().unwrap()
}

/// Whatever the layout, what was written is read.
#[test]
fn every_layout_gives_the_same_rows() {
    for (count, dimension) in [(1, 8), (2, 4), (10, 5), (60, 300), (300, 17)] {
        let rows = rows(count, dimension);
        let files = [
            (binary(&rows, true), Layout::Word2vecBinary),
            (binary(&rows, false), Layout::Word2vecBinary),
            (text(&rows, true, "\n"), Layout::HeaderText),
            (text(&rows, true, " \r\n"), Layout::HeaderText),
            (text(&rows, false, "\n"), Layout::PlainText),
            (text(&rows, false, " \n\n"), Layout::PlainText),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (file, layout) in files {
            let name = format!("{layout:?}, {count} x {dimension}");
            for bytes in
                [file.clone(), zipped(&file), [zipped(&file[..7]), zipped(&file[7..])].concat()]
            {
                let path = folder.path().join("vectors");
                std::fs::write(&path, bytes).unwrap();
                let mut reader = Reader::open(&path, Policy::default()).unwrap();
                assert_eq!((reader.layout(), reader.dimension()), (layout, dimension), "{name}");
                let declared = (layout != Layout::PlainText).then_some(count as u64);
                assert_eq!(reader.declared(), declared);
                let mut read = Rows::new();
                while let Some(row) = reader.next_row().unwrap() {
                    read.push((row.word.to_owned(), row.values.to_vec()));
                }
                assert_eq!(read, rows, "{name}");
                let findings = reader.findings();
                assert_eq!((findings.rows, findings.present), (count as u64, count as u64));
                assert!(findings.skipped.is_empty() && !findings.goes_on, "{name}: {findings:?}");
            }
        }
    }
}

#[test]
fn a_last_line_needs_no_newline() {
    let rows = rows(10, 5);
    let mut file = text(&rows, false, "\n");
    file.pop();
    assert_eq!(read(&file, Policy::default()).unwrap().0, rows);
}

/// Each flaw in a line of its own, told by line; by default it ends the reading or is skipped.
#[test]
fn flaws_by_line() {
    let good = "the 1 2 3 4\nof 1 2 3 4\nto 1 2 3 4\nin 1 2 3 4\na 1 2 3 4\nis 1 2 3 4\n";
    let expected = 4;
    let cases: [(&[u8], Flaw, Malformed); 8] = [
        (b"x 1 2 3", Flaw::Count { found: 3, expected }, Malformed::Refuse),
        (b"x 1 2 3 4 5", Flaw::Count { found: 5, expected }, Malformed::Refuse),
        (b"x 1 2 z 4", Flaw::NotANumber { number: 3 }, Malformed::Refuse),
        (b"x 1 NaN 3 4", Flaw::NotFinite { number: 2 }, Malformed::Refuse),
        (b"x 1 2 3 inf", Flaw::NotFinite { number: 4 }, Malformed::Refuse),
        (b" 1 2 3 4", Flaw::EmptyWord, Malformed::Skip),
        (b"\xff\xfe 1 2 3 4", Flaw::NotUtf8, Malformed::Skip),
        (b"of 4 3 2 1", Flaw::Duplicate, Malformed::Skip),
    ];
    for (line, flaw, default) in cases {
        for header in [&b""[..], b"8 4\n"] {
            let file = [header, good.as_bytes(), line, b"\nlast 1 2 3 4\n"].concat();
            let at = Place::Line(if header.is_empty() { 7 } else { 8 });
            let lenient = read(&file, Policy::lenient()).unwrap();
            assert_eq!(lenient.0.len(), 7);
            assert_eq!(lenient.0[1], ("of".to_owned(), vec![1.0, 2.0, 3.0, 4.0]));
            assert_eq!(lenient.1.skipped, [(flaw.kind(), 1)].into());
            assert_eq!((lenient.1.first[0].place, lenient.1.first[0].flaw), (at, flaw));
            assert_eq!(lenient.1.present, 8);

            let refused = Policy {
                malformed: Malformed::Refuse,
                words: Malformed::Refuse,
                duplicates: Malformed::Refuse,
                ..Policy::default()
            };
            let error = read(&file, refused).unwrap_err();
            let Error::Malformed { place, flaw: found } = error else { panic!("{error}") };
            assert_eq!((place, found), (at, flaw));
            assert_eq!(read(&file, Policy::default()).is_err(), default == Malformed::Refuse);
        }
    }
}

#[test]
fn flaws_by_row() {
    let mut rows = rows(30, 6);
    rows[3].1[5] = f32::NAN;
    rows[8].0 = "new\nline".to_owned();
    rows[9].0 = "carriage\r".to_owned();
    rows[12].0.clear();
    rows[20].0 = rows[19].0.clone();
    let file = binary(&rows, true);
    let error = read(&file, Policy::default()).unwrap_err();
    assert_eq!(error.to_string(), "malformed word vectors at row 4: number 6 is not finite");

    let (read, findings) = read(&file, Policy::lenient()).unwrap();
    assert_eq!((read.len(), findings.rows, findings.present), (25, 25, 30));
    let found: Vec<(Place, &str)> =
        findings.first.iter().map(|found| (found.place, found.flaw.kind())).collect();
    let expected = [
        (Place::Row(4), "not a finite number"),
        (Place::Row(9), "line break in word"),
        (Place::Row(10), "line break in word"),
        (Place::Row(13), "empty word"),
        (Place::Row(21), "duplicate"),
    ];
    assert_eq!(found, expected);
    assert_eq!(findings.total_skipped(), 5);
}

#[test]
fn words_with_spaces_are_words() {
    let mut rows = rows(20, 5);
    rows[0].0 = ". . .".to_owned();
    rows[4].0 = "at name@domain.com".to_owned();
    for header in [false, true] {
        assert_eq!(read(&text(&rows, header, "\n"), Policy::default()).unwrap().0, rows);
    }
}

/// A text file has what it has; a binary file that ends early is refused, and one that goes
/// on is reported.
#[test]
fn counts_that_lie() {
    let rows = rows(12, 6);
    let file = text(&rows, true, "\n");
    for declared in ["5 6", "900 6"] {
        let lying = [declared.as_bytes(), &file[4..]].concat();
        let (read, findings) = read(&lying, Policy::default()).unwrap();
        assert_eq!(read, rows);
        assert_eq!(findings.present, 12);
        assert_ne!(findings.declared, Some(12));
    }
    let file = binary(&rows, false);
    let fewer = [b"7 6", &file[4..]].concat();
    let (read_rows, findings) = read(&fewer, Policy::default()).unwrap();
    assert_eq!(read_rows, rows[..7]);
    assert!(findings.goes_on);
    let error = read(&[b"1099511627776 6", &file[4..]].concat(), Policy::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the word vectors end in row 13 of the 1099511627776 that they declare"
    );
}

#[test]
fn absurd_headers_are_named() {
    for header in ["5 0", "5 65537", "0 5", "1099511627777 5", "99999999999999999999999 5"] {
        let error = read(format!("{header}\nthe 1 2\n").as_bytes(), Policy::default());
        assert!(matches!(error, Err(Error::Header { .. })), "{header}");
    }
}

/// A line without end costs no more than [`MAX_LINE`], and the line after it is read.
#[test]
fn long_lines() {
    let good = text(&rows(12, 5), false, "\n");
    let long = vec![b'x'; 3 * MAX_LINE];
    let file = [&good[..], &long, b"\nlast 1 2 3 4 5\n"].concat();
    let error = read(&file, Policy::default()).unwrap_err();
    assert!(matches!(error, Error::Malformed { place: Place::Line(13), flaw: Flaw::TooLong }));
    let (read_rows, findings) = read(&file, Policy::lenient()).unwrap();
    assert_eq!(read_rows.last().unwrap().0, "last");
    assert_eq!(findings.skipped, [("too long", 1)].into());

    // In a binary file nobody knows where the row ends.
    let file = [&binary(&rows(12, 5), false)[..], &long].concat();
    let file = [b"99", &file[2..]].concat();
    let error = read(&file, Policy::lenient()).unwrap_err();
    assert!(matches!(error, Error::Malformed { place: Place::Row(13), flaw: Flaw::TooLong }));
}

#[test]
fn the_number_of_rows_is_bounded() {
    let policy = Policy { max_rows: 10, ..Policy::default() };
    assert!(read(&text(&rows(10, 5), false, "\n"), policy).is_ok());
    let error = read(&text(&rows(11, 5), false, "\n"), policy).unwrap_err();
    assert_eq!(error.to_string(), "more than 10 word vectors");
}

#[test]
fn only_the_first_findings_are_kept() {
    let mut file = text(&rows(100, 5), false, "\n");
    file.extend(b"the 1 2 3 4 5\n".repeat(50));
    let findings = read(&file, Policy::default()).unwrap().1;
    assert_eq!((findings.first.len(), findings.total_skipped()), (20, 50));
}

#[test]
fn missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Reader::open(folder.path().join("none.vec"), Policy::default()).err().unwrap();
    assert!(error.to_string().contains("none.vec"), "{error}");
}
