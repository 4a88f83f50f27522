use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;

use sha2::{Digest as _, Sha256};
use zoo_model::Digest;

/// Features on disk, in one file for each trunk and preprocessing.
///
/// The file is a list of records: the image's digest (32 bytes), the feature (`f32`,
/// little-endian) and the first 8 bytes of the sha256 of both. A record is written by one call
/// at the end of the file, as soon as it is computed, so a run that is killed loses what it was
/// at and no more. What a crash or two writers at once left in the middle does not have its
/// checksum: it is skipped by looking for the next record that does. A cache is never needed:
/// where it cannot be read or written, features are computed and forgotten.
pub struct FeatureCache {
    known: HashMap<Digest, Box<[f32]>>,
    file: Mutex<Option<File>>,
}

const DIGEST: usize = 32;
const CHECKSUM: usize = 8;
/// How many torn records are looked past.
const TEARS: usize = 4;

impl FeatureCache {
    /// Opens the features that `key` names, of `length` numbers each, in the folder `dir`.
    pub fn open(dir: &Path, key: Digest, length: usize) -> Self {
        let path = dir.join(format!("{key}.features"));
        let record = DIGEST + length * 4 + CHECKSUM;
        let mut known = HashMap::new();
        let mut bytes = Vec::new();
        if File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).is_ok() {
            // A torn record is shorter than a whole one, so the next begins within its length;
            // a file with more damage than a few crashes leave is not worth the search.
            let mut tries = TEARS * record;
            let mut at = 0;
            while let Some(bytes) = bytes.get(at..at + record) {
                if let Some((digest, feature)) = read(bytes) {
                    known.insert(digest, feature);
                    at += record;
                } else if tries > 0 {
                    tries -= 1;
                    at += 1;
                } else {
                    break;
                }
            }
        }
        let open = || {
            fs::create_dir_all(dir)?;
            OpenOptions::new().append(true).create(true).open(&path)
        };
        Self { known, file: Mutex::new(open().ok()) }
    }

    /// How many features are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the feature of the image with this digest is known.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.known.contains_key(digest)
    }

    /// The feature of the image with this digest.
    pub fn get(&self, digest: &Digest) -> Option<Box<[f32]>> {
        self.known.get(digest).cloned()
    }

    /// Keeps a feature for the next run. A disk that is full ends the keeping, not the run.
    pub fn put(&self, digest: &Digest, feature: &[f32]) {
        let mut record = digest.as_bytes().to_vec();
        record.extend(feature.iter().flat_map(|value| value.to_le_bytes()));
        let checksum = Sha256::digest(&record);
        record.extend(&checksum[..CHECKSUM]);
        let Ok(mut file) = self.file.lock() else { return };
        if let Some(open) = file.as_mut()
            && open.write_all(&record).is_err()
        {
            *file = None;
        }
    }
}

/// A record, if it has its checksum.
fn read(record: &[u8]) -> Option<(Digest, Box<[f32]>)> {
    let (content, checksum) = record.split_at_checked(record.len().checked_sub(CHECKSUM)?)?;
    let (digest, feature) = content.split_at_checked(DIGEST)?;
    if Sha256::digest(content)[..CHECKSUM] != *checksum {
        return None;
    }
    let feature = feature.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
    Some((Digest::from_bytes(digest.try_into().ok()?), feature))
}
