//! Vocabularies: finding, refusing, suggesting.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

use bytes::Bytes;
use zoo_text::Vocabulary;

fn vocabulary(text: &str) -> Vocabulary {
    Vocabulary::new(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

#[test]
fn words_and_rows_belong_together() {
    let text: String = (0..30_000).map(|row| format!("wort{}\n", row * 7 % 30_011)).collect();
    let vocabulary = vocabulary(&text);
    assert_eq!(vocabulary.len(), 30_000);
    for (row, word) in text.lines().enumerate() {
        assert_eq!(vocabulary.find(word), Some(row));
        assert_eq!(vocabulary.word(row), Some(word));
    }
    assert!(vocabulary.iter().eq(text.lines()));
    assert_eq!(vocabulary.word(30_000), None);
    for absent in ["", "wort", "Wort1", "wort1 ", "wort30011", "wort1\n", "wort1\nwort8"] {
        assert_eq!(vocabulary.find(absent), None, "{absent:?}");
    }
}

#[test]
fn what_is_wrong_is_named_by_line() {
    for (bytes, line, problem) in [
        (&b""[..], 1, "no words"),
        (b"\n", 1, "empty word"),
        (b"a\n\nb\n", 2, "empty word"),
        (b"a\nb", 2, "no newline"),
        (b"a\nb\na\n", 3, "the word of line 1 again"),
        (b"a\nb\r\n", 2, "carriage return"),
        (b"a\nb\n\xc3(\n", 3, "not UTF-8"),
    ] {
        let error = Vocabulary::new(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
        assert!(error.contains(&format!("line {line}: ")), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn suggestions_are_near_and_frequent() {
    let vocabulary = vocabulary("the\ncat\nhat\nschokolade\nschokoladen\nMüller\nof\n");
    assert_eq!(vocabulary.suggest("bat", 5), ["cat", "hat"]);
    assert_eq!(vocabulary.suggest("bat", 1), ["cat"]);
    assert_eq!(vocabulary.suggest("hte", 5), ["the"]);
    assert_eq!(vocabulary.suggest("shcokolade", 5), ["schokolade", "schokoladen"]);
    assert_eq!(vocabulary.suggest("Muller", 5), ["Müller"]);
    assert!(vocabulary.suggest("zzzzzz", 5).is_empty());
    assert!(vocabulary.suggest("", 0).is_empty());
}
