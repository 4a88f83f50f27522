//! Blocks of progressive files (ITU-T T.81, annex G): each scan adds some bits of some
//! coefficients.

use super::bits::Bits;
use super::failure::Failure;
use super::frame::BLOCK;
use super::huffman::Table;
use super::scan::Coder;
use super::sequential::{NO_CODE, TOO_LONG};
use super::zigzag::ZIGZAG;

/// The coefficients of a component, block by block, row by row.
#[derive(Default)]
pub(super) struct Coefficients {
    pub(super) blocks: Vec<[i16; BLOCK]>,
    /// Blocks across.
    pub(super) wide: usize,
}

impl Coefficients {
    fn block(&mut self, row: usize, column: usize) -> &mut [i16; BLOCK] {
        &mut self.blocks[row * self.wide + column]
    }
}

/// One component of a scan of DC coefficients.
pub(super) struct DcPart<'a> {
    pub(super) table: &'a Table,
    pub(super) coefficients: Coefficients,
    /// The last block's DC coefficient, without its lower bits.
    pub(super) previous: i32,
}

/// The first scan of DC coefficients (G.1.2.1).
pub(super) struct DcFirst<'a> {
    pub(super) parts: Vec<DcPart<'a>>,
    /// The bit position that this scan reaches.
    pub(super) low: u32,
}

impl Coder for DcFirst<'_> {
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure> {
        let part = &mut self.parts[part];
        bits.refill();
        let size = part.table.decode(bits).ok_or(NO_CODE)?;
        part.previous = part.previous.wrapping_add(bits.signed(u32::from(size & 15)));
        part.coefficients.block(row, column)[0] = (part.previous << self.low) as i16;
        Ok(())
    }

    fn restart(&mut self) {
        for part in &mut self.parts {
            part.previous = 0;
        }
    }
}

/// A later scan of DC coefficients (G.1.2.1): one bit each, not coded any further.
pub(super) struct DcRefinement {
    pub(super) parts: Vec<Coefficients>,
    /// The bit position that this scan adds.
    pub(super) low: u32,
}

impl Coder for DcRefinement {
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure> {
        self.parts[part].block(row, column)[0] |= i16::from(bits.bit()) << self.low;
        Ok(())
    }

    fn restart(&mut self) {}
}

/// A scan of a band of one component's AC coefficients, the first or a later one.
pub(super) struct Ac<'a, const REFINEMENT: bool> {
    pub(super) table: &'a Table,
    pub(super) coefficients: Coefficients,
    /// The first coefficient of the band, in zigzag order, at least 1.
    pub(super) start: usize,
    /// The last coefficient of the band.
    pub(super) end: usize,
    /// The bit position that this scan reaches.
    pub(super) low: u32,
    /// Upcoming blocks whose bands have no further coefficients.
    pub(super) end_of_band_run: u32,
}

impl<const REFINEMENT: bool> Coder for Ac<'_, REFINEMENT> {
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        _: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure> {
        if REFINEMENT { self.refine(bits, row, column) } else { self.first(bits, row, column) }
    }

    fn restart(&mut self) {
        self.end_of_band_run = 0;
    }
}

impl<const REFINEMENT: bool> Ac<'_, REFINEMENT> {
    /// The first scan of a band (G.1.2.2).
    fn first(&mut self, bits: &mut Bits<'_>, row: usize, column: usize) -> Result<(), Failure> {
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            return Ok(());
        }
        let block = self.coefficients.block(row, column);
        let mut at = self.start;
        while at <= self.end {
            bits.refill();
            let symbol = self.table.decode(bits).ok_or(NO_CODE)?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size > 0 {
                at += usize::from(run);
                if at > self.end {
                    return Err(TOO_LONG);
                }
                block[place(at)] = (bits.signed(size) << self.low) as i16;
                at += 1;
            } else if run == 15 {
                at += 16;
            } else {
                self.end_of_band_run = run_length(bits, run) - 1;
                break;
            }
        }
        Ok(())
    }

    /// A later scan of a band (G.1.2.3): one bit for each coefficient that is not zero, and
    /// codes for those that become 1 or -1 in the new bit.
    fn refine(&mut self, bits: &mut Bits<'_>, row: usize, column: usize) -> Result<(), Failure> {
        let block = self.coefficients.block(row, column);
        let (low, end) = (self.low, self.end);
        let mut at = self.start;
        if self.end_of_band_run == 0 {
            while at <= end {
                bits.refill();
                let symbol = self.table.decode(bits).ok_or(NO_CODE)?;
                let (run, size) = (symbol >> 4, symbol & 15);
                let mut new = 0;
                if size > 0 {
                    // The size can only be 1: the bit is the sign.
                    new = if bits.take(1) == 1 { 1 << low } else { -1 << low };
                } else if run < 15 {
                    self.end_of_band_run = run_length(bits, run);
                    break;
                }
                at = refine_run(block, bits, at..end + 1, run.into(), low);
                if new != 0 {
                    if at > end {
                        return Err(TOO_LONG);
                    }
                    block[place(at)] = new;
                }
                at += 1;
            }
        }
        if self.end_of_band_run > 0 {
            // Most blocks have no AC coefficients; those are seen to be so at once.
            if block[1..].iter().fold(0, |all, value| all | value) != 0 {
                refine_run(block, bits, at..end + 1, usize::MAX, low);
            }
            self.end_of_band_run -= 1;
        }
        Ok(())
    }
}

/// Refines the coefficients in `band` that are not zero, up to the zero that follows `zeros`
/// others. Returns that one's place, or the end.
fn refine_run(
    block: &mut [i16; BLOCK],
    bits: &mut Bits<'_>,
    band: std::ops::Range<usize>,
    mut zeros: usize,
    low: u32,
) -> usize {
    let end = band.end;
    for at in band {
        let coefficient = &mut block[place(at)];
        if *coefficient == 0 {
            if zeros == 0 {
                return at;
            }
            zeros -= 1;
        } else if bits.bit() && *coefficient & (1 << low) == 0 {
            // Away from zero; only a hostile file leaves the range.
            let step = coefficient.signum() << low;
            *coefficient = coefficient.wrapping_add(step);
        }
    }
    end
}

/// How many blocks an end-of-band code stands for (table G.1): `1 << exponent` and as many
/// bits. `exponent` is at most 14.
fn run_length(bits: &mut Bits<'_>, exponent: u8) -> u32 {
    let exponent = u32::from(exponent);
    bits.refill();
    (1 << exponent) + bits.take(exponent) as u32
}

/// The place of the coefficient `at`, at most 63, in its block.
fn place(at: usize) -> usize {
    usize::from(ZIGZAG[at % BLOCK]) % BLOCK
}
