//! Searching word vectors where they lie in memory.
//!
//! All searches are exact: every row is looked at, on all cores. A sum is taken in an order that
//! the dimension alone decides, so that results are the same bits whatever the number of threads.

mod analogy;
mod dot;
mod element;
mod evaluate;
mod nearest;
mod norms;
mod scores;
mod top;
mod word_matrix;

pub use element::Element;
pub use evaluate::Section;
pub use word_matrix::WordMatrix;

/// Rows that are taken together: what one task does, and what a scratch buffer holds.
const BLOCK: usize = 32;
