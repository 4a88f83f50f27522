//! Tokenizers of Hugging Face's format.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tokenizers::{PostProcessor as _, TruncationDirection};

use crate::{Encoded, Error};

/// The largest `tokenizer.json` that is read, in bytes. Those with 250,000 tokens have 35 million.
pub const MAX_TOKENIZER: usize = 128 << 20;

/// A `tokenizer.json`: a pipeline of normalizer, pre-tokenizer, model and post-processor
/// (<https://huggingface.co/docs/tokenizers>). What the file says of padding and truncation is
/// ignored.
///
/// The library that does the work trusts its files: damaged ones can make it panic, when they
/// are read or later with a text (a `Precompiled` normalizer whose tables point nowhere, a model with
/// `byte_fallback` that lacks bytes). Such a panic is caught and becomes an error, which needs a
/// program that unwinds; the message of its panic hook is written all the same.
#[derive(Clone)]
pub struct Tokenizer {
    pipeline: tokenizers::Tokenizer,
    /// The id of what the model does not know, if it has one.
    unknown: Option<u32>,
    /// How many special tokens each text is given.
    special: usize,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`Error::TokenizerTooLarge`] above [`MAX_TOKENIZER`] bytes; [`Error::Tokenizer`] if it is
    /// not one.
    pub fn from_bytes(json: &[u8]) -> Result<Self, Error> {
        if json.len() > MAX_TOKENIZER {
            return Err(Error::TokenizerTooLarge { bytes: json.len(), limit: MAX_TOKENIZER });
        }
        // The library reads some parts twice and panics if the second time fails, as it does for
        // strings that are skipped the first time without looking at their bytes.
        let file: Value = serde_json::from_slice(json).map_err(unreadable)?;
        check_templates(&file["post_processor"]).map_err(unreadable)?;
        let model = &file["model"];
        let (token, id) = (model["unk_token"].as_str(), model["unk_id"].as_u64());
        let mut pipeline =
            guarded(|| tokenizers::Tokenizer::from_bytes(json)).map_err(unreadable)?;
        pipeline.with_padding(None);
        pipeline.with_truncation(None).map_err(unreadable)?;
        let unknown = match token {
            Some(token) => pipeline.token_to_id(token),
            None => id.and_then(|id| u32::try_from(id).ok()),
        };
        let special = pipeline.get_post_processor().map_or(0, |added| added.added_tokens(false));
        Ok(Self { pipeline, unknown, special })
    }

    /// How many ids there are; all are smaller, unless the file leaves some out.
    pub fn size(&self) -> usize {
        self.pipeline.get_vocab_size(true)
    }

    /// How many special tokens each text is given.
    pub fn special_tokens(&self) -> usize {
        self.special
    }

    /// The ids of `text` with the special tokens around them, at most `max_tokens` in all: what is
    /// cut off is the end of the text, never a special token. Nothing is padded.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`] if `max_tokens` leaves none for the text; [`Error::Tokenize`] if the model
    /// does not take the text, as those do that have no token for what they do not know.
    pub fn encode(&self, text: &str, max_tokens: usize) -> Result<Encoded, Error> {
        let room = max_tokens.saturating_sub(self.special);
        if room == 0 {
            return Err(Error::NoRoom { max_tokens, special: self.special });
        }
        let failed = |source| Error::Tokenize { bytes: text.len(), source };
        let mut encoding = guarded(|| self.pipeline.encode_fast(text, false)).map_err(failed)?;
        let words = encoding.len();
        encoding.truncate(room, 0, TruncationDirection::Right);
        // What is cut off is kept beside the rest, and would be given special tokens as well.
        drop(encoding.take_overflowing());
        let encoding =
            guarded(|| self.pipeline.post_process(encoding, None, true)).map_err(failed)?;
        let widened = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect();
        let unknown = encoding.get_ids().iter().filter(|&&id| Some(id) == self.unknown).count();
        Ok(Encoded {
            ids: widened(encoding.get_ids()),
            type_ids: widened(encoding.get_type_ids()),
            words,
            unknown,
            truncated: words.saturating_sub(room),
        })
    }
}

type Reason = Box<dyn std::error::Error + Send + Sync>;

fn unreadable(source: impl Into<Reason>) -> Error {
    Error::Tokenizer { source: source.into() }
}

/// Checks that templates name no special token that they do not define.
fn check_templates(processor: &Value) -> Result<(), String> {
    for nested in processor["processors"].as_array().into_iter().flatten() {
        check_templates(nested)?;
    }
    let pieces = ["single", "pair"].map(|kind| processor[kind].as_array());
    for piece in pieces.into_iter().flatten().flatten() {
        if let Some(id) = piece["SpecialToken"]["id"].as_str()
            && processor["special_tokens"].get(id).is_none()
        {
            return Err(format!(
                "the post-processor names the token {id:?} and does not define it"
            ));
        }
    }
    Ok(())
}

/// What `work` gives; its panic as an error. Nothing that it leaves half done is used again but the
/// library's caches, which are locked and given up when poisoned.
fn guarded<T>(work: impl FnOnce() -> Result<T, Reason>) -> Result<T, Reason> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("the tokenizer is damaged: it made its library panic".into()))
}
