//! From a component's samples to one for every pixel, rounded as libjpeg rounds them.
//!
//! The standard leaves this open. Where a side is halved, libjpeg takes the nearer sample
//! three times and the further one once ("fancy" upsampling); half a unit is rounded down for
//! one of the two pixels and up for the other, so that a picture does not drift.

use super::failure::{Failure, malformed};
use super::frame::{Component, Frame};
use super::plane::Plane;

/// How a component's samples become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upsampling {
    /// One sample a pixel.
    None,
    /// Half the width, interpolated.
    Wide,
    /// Half the height, interpolated.
    High,
    /// Half of both, interpolated.
    Both,
    /// Each sample repeated.
    Repeat { across: usize, down: usize },
}

impl Upsampling {
    /// What a component of `frame` needs. libjpeg refuses ratios that are no integers,
    /// and so no such files are made.
    pub(super) fn of(component: &Component, frame: &Frame) -> Result<Self, Failure> {
        let (across, down) =
            (frame.horizontal / component.horizontal, frame.vertical / component.vertical);
        let exact = across * component.horizontal == frame.horizontal
            && down * component.vertical == frame.vertical;
        // Two samples across are not interpolated: libjpeg's loop needs a third.
        let wide_enough = component.width > 2;
        match (across, down) {
            _ if !exact => Err(malformed("a component's sampling is no whole part of the largest")),
            (1, 1) => Ok(Self::None),
            (2, 1) if wide_enough => Ok(Self::Wide),
            (1, 2) => Ok(Self::High),
            (2, 2) if wide_enough => Ok(Self::Both),
            _ => Ok(Self::Repeat { across, down }),
        }
    }

    /// The samples of the image's row `row`: those of the plane itself where they will do,
    /// otherwise made in `buffer`. As many as the image is wide, or a few more.
    #[inline(always)]
    pub(super) fn row<'a>(self, plane: &'a Plane, row: usize, buffer: &'a mut Buffer) -> &'a [u8] {
        match self {
            Self::None => return plane.row(row),
            Self::Wide => widen(plane.row(row), &mut buffer.samples),
            Self::High => {
                let (near, far) = neighbours(plane, row);
                // The upper pixel of the two rounds down.
                let bias = if row.is_multiple_of(2) { 1 } else { 2 };
                for ((out, &near), &far) in buffer.samples.iter_mut().zip(near).zip(far) {
                    *out = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                }
            }
            Self::Both => {
                let (near, far) = neighbours(plane, row);
                for ((sum, &near), &far) in buffer.sums.iter_mut().zip(near).zip(far) {
                    *sum = 3 * u16::from(near) + u16::from(far);
                }
                widen_sums(&buffer.sums[..plane.width], &mut buffer.samples);
            }
            Self::Repeat { across, down } => {
                let samples = plane.row(row / down);
                for (out, &sample) in buffer.samples.chunks_mut(across).zip(samples) {
                    out.fill(sample);
                }
            }
        }
        &buffer.samples
    }
}

/// Room for a row.
pub(super) struct Buffer {
    samples: Vec<u8>,
    sums: Vec<u16>,
}

impl Buffer {
    /// Room for a row of an image of `width` pixels.
    pub(super) fn new(width: usize) -> Self {
        // An odd width leaves the second pixel of the last sample over.
        let width = width.next_multiple_of(2);
        Self { samples: vec![0; width], sums: vec![0; width] }
    }
}

/// The row of samples that covers the pixels of `row`, and the next nearest. At the edges of
/// the image that is the same row again.
#[inline(always)]
fn neighbours(plane: &Plane, row: usize) -> (&[u8], &[u8]) {
    let near = row / 2;
    let far = if row.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
    (plane.row(near), plane.row(far.min(plane.height - 1)))
}

/// Doubles a row of at least two samples. The left pixel of the two rounds down.
#[inline(always)]
fn widen(samples: &[u8], out: &mut [u8]) {
    let (pairs, _) = out.as_chunks_mut::<2>();
    let blend =
        |near: u8, far: u8, bias: u16| ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
    for (pair, window) in pairs[1..].iter_mut().zip(samples.windows(3)) {
        *pair = [blend(window[1], window[0], 1), blend(window[1], window[2], 2)];
    }
    let last = samples.len() - 1;
    pairs[0] = [samples[0], blend(samples[0], samples[1], 2)];
    pairs[last] = [blend(samples[last], samples[last - 1], 1), samples[last]];
}

/// Doubles a row of at least two sums of four samples. The right pixel of the two rounds
/// down.
#[inline(always)]
fn widen_sums(sums: &[u16], out: &mut [u8]) {
    let (pairs, _) = out.as_chunks_mut::<2>();
    let blend = |near: u16, far: u16, bias: u16| ((3 * near + far + bias) >> 4) as u8;
    for (pair, window) in pairs[1..].iter_mut().zip(sums.windows(3)) {
        *pair = [blend(window[1], window[0], 8), blend(window[1], window[2], 7)];
    }
    let last = sums.len() - 1;
    // The sample beyond the edge is the edge's.
    pairs[0] = [blend(sums[0], sums[0], 8), blend(sums[0], sums[1], 7)];
    pairs[last] = [blend(sums[last], sums[last - 1], 8), blend(sums[last], sums[last], 7)];
}
