//! How fast word vectors are read and searched: `cargo bench -p zoo-text --bench speed`. Files and
//! matrices are made up, of the size of `GloVe`'s: 400,000 words.
#![allow(clippy::format_collect, reason = "made-up files need no speed")]
#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::fmt::Write as _;
use std::io::Cursor;
use std::time::Instant;

use bytes::Bytes;
use half::{bf16, f16};
use zoo_text::vectors::{Policy, Reader};
use zoo_text::{Case, Element, Questions, Vocabulary, WordMatrix, words};

const WORDS: usize = 400_000;

fn main() {
    read_text(5_000, 50);
    read_text(1_000, 300);
    read_binary(5_000, 300);
    let vocabulary = index();
    split();
    for dimension in [50, 300] {
        for element in [Element::F32, Element::F16, Element::Bf16] {
            nearest(element, dimension);
        }
    }
    let _ = timed("suggest, 400,000 words", || vocabulary.suggest("wurd12345", 3));
    evaluate(40_000, 50);
    evaluate(40_000, 300);
}

/// Runs `work` several times and tells the shortest, in seconds.
fn timed<T>(name: &str, mut work: impl FnMut() -> T) -> f64 {
    let times = (0..20).map(|_| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed().as_secs_f64()
    });
    let seconds = times.fold(f64::INFINITY, f64::min);
    println!("{name:44} {:9.2} ms", seconds * 1e3);
    seconds
}

/// Numbers between -1 and 1.
fn numbers(count: usize) -> impl Iterator<Item = f32> {
    let mut state = 1_u64;
    (0..count).map(move |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn read_all(file: &[u8]) -> f32 {
    let mut reader = Reader::new(Cursor::new(file), Policy::default()).expect("vectors");
    let mut sum = 0.0;
    while let Some(row) = reader.next_row().expect("a row") {
        sum += row.values[0];
    }
    sum
}

fn read_text(rows: usize, dimension: usize) {
    let mut file = String::new();
    let mut numbers = numbers(rows * dimension);
    for row in 0..rows {
        write!(file, "word{row}").expect("memory");
        for value in numbers.by_ref().take(dimension) {
            write!(file, " {value:.5}").expect("memory");
        }
        file.push('\n');
    }
    let seconds = timed(&format!("text, {rows} x {dimension}"), || read_all(file.as_bytes()));
    println!("{:44} {:9.0} MB/s", "", file.len() as f64 / seconds / 1e6);
}

fn read_binary(rows: usize, dimension: usize) {
    let mut file = format!("{rows} {dimension}\n").into_bytes();
    let mut numbers = numbers(rows * dimension);
    for row in 0..rows {
        file.extend(format!("word{row} ").bytes());
        file.extend(numbers.by_ref().take(dimension).flat_map(f32::to_le_bytes));
        file.push(b'\n');
    }
    let seconds = timed(&format!("binary, {rows} x {dimension}"), || read_all(&file));
    println!("{:44} {:9.0} MB/s", "", file.len() as f64 / seconds / 1e6);
}

fn vocabulary(rows: usize) -> Bytes {
    (0..rows).map(|row| format!("word{row}\n")).collect::<String>().into()
}

fn index() -> Vocabulary {
    let bytes = vocabulary(WORDS);
    timed("index of 400,000 words", || Vocabulary::new(bytes.clone()));
    Vocabulary::new(bytes).expect("words")
}

fn split() {
    let text = "It's the 3rd time, they said: a word is a word, and Müller's too. ".repeat(10_000);
    let seconds = timed("split into words", || words(&text).count());
    println!("{:44} {:9.0} MB/s", "", text.len() as f64 / seconds / 1e6);
}

fn matrix(element: Element, rows: usize, dimension: usize) -> WordMatrix {
    let numbers = numbers(rows * dimension);
    let bytes: Vec<u8> = match element {
        Element::F32 => numbers.flat_map(f32::to_le_bytes).collect(),
        Element::F16 => numbers.flat_map(|x| f16::from_f32(x).to_le_bytes()).collect(),
        Element::Bf16 => numbers.flat_map(|x| bf16::from_f32(x).to_le_bytes()).collect(),
    };
    WordMatrix::new(bytes.into(), element, rows, dimension).expect("the size fits")
}

fn nearest(element: Element, dimension: usize) {
    let matrix = matrix(element, WORDS, dimension);
    let name = |what: &str| format!("{what}, 400,000 x {dimension}, {element:?}");
    timed(&name("norms"), || matrix.clone().norms().len());
    matrix.norms();
    let query = matrix.row(7).expect("a row");
    timed(&name("nearest 10"), || matrix.nearest(&query, 10, &[7]));
}

fn evaluate(rows: usize, dimension: usize) {
    let matrix = matrix(Element::F32, rows, dimension);
    let vocabulary = Vocabulary::new(vocabulary(rows)).expect("words");
    let mut questions = String::from(": made up\n");
    for index in 0..19_544 {
        let word = |step: usize| format!("word{}", (index * step) % rows);
        writeln!(questions, "{} {} {} {}", word(1), word(7), word(11), word(13)).expect("memory");
    }
    let questions = Questions::parse(questions.as_bytes()).expect("questions");
    let start = Instant::now();
    let sections = matrix.evaluate(&questions, &vocabulary, Case::Keep, None).expect("sections");
    let seconds = start.elapsed().as_secs_f64();
    let products = 2 * sections[0].total * rows * dimension;
    println!(
        "19,544 questions, {rows} x {dimension:27} {:9.0} ms, {:.1} GFLOP/s",
        seconds * 1e3,
        products as f64 / seconds / 1e9
    );
}
