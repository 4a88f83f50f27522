//! Batch normalisation (Ioffe, Szegedy: *Batch normalization*, 2015), forward and backward, with
//! the rectifier that mostly follows it.

use std::ops::Range;

use rayon::prelude::*;

use crate::Isa;
use crate::lanes::{Lanes, versions};

use super::parallel::{Shared, filled, for_each};

/// Numbers that are read twice while they are in a second-level cache.
const CHUNK: usize = 16 * 1024;

/// The mean and the variance of each channel, the variance divided by the number of pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The means.
    pub mean: Vec<f32>,
    /// The variances.
    pub variance: Vec<f32>,
}

impl Moments {
    /// Those of `images` `[pixels, channels]`.
    ///
    /// Chunks have their own mean and squared deviations, which are put together in order and in
    /// double precision (Chan et al.: *Updating formulae and a
    /// pairwise algorithm for computing sample variances*, 1979).
    pub fn of(isa: Isa, images: &[f32], channels: usize) -> Self {
        let chunk = pixels_of(channels);
        let part = |pixels: &[f32]| {
            let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
            let count = pixels.len() / channels;
            // SAFETY: the lists are as long as `count` pixels and one pixel.
            unsafe {
                let (mean, squares) = (mean.as_mut_ptr(), squares.as_mut_ptr());
                deviations(isa, pixels.as_ptr(), count, channels, mean, squares);
            }
            (count as f64, mean, squares)
        };
        let parts: Vec<_> = images.par_chunks(chunk * channels).map(part).collect();
        let (mut mean, mut squares) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
        let mut count = 0.0;
        for (more, means, deviations) in parts {
            let all = count + more;
            for channel in 0..channels {
                let apart = f64::from(means[channel]) - mean[channel];
                mean[channel] += apart * more / all;
                squares[channel] +=
                    f64::from(deviations[channel]) + apart * apart * count * more / all;
            }
            count = all;
        }
        let count = count.max(1.0);
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            variance: squares.into_iter().map(|sum| (sum / count) as f32).collect(),
        }
    }
}

/// `scale x + shift` of each channel, and zero below zero where that is `rectified`.
#[derive(Debug, Clone)]
pub struct Normalization {
    /// What is subtracted before all else.
    pub mean: Vec<f32>,
    /// The factors of what is left.
    pub scale: Vec<f32>,
    /// What is added to that.
    pub shift: Vec<f32>,
    /// Whether negative results become zero.
    pub rectified: bool,
}

/// Sums over pixels, of each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// Of the gradient.
    pub gradient: Vec<f32>,
    /// Of the gradient times how far the input is from the mean.
    pub product: Vec<f32>,
}

impl Normalization {
    fn channels(&self) -> usize {
        self.mean.len()
    }

    fn check(&self, numbers: usize) {
        let channels = self.channels();
        assert!(self.scale.len() == channels && self.shift.len() == channels, "channels");
        assert!(channels > 0 && numbers.is_multiple_of(channels), "whole pixels");
    }

    fn raw(&self) -> Raw {
        Raw {
            channels: self.channels(),
            mean: self.mean.as_ptr(),
            scale: self.scale.as_ptr(),
            shift: self.shift.as_ptr(),
            rectified: self.rectified,
        }
    }

    /// Applies it to `images` `[pixels, channels]`.
    pub fn forward(&self, isa: Isa, images: &[f32]) -> Vec<f32> {
        self.check(images.len());
        // SAFETY: parts are disjoint, and together everything.
        unsafe {
            filled(images.len(), |made: Shared| {
                chunks(images.len(), self.channels(), |part| {
                    let from = images[part.clone()].as_ptr();
                    let count = part.len() / self.channels();
                    apply(isa, &self.raw(), from, count, made.as_mut_ptr().add(part.start));
                });
            })
        }
    }

    /// The sums that the gradients consist of; `gradient` is the output's.
    pub fn sums(&self, isa: Isa, images: &[f32], gradient: &[f32]) -> Sums {
        self.check(images.len());
        assert_eq!(images.len(), gradient.len(), "the gradient's length");
        let channels = self.channels();
        let size = pixels_of(channels) * channels;
        let parts: Vec<Vec<f32>> = images
            .par_chunks(size)
            .zip(gradient.par_chunks(size))
            .map(|(images, gradient)| {
                let mut sums = vec![0.0; 2 * channels];
                let count = images.len() / channels;
                // SAFETY: both lists have `count` pixels, and the sums are two pixels long.
                unsafe {
                    let (from, gradient) = (images.as_ptr(), gradient.as_ptr());
                    add_sums(isa, &self.raw(), from, gradient, count, sums.as_mut_ptr());
                }
                sums
            })
            .collect();
        let mut total = vec![0.0_f64; 2 * channels];
        for part in parts {
            for (total, sum) in total.iter_mut().zip(part) {
                *total += f64::from(sum);
            }
        }
        let single = |sums: &[f64]| sums.iter().map(|&sum| sum as f32).collect();
        Sums { gradient: single(&total[..channels]), product: single(&total[channels..]) }
    }

    /// The gradient of the input where mean and scale are constants.
    pub fn constant_gradient(&self, isa: Isa, images: &[f32], gradient: &[f32]) -> Vec<f32> {
        let zeros = vec![0.0; self.channels()];
        self.combine(isa, images, gradient, &zeros, &zeros)
    }

    /// The gradient of the input where mean and scale were made of it: `factor / sqrt(variance +
    /// epsilon)` is the scale, and `deviation` that square root.
    pub fn batch_gradient(
        &self,
        isa: Isa,
        images: &[f32],
        gradient: &[f32],
        sums: &Sums,
        deviation: &[f32],
    ) -> Vec<f32> {
        let count = (images.len() / self.channels()) as f32;
        let each = |channel: usize| -self.scale[channel] / count;
        let slope: Vec<f32> = (0..self.channels())
            .map(|c| each(c) * sums.product[c] / (deviation[c] * deviation[c]))
            .collect();
        let offset: Vec<f32> = (0..self.channels()).map(|c| each(c) * sums.gradient[c]).collect();
        self.combine(isa, images, gradient, &slope, &offset)
    }

    /// `scale gradient + slope (x - mean) + offset`, the gradient as the rectifier lets it through.
    fn combine(
        &self,
        isa: Isa,
        images: &[f32],
        gradient: &[f32],
        slope: &[f32],
        offset: &[f32],
    ) -> Vec<f32> {
        self.check(images.len());
        assert_eq!(images.len(), gradient.len(), "the gradient's length");
        assert!(slope.len() == self.channels() && offset.len() == self.channels(), "channels");
        // SAFETY: parts are disjoint, and together everything.
        unsafe {
            filled(images.len(), |made: Shared| {
                chunks(images.len(), self.channels(), |part| {
                    let raw = self.raw();
                    let (from, gradient) =
                        (images[part.clone()].as_ptr(), gradient[part.clone()].as_ptr());
                    let count = part.len() / self.channels();
                    let to = made.as_mut_ptr().add(part.start);
                    let (slope, offset) = (slope.as_ptr(), offset.as_ptr());
                    combine_each(isa, &raw, from, gradient, slope, offset, count, to);
                });
            })
        }
    }
}

/// Pixels of a chunk.
fn pixels_of(channels: usize) -> usize {
    (CHUNK / channels.max(1)).max(16)
}

/// Calls `each` for every chunk of so many numbers, on all threads.
fn chunks(numbers: usize, channels: usize, each: impl Fn(Range<usize>) + Send + Sync) {
    let size = pixels_of(channels) * channels;
    for_each(numbers.div_ceil(size), |index| {
        each(index * size..numbers.min((index + 1) * size));
    });
}

/// [`Normalization`], for kernels.
struct Raw {
    channels: usize,
    mean: *const f32,
    scale: *const f32,
    shift: *const f32,
    rectified: bool,
}

impl Raw {
    /// Mean, scale and shift.
    ///
    /// # Safety
    /// What it was made of must still be there.
    #[inline(always)]
    unsafe fn lists<'a>(&self) -> [&'a [f32]; 3] {
        [self.mean, self.scale, self.shift]
            // SAFETY: up to the caller.
            .map(|list| unsafe { std::slice::from_raw_parts(list, self.channels) })
    }
}

versions! {
    /// Mean and squared deviations of `count` pixels.
    ///
    /// # Safety
    /// All must be good for as many numbers, and the last two this caller's alone.
    unsafe fn deviations = deviations_each(
        pixels: *const f32, count: usize, channels: usize, mean: *mut f32, squares: *mut f32,
    )
}

#[inline(always)]
unsafe fn deviations_each<L: Lanes>(
    pixels: *const f32,
    count: usize,
    channels: usize,
    mean: *mut f32,
    squares: *mut f32,
) {
    // SAFETY: up to the caller.
    let (pixels, mean, squares) = unsafe {
        (
            std::slice::from_raw_parts(pixels, count * channels),
            std::slice::from_raw_parts_mut(mean, channels),
            std::slice::from_raw_parts_mut(squares, channels),
        )
    };
    for pixel in pixels.chunks_exact(channels) {
        for (mean, number) in mean.iter_mut().zip(pixel) {
            *mean += number;
        }
    }
    for mean in mean.iter_mut() {
        *mean /= count as f32;
    }
    for pixel in pixels.chunks_exact(channels) {
        for ((square, number), mean) in squares.iter_mut().zip(pixel).zip(mean.iter()) {
            *square += (number - mean) * (number - mean);
        }
    }
}

versions! {
    /// The normalisation of `count` pixels.
    ///
    /// # Safety
    /// All must be good for as many numbers, and `to` this caller's alone.
    unsafe fn apply = apply_each(raw: &Raw, from: *const f32, count: usize, to: *mut f32)
}

#[inline(always)]
unsafe fn apply_each<L: Lanes>(raw: &Raw, from: *const f32, count: usize, to: *mut f32) {
    // SAFETY: up to the caller, for all of them.
    let ([mean, scale, shift], channels) = (unsafe { raw.lists() }, raw.channels);
    for pixel in 0..count {
        // SAFETY: as above.
        unsafe {
            let from = std::slice::from_raw_parts(from.add(pixel * channels), channels);
            let to = to.add(pixel * channels);
            for channel in 0..channels {
                let value = output(from[channel], mean[channel], scale[channel], shift[channel]);
                *to.add(channel) = if raw.rectified && value < 0.0 { 0.0 } else { value };
            }
        }
    }
}

/// What comes out before it is rectified: the same forward and backward.
#[inline(always)]
fn output(x: f32, mean: f32, scale: f32, shift: f32) -> f32 {
    (x - mean) * scale + shift
}

/// What the rectifier lets through of a gradient.
#[inline(always)]
fn passed(raw: &Raw, gradient: f32, value: f32) -> f32 {
    if raw.rectified && value <= 0.0 { 0.0 } else { gradient }
}

versions! {
    /// Adds up gradients, and their products with deviations from the mean.
    ///
    /// # Safety
    /// All must be good for as many numbers, and `sums`, two pixels long, this caller's alone.
    unsafe fn add_sums = add_sums_each(
        raw: &Raw, images: *const f32, gradient: *const f32, count: usize, sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn add_sums_each<L: Lanes>(
    raw: &Raw,
    images: *const f32,
    gradient: *const f32,
    count: usize,
    sums: *mut f32,
) {
    let channels = raw.channels;
    // SAFETY: up to the caller.
    let ([mean, scale, shift], sums) =
        unsafe { (raw.lists(), std::slice::from_raw_parts_mut(sums, 2 * channels)) };
    let (of_gradient, of_product) = sums.split_at_mut(channels);
    for pixel in 0..count {
        // SAFETY: as above.
        let (images, gradient) = unsafe {
            (
                std::slice::from_raw_parts(images.add(pixel * channels), channels),
                std::slice::from_raw_parts(gradient.add(pixel * channels), channels),
            )
        };
        for channel in 0..channels {
            let (x, mean) = (images[channel], mean[channel]);
            let value = output(x, mean, scale[channel], shift[channel]);
            let passed = passed(raw, gradient[channel], value);
            of_gradient[channel] += passed;
            of_product[channel] += passed * (x - mean);
        }
    }
}

versions! {
    /// The gradient of the input of `count` pixels.
    ///
    /// # Safety
    /// All must be good for as many numbers, and `to` this caller's alone.
    unsafe fn combine_each = combine_all(
        raw: &Raw,
        images: *const f32,
        gradient: *const f32,
        slope: *const f32,
        offset: *const f32,
        count: usize,
        to: *mut f32,
    )
}

#[inline(always)]
unsafe fn combine_all<L: Lanes>(
    raw: &Raw,
    images: *const f32,
    gradient: *const f32,
    slope: *const f32,
    offset: *const f32,
    count: usize,
    to: *mut f32,
) {
    let channels = raw.channels;
    // SAFETY: up to the caller.
    let ([mean, scale, shift], slope, offset) = unsafe {
        (
            raw.lists(),
            std::slice::from_raw_parts(slope, channels),
            std::slice::from_raw_parts(offset, channels),
        )
    };
    for pixel in 0..count {
        // SAFETY: as above.
        unsafe {
            let images = std::slice::from_raw_parts(images.add(pixel * channels), channels);
            let gradient = std::slice::from_raw_parts(gradient.add(pixel * channels), channels);
            let to = to.add(pixel * channels);
            for channel in 0..channels {
                let (x, mean) = (images[channel], mean[channel]);
                let value = output(x, mean, scale[channel], shift[channel]);
                let passed = passed(raw, gradient[channel], value);
                *to.add(channel) =
                    scale[channel] * passed + slope[channel] * (x - mean) + offset[channel];
            }
        }
    }
}
