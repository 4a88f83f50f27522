//! Tokenizers: a small one that is made here, the same damaged, and a real one.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "tests")]

mod support;

use bytes::Bytes;
use serde_json::{Value, json};
use support::{Random, folder};
use zoo_text::{Encoder, Error, Lexicon, MAX_TOKENIZER, Text, Tokenizer, Tokens};

/// BERT's pipeline with a vocabulary of ten, and settings of padding and truncation to be ignored.
fn bert() -> Value {
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "special": true, "single_word": false,
               "lstrip": false, "rstrip": false, "normalized": false})
    };
    let (cls, sep) = (json!({"id": "[CLS]", "type_id": 0}), json!({"id": "[SEP]", "type_id": 0}));
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": cls}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": sep}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100,
                  "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "walk": 4, "##ing": 5,
                            "##ed": 6, "the": 7, "dog": 8, ",": 9, "uber": 10}}
    })
}

fn tokenizer(json: &Value) -> Result<Tokenizer, Error> {
    Tokenizer::from_bytes(json.to_string().as_bytes())
}

#[test]
fn word_pieces_with_their_special_tokens() {
    let tokenizer = tokenizer(&bert()).unwrap();
    assert_eq!((tokenizer.size(), tokenizer.special_tokens()), (11, 2));
    let encoded = tokenizer.encode("Walking the dog, über walked quux", 512).unwrap();
    assert_eq!(encoded.ids, [2, 4, 5, 7, 8, 9, 10, 4, 6, 1, 3]);
    assert_eq!(encoded.type_ids, [0; 11]);
    assert_eq!((encoded.words, encoded.unknown, encoded.truncated), (9, 1, 0));
    assert_eq!(tokenizer.encode("", 512).unwrap().ids, [2, 3]);
}

#[test]
fn the_closing_token_stays() {
    let tokenizer = tokenizer(&bert()).unwrap();
    let text = "the dog walked, the dog walking";
    let all = tokenizer.encode(text, 100).unwrap();
    assert_eq!(all.ids.len(), 11);
    for max_tokens in 3..=11 {
        let encoded = tokenizer.encode(text, max_tokens).unwrap();
        let mut expected = all.ids[..max_tokens - 1].to_vec();
        expected.push(3);
        assert_eq!(encoded.ids, expected);
        assert_eq!((encoded.words, encoded.truncated), (9, 11 - max_tokens));
        assert_eq!(encoded.type_ids.len(), max_tokens);
    }
    for max_tokens in 0..=2 {
        let error = tokenizer.encode(text, max_tokens).unwrap_err();
        assert!(matches!(error, Error::NoRoom { special: 2, .. }), "{error}");
    }
}

#[test]
fn as_an_encoder() {
    let json = Bytes::from(bert().to_string());
    let mut text = Text { tokens: Tokens::Tokenizer, max_tokens: 4, ..Text::default() };
    let encoder = Encoder::new(&text, Lexicon::Tokenizer(json.clone())).unwrap();
    assert_eq!((encoder.size(), encoder.vocabulary().is_none()), (11, true));
    assert_eq!(encoder.encode("the dog walked").unwrap().ids, [2, 7, 8, 3]);
    text.max_tokens = 2;
    let error = Encoder::new(&text, Lexicon::Tokenizer(json)).unwrap_err();
    assert!(matches!(error, Error::NoRoom { max_tokens: 2, special: 2 }), "{error}");
}

#[test]
fn what_is_no_tokenizer_is_refused() {
    let mut without_unknown = bert();
    without_unknown["model"]["vocab"] = json!({"the": 7});
    without_unknown["added_tokens"] = json!([]);
    without_unknown["post_processor"] = Value::Null;
    let lenient = tokenizer(&without_unknown).unwrap();
    let error = lenient.encode("dog", 10).unwrap_err();
    assert!(matches!(error, Error::Tokenize { bytes: 3, .. }), "{error}");

    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "{}", "null", "[]", "{\"model\": {}}", "{\"model\": null}", &deep] {
        let error = Tokenizer::from_bytes(text.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Tokenizer { .. }), "{text:.30}: {error}");
    }
    let error = Tokenizer::from_bytes(&vec![b' '; MAX_TOKENIZER + 1]).unwrap_err();
    assert!(matches!(error, Error::TokenizerTooLarge { .. }), "{error}");
}

/// Cut, flipped, and with values of other kinds: an error, or a tokenizer that takes a text or
/// refuses it.
#[test]
fn damaged_ones_never_panic() {
    let json = bert().to_string().into_bytes();
    for end in 0..json.len() {
        assert!(Tokenizer::from_bytes(&json[..end]).is_err(), "cut at {end}");
    }
    let mut random = Random(5);
    let mut read = 0;
    let mut attempt = |bytes: &[u8]| {
        if let Ok(tokenizer) = Tokenizer::from_bytes(bytes) {
            read += 1;
            for text in ["the walking dog, über [SEP] \u{0} 日本", ""] {
                if let Ok(encoded) = tokenizer.encode(text, 7) {
                    assert!(encoded.ids.len() <= 7);
                }
            }
        }
    };
    for _ in 0..3_000 {
        let mut damaged = json.clone();
        let at = random.below(damaged.len());
        damaged[at] = random.next() as u8;
        attempt(&damaged);
    }
    let values = [
        json!(null),
        json!(-1),
        json!(4_294_967_295_u32),
        json!(1e300),
        json!(""),
        json!([]),
        json!({}),
        json!(true),
        json!("a"),
    ];
    let paths = pointers(&bert(), "");
    assert!(paths.len() > 80);
    for path in &paths {
        for value in &values {
            let mut changed = bert();
            *changed.pointer_mut(path).unwrap() = value.clone();
            attempt(changed.to_string().as_bytes());
        }
    }
    assert!(read > 100, "{read}");
}

/// What makes the library itself panic is an error here.
#[test]
fn panics_of_the_library_are_errors() {
    let mut json = bert();
    json["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "not base64!"});
    let error = tokenizer(&json).unwrap_err();
    assert!(matches!(error, Error::Tokenizer { .. }), "{error}");

    // A trie of one unit that points far behind itself.
    json["normalizer"]["precompiled_charsmap"] = json!("BAAAAP///38=");
    let error = tokenizer(&json).unwrap().encode("a", 9).unwrap_err();
    assert!(matches!(error, Error::Tokenize { bytes: 1, .. }), "{error}");
}

/// The paths of all values in a document.
fn pointers(value: &Value, path: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    let mut found = vec![path.to_owned()];
    for (key, child) in children {
        found.extend(pointers(
            child,
            &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
        ));
    }
    found
}

/// all-MiniLM-L6-v2: ids as `transformers` gives them.
#[test]
fn a_real_one() {
    let Some(folder) = folder("ZOO_FIXTURES_MINILM") else { return };
    let json = std::fs::read(folder.join("tokenizer.json")).unwrap();
    let tokenizer = Tokenizer::from_bytes(&json).unwrap();
    assert_eq!((tokenizer.size(), tokenizer.special_tokens()), (30_522, 2));
    let encoded = tokenizer.encode("Hello, world!", 256).unwrap();
    assert_eq!(encoded.ids, [101, 7592, 1010, 2088, 999, 102]);
    let long = tokenizer.encode(&"word ".repeat(1000), 256).unwrap();
    assert_eq!((long.ids.len(), long.truncated), (256, 1000 - 254));
    assert_eq!((long.ids[0], long.ids[255]), (101, 102));
}
