//! Words beside Python's, by `reference/generate.py`.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

use serde::Deserialize;
use zoo_text::{Case, words};

#[derive(Deserialize)]
struct Reference {
    assigned: Vec<[u32; 2]>,
    word: Vec<[u32; 2]>,
    space: Vec<[u32; 2]>,
    texts: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    text: String,
    words: Vec<String>,
    lower: Vec<String>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/words.json")).unwrap()
}

fn holds(ranges: &[[u32; 2]], code: u32) -> bool {
    ranges.iter().any(|&[first, last]| (first..=last).contains(&code))
}

#[test]
fn texts_fall_apart_as_in_python() {
    let reference = reference();
    assert!(reference.texts.len() >= 400);
    for Example { text, words: expected, lower } in &reference.texts {
        assert_eq!(words(text).collect::<Vec<_>>(), *expected, "{text:?}");
        let lowered = Case::Lower.apply(text);
        assert_eq!(words(&lowered).collect::<Vec<_>>(), *lower, "{text:?} lowered");
        assert_eq!(Case::Keep.apply(text), *text);
    }
}

/// Every character that Python's Unicode has: `\w`, `\s`, or a word of its own.
#[test]
fn every_character_is_what_it_is_in_python() {
    let reference = reference();
    let mut buffer = String::new();
    for [first, last] in &reference.assigned {
        for c in (*first..=*last).filter_map(char::from_u32) {
            buffer.clear();
            buffer.extend(['a', c, 'a']);
            let found = words(&buffer).count();
            let code = u32::from(c);
            let expected = if holds(&reference.word, code) {
                1
            } else if holds(&reference.space, code) {
                2
            } else {
                3
            };
            assert_eq!(found, expected, "U+{code:04X}");
        }
    }
}
