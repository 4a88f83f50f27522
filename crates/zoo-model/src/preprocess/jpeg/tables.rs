//! The tables a scan uses, as the segments between scans define and redefine them (ITU-T T.81,
//! B.2.4).

use super::failure::{Failure, malformed};
use super::frame::BLOCK;
use super::huffman::Table;
use super::markers::Fields;
use super::standard::STANDARD;
use super::zigzag::ZIGZAG;

/// Everything that was defined so far.
pub(super) struct Tables {
    quantization: [Option<[u16; BLOCK]>; 4],
    dc: [Option<Box<Table>>; 4],
    ac: [Option<Box<Table>>; 4],
    /// Minimum coded units between restart markers, or 0 if there are none.
    pub(super) restart_interval: u16,
}

impl Tables {
    /// The tables that are in force when a file defines none.
    pub(super) fn standard() -> Result<Self, Failure> {
        let mut tables = Self {
            quantization: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart_interval: 0,
        };
        tables.read_huffman(Fields(&STANDARD))?;
        Ok(tables)
    }

    /// Reads a segment of quantization tables (B.2.4.1).
    pub(super) fn read_quantization(&mut self, mut fields: Fields<'_>) -> Result<(), Failure> {
        while !fields.is_empty() {
            let (precision, slot) = fields.nibbles()?;
            let slot = self.quantization.get_mut(usize::from(slot));
            let slot = slot.ok_or(malformed("a quantization table's number is out of range"))?;
            let mut table = [0; BLOCK];
            for place in ZIGZAG {
                table[usize::from(place)] =
                    if precision == 0 { fields.byte()?.into() } else { fields.word()? };
            }
            *slot = Some(table);
        }
        Ok(())
    }

    /// Reads a segment of Huffman tables (B.2.4.2).
    pub(super) fn read_huffman(&mut self, mut fields: Fields<'_>) -> Result<(), Failure> {
        while !fields.is_empty() {
            let (class, slot) = fields.nibbles()?;
            let tables = match class {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(malformed("a huffman table's class is out of range")),
            };
            let slot = tables.get_mut(usize::from(slot));
            let slot = slot.ok_or(malformed("a huffman table's number is out of range"))?;
            let table = Table::read(&mut fields)?;
            if class == 0 && !table.is_of_sizes() {
                return Err(malformed("a dc table has sizes above 15"));
            }
            *slot = Some(Box::new(table));
        }
        Ok(())
    }

    /// Reads the restart interval (B.2.4.4).
    pub(super) fn read_restart_interval(&mut self, mut fields: Fields<'_>) -> Result<(), Failure> {
        self.restart_interval = fields.word()?;
        Ok(())
    }

    /// A quantization table, in order of rows.
    pub(super) fn quantization(&self, number: usize) -> Result<[u16; BLOCK], Failure> {
        self.quantization[number].ok_or(malformed("a quantization table is missing"))
    }

    /// A table of DC sizes.
    pub(super) fn dc(&self, number: usize) -> Result<&Table, Failure> {
        self.dc[number].as_deref().ok_or(MISSING)
    }

    /// A table of AC runs and sizes.
    pub(super) fn ac(&self, number: usize) -> Result<&Table, Failure> {
        self.ac[number].as_deref().ok_or(MISSING)
    }
}

const MISSING: Failure = malformed("a huffman table is missing");
