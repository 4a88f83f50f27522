//! The inverse cosine transform (ITU-T T.81, A.3.3), rounded as libjpeg's accurate integer
//! method rounds it.
//!
//! The one-dimensional transform is that of Loeffler, Ligtenberg and Moschytz, "Practical fast
//! 1-D DCT algorithms with 11 multiplications" (ICASSP 1989), in its variant with twelve
//! multiplications, none of them in a row. Constants have 13 fractional bits; between the
//! columns and the rows, 2 are kept.

use std::num::Wrapping;

use super::frame::BLOCK;

/// A number with fractional bits. It wraps, which only a hostile file's coefficients cause.
type Fixed = Wrapping<i32>;

/// Fractional bits of the constants.
const CONSTANT_BITS: usize = 13;

/// Fractional bits kept between the two passes.
const PASS_BITS: usize = 2;

/// Each pass is scaled by the square root of 8; both together by 8.
const SCALE_BITS: usize = 3;

/// A constant, scaled.
const fn fixed(value: f64) -> Fixed {
    Wrapping((value * (1 << CONSTANT_BITS) as f64 + if value < 0.0 { -0.5 } else { 0.5 }) as i32)
}

/// Writes the samples of a block into its eight rows. `coefficients` are in order of rows;
/// `last` is a place in zigzag order behind which they are all zero.
#[inline]
pub(super) fn inverse<'a>(
    coefficients: &[i16; BLOCK],
    quantization: &[u16; BLOCK],
    last: usize,
    samples: impl Iterator<Item = &'a mut [u8; 8]>,
) {
    let scaled =
        |at: usize| Wrapping(i32::from(coefficients[at])) * Wrapping(i32::from(quantization[at]));
    if last == 0 {
        let sample = level::<{ PASS_BITS + SCALE_BITS }>(scaled(0) << PASS_BITS);
        samples.for_each(|row| *row = [sample; 8]);
        return;
    }
    let mut columns = [Wrapping(0); BLOCK];
    for column in 0..8 {
        let zeros = (1..8).fold(0, |all, row| all | coefficients[8 * row + column]) == 0;
        if zeros {
            // What the transform comes to when only its first input is not zero.
            let first = scaled(column) << PASS_BITS;
            for row in 0..8 {
                columns[8 * row + column] = first;
            }
            continue;
        }
        let output = transform(std::array::from_fn(|row| scaled(8 * row + column)));
        for (row, value) in output.into_iter().enumerate() {
            columns[8 * row + column] = round::<{ CONSTANT_BITS - PASS_BITS }>(value);
        }
    }
    for (row, samples) in columns.as_chunks().0.iter().zip(samples) {
        let row: &[Fixed; 8] = row;
        if row[1..].iter().all(|&value| value.0 == 0) {
            *samples = [level::<{ PASS_BITS + SCALE_BITS }>(row[0]); 8];
        } else {
            *samples = transform(*row).map(level::<{ CONSTANT_BITS + PASS_BITS + SCALE_BITS }>);
        }
    }
}

/// Drops `BITS` fractional bits, rounding half up.
#[inline]
fn round<const BITS: usize>(value: Fixed) -> Fixed {
    (value + (Wrapping(1) << (BITS - 1))) >> BITS
}

/// A sample: without its fractional bits, shifted to 0 to 255 (A.3.1) and clipped.
#[inline]
fn level<const BITS: usize>(value: Fixed) -> u8 {
    (round::<BITS>(value).0.wrapping_add(128)).clamp(0, 255) as u8
}

/// The one-dimensional inverse transform; its output has [`CONSTANT_BITS`] more fractional
/// bits than its input.
#[inline]
fn transform(input: [Fixed; 8]) -> [Fixed; 8] {
    let [in0, in1, in2, in3, in4, in5, in6, in7] = input;

    // Even part: a butterfly, and a rotation of the inputs 2 and 6.
    let shared = (in2 + in6) * fixed(0.541_196_100);
    let rotated2 = shared + in2 * fixed(0.765_366_865);
    let rotated6 = shared + in6 * fixed(-1.847_759_065);
    let sum = (in0 + in4) << CONSTANT_BITS;
    let difference = (in0 - in4) << CONSTANT_BITS;
    let even = [sum + rotated2, difference + rotated6, difference - rotated6, sum - rotated2];

    // Odd part.
    let all = (in1 + in3 + in5 + in7) * fixed(1.175_875_602);
    let sum37 = (in3 + in7) * fixed(-1.961_570_560) + all;
    let sum15 = (in1 + in5) * fixed(-0.390_180_644) + all;
    let sum17 = (in1 + in7) * fixed(-0.899_976_223);
    let sum35 = (in3 + in5) * fixed(-2.562_915_447);
    let odd = [
        in1 * fixed(1.501_321_110) + sum17 + sum15,
        in3 * fixed(3.072_711_026) + sum35 + sum37,
        in5 * fixed(2.053_119_869) + sum35 + sum15,
        in7 * fixed(0.298_631_336) + sum17 + sum37,
    ];

    [
        even[0] + odd[0],
        even[1] + odd[1],
        even[2] + odd[2],
        even[3] + odd[3],
        even[3] - odd[3],
        even[2] - odd[2],
        even[1] - odd[1],
        even[0] - odd[0],
    ]
}
