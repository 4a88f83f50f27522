//! Which layout a file has, by its first bytes.

use std::collections::HashSet;

use super::header::Header;
use super::{MAX_DIMENSION, line};

/// As many bytes as are looked at. Fewer are a whole file.
pub const HEAD: usize = 64 << 10;

/// The smallest dimension that is believed of a file without a header: with fewer numbers a
/// line, any table with a column of names would be word vectors.
pub const MIN_PLAIN_DIMENSION: usize = 4;

/// Lines, or rows, that are looked at.
const SAMPLE: usize = 64;

/// Rows of a binary file that are looked at.
const BINARY_SAMPLE: usize = 8;

/// How a file of word vectors is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// word2vec's binary: a header, then words and numbers of 32 bits.
    Word2vecBinary,
    /// word2vec's and fastText's text: a header, then a line for each word.
    HeaderText,
    /// `GloVe`'s text: a line for each word and no header.
    PlainText,
}

/// The layout of the file that begins with `head`: its first [`HEAD`] bytes, already unzipped,
/// or all of it where it is shorter. `None` where it is none of them.
///
/// The name of a file is never asked. With a header, three of four rows must be as the header
/// says. Without, the first line and three of four must have the same number of fields, at least
/// [`MIN_PLAIN_DIMENSION`] numbers behind a word, the words must differ, and not all may
/// be numbers: that keeps out tables of numbers, CSV, JSON, source code and prose.
pub fn detect(head: &[u8]) -> Option<Layout> {
    sniff(head).map(|(layout, _)| layout)
}

/// Layout and dimension.
pub(super) fn sniff(head: &[u8]) -> Option<(Layout, usize)> {
    let head = &head[..head.len().min(HEAD)];
    let Some(header) = Header::parse(head) else {
        return plain(head).map(|dimension| (Layout::PlainText, dimension));
    };
    if header.problem().is_some() {
        return None;
    }
    let (dimension, is_whole) = (header.dimension as usize, head.len() < HEAD);
    let rows = &head[header.length..];
    if are_lines(rows, is_whole, dimension) {
        Some((Layout::HeaderText, dimension))
    } else if are_binary(rows, dimension) {
        Some((Layout::Word2vecBinary, dimension))
    } else {
        None
    }
}

/// The first lines that are complete and not blank.
fn lines(text: &[u8], is_whole: bool) -> Vec<&[u8]> {
    let end = if is_whole {
        text.len()
    } else {
        text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)
    };
    text[..end]
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.trim_ascii().is_empty())
        .take(SAMPLE)
        .collect()
}

fn are_lines(text: &[u8], is_whole: bool, dimension: usize) -> bool {
    let lines = lines(text, is_whole);
    if lines.is_empty() {
        // One line may be longer than the head.
        let mut fields = line::fields(text);
        let word = fields.next();
        let numbers: Vec<&[u8]> = fields.collect();
        return word.is_some()
            && numbers.len() > SAMPLE
            && numbers.len() <= dimension
            && numbers[..numbers.len() - 1].iter().all(|field| line::number(field).is_some());
    }
    let mut values = vec![0.0; dimension];
    let good = lines.iter().filter(|line| line::parse(line, &mut values).is_ok()).count();
    good > 0 && good * 4 >= lines.len() * 3
}

/// The dimension of text without a header, if it is word vectors.
fn plain(text: &[u8]) -> Option<usize> {
    let lines = lines(text, text.len() < HEAD);
    let dimension = line::fields(lines.first()?).count().checked_sub(1)?;
    let counts: Vec<usize> = lines.iter().map(|line| line::fields(line).count()).collect();
    // The first word may be `. . .`: what most lines have is believed.
    let usual = counts
        .iter()
        .map(|&count| (counts.iter().filter(|&&other| other == count).count(), count))
        .max()?
        .1
        .checked_sub(1)?
        .min(dimension);
    if !(MIN_PLAIN_DIMENSION..=MAX_DIMENSION).contains(&usual) {
        return None;
    }
    let mut values = vec![0.0; usual];
    line::parse(lines[0], &mut values).ok()?;
    let words: Vec<&[u8]> =
        lines.iter().filter_map(|line| line::parse(line, &mut values).ok()).collect();
    let distinct = words.iter().collect::<HashSet<_>>().len();
    (words.len() * 4 >= lines.len() * 3
        && (words.len() > 1 || usual >= 2 * MIN_PLAIN_DIMENSION)
        && distinct * 8 >= words.len() * 7
        && words.iter().any(|word| line::number(word).is_none()))
    .then_some(usual)
}

/// Whether words and numbers of 32 bits alternate: three of four words without control
/// characters, the first among them, and three of four numbers of a size that numbers have.
fn are_binary(mut rows: &[u8], dimension: usize) -> bool {
    let (mut words, mut printable) = (0, 0);
    let (mut numbers, mut plausible) = (0, 0);
    while words < BINARY_SAMPLE {
        let start = rows.iter().position(|&byte| byte != b'\n').unwrap_or(rows.len());
        rows = &rows[start..];
        let Some(end) = rows.iter().position(|&byte| byte == b' ') else { break };
        let is_printable = end > 0 && !rows[..end].iter().any(u8::is_ascii_control);
        if words == 0 && !is_printable {
            return false;
        }
        words += 1;
        printable += usize::from(is_printable);
        rows = &rows[end + 1..];
        let (row, rest) = rows.split_at(rows.len().min(dimension * 4));
        for bytes in row.as_chunks::<4>().0 {
            numbers += 1;
            let size = f32::from_le_bytes(*bytes).abs();
            plausible += usize::from(size == 0.0 || (1e-30..1e10).contains(&size));
        }
        rows = rest;
    }
    numbers > 0 && printable * 4 >= words * 3 && plausible * 4 >= numbers * 3
}
