//! Real files: every one that has word vectors is read, and no other is claimed.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use std::fs::File;
use std::io::Read as _;

use support::folder;
use zoo_text::Questions;
use zoo_text::vectors::{Layout, Policy, Reader, detect};

#[test]
fn all_files_of_word_vectors_are_read() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    for (name, layout, rows, dimension, last) in [
        ("EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt", Layout::HeaderText, 20, 300, None),
        ("euclidean_vectors.bin", Layout::Word2vecBinary, 2747, 10, None),
        ("glove.6B.50d.first40k.txt.gz", Layout::PlainText, 40_000, 50, Some("midwife")),
        // Five of its 1694 words are cut in the middle of a character.
        ("pang_lee_polarity_fasttext.vec", Layout::HeaderText, 1689, 100, None),
        ("word2vec_pre_kv_c", Layout::HeaderText, 1750, 10, None),
    ] {
        let mut reader =
            Reader::open(fixtures.join("words").join(name), Policy::default()).unwrap();
        assert_eq!((reader.layout(), reader.dimension()), (layout, dimension), "{name}");
        let mut word = String::new();
        while let Some(row) = reader.next_row().unwrap() {
            row.word.clone_into(&mut word);
        }
        let findings = reader.findings();
        assert_eq!(findings.rows, rows, "{name}: {findings:?}");
        let not_utf8 = findings.skipped.get("word not UTF-8").copied().unwrap_or(0);
        assert_eq!(findings.present, rows + not_utf8, "{name}: {findings:?}");
        assert!(!findings.goes_on, "{name}");
        if layout != Layout::PlainText {
            assert_eq!(findings.declared, Some(findings.present), "{name}");
        }
        if let Some(last) = last {
            assert_eq!(word, last, "{name}");
        }
    }
}

#[test]
fn the_questions_are_read() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let file = std::fs::read(fixtures.join("words/questions-words.txt")).unwrap();
    let questions = Questions::parse(&file).unwrap();
    assert_eq!(questions.sections.len(), 14);
    let count: usize = questions.sections.iter().map(|section| section.questions.len()).sum();
    assert_eq!(count, 19_544);
}

/// Models, pictures, tables: none of them is taken for word vectors.
#[test]
fn no_other_fixture_is_claimed() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let mut seen = 0;
    for group in ["models", "onnx", "parity", "photos", "reference", "registry", "datasets", "."] {
        for entry in std::fs::read_dir(fixtures.join(group)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let mut head = Vec::new();
                File::open(&path).unwrap().take(64 << 10).read_to_end(&mut head).unwrap();
                assert_eq!(detect(&head), None, "{}", path.display());
                seen += 1;
            }
        }
    }
    for name in ["questions-words.txt", "wordsim353.tsv"] {
        let head = std::fs::read(fixtures.join("words").join(name)).unwrap();
        assert_eq!(detect(&head[..head.len().min(64 << 10)]), None, "{name}");
    }
    assert!(seen > 20, "{seen} files");
}
