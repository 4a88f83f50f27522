//! Random numbers from a seed, for tests.

/// SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.next() as usize % (most - least + 1)
    }

    /// The same for what makes work: little more than the least under Miri.
    pub(crate) fn length(&mut self, least: usize, most: usize) -> usize {
        self.within(least, if cfg!(miri) { most.min(least + 2) } else { most })
    }

    /// So many numbers between -1 and 1.
    pub(crate) fn list(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
    }
}

/// How many of `count` cases to try: few under Miri, which takes minutes for what takes milliseconds.
pub(crate) fn cases(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(30) } else { count }
}
