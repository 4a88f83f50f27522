//! Blocks of baseline and extended sequential files (ITU-T T.81, F.2.2): complete as soon as
//! they are read, and transformed a row of them at a time.

use super::bits::Bits;
use super::failure::{Failure, malformed};
use super::frame::{BLOCK, Component};
use super::huffman::Table;
use super::idct::{self, Group, LANES, Steps};
use super::plane::Plane;
use super::scan::Coder;

/// One component of a sequential scan.
pub(super) struct Part<'a> {
    dc: &'a Table,
    ac: &'a Table,
    steps: Steps,
    pub(super) plane: Plane,
    /// The last block's DC coefficient.
    previous: i32,
    /// The coefficients of the rows of blocks that are being read, row after row.
    groups: Vec<Group>,
    /// Groups a row.
    wide: usize,
    /// The first of the rows of blocks that are being read.
    first: usize,
}

impl<'a> Part<'a> {
    /// Before the first block. A unit of the scan has `high` rows of blocks of this component.
    pub(super) fn new(
        [dc, ac]: [&'a Table; 2],
        quantization: &[u16; BLOCK],
        plane: Plane,
        component: &Component,
        high: usize,
    ) -> Self {
        let wide = component.padded_wide.div_ceil(LANES);
        let (steps, groups) = (Steps::new(quantization), vec![Group::EMPTY; wide * high]);
        Self { dc, ac, steps, plane, previous: 0, groups, wide, first: 0 }
    }

    #[inline(always)]
    fn block(&mut self, bits: &mut Bits<'_>, row: usize, column: usize) -> Result<(), Failure> {
        let group = &mut self.groups[(row - self.first) * self.wide + column / LANES];
        let lane = column % LANES;
        bits.refill();
        let (_, difference) = self.dc.decode_with_value(bits).ok_or(NO_CODE)?;
        self.previous = self.previous.wrapping_add(difference);
        group.set(0, lane, self.previous as i16);
        let mut at = 0;
        let mut last = 0;
        while at < BLOCK - 1 {
            bits.refill();
            let (symbol, value) = self.ac.decode_with_value(bits).ok_or(NO_CODE)?;
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run + 1;
            if at >= BLOCK {
                return Err(TOO_LONG);
            }
            last = at;
            group.set(at, lane, value as i16);
        }
        group.reaches(last);
        Ok(())
    }
}

/// Decodes and transforms the blocks of a sequential scan.
pub(super) struct Sequential<'a> {
    pub(super) parts: Vec<Part<'a>>,
}

impl Coder for Sequential<'_> {
    #[inline(always)]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure> {
        // A copy, so that it stays in registers.
        let mut ahead = *bits;
        let decoded = self.parts[part].block(&mut ahead, row, column);
        *bits = ahead;
        decoded
    }

    fn end_of_row(&mut self) {
        for part in &mut self.parts {
            for groups in part.groups.chunks_exact_mut(part.wide) {
                let (rows, stride) = part.plane.band(part.first);
                idct::inverse(groups, &part.steps, rows, stride);
                part.first += 1;
            }
        }
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
