//! Spectra, by the definition of the discrete Fourier transform in 64 bits.

use std::f64::consts::PI;

use super::super::OpError;
use super::super::operand::{axis_of, bounded};
use super::operands::{Inputs, around};
use crate::Tensor;

/// The most multiplications of one transform: the definition takes the square of the length.
const MAX_WORK: usize = 1 << 36;

/// Sine and cosine of each of `length` equal parts of a turn, in the direction of the transform.
fn turns(length: usize, inverse: bool) -> Vec<(f64, f64)> {
    let sign = if inverse { 2.0 } else { -2.0 };
    (0..length).map(|at| (sign * PI * at as f64 / length as f64).sin_cos()).collect()
}

/// The first `bins` of the transform of `signal`, as real and imaginary parts.
fn transform(signal: &[(f64, f64)], turns: &[(f64, f64)], bins: usize) -> Vec<(f64, f64)> {
    let bin = |bin: usize| {
        signal.iter().enumerate().fold((0.0, 0.0), |(re, im), (at, (x, y))| {
            let (sin, cos) = turns[at * bin % turns.len()];
            (re + x * cos - y * sin, im + x * sin + y * cos)
        })
    };
    (0..bins).map(bin).collect()
}

fn check_work(transforms: usize, length: usize) -> Result<(), OpError> {
    let work = transforms.checked_mul(length).and_then(|work| work.checked_mul(length));
    match work {
        Some(work) if work <= MAX_WORK => Ok(()),
        _ => Err(OpError::new(format!("{transforms} transforms of {length} take too long"))),
    }
}

pub(super) fn dft(
    axis: i64,
    inverse: bool,
    onesided: bool,
    inputs: &Inputs,
) -> Result<Tensor, OpError> {
    let x = inputs.required(0)?;
    let mut shape = x.shape().to_vec();
    let axis = axis_of(axis, shape.len())?;
    let parts = shape[shape.len() - 1];
    if axis + 1 == shape.len() || !(1..=2).contains(&parts) {
        return Err(OpError::new("the last axis must be real and imaginary parts"));
    }
    let (outer, given, inner) = around(&shape[..shape.len() - 1], axis);
    let length = inputs.count(1)?.unwrap_or(given);
    let bins = if onesided { length / 2 + 1 } else { length };
    if length == 0 {
        return Err(OpError::new("a transform has a length"));
    }
    shape[axis] = bins;
    *shape.last_mut().unwrap_or(&mut 0) = 2;
    let shape = bounded(shape)?;
    check_work(outer * inner, length)?;
    let values = x.to_f32();
    let turns = turns(length, inverse);
    let scale = if inverse { 1.0 / length as f64 } else { 1.0 };
    let mut made = vec![0.0; outer * bins * inner * 2];
    for before in 0..outer {
        for after in 0..inner {
            let sample = |at: usize| {
                if at >= given {
                    return (0.0, 0.0);
                }
                let place = ((before * given + at) * inner + after) * parts;
                let imaginary = if parts == 2 { f64::from(values[place + 1]) } else { 0.0 };
                (f64::from(values[place]), imaginary)
            };
            let signal: Vec<_> = (0..length).map(sample).collect();
            for (bin, (re, im)) in transform(&signal, &turns, bins).into_iter().enumerate() {
                let place = ((before * bins + bin) * inner + after) * 2;
                made[place] = (re * scale) as f32;
                made[place + 1] = (im * scale) as f32;
            }
        }
    }
    Ok(Tensor::from_f32(&shape, &made))
}

pub(super) fn stft(onesided: bool, inputs: &Inputs) -> Result<Tensor, OpError> {
    let signal = inputs.required(0)?;
    let (batch, samples, parts) = match *signal.shape() {
        [batch, samples] => (batch, samples, 1),
        [batch, samples, parts @ 1..=2] => (batch, samples, parts),
        _ => return Err(OpError::new("a signal is [batch, length, 1 or 2]")),
    };
    let step = inputs.count(1)?.unwrap_or(0);
    let window = inputs.optional(2).map(Tensor::to_f32);
    let length = match (inputs.count(3)?, &window) {
        (Some(length), _) => length,
        (None, Some(window)) => window.len(),
        (None, None) => return Err(OpError::new("neither window nor length of a frame is given")),
    };
    if step == 0 || length == 0 || length > samples {
        return Err(OpError::new(format!(
            "frames of {length} in steps of {step} do not fit in {samples}"
        )));
    }
    if window.as_ref().is_some_and(|window| window.len() != length) {
        return Err(OpError::new(format!("the window must have {length} weights")));
    }
    let frames = (samples - length) / step + 1;
    let bins = if onesided { length / 2 + 1 } else { length };
    let shape = bounded(vec![batch, frames, bins, 2])?;
    check_work(batch * frames, length)?;
    let values = signal.to_f32();
    let turns = turns(length, false);
    let mut made = Vec::with_capacity(batch * frames * bins * 2);
    for number in 0..batch * frames {
        let from = number / frames * samples + number % frames * step;
        let sample = |at: usize| {
            let weight = window.as_ref().map_or(1.0, |window| f64::from(window[at]));
            let place = (from + at) * parts;
            let imaginary = if parts == 2 { f64::from(values[place + 1]) } else { 0.0 };
            (f64::from(values[place]) * weight, imaginary * weight)
        };
        let frame: Vec<_> = (0..length).map(sample).collect();
        let bins = transform(&frame, &turns, bins);
        made.extend(bins.into_iter().flat_map(|(re, im)| [re as f32, im as f32]));
    }
    Ok(Tensor::from_f32(&shape, &made))
}

/// Triangles over the bins of a spectrum, equally wide in mel.
///
/// Source: ONNX's own test of `MelWeightMatrix`; edges lie on whole bins, and a step in mel is
/// the range by two more than the bands.
pub(super) fn mel_weights(inputs: &Inputs) -> Result<Tensor, OpError> {
    let number = |index| {
        inputs.count(index)?.ok_or_else(|| OpError::new(format!("input {index} is missing")))
    };
    let (bands, length, rate) = (number(0)?, number(1)?, number(2)?);
    let edge = |index| Ok::<_, OpError>(f64::from(inputs.float(index)?.unwrap_or_default()));
    let (lower, upper) = (edge(3)?, edge(4)?);
    let bins = length / 2 + 1;
    let shape = bounded(vec![bins, bands])?;
    if rate == 0 || bounded(vec![bands.saturating_add(2)]).is_err() {
        return Err(OpError::new("the sample rate is 0"));
    }
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let (low, high) = (mel(lower), mel(upper));
    let place = |edge: usize| {
        let mel = low + edge as f64 * (high - low) / (bands + 2) as f64;
        let hertz = 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
        ((length + 1) as f64 * hertz / rate as f64).floor().clamp(0.0, bins as f64) as usize
    };
    let mut weights = vec![0.0; bins * bands];
    for band in 0..bands {
        let (from, middle, to) = (place(band), place(band + 1), place(band + 2));
        if middle == from && middle < bins {
            weights[middle * bands + band] = 1.0;
        }
        for bin in from..=middle.min(bins - 1) {
            if middle > from {
                weights[bin * bands + band] = (bin - from) as f32 / (middle - from) as f32;
            }
        }
        for bin in middle..to.min(bins) {
            weights[bin * bands + band] = (to - bin) as f32 / (to - middle) as f32;
        }
    }
    Ok(Tensor::from_f32(&shape, &weights))
}
