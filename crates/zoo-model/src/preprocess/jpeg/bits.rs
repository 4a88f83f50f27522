//! The bits of entropy-coded data (ITU-T T.81, F.2.2.5).

use super::failure::{Failure, malformed};
use super::markers::find_marker;

/// Reads bits, the most significant first, and stops at any marker.
///
/// Beyond the end it hands out zeros, so that the decoders need not look at every bit;
/// [`Bits::check`] tells afterwards whether any of them was used.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Upcoming bits, the first one topmost. Bits below `count` may be set already: they are
    /// those of the byte at `at`, and come again.
    buffer: u64,
    count: u32,
    /// Zeros that were appended to `buffer` for want of data.
    padding: u32,
}

impl<'a> Bits<'a> {
    /// Bits of `bytes` from the byte `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0, padding: 0 }
    }

    /// Makes at least 32 bits available: a Huffman code (16) and the value it announces (15).
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count < 32 {
            match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
                Some(&bytes) if !has_ff(u64::from_be_bytes(bytes)) => {
                    self.buffer |= u64::from_be_bytes(bytes) >> self.count;
                    let taken = (63 - self.count) / 8;
                    self.at += taken as usize;
                    self.count += 8 * taken;
                }
                // By value: a reference would keep the bits in memory instead of registers.
                _ => *self = self.refilled_bytewise(),
            }
        }
    }

    /// What [`Bits::refill`] leaves where a `0xFF` or the end is near.
    #[cold]
    #[inline(never)]
    fn refilled_bytewise(mut self) -> Self {
        while self.count <= 56 {
            let byte = match self.bytes.get(self.at) {
                Some(0xFF) => {
                    let rest = &self.bytes[self.at + 1..];
                    let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
                    if rest.get(fill) != Some(&0) {
                        // A marker, or the end: fill bytes are not looked at again.
                        self.at += fill;
                        return self.padded();
                    }
                    self.at += fill + 2;
                    0xFF
                }
                Some(&byte) => {
                    self.at += 1;
                    byte
                }
                None => return self.padded(),
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    fn padded(mut self) -> Self {
        self.padding += 56 - self.count.min(56);
        self.count = self.count.max(56);
        self
    }

    /// The next `count` bits, at most 32, without taking them.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        ((self.buffer >> 1) >> (63 - count)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// Takes `count` bits, at most 16, of those that [`Bits::refill`] made available.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> i32 {
        let value = self.peek(count);
        self.skip(count);
        value as i32
    }

    /// Takes one bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Takes a value of `size` bits, at most 15, whose upper half is positive and whose lower
    /// half stands for the negatives (F.2.2.1, `EXTEND`).
    #[inline(always)]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        let value = self.signed_after(0, size);
        self.skip(size);
        value
    }

    /// As [`Bits::signed`] behind the next `skipped` bits, without taking any.
    #[inline(always)]
    pub(super) fn signed_after(&self, skipped: u32, size: u32) -> i32 {
        let value = (((self.buffer << skipped) >> 1) >> (63 - size)) as i32;
        // All ones when the first bit is zero.
        let negative = (value - ((1 << size) >> 1)) >> 31;
        value + (negative & (1 - (1 << size)))
    }

    /// Whether all bits taken so far were really there.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.padding > self.count { Err(self.overrun()) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn overrun(self) -> Failure {
        if find_marker(self.bytes, self.at).is_none() {
            return Failure::Truncated;
        }
        malformed("a scan ends early")
    }

    /// Goes on behind the restart marker `number` (E.2.4); what is left before it is dropped.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Failure> {
        let at = find_marker(self.bytes, self.at).ok_or(Failure::Truncated)?;
        if self.bytes[at] != 0xD0 + number {
            return Err(malformed("a restart marker is missing"));
        }
        *self = Self::new(self.bytes, at + 1);
        Ok(())
    }

    /// A position before which all data was read, and behind which the next marker is.
    pub(super) fn position(&self) -> usize {
        self.at
    }
}

/// Whether a byte of `word` is `0xFF`.
#[inline(always)]
fn has_ff(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_bytes_are_data_and_markers_are_not() {
        let bytes = [0x12, 0xFF, 0x00, 0x34, 0xFF, 0xFF, 0x00, 0x56, 0xFF, 0xD1, 0x78, 0xFF, 0xD9];
        let mut bits = Bits::new(&bytes, 0);
        let mut read = || {
            bits.refill();
            bits.take(8)
        };
        assert_eq!([read(), read(), read(), read(), read()], [0x12, 0xFF, 0x34, 0xFF, 0x56]);
        bits.check().unwrap();
        assert!(!bits.bit());
        assert_eq!(bits.check(), Err(malformed("a scan ends early")));
        assert!(bits.restart(0).is_err());
        bits.restart(1).unwrap();
        bits.refill();
        assert_eq!(bits.take(8), 0x78);
        bits.check().unwrap();
    }

    #[test]
    fn long_data_reads_as_its_bytes() {
        let bytes: Vec<u8> = (0..4000_u32).map(|i| (i * i * 7 % 255) as u8).collect();
        for width in 1..=16 {
            let mut bits = Bits::new(&bytes, 0);
            for at in (0..bytes.len() as u32 * 8 - 16).step_by(width as usize) {
                let expected = (0..width).fold(0, |v, i| {
                    v << 1 | bytes[(at + i) as usize / 8] >> (7 - (at + i) % 8) as i32 & 1
                });
                bits.refill();
                assert_eq!(bits.take(width) as u32 & 0xFF, u32::from(expected));
            }
            bits.check().unwrap();
        }
    }

    #[test]
    fn signed_values_follow_the_table() {
        // T.81, table F.1: size 3 is -7 to -4 and 4 to 7.
        let values = [0b0000_0101, 0b0011_1001, 0b0111_0111];
        let mut bits = Bits::new(&values, 0);
        bits.refill();
        let read = [0; 8].map(|_| bits.signed(3));
        assert_eq!(read, [-7, -6, -5, -4, 4, 5, 6, 7]);
        assert_eq!(bits.signed(0), 0);
    }
}
