//! From text to token ids, and word vectors.
//!
//! Text becomes ids by the lexicon of its model: a vocabulary of whole words, or a tokenizer of
//! Hugging Face's format. Word vectors are read from the files that word2vec, fastText and `GloVe`
//! publish, and searched where they lie in memory. Nothing here prints, nothing is executed, and
//! the same input gives the same bits whatever the number of threads.
//!
//! ```
//! use bytes::Bytes;
//! use zoo_text::{Encoder, Lexicon, Text};
//!
//! let words = Bytes::from_static(b"the\ncat\nsat\n");
//! let encoder = Encoder::new(&Text::default(), Lexicon::Words(words))?;
//!
//! let encoded = encoder.encode("The cat yawned.")?;
//! assert_eq!(encoded.ids, [0, 1]);
//! assert_eq!(encoded.unknown, 2);
//! # Ok::<(), zoo_text::Error>(())
//! ```

// Text to ids.
mod encoded;
mod encoder;
mod text;
mod tokenizer;
mod vocabulary;
mod words;

// Word vectors: their files, and searching them.
pub mod matrix;
pub mod questions;
pub mod vectors;

mod error;

pub use encoded::Encoded;
pub use encoder::{Encoder, Lexicon};
pub use error::Error;
pub use matrix::{Element, Section, WordMatrix};
pub use questions::{Questions, QuestionsError};
pub use text::{MAX_TOKENS, Text, Tokens};
pub use tokenizer::{MAX_TOKENIZER, Tokenizer};
pub use vocabulary::Vocabulary;
pub use words::{Case, Words, words};
