//! The letters that a network of speech writes: `vocab.json` beside its checkpoint, as Hugging Face's
//! transformers has it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use zoo_model::bundle::Transcript;

use super::wav2vec2::LETTERS_OUTPUT;
use crate::{ConvertOptions, Error, companions};

/// What stands between words in vocabularies that have no space.
const SPACE: &str = "|";

/// How a head of `count` letters writes, and the letters: those of the options, else those of
/// `vocab.json`. `None` where neither says which they are: what it writes could not be read.
///
/// Fails where they are not so many, or have no place.
pub(super) fn read(
    path: &Path,
    count: usize,
    config: Option<&Json>,
    options: &ConvertOptions,
) -> Result<Option<(Transcript, Vec<String>)>, Error> {
    let letters = match &options.labels {
        Some(labels) => Some(labels.clone()),
        None => match companions::json(path, options, "vocab.json")? {
            Some(json) => Some(in_order(&json, count).map_err(|reason| Error::Malformed {
                path: path.with_file_name("vocab.json"),
                format: "vocabulary of letters",
                reason,
            })?),
            None => None,
        },
    };
    let Some(letters) = letters else { return Ok(None) };
    if letters.len() != count {
        return Err(Error::Malformed {
            path: path.to_owned(),
            format: "wav2vec 2.0 checkpoint",
            reason: format!("it names {count} letters, the labels are {}", letters.len()),
        });
    }
    let find = |name: &str| letters.iter().position(|letter| letter == name);
    let stated = config.and_then(|config| config.get("pad_token_id")?.as_u64());
    let stated = stated.map(|id| id as usize).filter(|id| *id < count);
    let blank = stated.or_else(|| find("<pad>")).or_else(|| find("[PAD]")).unwrap_or(0);
    let space = find(SPACE);
    let unwritten = (0..count).filter(|&at| at != blank && is_special(&letters[at])).collect();
    let output = LETTERS_OUTPUT.to_owned();
    Ok(Some((Transcript { output, blank, space, unwritten }, letters)))
}

/// The letters by their numbers. Numbers that have none are those of beginnings and ends, which other
/// files name.
fn in_order(json: &Json, count: usize) -> Result<Vec<String>, String> {
    let object = json.as_object().ok_or("it is no object of letters and numbers")?;
    let mut letters = BTreeMap::new();
    for (letter, number) in object {
        let number = number.as_u64().ok_or_else(|| {
            format!("`{letter}` has no number: vocabularies of several languages are not read")
        })?;
        if number >= count as u64 {
            return Err(format!(
                "`{letter}` has the number {number}, the model names {count} letters"
            ));
        }
        if let Some(other) = letters.insert(number as usize, letter.clone()) {
            return Err(format!("`{other}` and `{letter}` have the same number {number}"));
        }
    }
    let named = |at: usize| letters.get(&at).cloned().unwrap_or_else(|| format!("<{at}>"));
    Ok((0..count).map(named).collect())
}

/// Whether a letter is none, but stands for what is unknown, a beginning or an end.
fn is_special(letter: &str) -> bool {
    let within = |open: char, close: char| {
        letter.len() > 2 && letter.starts_with(open) && letter.ends_with(close)
    };
    within('<', '>') || within('[', ']')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_labels(labels: &[&str], count: usize) -> Result<(Transcript, Vec<String>), Error> {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        let options = ConvertOptions { labels: Some(labels), ..ConvertOptions::default() };
        let read = read(Path::new("a.safetensors"), count, None, &options)?;
        Ok(read.expect("labels are given"))
    }

    #[test]
    fn letters_say_what_is_not_written() {
        let (transcript, _) = read_labels(&["<pad>", "<s>", "<unk>", "|", "A", "<"], 6).unwrap();
        assert_eq!((transcript.blank, transcript.space), (0, Some(3)));
        assert_eq!(transcript.unwritten, [1, 2]);
        let (transcript, _) = read_labels(&["a", "b", "[UNK]", "[PAD]"], 4).unwrap();
        assert_eq!((transcript.blank, transcript.space), (3, None));
        assert_eq!(transcript.unwritten, [2]);
        assert!(read_labels(&["a"], 2).unwrap_err().to_string().contains("2 letters"));
    }

    #[test]
    fn vocabularies_are_read_in_the_order_of_their_numbers() {
        let letters = in_order(&json!({"B": 1, "A": 0}), 3).unwrap();
        assert_eq!(letters, ["A", "B", "<2>"]);
        let wrong = [
            (json!(["A"]), "no object"),
            (json!({"A": 3}), "number 3"),
            (json!({"A": 0, "B": 0}), "same number 0"),
            (json!({"eng": {"A": 0}}), "several languages"),
            (json!({"A": -1}), "no number"),
        ];
        for (json, reason) in wrong {
            assert!(in_order(&json, 3).unwrap_err().contains(reason), "{json}");
        }
    }
}
