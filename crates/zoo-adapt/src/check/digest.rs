//! Digests of files and of whole data sets.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use zoo_model::Digest;

use crate::dataset::{Example, ImageFolder};

/// What came of reading one file.
pub(super) struct ReadFile {
    pub(super) digest: Option<Digest>,
    pub(super) failure: Option<String>,
}

pub(super) fn read_all(
    examples: &[Example],
    max_bytes: u64,
    decode: impl Fn(&Example, &[u8]) -> Result<(), String> + Sync,
) -> Vec<ReadFile> {
    let files = examples.par_iter().map(|example| match read(&example.path, max_bytes) {
        Ok(bytes) => {
            ReadFile { digest: Some(Digest::of(&bytes)), failure: decode(example, &bytes).err() }
        }
        Err(error) => ReadFile { digest: None, failure: Some(error.to_string()) },
    });
    files.collect()
}

fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let expected = file.metadata()?.len().min(max_bytes);
    let mut bytes = Vec::with_capacity(expected as usize);
    // One byte more than allowed tells a file of exactly the limit from a larger one.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("larger than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// SHA-256, in hexadecimal, over what the data is, wherever it lies.
///
/// Hashed are the line `zoo data 1` and then, sorted by path, for every example: its relative
/// path (with `/`), its class name and the hexadecimal digest of its file (`-` where it
/// could not be read), each of the three ended by a zero byte, which no name can contain.
pub fn data_digest(folder: &ImageFolder, digests: &[Option<Digest>]) -> String {
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
