//! What can go wrong between a file or a text and its numbers.

use std::path::PathBuf;

use crate::questions::QuestionsError;
use crate::vectors::{Flaw, Place};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of word vectors cannot be opened.
    #[error("cannot open word vectors {path:?}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Reading word vectors failed, or what is gzipped is damaged.
    #[error("cannot read word vectors at {place}")]
    Read {
        /// Where reading had come to.
        place: Place,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The bytes have none of the layouts of word vectors.
    #[error("not word vectors (binary and text of word2vec, text of fastText and GloVe are read)")]
    NotVectors,
    /// The header of word vectors is absurd.
    #[error("the header of the word vectors {problem}")]
    Header {
        /// What it declares, and what is allowed.
        problem: String,
    },
    /// A row that the [`Policy`](crate::vectors::Policy) refuses.
    #[error("malformed word vectors at {place}: {flaw}")]
    Malformed {
        /// Where the row is.
        place: Place,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A binary file ends before its last row does.
    #[error("the word vectors end in row {row} of the {declared} that they declare")]
    Truncated {
        /// The row that is not complete, from 1.
        row: u64,
        /// How many the header declares.
        declared: u64,
    },
    /// A file has more rows than the [`Policy`](crate::vectors::Policy) allows.
    #[error("more than {limit} word vectors")]
    TooManyRows {
        /// The largest number that is allowed.
        limit: u64,
    },
    /// A `vocabulary.txt` that is none.
    #[error("invalid vocabulary at line {line}: {problem}")]
    Vocabulary {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A section `text` of a card that cannot be carried out.
    #[error("invalid text section: `{field}` {problem}")]
    Invalid {
        /// The field as it is written in the card.
        field: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// A `tokenizer.json` that is too large to be one.
    #[error("a tokenizer of {bytes} bytes, more than {limit}")]
    TokenizerTooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size that is read.
        limit: usize,
    },
    /// A `tokenizer.json` that cannot be read.
    #[error("cannot read the tokenizer")]
    Tokenizer {
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text that the tokenizer does not take.
    #[error("cannot tokenize a text of {bytes} bytes")]
    Tokenize {
        /// Length of the text.
        bytes: usize,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Fewer tokens than the special ones and one more.
    #[error("at most {max_tokens} tokens, of which {special} are special, leave none for the text")]
    NoRoom {
        /// Tokens that are allowed.
        max_tokens: usize,
        /// Tokens that the tokenizer adds to every text.
        special: usize,
    },
    /// A buffer that is not a matrix of word vectors of the given size.
    #[error("{bytes} bytes are not {rows} rows of {dimension} numbers of {size} bytes")]
    Shape {
        /// Length of the buffer.
        bytes: usize,
        /// Rows.
        rows: usize,
        /// Numbers in a row.
        dimension: usize,
        /// Bytes of a number.
        size: usize,
    },
    /// A query of another dimension than the word vectors have.
    #[error("a query of {found} numbers for word vectors of {expected}")]
    Dimension {
        /// Numbers of the query.
        found: usize,
        /// Numbers of a word vector.
        expected: usize,
    },
    /// A row that the matrix does not have.
    #[error("no row {row} among {rows}")]
    NoRow {
        /// The row asked for, from 0.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// A vocabulary and a matrix that do not belong together.
    #[error("{words} words for {rows} word vectors")]
    Sizes {
        /// Words in the vocabulary.
        words: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// Analogy questions that cannot be read.
    #[error("cannot read the analogy questions")]
    Questions(#[from] QuestionsError),
}
