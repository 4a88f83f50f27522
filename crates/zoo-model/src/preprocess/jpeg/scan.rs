//! A scan: which components it has, and in which order their blocks come (ITU-T T.81, A.2
//! and B.2.3).

use super::bits::Bits;
use super::failure::{Failure, malformed};
use super::frame::Frame;
use super::markers::Fields;

/// One component of a scan.
pub(super) struct Part {
    /// Which of the frame's components.
    pub(super) component: usize,
    /// Which DC table.
    pub(super) dc: usize,
    /// Which AC table.
    pub(super) ac: usize,
}

/// The scan header.
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// The first coefficient, in zigzag order.
    pub(super) start: usize,
    /// The last coefficient.
    pub(super) end: usize,
    /// The bit position that earlier scans reached, or 0 if this is the first.
    pub(super) high: u32,
    /// The bit position that this scan reaches.
    pub(super) low: u32,
}

impl Scan {
    /// Reads a scan header.
    pub(super) fn read(frame: &Frame, mut fields: Fields<'_>) -> Result<Self, Failure> {
        let count = fields.byte()?;
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..count {
            let (id, (dc, ac)) = (fields.byte()?, fields.nibbles()?);
            let component = frame.components.iter().position(|component| component.id == id);
            let component = component.ok_or(malformed("a scan has an unknown component"))?;
            if dc > 3 || ac > 3 || parts.iter().any(|part| part.component == component) {
                return Err(malformed("a scan's components are wrong"));
            }
            parts.push(Part { component, dc: dc.into(), ac: ac.into() });
        }
        let (start, end) = (usize::from(fields.byte()?), usize::from(fields.byte()?));
        let (high, low) = fields.nibbles()?;
        let several = parts.len() > 1;
        if parts.is_empty() || several && !frame.fits_unit(parts.iter().map(|p| p.component)) {
            return Err(malformed("a scan's components are wrong"));
        }
        let scan = Self { parts, start, end, high: high.into(), low: low.into() };
        if frame.progressive && !scan.is_progression() {
            return Err(malformed("a progressive scan's parameters are wrong"));
        }
        Ok(scan)
    }

    /// Whether the parameters are those of a progressive scan (G.1.1.1): DC or some AC
    /// coefficients, AC of one component only, refined by one bit at a time.
    fn is_progression(&self) -> bool {
        let band = if self.start == 0 {
            self.end == 0
        } else {
            self.start <= self.end && self.end < 64 && self.parts.len() == 1
        };
        band && self.low <= 13 && (self.high == 0 || self.high == self.low + 1)
    }

    /// What the scan costs, in coefficients looked at. A refinement looks at the whole band of
    /// every block; reaching a block at all costs as much as a few coefficients.
    pub(super) fn cost(&self, frame: &Frame) -> usize {
        let components = self.parts.iter().map(|part| &frame.components[part.component]);
        let blocks = components.map(|component| component.padded_wide * component.padded_high);
        let band = if frame.progressive && self.high > 0 { self.end - self.start } else { 0 };
        blocks.sum::<usize>() * band.max(8)
    }

    /// Has `coder` decode all blocks of the scan in their order, from `bits`.
    pub(super) fn decode<C: Coder>(
        &self,
        frame: &Frame,
        restart_interval: u16,
        bits: &mut Bits<'_>,
        coder: &mut C,
    ) -> Result<(), Failure> {
        // A component alone comes block by block, without padding (A.2.2).
        let alone = match self.parts[..] {
            [ref part] => Some(&frame.components[part.component]),
            _ => None,
        };
        let (wide, high) = alone.map_or((frame.units_wide, frame.units_high), |component| {
            (component.blocks_wide, component.blocks_high)
        });
        let sampling = self.parts.iter().map(|part| &frame.components[part.component]);
        let sampling: Vec<_> = match alone {
            Some(_) => vec![(1, 1)],
            None => sampling.map(|component| (component.horizontal, component.vertical)).collect(),
        };
        let mut until_restart = restart_interval;
        let mut number = 0;
        for unit_row in 0..high {
            for unit_column in 0..wide {
                if restart_interval > 0 {
                    if until_restart == 0 {
                        bits.restart(number)?;
                        coder.restart();
                        number = (number + 1) % 8;
                        until_restart = restart_interval;
                    }
                    until_restart -= 1;
                }
                for (part, &(horizontal, vertical)) in sampling.iter().enumerate() {
                    for row in unit_row * vertical..(unit_row + 1) * vertical {
                        for column in unit_column * horizontal..(unit_column + 1) * horizontal {
                            let decoded = coder.block(bits, part, row, column);
                            // That the bits ran out explains whatever else is wrong.
                            bits.check()?;
                            decoded?;
                        }
                    }
                }
            }
            coder.end_of_row();
        }
        Ok(())
    }
}

/// What is done with the blocks of a scan.
pub(super) trait Coder {
    /// Decodes the next block, which is that of `row` and `column` in the component that is
    /// the scan's `part`.
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: usize,
        row: usize,
        column: usize,
    ) -> Result<(), Failure>;

    /// All blocks of a row of units were decoded.
    fn end_of_row(&mut self) {}

    /// Forgets what came before, at a restart marker.
    fn restart(&mut self);
}
