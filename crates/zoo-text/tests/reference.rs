//! Neighbours, analogies and accuracies beside NumPy's, by `reference/generate.py`.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use serde::Deserialize;
use support::folder;
use zoo_text::vectors::{Policy, Reader};
use zoo_text::{Case, Element, Questions, Vocabulary, WordMatrix};

#[derive(Deserialize)]
struct Reference {
    nearest: Vec<Nearest>,
    analogies: Vec<Analogy>,
    accuracy: Vec<Accuracy>,
}

#[derive(Deserialize)]
struct Nearest {
    word: String,
    best: Vec<(String, f32)>,
}

#[derive(Deserialize)]
struct Analogy {
    given: [String; 3],
    best: Vec<(String, f32)>,
}

#[derive(Deserialize)]
struct Accuracy {
    restrict: usize,
    /// Name, right, asked, skipped.
    sections: Vec<(String, usize, usize, usize)>,
}

fn compare(what: &str, found: &[(usize, f32)], best: &[(String, f32)], vocabulary: &Vocabulary) {
    assert_eq!(found.len(), best.len(), "{what}");
    for ((row, similarity), (word, expected)) in found.iter().zip(best) {
        assert_eq!(vocabulary.word(*row), Some(&**word), "{what}");
        assert!((similarity - expected).abs() < 1e-5, "{what}, {word}: {similarity} {expected}");
    }
}

#[test]
fn glove_beside_numpy() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let path = fixtures.join("words/glove.6B.50d.first40k.txt.gz");
    let mut reader = Reader::open(path, Policy::default()).unwrap();
    let (mut words, mut bytes) = (String::new(), Vec::new());
    while let Some(row) = reader.next_row().unwrap() {
        words.push_str(row.word);
        words.push('\n');
        bytes.extend(row.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    let vocabulary = Vocabulary::new(words.into()).unwrap();
    let matrix = WordMatrix::new(bytes.into(), Element::F32, vocabulary.len(), 50).unwrap();
    let row = |word: &String| vocabulary.find(word).unwrap();
    let reference: Reference =
        serde_json::from_str(include_str!("reference/neighbours.json")).unwrap();

    for Nearest { word, best } in &reference.nearest {
        let query = matrix.row(row(word)).unwrap();
        let found = matrix.nearest(&query, best.len(), &[row(word)]).unwrap();
        compare(word, &found, best, &vocabulary);
    }
    for Analogy { given, best } in &reference.analogies {
        let [a, b, c] = given.each_ref().map(row);
        let found = matrix.analogy(a, b, c, best.len()).unwrap();
        compare(&given.join(" "), &found, best, &vocabulary);
    }
    let questions = std::fs::read(fixtures.join("words/questions-words.txt")).unwrap();
    let questions = Questions::parse(&questions).unwrap();
    for Accuracy { restrict, sections } in &reference.accuracy {
        let found = matrix.evaluate(&questions, &vocabulary, Case::Lower, Some(*restrict)).unwrap();
        let found: Vec<_> =
            found.into_iter().map(|s| (s.name, s.correct, s.total, s.skipped)).collect();
        assert_eq!(found, *sections, "the first {restrict} rows");
    }
}
