//! Blocks of baseline and extended sequential files (ITU-T T.81, F.2.2): complete as soon as
//! they are read, and transformed at once.

use super::bits::Bits;
use super::failure::{Failure, malformed};
use super::frame::BLOCK;
use super::huffman::Table;
use super::idct;
use super::plane::Plane;
use super::scan::Coder;
use super::zigzag::ZIGZAG;

/// One component of a sequential scan.
pub(super) struct Part<'a> {
    pub(super) dc: &'a Table,
    pub(super) ac: &'a Table,
    pub(super) quantization: [u16; BLOCK],
    pub(super) plane: Plane,
    /// The last block's DC coefficient.
    pub(super) previous: i32,
}

/// Decodes and transforms the blocks of a sequential scan.
pub(super) struct Sequential<'a> {
    pub(super) parts: Vec<Part<'a>>,
}

impl Coder for Sequential<'_> {
    #[inline]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure> {
        let part = &mut self.parts[part];
        let mut block = [0; BLOCK];
        bits.refill();
        let size = part.dc.decode(bits).ok_or(NO_CODE)?;
        part.previous = part.previous.wrapping_add(bits.signed(u32::from(size & 15)));
        block[0] = part.previous as i16;
        let mut at = 0;
        let mut last = 0;
        while at < BLOCK - 1 {
            bits.refill();
            let symbol = part.ac.decode(bits).ok_or(NO_CODE)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run + 1;
            let place = *ZIGZAG.get(at).ok_or(TOO_LONG)?;
            last = at;
            block[usize::from(place) % BLOCK] = bits.signed(size) as i16;
        }
        idct::inverse(&block, &part.quantization, last, part.plane.block(row, column));
        Ok(())
    }

    fn restart(&mut self) {
        for part in &mut self.parts {
            part.previous = 0;
        }
    }
}

/// The bits start no code of the table.
pub(super) const NO_CODE: Failure = malformed("a huffman code is in no table");

/// Coefficients follow behind the last one.
pub(super) const TOO_LONG: Failure = malformed("a block has too many coefficients");
