//! Sums and products of whole pixels.

use std::ops::Range;

use crate::lanes::{Lanes, versions};
use crate::{Activation, Isa, Pixels, PixelsMut};

/// How two pixels become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// `a * b`.
    Multiply,
}

/// `out = activation(a * scale + shift)`, channel by channel: what batch norm is while nothing is
/// trained. Computes `pixels` of `out`.
///
/// # Safety
/// Nobody else may touch those of `out` meanwhile.
///
/// # Panics
/// Where channels or pixels do not fit.
pub unsafe fn affine(
    isa: Isa,
    input: &Pixels,
    scale: &[f32],
    shift: &[f32],
    activation: Activation,
    out: &PixelsMut,
    pixels: Range<usize>,
) {
    let channels = out.channels();
    assert!(input.channels() == channels && scale.len() == channels && shift.len() == channels);
    assert!(pixels.end <= input.len() && pixels.end <= out.len(), "pixels");
    for pixel in pixels {
        // SAFETY: the pixel is inside, and this caller's alone.
        unsafe {
            let to = std::slice::from_raw_parts_mut(
                out.as_mut_ptr().add(pixel * out.stride()),
                channels,
            );
            scaled(isa, to, input.pixel(pixel), scale, shift);
            activation.apply_pixel(isa, out, pixel);
        }
    }
}

/// `out = activation(a combined with b)` for `pixels` of `out`; `b` may be one pixel for every
/// `spread` of `a`'s, as the weights of channels are in squeeze-and-excitation.
///
/// # Safety
/// Nobody else may touch those of `out` meanwhile.
///
/// # Panics
/// Where channels or pixels do not fit.
#[allow(clippy::too_many_arguments, reason = "each is another operand")]
pub unsafe fn combine(
    isa: Isa,
    how: Combine,
    a: &Pixels,
    b: &Pixels,
    spread: usize,
    activation: Activation,
    out: &PixelsMut,
    pixels: Range<usize>,
) {
    let channels = out.channels();
    assert!(a.channels() == channels && b.channels() == channels && spread > 0, "channels");
    assert!(pixels.end <= a.len() && pixels.end <= out.len(), "pixels");
    for pixel in pixels {
        // SAFETY: the pixel is inside, and this caller's alone.
        unsafe {
            let to = std::slice::from_raw_parts_mut(
                out.as_mut_ptr().add(pixel * out.stride()),
                channels,
            );
            combined(isa, to, a.pixel(pixel), b.pixel(pixel / spread), how);
            activation.apply_pixel(isa, out, pixel);
        }
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn scaled = scale_each(to: &mut [f32], from: &[f32], scale: &[f32], shift: &[f32])
}

#[inline(always)]
unsafe fn scale_each<L: Lanes>(to: &mut [f32], from: &[f32], scale: &[f32], shift: &[f32]) {
    for (((to, &from), &scale), &shift) in to.iter_mut().zip(from).zip(scale).zip(shift) {
        *to = from * scale + shift;
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn combined = combine_each(to: &mut [f32], a: &[f32], b: &[f32], how: Combine)
}

#[inline(always)]
unsafe fn combine_each<L: Lanes>(to: &mut [f32], a: &[f32], b: &[f32], how: Combine) {
    let pairs = to.iter_mut().zip(a.iter().zip(b));
    match how {
        Combine::Add => pairs.for_each(|(to, (a, b))| *to = a + b),
        Combine::Subtract => pairs.for_each(|(to, (a, b))| *to = a - b),
        Combine::Multiply => pairs.for_each(|(to, (a, b))| *to = a * b),
    }
}
