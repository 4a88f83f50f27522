//! What transformers do row by row, forward and back, on all threads.

use std::ops::Range;

use rayon::prelude::*;

use crate::Isa;
use crate::activation::exponential;
use crate::lanes::{Lanes, versions};
use crate::rows::{self, error_function, sum, sum_of};

use super::parallel::{filled, for_each};

/// About so many numbers of a task, in whole rows.
const CHUNK: usize = 32 * 1024;

/// [`rows::gelu`] of `x`.
pub fn gelu(isa: Isa, x: &[f32]) -> Vec<f32> {
    changed(x, 1, |_, values| rows::gelu(isa, values))
}

/// The gradient of what [`gelu`] took, `x`, from that of what it made.
///
/// # Panics
/// Where the lengths differ.
pub fn gelu_gradient(isa: Isa, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), gradient.len(), "lengths");
    changed(gradient, 1, |part, values| {
        // SAFETY: the set is one that this processor has.
        unsafe { gelu_back(isa, &x[part], values) }
    })
}

/// [`rows::softmax`] of the rows of `x`, of `length` numbers each.
///
/// # Panics
/// Where `x` is no whole rows, or `length` is zero.
pub fn softmax(isa: Isa, x: &[f32], length: usize) -> Vec<f32> {
    changed(x, length, |_, values| rows::softmax(isa, values, length))
}

/// The gradient of what [`softmax`] took, from what it `made` and the gradient of that.
///
/// # Panics
/// Where the lengths differ, or are no whole rows.
pub fn softmax_gradient(isa: Isa, made: &[f32], gradient: &[f32], length: usize) -> Vec<f32> {
    assert_eq!(made.len(), gradient.len(), "lengths");
    changed(gradient, length, |part, values| {
        // SAFETY: the set is one that this processor has.
        unsafe { softmax_back(isa, &made[part], values, length) }
    })
}

/// [`rows::layer_norm`] of the rows of `x`.
///
/// # Panics
/// Where `x` is no whole rows of as many numbers as `scale` has, or `shift` is of another length.
pub fn layer_norm(isa: Isa, x: &[f32], scale: &[f32], shift: &[f32], epsilon: f32) -> Vec<f32> {
    changed(x, scale.len(), |_, values| rows::layer_norm(isa, values, scale, shift, epsilon))
}

/// What the gradient of a layer normalisation's output makes.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormGradients {
    /// Of the input.
    pub input: Vec<f32>,
    /// Of the scale.
    pub scale: Vec<f32>,
    /// Of the shift.
    pub shift: Vec<f32>,
}

/// The gradients of what [`layer_norm`] took, `x` and `scale` among it, from that of what it made.
///
/// # Panics
/// Where the lengths differ, or are no whole rows.
pub fn layer_norm_gradients(
    isa: Isa,
    x: &[f32],
    scale: &[f32],
    epsilon: f32,
    gradient: &[f32],
) -> LayerNormGradients {
    assert_eq!(x.len(), gradient.len(), "lengths");
    let length = scale.len();
    let step = step_of(gradient.len(), length);
    let mut input = gradient.to_vec();
    let parts: Vec<Vec<f32>> = input
        .par_chunks_mut(step)
        .zip(x.par_chunks(step))
        .map(|(values, x)| {
            let mut sums = vec![0.0; 2 * length];
            let (of_scale, of_shift) = sums.split_at_mut(length);
            // SAFETY: the set is one that this processor has.
            unsafe { layer_norm_back(isa, x, scale, epsilon, values, of_scale, of_shift) }
            sums
        })
        .collect();
    let mut scale = total(parts, 2 * length);
    let shift = scale.split_off(length);
    LayerNormGradients { input, scale, shift }
}

/// The rows of `x`, of `length` numbers each, to each of which that row of `other` is added that
/// begins where `starts` says.
///
/// # Panics
/// Where `x` is no whole rows, `starts` has another number of them, or one of `other` is not there.
pub fn add_rows(isa: Isa, x: &[f32], other: &[f32], starts: &[usize], length: usize) -> Vec<f32> {
    assert!(length > 0 && x.len() == starts.len() * length, "rows of {length}");
    changed(x, length, |part, values| {
        let starts = &starts[part.start / length..];
        for (row, &start) in values.chunks_exact_mut(length).zip(starts) {
            // SAFETY: the set is one that this processor has.
            unsafe { add_row(isa, &other[start..start + length], row) }
        }
    })
}

/// The sum of the rows of `x`, of `length` numbers each.
///
/// # Panics
/// Where `x` is no whole rows.
pub fn sum_of_rows(isa: Isa, x: &[f32], length: usize) -> Vec<f32> {
    let step = step_of(x.len(), length);
    let sum = |part: &[f32]| {
        let mut sums = vec![0.0; length];
        for row in part.chunks_exact(length) {
            // SAFETY: the set is one that this processor has.
            unsafe { add_row(isa, row, &mut sums) }
        }
        sums
    };
    total(x.par_chunks(step).map(sum).collect(), length)
}

/// The sum of lists of `length` numbers, one after the other.
fn total(parts: Vec<Vec<f32>>, length: usize) -> Vec<f32> {
    let mut total = vec![0.0_f64; length];
    for part in parts {
        for (total, number) in total.iter_mut().zip(part) {
            *total += f64::from(number);
        }
    }
    total.into_iter().map(|sum| sum as f32).collect()
}

/// How many of `len` numbers a task has: whole rows of `length`.
fn step_of(len: usize, length: usize) -> usize {
    assert!(length > 0 && len.is_multiple_of(length), "rows of {length}");
    (CHUNK / length).max(1) * length
}

/// `from` after `change`, which is given some whole rows of `length` numbers at a time and told which.
fn changed(
    from: &[f32],
    length: usize,
    change: impl Fn(Range<usize>, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let (len, step) = (from.len(), step_of(from.len(), length));
    // SAFETY: parts are disjoint, and together everything.
    unsafe {
        filled(len, |made| {
            for_each(len.div_ceil(step), |index| {
                let (at, count) = (index * step, step.min(len - index * step));
                let to = made.as_mut_ptr().add(at);
                to.copy_from_nonoverlapping(from[at..at + count].as_ptr(), count);
                change(at..at + count, std::slice::from_raw_parts_mut(to, count));
            });
        })
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn gelu_back = gelu_back_each(x: &[f32], gradient: &mut [f32])
}

#[inline(always)]
unsafe fn gelu_back_each<L: Lanes>(x: &[f32], gradient: &mut [f32]) {
    /// The normal density at zero.
    const DENSITY: f32 = 0.398_942_3;
    for (&x, gradient) in x.iter().zip(gradient) {
        let below = 0.5 * (1.0 + error_function(x * std::f32::consts::FRAC_1_SQRT_2));
        *gradient *= below + x * DENSITY * exponential(-0.5 * x * x);
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn softmax_back = softmax_back_each(made: &[f32], gradient: &mut [f32], length: usize)
}

#[inline(always)]
unsafe fn softmax_back_each<L: Lanes>(made: &[f32], gradient: &mut [f32], length: usize) {
    for (made, row) in made.chunks_exact(length).zip(gradient.chunks_exact_mut(length)) {
        let mean = sum_of(made, row, |made, gradient| made * gradient);
        for (gradient, made) in row.iter_mut().zip(made) {
            *gradient = made * (*gradient - mean);
        }
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn layer_norm_back = layer_norm_back_each(
        x: &[f32],
        scale: &[f32],
        epsilon: f32,
        gradient: &mut [f32],
        of_scale: &mut [f32],
        of_shift: &mut [f32],
    )
}

#[inline(always)]
unsafe fn layer_norm_back_each<L: Lanes>(
    x: &[f32],
    scale: &[f32],
    epsilon: f32,
    gradient: &mut [f32],
    of_scale: &mut [f32],
    of_shift: &mut [f32],
) {
    let count = scale.len() as f32;
    for (x, row) in x.chunks_exact(scale.len()).zip(gradient.chunks_exact_mut(scale.len())) {
        let mean = sum(x) / count;
        let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / count;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for (((sum, gradient), x), shift) in
            of_scale.iter_mut().zip(&*row).zip(x).zip(of_shift.iter_mut())
        {
            *sum += gradient * (x - mean) * factor;
            *shift += gradient;
        }
        for (gradient, scale) in row.iter_mut().zip(scale) {
            *gradient *= scale;
        }
        let along = sum_of(x, row, |x, gradient| gradient * (x - mean) * factor) / count;
        let all = sum(row) / count;
        for (gradient, x) in row.iter_mut().zip(x) {
            *gradient = factor * (*gradient - all - (x - mean) * factor * along);
        }
    }
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn add_row = add_row_each(from: &[f32], to: &mut [f32])
}

#[inline(always)]
unsafe fn add_row_each<L: Lanes>(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
