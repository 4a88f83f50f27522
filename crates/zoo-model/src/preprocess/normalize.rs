//! From bytes to the floats a model takes.

use super::Pixels;
use super::geometry::Window;
use super::spec::Preprocess;

/// A model's input for one image: `f32` values `[channels, height, width]`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// The values; as many as the product of `shape`.
    pub values: Vec<f32>,
}

/// What is shown of an image, at its final size but for the zeros around it.
pub(super) struct Kept {
    /// The pixels, of 1 or 3 channels.
    pub(super) pixels: Pixels,
    /// Which rows of the output they are.
    pub(super) rows: Window,
    /// Which columns.
    pub(super) columns: Window,
}

impl Preprocess {
    /// What each of the 256 byte values becomes in output channel `channel`:
    /// `(x * scale - mean) / std`, computed in `f64` and rounded once.
    pub(super) fn levels(&self, channel: usize) -> [f32; 256] {
        let mean = self.mean.get(channel).copied().unwrap_or(0.0);
        let std = self.std.get(channel).copied().unwrap_or(1.0);
        std::array::from_fn(|x| ((x as f64 * self.scale - mean) / std) as f32)
    }

    /// Normalizes the pixels and surrounds them with pixels of value zero, which are normalized
    /// as well: torchvision pads before it normalizes.
    pub(super) fn normalize(&self, Kept { pixels: kept, rows, columns }: &Kept) -> Planes {
        let shape = [self.color.channels(), rows.length, columns.length];
        let mut values = Vec::with_capacity(shape.iter().product());
        for channel in 0..shape[0] {
            let levels = self.levels(channel);
            let source = self.color.source_channel(channel, kept.channels);
            let plane_end = values.len() + rows.length * columns.length;
            values.resize(values.len() + rows.before * columns.length, levels[0]);
            for row in kept.data.chunks_exact(kept.stride()) {
                let row_end = values.len() + columns.length;
                values.resize(values.len() + columns.before, levels[0]);
                match kept.channels {
                    1 => append::<1>(row, source, &levels, &mut values),
                    _ => append::<3>(row, source, &levels, &mut values),
                }
                values.resize(row_end, levels[0]);
            }
            values.resize(plane_end, levels[0]);
        }
        Planes { shape, values }
    }
}

/// Appends what the channel `source` of a row of pixels becomes.
fn append<const C: usize>(row: &[u8], source: usize, levels: &[f32; 256], values: &mut Vec<f32>) {
    let (pixels, _) = row.as_chunks::<C>();
    values.extend(pixels.iter().map(|pixel| levels[usize::from(pixel[source % C])]));
}
