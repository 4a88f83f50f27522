//! Word vectors become a bundle that reads texts.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and one that is skipped says so"
)]

use std::path::Path;

use zoo_convert::words::{Pooling, VECTORS};
use zoo_convert::{ConvertOptions, Error, convert, format};
use zoo_model::{Bundle, DType, Executor, Reader};
use zoo_text::Lexicon;

/// Five words, the first of them the most frequent.
const FILE: &str = "the 1 0 0 0\ncat 0 2 0 0\nsat 0 0 4 0\n. 0 0 0 8\nmat 1 1 1 1\n";

fn converted(text: &str, options: &ConvertOptions) -> Result<Bundle, Error> {
    let file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Ok(convert(file.path(), options)?.bundle)
}

fn feature(bundle: &Bundle, text: &str) -> Vec<f32> {
    let reader = Reader::of(bundle).unwrap().unwrap();
    let inputs = reader.read(text.as_bytes(), &bundle.graph).unwrap();
    let executor = Executor::with_tables_in_place(
        bundle.graph.clone(),
        &bundle.weights,
        &zoo_model::Device::Cpu,
    )
    .unwrap();
    let in_place = executor.infer(&inputs).unwrap()[0].to_f32();
    // The whole table on the device gives the same bits.
    let whole = bundle.executor(&zoo_model::Device::Cpu).unwrap();
    assert_eq!(in_place, whole.infer(&inputs).unwrap()[0].to_f32());
    in_place
}

#[test]
fn a_text_is_the_mean_of_its_words() {
    let bundle = converted(FILE, &ConvertOptions::default()).unwrap();
    assert_eq!(bundle.card.task, "word-vectors");
    assert_eq!(feature(&bundle, "The CAT sat."), [0.25, 0.5, 1.0, 2.0]);
    assert_eq!(feature(&bundle, "cat dog cat"), [0.0, 2.0, 0.0, 0.0]);
    assert_eq!(feature(&bundle, "no word of these"), [0.0; 4]);
    assert_eq!(feature(&bundle, ""), [0.0; 4]);
}

#[test]
fn frequent_words_count_less_where_that_is_asked_for() {
    let options = ConvertOptions { pooling: Pooling::Sif, ..ConvertOptions::default() };
    let bundle = converted(FILE, &options).unwrap();
    let of = |text: &str| feature(&bundle, text).iter().sum::<f32>();
    // By Zipf's law the probabilities are 60/137 of 1, 1/2, ...: a / (a + p) for a = 0.001.
    let expected = |rank: f32| 1e-3 / (1e-3 + 60.0 / 137.0 / rank);
    assert!((of("the") - expected(1.0)).abs() < 1e-7);
    assert!((of("cat") - 2.0 * expected(2.0)).abs() < 1e-7);
}

#[test]
fn a_bundle_keeps_its_words_and_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    for precision in [None, Some(DType::F16), Some(DType::BF16)] {
        let options = ConvertOptions { precision, ..ConvertOptions::default() };
        let bundle = converted(FILE, &options).unwrap();
        for name in ["words.zoo", "words"] {
            let path = dir.path().join(name);
            bundle.write(&path).unwrap();
            let back = Bundle::open(&path).unwrap();
            assert_eq!(back.lexicon, Some(Lexicon::Words("the\ncat\nsat\n.\nmat\n".into())));
            assert_eq!(back.weights.get(VECTORS).unwrap().dtype(), precision.unwrap_or(DType::F32));
            assert_eq!(feature(&back, "the mat"), [1.0, 0.5, 0.5, 0.5]);
            assert_eq!(back.digest(), bundle.digest());
        }
    }
}

#[test]
fn words_with_capitals_keep_the_case_of_texts() {
    let bundle = converted(&FILE.replace("cat", "Cat"), &ConvertOptions::default()).unwrap();
    assert_eq!(feature(&bundle, "Cat"), [0.0, 2.0, 0.0, 0.0]);
    assert_eq!(feature(&bundle, "cat"), [0.0; 4]);
}

#[test]
fn malformed_rows_are_refused_by_line_or_left_out() {
    let torn = FILE.replace("sat 0 0 4 0", "sat 0 0 4");
    let error = converted(&torn, &ConvertOptions::default()).unwrap_err();
    let error: &dyn std::error::Error = &error;
    let why = error.source().unwrap().to_string();
    assert!(why.contains("line 3") && why.contains("3 numbers, not 4"), "{why}");
    let options = ConvertOptions { skip_malformed: true, ..ConvertOptions::default() };
    let bundle = converted(&torn, &options).unwrap();
    assert_eq!(bundle.weights.get(VECTORS).unwrap().shape(), [4, 4]);
    assert_eq!(feature(&bundle, "sat"), [0.0; 4]);
    assert_eq!(feature(&bundle, "mat"), [1.0; 4]);
}

#[test]
fn the_formats_of_the_fixtures_are_told_by_their_bytes() {
    let Some(fixtures) = std::env::var_os("ZOO_FIXTURES") else {
        eprintln!("skipped: ZOO_FIXTURES is not set");
        return;
    };
    let words = Path::new(&fixtures).join("words");
    for name in [
        "glove.6B.50d.first40k.txt.gz",
        "euclidean_vectors.bin",
        "word2vec_pre_kv_c",
        "EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt",
        "pang_lee_polarity_fasttext.vec",
    ] {
        assert_eq!(format::detect(&words.join(name)).unwrap(), format::Format::WordVectors);
        let bundle = convert(&words.join(name), &ConvertOptions::default()).unwrap().bundle;
        let rows = bundle.weights.get(VECTORS).unwrap().shape()[0];
        let Some(Lexicon::Words(bytes)) = &bundle.lexicon else { panic!("no words") };
        assert_eq!(bytes.split(|byte| *byte == b'\n').count() - 1, rows, "{name}");
    }
    assert!(format::detect(&words.join("questions-words.txt")).is_err());
}
