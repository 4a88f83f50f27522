//! Reading WAV files.
//!
//! A WAV file is chunks, each with a name of four bytes and a length of four: `fmt ` says what the
//! samples are, `data` holds them, the rest is passed over. symphonia reads WAV as well, but not
//! every number of channels, and it refuses or overflows on some headers that are read here.

use crate::DecodeError;
use crate::mixer::Mixer;

/// How many frames are converted at once.
const BLOCK: usize = 4096;

/// Tags of formats, from the registry of Microsoft's `mmreg.h`.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// How samples are written.
struct Format {
    float: bool,
    channels: usize,
    rate: u32,
    /// Bytes of one sample of one channel.
    width: usize,
}

/// Reads a file that begins with `RIFF....WAVE`. Samples that are not all there are left out.
pub(crate) fn read(bytes: &[u8]) -> Result<Mixer, DecodeError> {
    let mut format = None;
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((name, chunk, behind)) = chunk(rest) {
        match name {
            b"fmt " => format = Some(Format::read(chunk)?),
            b"data" => {
                let what = "the data come before the format";
                let format = format.ok_or(DecodeError::Header { what })?;
                return format.samples(chunk);
            }
            _ => {}
        }
        rest = behind;
    }
    Err(DecodeError::Header { what: "there are no data" })
}

/// Name and content of the first chunk, and what is behind it. A chunk is no longer than there are
/// bytes: lengths of files that were written as a stream say 4 GiB.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (content, behind) = rest.split_at(length.min(rest.len()));
    // Chunks of odd lengths are followed by a byte.
    Some((name, content, behind.get(length % 2..).unwrap_or_default()))
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, DecodeError> {
        let what = "the format is cut off";
        let field = |at| {
            let bytes = chunk.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map(|&bytes| u16::from_le_bytes(bytes)).ok_or(DecodeError::Header { what })
        };
        // Of the extensible format, the tag is the beginning of an identifier of 16 bytes.
        let tag = match field(0)? {
            EXTENSIBLE => field(24)?,
            tag => tag,
        };
        let channels = usize::from(field(2)?);
        let rate = u32::from(field(4)?) | u32::from(field(6)?) << 16;
        let (frame, bits) = (usize::from(field(12)?), usize::from(field(14)?));
        let float = match (tag, bits) {
            (PCM, 1..=32) => false,
            (FLOAT, 32 | 64) => true,
            _ => return Err(DecodeError::Unsupported { what: "WAV of neither PCM nor floats" }),
        };
        // Fewer bits than whole bytes are the upper ones.
        let width = bits.div_ceil(8);
        if frame != channels * width {
            let what = "the length of a frame is not that of its channels";
            return Err(DecodeError::Header { what });
        }
        Ok(Self { float, channels, rate, width })
    }

    fn samples(&self, data: &[u8]) -> Result<Mixer, DecodeError> {
        let mut mixer = Mixer::default();
        let mut interleaved = Vec::new();
        let frame = self.channels * self.width;
        // No channels have a frame of no bytes.
        for block in data.chunks((BLOCK * frame).max(1)) {
            let whole = &block[..block.len() - block.len() % frame.max(1)];
            interleaved.clear();
            interleaved.extend(whole.chunks_exact(self.width).map(|bytes| self.sample(bytes)));
            mixer.add(self.rate, self.channels, &interleaved)?;
        }
        Ok(mixer)
    }

    /// One sample of `width` bytes. Widths of 1 have their middle at 128, all others at 0.
    fn sample(&self, bytes: &[u8]) -> f32 {
        match *bytes {
            [a] => (f32::from(a) - 128.0) / 128.0,
            [a, b] => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
            [a, b, c] => (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0,
            [a, b, c, d] if self.float => f32::from_le_bytes([a, b, c, d]),
            [a, b, c, d] => (f64::from(i32::from_le_bytes([a, b, c, d])) / 2_147_483_648.0) as f32,
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            // `Format::read` lets no other width through.
            _ => f32::NAN,
        }
    }
}
