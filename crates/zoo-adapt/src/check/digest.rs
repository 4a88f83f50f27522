//! Digests of files and of whole data sets.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use zoo_model::Digest;

use super::Flaw;
use crate::dataset::{Dataset, Example};

/// What came of reading one file.
pub(super) struct ReadFile {
    pub(super) digest: Option<Digest>,
    pub(super) failure: Option<String>,
    pub(super) flaws: Vec<Flaw>,
}

pub(super) fn read_all(
    examples: &[Example],
    max_bytes: u64,
    look: impl Fn(&Example, &[u8]) -> Result<Vec<Flaw>, String> + Sync,
) -> Vec<ReadFile> {
    let files = examples.par_iter().map(|example| match example.content.read(max_bytes) {
        Ok(bytes) => {
            let digest = Some(Digest::of(&bytes));
            match look(example, &bytes) {
                Ok(flaws) => ReadFile { digest, failure: None, flaws },
                Err(failure) => ReadFile { digest, failure: Some(failure), flaws: Vec::new() },
            }
        }
        Err(error) => {
            ReadFile { digest: None, failure: Some(error.to_string()), flaws: Vec::new() }
        }
    });
    files.collect()
}

/// SHA-256, in hexadecimal, over what the data is, wherever it lies.
///
/// Hashed are the line `zoo data 1` and then, sorted by path, for every example: its relative
/// path (with `/`), its class name and the hexadecimal digest of its file (`-` where it
/// could not be read), each of the three ended by a zero byte, which no name can contain.
pub fn data_digest(folder: &Dataset, digests: &[Option<Digest>]) -> String {
    let mut lines: Vec<_> = folder.examples().iter().zip(digests).collect();
    lines.sort_by(|(a, _), (b, _)| a.relative.cmp(&b.relative));
    let mut hash = Sha256::new();
    hash.update(b"zoo data 1\n");
    for (example, digest) in lines {
        let digest = digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        for field in [&example.relative, &folder.classes()[example.class], &digest] {
            hash.update(field.as_bytes());
            hash.update([0]);
        }
    }
    Digest::from_bytes(hash.finalize().into()).to_string()
}

/// For every example the first one of the same content, or itself.
pub(super) fn groups(digests: &[Option<Digest>]) -> Vec<usize> {
    let mut first = HashMap::new();
    let group = |(example, digest): (usize, &Option<Digest>)| match digest {
        Some(digest) => *first.entry(*digest).or_insert(example),
        None => example,
    };
    digests.iter().enumerate().map(group).collect()
}
