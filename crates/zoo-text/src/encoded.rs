//! What a text becomes.

/// A text as the input of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// `[tokens]`: rows of the vocabulary, or the tokenizer's ids with its special tokens.
    pub ids: Vec<i64>,
    /// `[tokens]`: the segment that each token belongs to; zeros for words.
    pub type_ids: Vec<i64>,
    /// How many words the text has, or how many tokens without the special ones.
    pub words: usize,
    /// Words out of vocabulary: they are left out. With a tokenizer, how many of `ids` are its
    /// token for what it does not know.
    pub unknown: usize,
    /// How many words of the vocabulary, or tokens, were cut off. So for words
    /// `ids.len() + unknown + truncated` is `words`.
    pub truncated: usize,
}
