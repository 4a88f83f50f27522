//! Words and their rows.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use rayon::prelude::*;

use crate::Error;

/// No row: an empty place of the table.
const EMPTY: u32 = u32::MAX;

/// The words of a model in the order of its rows: `vocabulary.txt`, a word a line.
///
/// The bytes stay where they are, mapped or shared; the index takes 4 bytes a word for where it
/// begins and 8 to 16 to find it. Hashes are keyed anew each time, so that no file can be made whose
/// words all fall on one place.
#[derive(Clone)]
pub struct Vocabulary {
    bytes: Bytes,
    /// Where each word begins, and the end.
    starts: Vec<u32>,
    /// Open addressing, at most half full; a power of two.
    table: Vec<u32>,
    keys: RandomState,
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("words", &self.len()).finish_non_exhaustive()
    }
}

impl Vocabulary {
    /// Checks and indexes `bytes`: UTF-8, each word followed by a newline.
    ///
    /// # Errors
    ///
    /// [`Error::Vocabulary`] names the first line that is wrong: no words at all, not UTF-8, an
    /// empty word, one with a carriage return, one that comes twice, a last one without newline;
    /// or 4 GiB and more.
    pub fn new(bytes: Bytes) -> Result<Self, Error> {
        let invalid =
            |line: usize, problem: &str| Error::Vocabulary { line, problem: problem.to_owned() };
        if bytes.len() >= EMPTY as usize {
            return Err(invalid(1, "4 GiB or more"));
        }
        if let Err(error) = std::str::from_utf8(&bytes) {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|&byte| byte == b'\n').count();
            return Err(invalid(line, "not UTF-8"));
        }
        let mut starts = vec![0];
        for (index, &byte) in bytes.iter().enumerate() {
            if byte == b'\n' {
                if starts.last() == Some(&(index as u32)) {
                    return Err(invalid(starts.len(), "an empty word"));
                }
                starts.push(index as u32 + 1);
            } else if byte == b'\r' {
                return Err(invalid(starts.len(), "a carriage return"));
            }
        }
        if starts.last() != Some(&(bytes.len() as u32)) {
            return Err(invalid(starts.len(), "no newline at the end"));
        }
        if bytes.is_empty() {
            return Err(invalid(1, "no words"));
        }
        let words = starts.len() - 1;
        let mut vocabulary = Self {
            bytes,
            starts,
            table: vec![EMPTY; (words * 2).next_power_of_two()],
            keys: RandomState::new(),
        };
        // All hashes first: the loop behind them then waits for memory at many places at once, and
        // looks at the words only where hashes are equal.
        let hash = |row| vocabulary.keys.hash_one(vocabulary.bytes_of(row));
        let hashes: Vec<u64> = (0..words).into_par_iter().map(hash).collect();
        let mask = vocabulary.table.len() - 1;
        for (row, &hash) in hashes.iter().enumerate() {
            let mut place = hash as usize & mask;
            while vocabulary.table[place] != EMPTY {
                let known = vocabulary.table[place] as usize;
                if hashes[known] == hash && vocabulary.bytes_of(known) == vocabulary.bytes_of(row) {
                    let problem = format!("the word of line {} again", known + 1);
                    return Err(Error::Vocabulary { line: row + 1, problem });
                }
                place = (place + 1) & mask;
            }
            vocabulary.table[place] = row as u32;
        }
        Ok(vocabulary)
    }

    /// How many words there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The word of a row, from 0.
    pub fn word(&self, row: usize) -> Option<&str> {
        (row < self.len()).then(|| std::str::from_utf8(self.bytes_of(row)).ok()).flatten()
    }

    /// The words in the order of their rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|row| self.word(row).unwrap_or_default())
    }

    /// The row of a word, spelled exactly so.
    pub fn find(&self, word: &str) -> Option<usize> {
        let word = word.as_bytes();
        let mask = self.table.len() - 1;
        let mut place = self.keys.hash_one(word) as usize & mask;
        loop {
            match self.table[place] {
                EMPTY => return None,
                row if self.bytes_of(row as usize) == word => return Some(row as usize),
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// Up to `count` words that `word` may have been meant to be: the nearest by edit distance,
    /// where a swap of neighbours counts one, of distance at most a third of the word's length, and at
    /// least 1. Among equals the earlier, more frequent ones are first.
    pub fn suggest(&self, word: &str, count: usize) -> Vec<String> {
        let length = word.chars().count();
        let farthest = (length / 3).max(1);
        // A character is 1 to 4 bytes: this spares most words the distance.
        let bytes = length.saturating_sub(farthest)..=(length + farthest) * 4;
        let mut near: Vec<(usize, &str)> = self
            .iter()
            .filter(|known| {
                bytes.contains(&known.len()) && known.chars().count().abs_diff(length) <= farthest
            })
            .map(|known| (strsim::osa_distance(known, word), known))
            .filter(|&(distance, _)| distance <= farthest)
            .collect();
        near.sort_by_key(|&(distance, _)| distance);
        near.into_iter().take(count).map(|(_, known)| known.to_owned()).collect()
    }

    fn bytes_of(&self, row: usize) -> &[u8] {
        &self.bytes[self.starts[row] as usize..self.starts[row + 1] as usize - 1]
    }
}
