//! What the tests share: fixtures, and numbers that are the same every time.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use std::fmt::Write as _;
use std::path::PathBuf;

use zoo_text::Error;
use zoo_text::vectors::{Findings, Policy, Reader};

/// A folder named by an environment variable, or `None` and a message.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    folder
}

/// `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Between -1 and 1.
    pub fn number(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }
}

/// Words with their numbers.
pub type Rows = Vec<(String, Vec<f32>)>;

/// All rows of a file.
pub fn read(file: &[u8], policy: Policy) -> Result<(Rows, Findings), Error> {
    let mut reader = Reader::new(file, policy)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push((row.word.to_owned(), row.values.to_vec()));
    }
    Ok((rows, reader.findings().clone()))
}

/// `rows` in word2vec's binary layout.
pub fn binary(rows: &[(String, Vec<f32>)], newline: bool) -> Vec<u8> {
    let mut file = format!("{} {}\n", rows.len(), rows[0].1.len()).into_bytes();
    for (word, values) in rows {
        file.extend(word.bytes().chain([b' ']));
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file.extend(newline.then_some(b'\n'));
    }
    file
}

/// `rows` as lines, `end` behind each.
pub fn text(rows: &[(String, Vec<f32>)], header: bool, end: &str) -> Vec<u8> {
    let mut file = String::new();
    if header {
        writeln!(file, "{} {}", rows.len(), rows[0].1.len()).unwrap();
    }
    for (word, values) in rows {
        file.push_str(word);
        for value in values {
            write!(file, " {value}").unwrap();
        }
        file.push_str(end);
    }
    file.into_bytes()
}
