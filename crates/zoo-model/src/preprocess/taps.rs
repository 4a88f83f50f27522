//! Which input pixels make an output pixel, and with which weights, along one side.

use std::ops::Range;

use super::Filter;

/// Fractional bits of a weight: 32, less 8 for the pixel and 2 for sign and overshoot
/// (Pillow's `PRECISION_BITS`).
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// Half of a pixel value, where every weighted sum starts, so that [`clip`] rounds.
pub(super) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// A weighted sum of pixels back to a pixel: rounded, and clipped because filters with
/// negative lobes overshoot.
#[inline(always)]
pub(super) fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The weights of a range of output pixels along one side (Pillow's `precompute_coeffs` and
/// `normalize_coeffs_8bpc`).
pub(super) struct Taps {
    starts: Vec<usize>,
    /// End of each output pixel's weights in `weights`.
    ends: Vec<usize>,
    weights: Vec<i32>,
}

impl Taps {
    /// Weights for the output pixels `window` of a side resampled from `input` pixels to
    /// `output`. With `antialias` the filter is stretched by the ratio when reducing, so that
    /// every input pixel counts.
    pub(super) fn new(
        filter: Filter,
        antialias: bool,
        input: usize,
        output: usize,
        window: Range<usize>,
    ) -> Self {
        let scale = input as f64 / output as f64;
        let stretch = if antialias { scale.max(1.0) } else { 1.0 };
        let support = filter.support() * stretch;
        let mut taps = Self { starts: Vec::new(), ends: Vec::new(), weights: Vec::new() };
        let mut exact = Vec::new();
        for position in window {
            let center = (position as f64 + 0.5) * scale;
            // Casts truncate towards zero and saturate at zero, as Pillow clamps.
            let start = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(input);
            exact.clear();
            exact.extend(
                (start..end).map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / stretch))),
            );
            let sum: f64 = exact.iter().sum();
            let sum = if sum == 0.0 { 1.0 } else { sum };
            taps.weights.extend(exact.iter().map(|weight| fixed_point(weight / sum)));
            taps.starts.push(start);
            taps.ends.push(taps.weights.len());
        }
        taps
    }

    /// For each output pixel, in order: the first input pixel and the weights from there on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut begin = 0;
        self.starts.iter().zip(&self.ends).map(move |(&start, &end)| {
            let weights = &self.weights[begin..end];
            begin = end;
            (start, weights)
        })
    }

    /// Number of output pixels.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The input pixels that any output pixel needs.
    pub(super) fn span(&self) -> Range<usize> {
        let start = self.starts.iter().copied().min().unwrap_or(0);
        let end = self.iter().map(|(start, weights)| start + weights.len()).max().unwrap_or(0);
        start..end
    }
}

/// A weight with [`PRECISION_BITS`] fractional bits, rounded half away from zero.
fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (scaled + 0.5_f64.copysign(scaled)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of the two passes are kept in 32 bits without a check.
    #[test]
    fn no_image_can_overflow_a_sum() {
        let filters = [Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
        for filter in filters {
            for (input, output) in (1..40).flat_map(|i| (1..40).map(move |o| (i, o))) {
                for antialias in [false, true] {
                    let taps = Taps::new(filter, antialias, input, output, 0..output);
                    for (start, weights) in taps.iter() {
                        assert!(!weights.is_empty() && start + weights.len() <= input);
                        let sum = |sign: i64| {
                            let of_sign = weights.iter().map(|&w| i64::from(w) * sign);
                            of_sign.filter(|&w| w > 0).sum::<i64>() * 255 + i64::from(HALF)
                        };
                        assert!(sum(1) < 1 << 31 && sum(-1) < 1 << 31, "{filter:?}");
                    }
                }
            }
        }
    }
}
