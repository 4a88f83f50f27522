//! The words that were seen, as 128-bit hashes.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

#[derive(Default)]
pub(super) struct Seen {
    keys: [RandomState; 2],
    hashes: HashSet<u128, BuildHasherDefault<LowHalf>>,
}

impl Seen {
    /// Whether `word` is new.
    pub(super) fn insert(&mut self, word: &str) -> bool {
        let [high, low] = [0, 1].map(|key: usize| u128::from(self.keys[key].hash_one(word)));
        self.hashes.insert(high << 64 | low)
    }
}

/// What is hashed is a hash already: half of it will do.
#[derive(Default)]
struct LowHalf(u64);

impl Hasher for LowHalf {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_new_once() {
        let mut seen = Seen::default();
        for round in 0..2 {
            for number in 0..10_000 {
                assert_eq!(seen.insert(&number.to_string()), round == 0);
            }
        }
    }
}
