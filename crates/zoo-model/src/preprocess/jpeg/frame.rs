//! The frame: how large the image is and how its components are sampled (ITU-T T.81, A.1, A.2
//! and B.2.2).

use super::failure::{Failure, malformed};
use super::markers::Fields;
use crate::preprocess::decode::{MAX_BYTES, MAX_DIMENSION};

/// The number of coefficients of a block.
pub(super) const BLOCK: usize = 64;

/// The most blocks a minimum coded unit may have (B.2.3).
const MAX_UNIT_BLOCKS: usize = 10;

/// One component: luma, a chroma, or gray.
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks a minimum coded unit, across.
    pub(super) horizontal: usize,
    /// Blocks a minimum coded unit, down.
    pub(super) vertical: usize,
    /// Which quantization table it uses.
    pub(super) quantization: usize,
    /// Width in samples.
    pub(super) width: usize,
    /// Height in samples.
    pub(super) height: usize,
    /// Blocks across that a scan of this component alone has.
    pub(super) blocks_wide: usize,
    /// Blocks down that a scan of this component alone has.
    pub(super) blocks_high: usize,
    /// Blocks across, with those that only fill the last minimum coded unit.
    pub(super) padded_wide: usize,
    /// Blocks down, likewise.
    pub(super) padded_high: usize,
}

/// The frame header.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Minimum coded units across, in scans of several components.
    pub(super) units_wide: usize,
    /// Minimum coded units down.
    pub(super) units_high: usize,
    /// The largest sampling factor across.
    pub(super) horizontal: usize,
    /// The largest sampling factor down.
    pub(super) vertical: usize,
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// Reads the frame header that follows `marker`. `file` is the number of bytes there are.
    pub(super) fn read(marker: u8, mut fields: Fields<'_>, file: usize) -> Result<Self, Failure> {
        let precision = fields.byte()?;
        let (height, width) = (fields.word()?, fields.word()?);
        let count = usize::from(fields.byte()?);
        // Baseline, extended sequential and progressive, with Huffman codes (table B.1).
        if !matches!(marker, 0xC0..=0xC2) || precision != 8 || !matches!(count, 1 | 3) {
            return Err(Failure::Unsupported);
        }
        // A height of zero is given after the first scan.
        if width == 0 || height == 0 {
            return Err(Failure::Unsupported);
        }
        let limit = MAX_DIMENSION.into();
        let decoded = u64::from(width) * u64::from(height) * count as u64;
        if u64::from(width.max(height)) > limit || decoded > MAX_BYTES {
            return Err(Failure::TooLarge { width, height });
        }
        let mut specifications: Vec<(u8, usize, usize, usize)> = Vec::with_capacity(count);
        for _ in 0..count {
            let (id, (horizontal, vertical)) = (fields.byte()?, fields.nibbles()?);
            let quantization = usize::from(fields.byte()?);
            if !matches!((horizontal, vertical, quantization), (1..=4, 1..=4, 0..=3)) {
                return Err(malformed("a component's sampling or quantization is out of range"));
            }
            if specifications.iter().any(|&(other, ..)| other == id) {
                return Err(malformed("two components have the same identifier"));
            }
            specifications.push((id, usize::from(horizontal), usize::from(vertical), quantization));
        }
        let largest = |pick: fn(&(u8, usize, usize, usize)) -> usize| {
            specifications.iter().map(pick).max().unwrap_or(1)
        };
        let mut frame = Self {
            progressive: marker == 0xC2,
            width: width.into(),
            height: height.into(),
            units_wide: 0,
            units_high: 0,
            horizontal: largest(|specification| specification.1),
            vertical: largest(|specification| specification.2),
            components: Vec::with_capacity(count),
        };
        frame.units_wide = frame.width.div_ceil(8 * frame.horizontal);
        frame.units_high = frame.height.div_ceil(8 * frame.vertical);
        for (id, horizontal, vertical, quantization) in specifications {
            let width = (frame.width * horizontal).div_ceil(frame.horizontal);
            let height = (frame.height * vertical).div_ceil(frame.vertical);
            frame.components.push(Component {
                id,
                horizontal,
                vertical,
                quantization,
                width,
                height,
                blocks_wide: width.div_ceil(8),
                blocks_high: height.div_ceil(8),
                padded_wide: frame.units_wide * horizontal,
                padded_high: frame.units_high * vertical,
            });
        }
        frame.check_against(file)?;
        Ok(frame)
    }

    /// Refuses a file that is too short for its frame, before anything is allocated: a block
    /// costs at least a bit of its DC code, and in sequential files one of its AC codes.
    fn check_against(&self, file: usize) -> Result<(), Failure> {
        let bits_a_block = if self.progressive { 1 } else { 2 };
        if self.blocks() * bits_a_block > file.saturating_mul(8) {
            return Err(Failure::Truncated);
        }
        Ok(())
    }

    /// Blocks of all components.
    pub(super) fn blocks(&self) -> usize {
        self.components.iter().map(|part| part.blocks_wide * part.blocks_high).sum()
    }

    /// Whether the minimum coded unit of a scan of these components is within bounds.
    pub(super) fn fits_unit(&self, components: impl Iterator<Item = usize>) -> bool {
        let blocks =
            |index: usize| self.components[index].horizontal * self.components[index].vertical;
        components.map(blocks).sum::<usize>() <= MAX_UNIT_BLOCKS
    }
}
