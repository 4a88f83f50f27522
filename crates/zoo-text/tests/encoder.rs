//! The card's section and the encoder.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use bytes::Bytes;
use zoo_text::{Case, Encoded, Encoder, Error, Lexicon, MAX_TOKENS, Text, Tokens};

fn words(text: &str) -> Lexicon {
    Lexicon::Words(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn sections_are_read_and_written() {
    let text: Text = toml::from_str("tokens = \"words\"\ncase = \"keep\"\nmax_tokens = 7").unwrap();
    assert_eq!(text, Text { tokens: Tokens::Words, case: Case::Keep, max_tokens: 7 });
    assert_eq!(toml::from_str::<Text>(&toml::to_string(&text).unwrap()).unwrap(), text);
    assert_eq!(toml::from_str::<Text>("").unwrap(), Text::default());
    for wrong in ["tokens = \"bytes\"", "case = \"upper\"", "max_token = 1", "max_tokens = -1"] {
        assert!(toml::from_str::<Text>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn sections_are_checked() {
    for (max_tokens, is_valid) in
        [(0, false), (1, true), (MAX_TOKENS, true), (MAX_TOKENS + 1, false)]
    {
        let text = Text { max_tokens, ..Text::default() };
        assert_eq!(text.validate().is_ok(), is_valid, "{max_tokens}");
        assert_eq!(Encoder::new(&text, words("a\n")).is_ok(), is_valid);
    }
}

/// What encodes the same has the same name, and nothing else.
#[test]
fn canonical_names() {
    let name = |tokens, case, max_tokens| Text { tokens, case, max_tokens }.canonical();
    let names = [
        name(Tokens::Words, Case::Lower, 512),
        name(Tokens::Words, Case::Keep, 512),
        name(Tokens::Words, Case::Lower, 513),
        name(Tokens::Tokenizer, Case::Lower, 512),
    ];
    for (index, one) in names.iter().enumerate() {
        assert!(names[index + 1..].iter().all(|other| other != one), "{one}");
    }
    assert_eq!(names[3], name(Tokens::Tokenizer, Case::Keep, 512));
}

#[test]
fn words_out_of_vocabulary_are_left_out() {
    let lower = Text { max_tokens: 4, ..Text::default() };
    let encoder = Encoder::new(&lower, words("the\ncat\n.\nMüller\n")).unwrap();
    assert_eq!(encoder.size(), 4);
    let encoded = encoder.encode("The cat saw Müller. The CAT!").unwrap();
    let expected =
        Encoded { ids: vec![0, 1, 2, 0], type_ids: vec![0; 4], words: 8, unknown: 3, truncated: 1 };
    assert_eq!(encoded, expected);
    assert_eq!(encoded.ids.len() + encoded.unknown + encoded.truncated, encoded.words);

    let keep = Text { case: Case::Keep, ..Text::default() };
    let encoder = Encoder::new(&keep, words("the\ncat\n.\nMüller\n")).unwrap();
    assert_eq!(encoder.encode("The cat saw Müller.").unwrap().ids, [1, 3, 2]);
    assert_eq!(encoder.encode("").unwrap(), Encoded::default());
    assert_eq!(encoder.vocabulary().unwrap().find("Müller"), Some(3));
}

#[test]
fn section_and_lexicon_must_agree() {
    let tokenizer = Text { tokens: Tokens::Tokenizer, ..Text::default() };
    let error = Encoder::new(&tokenizer, words("a\n")).unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "tokens", .. }), "{error}");
    let json = Lexicon::Tokenizer(Bytes::from_static(b"{}"));
    let error = Encoder::new(&Text::default(), json).unwrap_err();
    assert!(matches!(error, Error::Invalid { field: "tokens", .. }), "{error}");
}
