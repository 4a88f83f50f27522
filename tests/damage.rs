//! Ways in which files arrive broken. Everything is seeded: a failure can be repeated.

/// A sequence of numbers that looks random (SplitMix64, Steele, Lea and Flood 2014).
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    /// `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// A copy with one bit flipped, of the byte at `position`.
pub fn flipped(bytes: &[u8], position: usize, bit: usize) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    copy[position] ^= 1 << bit;
    copy
}

/// `count` copies with one bit flipped, with the position and the bit: by turns in the first
/// 4 kB, in the last 4 kB, and anywhere. Formats keep their structure at their ends.
pub fn flips(
    bytes: &[u8],
    count: usize,
    seed: u64,
) -> impl Iterator<Item = (usize, usize, Vec<u8>)> {
    let mut random = Random::new(seed);
    let end = bytes.len().min(4096);
    (0..count).map(move |turn| {
        let position = match turn % 3 {
            0 => random.below(end),
            1 => bytes.len() - 1 - random.below(end),
            _ => random.below(bytes.len()),
        };
        let bit = random.below(8);
        (position, bit, flipped(bytes, position, bit))
    })
}

/// Lengths at which a file may have been cut: nothing, a few bytes, a header, the middle, and
/// just before the end.
pub fn cuts(length: usize) -> Vec<usize> {
    vec![0, 1, 9, 100, 1000, length / 4, length / 2, length - 600, length - 1]
}
