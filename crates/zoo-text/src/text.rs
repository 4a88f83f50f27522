//! The section `text` of a card.

use serde::{Deserialize, Serialize};

use crate::{Case, Error};

/// The largest number of tokens that a card may ask for.
pub const MAX_TOKENS: u32 = 1 << 20;

/// Counts changes to this crate that change what a text becomes, so that what was cached by an
/// older version is not taken for that of a newer one.
const REVISION: u32 = 1;

/// How a text becomes the input of a model, as its card states it. Read from a card it is not
/// yet checked: [`Text::validate`].
///
/// ```text
/// [text]
/// tokens = "words"
/// case = "lower"
/// max_tokens = 512
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Which lexicon the bundle carries.
    pub tokens: Tokens,
    /// What happens to letters before words are looked up. A tokenizer has its own rule.
    pub case: Case,
    /// The longest input, special tokens included. The rest is cut off.
    pub max_tokens: u32,
}

/// What a text is split into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// Words and other characters ([`words`](crate::words)), by `vocabulary.txt`.
    #[default]
    Words,
    /// By a `tokenizer.json` of Hugging Face's format.
    Tokenizer,
}

impl Default for Text {
    fn default() -> Self {
        Self { tokens: Tokens::default(), case: Case::default(), max_tokens: 512 }
    }
}

impl Text {
    /// Checks that texts can be encoded like this.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `max_tokens` is zero or above [`MAX_TOKENS`].
    pub fn validate(&self) -> Result<(), Error> {
        if self.max_tokens == 0 || self.max_tokens > MAX_TOKENS {
            let problem = format!("is {} (1 to {MAX_TOKENS} allowed)", self.max_tokens);
            return Err(Error::Invalid { field: "max_tokens", problem });
        }
        Ok(())
    }

    /// A name that two cards share exactly when texts become the same by them, given the same
    /// lexicon: for keys of caches.
    pub fn canonical(&self) -> String {
        let max_tokens = self.max_tokens;
        match (self.tokens, self.case) {
            (Tokens::Words, Case::Keep) => {
                format!("text {REVISION}: words, keep, {max_tokens}")
            }
            (Tokens::Words, Case::Lower) => {
                format!("text {REVISION}: words, lower, {max_tokens}")
            }
            (Tokens::Tokenizer, _) => format!("text {REVISION}: tokenizer, {max_tokens}"),
        }
    }
}
