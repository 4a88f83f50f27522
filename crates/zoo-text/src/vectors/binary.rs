//! A row of word2vec's binary layout.

use std::io::{self, BufRead, Read as _};

use super::{Flaw, MAX_LINE};

/// How the word of a row was read.
pub(super) enum Word {
    /// It is in the buffer.
    Read,
    /// The file ends here.
    End,
    /// It is longer than [`MAX_LINE`].
    TooLong,
}

/// Reads a word into `word`, without the newlines before it and the space behind it.
pub(super) fn read_word(read: &mut impl BufRead, word: &mut Vec<u8>) -> io::Result<Word> {
    skip_newlines(read)?;
    word.clear();
    read.by_ref().take(MAX_LINE as u64 + 1).read_until(b' ', word)?;
    if word.pop_if(|&mut last| last == b' ').is_some() {
        return Ok(Word::Read);
    }
    Ok(if word.len() > MAX_LINE { Word::TooLong } else { Word::End })
}

/// Skips newlines; whether something follows them.
pub(super) fn skip_newlines(read: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = read.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        if let Some(start) = buffer.iter().position(|&byte| byte != b'\n') {
            read.consume(start);
            return Ok(true);
        }
        let length = buffer.len();
        read.consume(length);
    }
}

/// Little-endian `bytes` to `values`, of which there are a quarter as many.
pub(super) fn numbers(bytes: &[u8], values: &mut [f32]) -> Result<(), Flaw> {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bytes);
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Flaw::NotFinite { number: index + 1 }),
        None => Ok(()),
    }
}
