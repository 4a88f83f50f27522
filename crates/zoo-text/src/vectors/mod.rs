//! Files of word vectors, read row by row.
//!
//! Three layouts are known, told apart by their bytes ([`detect`]), plain or gzipped:
//!
//! | layout | header | a row |
//! |---|---|---|
//! | word2vec, binary | `count dimension\n` | word, space, `dimension` numbers of 32 bits, little-endian; a newline or none |
//! | word2vec and fastText, text | `count dimension\n` | word and numbers between spaces, to the newline |
//! | `GloVe`, text | none | the same |
//!
//! In the text layouts the last `dimension` fields are the numbers and everything before them is
//! the word, spaces included: `GloVe` 840B has rows for `. . .`. A word with spaces whose last
//! piece is a number is a row with too many numbers instead.
//!
//! # What is wrong with a row
//!
//! [`Policy`] says whether a row with a [`Flaw`] ends the reading or is skipped; what was skipped
//! is counted in [`Findings`]. Unless told otherwise,
//!
//! - numbers that are missing, too many, not numbers or not finite, and lines above [`MAX_LINE`],
//!   are refused: the file is damaged, or not what it seems;
//! - words that are empty, not UTF-8 or hold a line break are skipped: `GoogleNews` has some;
//! - of a word that comes twice the first row is kept.
//!
//! Blank lines are no rows. A header that declares another number of rows than a text file has
//! is reported ([`Findings::declared`]); a binary file that ends early is refused.
//!
//! # Memory
//!
//! One row, and 16 bytes for each word that was seen. Words are compared by two keyed 64-bit
//! hashes (SipHash-1-3, keys drawn for each reader): among `n` words a wrong "duplicate" has a
//! probability of `n * n / 2^129`, which is 2^-82 for ten million, and nobody can make
//! words that collide.

mod binary;
mod findings;
mod flaw;
mod header;
mod layout;
mod line;
mod open;
mod policy;
mod reader;
mod seen;

pub use findings::{Finding, Findings, MAX_FINDINGS};
pub use flaw::{Flaw, Place};
pub use header::{MAX_COUNT, MAX_DIMENSION};
pub use layout::{HEAD, Layout, MIN_PLAIN_DIMENSION, detect};
pub use open::{Opened, detect_file};
pub use policy::{Malformed, Policy};
pub use reader::{MAX_LINE, Reader, Row};
