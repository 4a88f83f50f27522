//! A card's section and a lexicon, ready to encode.

use bytes::Bytes;

use crate::{Case, Encoded, Error, Text, Tokenizer, Tokens, Vocabulary, words};

/// What a bundle carries to make ids of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lexicon {
    /// `vocabulary.txt`: a word a line.
    Words(Bytes),
    /// `tokenizer.json`.
    Tokenizer(Bytes),
}

/// Makes ids of texts. Shared between threads as it is.
#[derive(Debug, Clone)]
pub struct Encoder {
    max_tokens: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Words(Vocabulary, Case),
    Tokenizer(Box<Tokenizer>),
}

impl Encoder {
    /// Reads the lexicon that `text` asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `text` is, or is not for this lexicon; those of [`Vocabulary::new`] and
    /// [`Tokenizer::from_bytes`]; [`Error::NoRoom`] if the tokenizer's special tokens leave no room.
    pub fn new(text: &Text, lexicon: Lexicon) -> Result<Self, Error> {
        text.validate()?;
        let max_tokens = text.max_tokens as usize;
        let mismatch = |wanted: &str, given: &str| Error::Invalid {
            field: "tokens",
            problem: format!("is \"{wanted}\", but the lexicon is {given}"),
        };
        let kind = match (text.tokens, lexicon) {
            (Tokens::Words, Lexicon::Words(bytes)) => {
                Kind::Words(Vocabulary::new(bytes)?, text.case)
            }
            (Tokens::Tokenizer, Lexicon::Tokenizer(bytes)) => {
                let tokenizer = Tokenizer::from_bytes(&bytes)?;
                let special = tokenizer.special_tokens();
                if max_tokens <= special {
                    return Err(Error::NoRoom { max_tokens, special });
                }
                Kind::Tokenizer(Box::new(tokenizer))
            }
            (Tokens::Words, Lexicon::Tokenizer(_)) => {
                return Err(mismatch("words", "a tokenizer"));
            }
            (Tokens::Tokenizer, Lexicon::Words(_)) => {
                return Err(mismatch("tokenizer", "a list of words"));
            }
        };
        Ok(Self { max_tokens, kind })
    }

    /// The ids of a text. With words, those out of vocabulary are left out and counted; a text
    /// may so become empty.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenize`] if a tokenizer does not take the text. Words never fail.
    pub fn encode(&self, text: &str) -> Result<Encoded, Error> {
        match &self.kind {
            Kind::Words(vocabulary, case) => Ok(self.encode_words(vocabulary, *case, text)),
            Kind::Tokenizer(tokenizer) => tokenizer.encode(text, self.max_tokens),
        }
    }

    /// The words, if they are what texts are split into.
    pub fn vocabulary(&self) -> Option<&Vocabulary> {
        match &self.kind {
            Kind::Words(vocabulary, _) => Some(vocabulary),
            Kind::Tokenizer(_) => None,
        }
    }

    /// How many ids there are.
    pub fn size(&self) -> usize {
        match &self.kind {
            Kind::Words(vocabulary, _) => vocabulary.len(),
            Kind::Tokenizer(tokenizer) => tokenizer.size(),
        }
    }

    fn encode_words(&self, vocabulary: &Vocabulary, case: Case, text: &str) -> Encoded {
        let mut encoded = Encoded::default();
        for word in words(&case.apply(text)) {
            encoded.words += 1;
            match vocabulary.find(word) {
                Some(row) if encoded.ids.len() < self.max_tokens => encoded.ids.push(row as i64),
                Some(_) => encoded.truncated += 1,
                None => encoded.unknown += 1,
            }
        }
        encoded.type_ids = vec![0; encoded.ids.len()];
        encoded
    }
}
