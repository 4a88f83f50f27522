//! Searching word vectors: beside the plain way, with odd rows, on any number of threads.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use std::fmt::Write as _;

use bytes::Bytes;
use half::{bf16, f16};
use rayon::ThreadPoolBuilder;
use support::Random;
use zoo_text::{Case, Element, Error, Questions, Vocabulary, WordMatrix};

fn matrix(values: &[f32], element: Element, dimension: usize) -> WordMatrix {
    let bytes: Vec<u8> = match element {
        Element::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Element::F16 => values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
        Element::Bf16 => values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
    };
    // At an odd address: what is mapped may lie anywhere.
    let shifted = Bytes::from([vec![0], bytes].concat()).slice(1..);
    WordMatrix::new(shifted, element, values.len() / dimension, dimension).unwrap()
}

/// Similarities of all rows in 64 bits, 0 where there is no direction.
fn plainly(matrix: &WordMatrix, query: &[f32]) -> Vec<(usize, f32)> {
    let length = |x: &[f32]| x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let mut found: Vec<(usize, f32)> = (0..matrix.rows())
        .map(|row| {
            let values = matrix.row(row).unwrap();
            let dot: f64 =
                values.iter().zip(query).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let cosine = dot / (length(&values) * length(query));
            (row, if cosine.is_finite() { cosine as f32 } else { 0.0 })
        })
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found
}

#[test]
fn the_nearest_are_those_of_the_plain_way() {
    let mut random = Random(1);
    for (rows, dimension) in [(1, 1), (7, 3), (100, 16), (1000, 50), (700, 301)] {
        let values = random.numbers(rows * dimension);
        for element in [Element::F32, Element::F16, Element::Bf16] {
            let matrix = matrix(&values, element, dimension);
            let query = random.numbers(dimension);
            let expected = plainly(&matrix, &query);
            let found = matrix.nearest(&query, rows + 5, &[]).unwrap();
            assert_eq!(found.len(), rows);
            // Rows of nearly equal similarity may change places.
            for ((row, similarity), (_, expected)) in found.iter().zip(&expected) {
                assert!((similarity - expected).abs() < 1e-6, "{element:?}: row {row}");
            }
            let mut each: Vec<usize> = found.iter().map(|found| found.0).collect();
            each.sort_unstable();
            assert!(each.into_iter().eq(0..rows));
            let first: Vec<(usize, f32)> = matrix.nearest(&query, 3, &[found[0].0]).unwrap();
            assert_eq!(first, found[1..].iter().copied().take(3).collect::<Vec<_>>());
        }
    }
}

#[test]
fn ties_go_to_the_lower_row() {
    let values: Vec<f32> = [1.0, 2.0].repeat(5000);
    let matrix = matrix(&values, Element::F32, 2);
    let rows: Vec<usize> =
        matrix.nearest(&[1.0, 2.0], 4, &[1]).unwrap().iter().map(|found| found.0).collect();
    assert_eq!(rows, [0, 2, 3, 4]);
}

/// Zeros, NaN, infinities, the largest and the smallest numbers: no similarity is NaN.
#[test]
fn rows_without_direction_are_like_nothing() {
    let mut values = Random(2).numbers(12 * 4);
    values[0..4].fill(0.0);
    values[4] = f32::NAN;
    values[8] = f32::INFINITY;
    values[12..16].fill(f32::MAX);
    values[16..20].fill(1e-45);
    values[20..24].fill(1e37);
    let matrix = matrix(&values, Element::F32, 4);
    assert_eq!(matrix.norms()[..4], [0.0; 4]);
    for query in [[1.0; 4], [f32::MAX; 4], [1e-45; 4], [f32::NAN; 4], [f32::INFINITY; 4], [0.0; 4]]
    {
        let found = matrix.nearest(&query, 12, &[]).unwrap();
        assert_eq!(found.len(), 12);
        for (row, similarity) in found {
            assert!((-1.0..=1.0).contains(&similarity), "row {row}: {similarity}");
            assert!(row > 3 || similarity == 0.0, "row {row}: {similarity}");
        }
    }
    assert_eq!(matrix.nearest(&[1.0; 4], 1, &[]).unwrap()[0].0, 5);
    assert!(matrix.analogy(0, 1, 2, 12).unwrap().iter().all(|found| !found.1.is_nan()));
}

/// Sizes that do not fit are refused, also those whose product does not fit a number.
#[test]
fn sizes_are_checked() {
    let new = |length: usize, element, rows, dimension| {
        WordMatrix::new(Bytes::from(vec![0; length]), element, rows, dimension)
    };
    assert!(new(24, Element::F32, 2, 3).is_ok());
    assert!(new(0, Element::F32, 0, 3).is_ok());
    for (length, element, rows, dimension) in [
        (23, Element::F32, 2, 3),
        (24, Element::F16, 2, 3),
        (0, Element::F32, 3, 0),
        (0, Element::F32, usize::MAX, usize::MAX),
        (0, Element::F32, 1 << 32, 1 << 30),
    ] {
        assert!(matches!(new(length, element, rows, dimension), Err(Error::Shape { .. })));
    }
    let matrix = new(24, Element::F32, 2, 3).unwrap();
    assert!(matches!(matrix.nearest(&[1.0; 2], 1, &[]), Err(Error::Dimension { found: 2, .. })));
    assert!(matches!(matrix.row(2), Err(Error::NoRow { row: 2, rows: 2 })));
    assert!(matches!(matrix.analogy(0, 1, 2, 1), Err(Error::NoRow { row: 2, .. })));
    assert!(matrix.nearest(&[1.0; 3], 0, &[]).unwrap().is_empty());
    let empty = new(0, Element::F32, 0, 3).unwrap();
    assert!(empty.nearest(&[1.0; 3], 5, &[]).unwrap().is_empty());
}

fn questions(count: usize, words: usize) -> (Questions, Vocabulary) {
    let names: String = (0..words).map(|row| format!("w{row}\n")).collect();
    let mut random = Random(9);
    let mut text = String::from(": one\n");
    for index in 0..count {
        if index == count / 3 {
            text.push_str(": two\n");
        }
        let mut word = || format!("w{}", random.below(words + words / 20));
        writeln!(text, "{} {} {} {}", word(), word(), word(), word()).unwrap();
    }
    (Questions::parse(text.as_bytes()).unwrap(), Vocabulary::new(names.into()).unwrap())
}

/// Answers in bulk are those of asking one by one. Answers are made right for some.
#[test]
fn evaluation_is_asking_one_by_one() {
    let (rows, dimension) = (203, 19);
    let matrix = matrix(&Random(4).numbers(rows * dimension), Element::F32, dimension);
    let (mut questions, vocabulary) = questions(400, rows);
    for restrict in [None, Some(rows), Some(77), Some(5), Some(0)] {
        let limit = restrict.unwrap_or(rows);
        let find = |word: &String| vocabulary.find(word).filter(|&row| row < limit);
        let mut expected = Vec::new();
        for section in &mut questions.sections {
            let (mut correct, mut total, mut skipped) = (0, 0, 0);
            for (index, [a, b, c, d]) in section.questions.iter_mut().enumerate() {
                let (Some(ra), Some(rb), Some(rc)) = (find(a), find(b), find(c)) else {
                    skipped += 1;
                    continue;
                };
                let best = matrix.analogy(ra, rb, rc, rows).unwrap();
                let answer = best.iter().find(|found| found.0 < limit).map(|found| found.0);
                if let (true, Some(answer)) = (index % 3 == 0, answer) {
                    *d = format!("w{answer}");
                }
                match find(d) {
                    Some(row) => {
                        total += 1;
                        correct += usize::from(answer == Some(row));
                    }
                    None => skipped += 1,
                }
            }
            expected.push((correct, total, skipped));
        }
        let found = matrix.evaluate(&questions, &vocabulary, Case::Keep, restrict).unwrap();
        let found: Vec<_> =
            found.iter().map(|found| (found.correct, found.total, found.skipped)).collect();
        assert_eq!(found, expected, "{restrict:?}");
        assert!(restrict.is_some() || found.iter().all(|found| found.0 > 20), "{found:?}");
    }
}

#[test]
fn questions_follow_the_case_of_the_model() {
    let matrix = matrix(&Random(4).numbers(4 * 3), Element::F32, 3);
    let vocabulary = Vocabulary::new(Bytes::from_static(b"a\nb\nc\nd\n")).unwrap();
    let questions = Questions::parse(b": s\nA b c D\n").unwrap();
    let asked = |case| matrix.evaluate(&questions, &vocabulary, case, None).unwrap()[0].clone();
    let lower = asked(Case::Lower);
    assert_eq!((lower.total, lower.skipped), (1, 0));
    // Of four rows three are given: the fourth is the answer.
    assert_eq!((lower.correct, lower.accuracy()), (1, Some(1.0)));
    let keep = asked(Case::Keep);
    assert_eq!((keep.total, keep.skipped, keep.accuracy()), (0, 1, None));
    let other = Vocabulary::new(Bytes::from_static(b"a\nb\nc\n")).unwrap();
    let error = matrix.evaluate(&questions, &other, Case::Keep, None).unwrap_err();
    assert!(matches!(error, Error::Sizes { words: 3, rows: 4 }), "{error}");
}

#[test]
fn threads_change_no_bit() {
    let (rows, dimension) = (5000, 50);
    let values = Random(6).numbers(rows * dimension);
    let (questions, vocabulary) = questions(300, rows);
    let results: Vec<_> = [1, 2, 3, 8]
        .into_iter()
        .map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let matrix = matrix(&values, Element::F32, dimension);
                let norms: Vec<u32> = matrix.norms().iter().map(|norm| norm.to_bits()).collect();
                let nearest: Vec<(usize, u32)> = matrix
                    .nearest(&values[..dimension], 200, &[0])
                    .unwrap()
                    .into_iter()
                    .map(|(row, similarity)| (row, similarity.to_bits()))
                    .collect();
                let sections = matrix.evaluate(&questions, &vocabulary, Case::Keep, None).unwrap();
                (norms, nearest, sections)
            })
        })
        .collect();
    assert!(results.iter().all(|result| *result == results[0]));
}
