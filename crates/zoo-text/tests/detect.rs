//! What is word vectors, and what only looks a little like it.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

use zoo_text::vectors::{Layout, detect};

#[test]
fn each_layout_is_known() {
    let binary = [b"2 2\nthe ".as_slice(), &[0, 0, 0x80, 0x3f].repeat(2), b"of ", &[0; 8]].concat();
    assert_eq!(detect(&binary), Some(Layout::Word2vecBinary));
    assert_eq!(detect(b"2 2\nthe 1 -2\nof .5 1e-3\n"), Some(Layout::HeaderText));
    assert_eq!(detect(b"the 1 -2 3 4\nof .5 1e-3 0 1\n"), Some(Layout::PlainText));
    assert_eq!(detect(b". . . 1 -2 3 4\nthe 1 2 3 4\nof 5 6 7 8\n"), Some(Layout::PlainText));
}

/// A row may be longer than what is looked at.
#[test]
fn rows_longer_than_the_head() {
    let row = format!("the{}", " 0.123456".repeat(20_000));
    let file = format!("1 20000\n{row}\n");
    assert_eq!(detect(&file.as_bytes()[..64 << 10]), Some(Layout::HeaderText));
    let binary = [b"9 60000\nthe ".as_slice(), &0.5_f32.to_le_bytes().repeat(60_000)].concat();
    assert_eq!(detect(&binary[..64 << 10]), Some(Layout::Word2vecBinary));
}

#[test]
fn nothing_else_is_claimed() {
    let table = "1 0.5 0.25 3 4 5\n".repeat(50);
    let numbered: String = (0..50).map(|row| format!("{row} 0.5 0.25 3 4 5\n")).collect();
    let same: String = (0..50).map(|row| format!("v {row}.5 0.25 3 4 5\n")).collect();
    let csv: String = (0..50).map(|row| format!("word{row},0.5,0.25,3,4\n")).collect();
    let tsv = "word\tother\t0.5\nnext\tmore\t0.25\n".repeat(5);
    let pairs: String = (0..50).map(|row| format!("word{row} {row}\n")).collect();
    let json = "{\"the\": [0.1, 0.2, 0.3, 0.4],\n \"of\": [0.1, 0.2, 0.3, 0.4]}\n";
    let rust = include_str!("detect.rs");
    let python = include_str!("reference/generate.py");
    let prose = "It was 5 o'clock.\nNobody came in 1999 or 2000 or 2001 or 2002.\n".repeat(9);
    let svm = "1 1:0.5 2:0.25 3:1 4:2\n-1 1:0.5 2:0.25 3:1 4:2\n".repeat(9);
    for text in
        [&table, &numbered, &same, &csv, &tsv, &pairs, json, rust, python, &prose, &svm, "", "\n"]
    {
        assert_eq!(detect(text.as_bytes()), None, "{text:.60}");
    }
    let bytes: [&[u8]; 13] = [
        b"P6\n640 480\n255\n\x00\x01\x02\x03",
        b"P2\n2 2\n255\n1 2\n3 4\n",
        b"\x08\x07\x12\x07pytorch\x1a\x051.9.0",
        b"\x80\x02}q\x00(X\x06\x00\x00\x00weightq\x01",
        b"PK\x03\x04\x14\x00\x00\x00\x00\x00",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",
        b"\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F32\"}}",
        b"640 480\n",
        b"640 480\n\xff\xd8\xff\xe0\x00\x10JFIF",
        b"2 2\nthe",
        b"5 2\nhello world this is\nnot a file of vectors\n",
    ];
    for bytes in bytes {
        assert_eq!(detect(bytes), None, "{}", bytes.escape_ascii());
    }
}
