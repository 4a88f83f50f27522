//! Huffman tables (ITU-T T.81, annex C and F.2.2.3).

use super::bits::Bits;
use super::failure::{Failure, malformed};
use super::markers::Fields;

/// Codes of up to this length are found in one step; they are nearly all of a photo's.
const LOOKUP_BITS: u32 = 10;

/// The longest code.
const MAX_LENGTH: usize = 16;

/// One Huffman table, made ready for decoding.
pub(super) struct Table {
    /// For every start of the upcoming bits, the [`entry`] of the code, or 0 where the code is
    /// longer.
    lookup: [u32; 1 << LOOKUP_BITS],
    /// For every length, the first 16-bit number whose start is above the codes of that
    /// length.
    limits: [u32; MAX_LENGTH + 1],
    /// For every length, what is added to a code of that length to give its symbol's place.
    offsets: [i32; MAX_LENGTH + 1],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads a table's 16 counts and its symbols (B.2.4.2) and numbers the codes (C.2).
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Failure> {
        let counts = fields.bytes(MAX_LENGTH)?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 {
            return Err(malformed("a huffman table has more than 256 symbols"));
        }
        let symbols = fields.bytes(total)?.to_vec();
        let mut lookup = [0; 1 << LOOKUP_BITS];
        let mut limits = [0; MAX_LENGTH + 1];
        let mut offsets = [0; MAX_LENGTH + 1];
        let (mut code, mut place) = (0_usize, 0_usize);
        for (length, &count) in (1..).zip(counts) {
            offsets[length] = place as i32 - code as i32;
            let end = code + usize::from(count);
            if end > 1 << length {
                return Err(malformed("a huffman table has too many codes"));
            }
            if let Some(unused) = LOOKUP_BITS.checked_sub(length as u32) {
                let entries = lookup[code << unused..end << unused].chunks_exact_mut(1 << unused);
                for (entries, &symbol) in entries.zip(&symbols[place..]) {
                    entries.fill(entry(length as u32, symbol));
                }
            }
            limits[length] = (end << (MAX_LENGTH - length)) as u32;
            place += usize::from(count);
            code = end << 1;
        }
        Ok(Self { lookup, limits, offsets, symbols })
    }

    /// Whether the symbols can be sizes of DC differences.
    pub(super) fn is_of_sizes(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol < 16)
    }

    /// Decodes one symbol of the bits that [`Bits::refill`] made available; `None` if no code
    /// starts like them.
    #[inline(always)]
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let entry = self.find(bits)?;
        bits.skip(entry >> 8 & 0xFF);
        Some(entry as u8)
    }

    /// As [`Table::decode`], with the value whose size is the symbol's lower half.
    #[inline(always)]
    pub(super) fn decode_with_value(&self, bits: &mut Bits<'_>) -> Option<(u8, i32)> {
        let entry = self.find(bits)?;
        let value = bits.signed_after(entry >> 8 & 0xFF, entry & 15);
        // One step for both, because the next symbol waits for it.
        bits.skip(entry >> 16);
        Some((entry as u8, value))
    }

    #[inline(always)]
    fn find(&self, bits: &Bits<'_>) -> Option<u32> {
        match self.lookup[bits.peek(LOOKUP_BITS) as usize] {
            0 => self.find_long(bits.peek(MAX_LENGTH as u32)),
            entry => Some(entry),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_long(&self, upcoming: u32) -> Option<u32> {
        let lengths = LOOKUP_BITS as usize + 1..=MAX_LENGTH;
        let length = lengths.into_iter().find(|&length| upcoming < self.limits[length])?;
        let code = (upcoming >> (MAX_LENGTH - length)) as i32;
        let symbol = self.symbols.get(usize::try_from(code + self.offsets[length]).ok()?)?;
        Some(entry(length as u32, *symbol))
    }
}

/// What is known once a code is found: its symbol, its length (`<< 8`), and its length with that
/// of the value that the symbol's lower half announces (`<< 16`). Never zero.
const fn entry(length: u32, symbol: u8) -> u32 {
    (length + (symbol & 15) as u32) << 16 | length << 8 | symbol as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: [u8; 16], symbols: &[u8]) -> Result<Table, Failure> {
        Table::read(&mut Fields(&[&counts[..], symbols].concat()))
    }

    #[test]
    fn codes_are_numbered_by_length_and_order() {
        // 0, 10, 110, and the 11-bit codes 11100000000 and 11100000001.
        let table = table([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0], &[5, 6, 7, 8, 9]);
        let table = table.unwrap();
        let bytes = [0b0101_1011, 0b1000_0000, 0b0111_0000, 0b0001_1111, 0b1111_1110];
        let mut bits = Bits::new(&bytes, 0);
        let symbols: Vec<_> = std::iter::from_fn(|| {
            bits.refill();
            table.decode(&mut bits)
        })
        .collect();
        assert_eq!(symbols, [5, 6, 7, 8, 9]);
    }

    #[test]
    fn impossible_tables_are_refused() {
        assert!(table([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]).is_err());
        assert!(table([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]).is_err());
        assert!(table([0; 16], &[]).is_ok());
        assert!(table([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]).is_err());
        assert!(table([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255], &[0; 510]).is_err());
    }
}
