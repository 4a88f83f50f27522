//! The inverse cosine transform (ITU-T T.81, A.3.3), rounded as libjpeg's accurate integer
//! method rounds it.
//!
//! The one-dimensional transform is that of Loeffler, Ligtenberg and Moschytz, "Practical fast
//! 1-D DCT algorithms with 11 multiplications" (ICASSP 1989), in its variant with twelve
//! multiplications, none of them in a row. Constants have 13 fractional bits; between the
//! columns and the rows, 2 are kept.

//!
//! Eight neighbouring blocks are transformed together, each in a lane of its own: so no value
//! ever meets one of another lane, and the compiler makes vector instructions of all of it.

use std::num::Wrapping;

use zoo_kernels::{Work, vectorized};

use super::frame::BLOCK;
use super::zigzag::ZIGZAG;

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

/// How many blocks are transformed together.
pub(super) const LANES: usize = 8;

/// Places in zigzag order up to which a coefficient is in the first four rows and columns.
const LOW: usize = 10;

/// The coefficients of eight neighbouring blocks.
#[derive(Clone)]
pub(super) struct Group {
    /// By place in the block, `8 * row + column`, then by block.
    coefficients: [[i16; LANES]; BLOCK],
    /// A place in zigzag order behind which all are zero.
    last: usize,
}

impl Group {
    /// Zeros.
    pub(super) const EMPTY: Self = Self { coefficients: [[0; LANES]; BLOCK], last: 0 };

    /// Sets the coefficient at `place` in zigzag order of the block `lane`.
    #[inline(always)]
    pub(super) fn set(&mut self, place: usize, lane: usize, value: i16) {
        self.coefficients[usize::from(ZIGZAG[place % BLOCK]) % BLOCK][lane % LANES] = value;
    }

    /// Tells that the coefficients up to `last`, in zigzag order, may not be zero.
    #[inline(always)]
    pub(super) fn reaches(&mut self, last: usize) {
        self.last = self.last.max(last);
    }

    /// Sets all coefficients of the block `lane`, which are in order of rows.
    pub(super) fn set_block(&mut self, lane: usize, block: &[i16; BLOCK]) {
        for (of_all, &value) in self.coefficients.iter_mut().zip(block) {
            of_all[lane % LANES] = value;
        }
        if block[1..].iter().any(|&value| value != 0) {
            self.last = BLOCK - 1;
        }
    }
}

/// A quantization table, repeated for each lane.
pub(super) struct Steps([[i32; LANES]; BLOCK]);

impl Steps {
    /// Of a table in order of rows.
    pub(super) fn new(quantization: &[u16; BLOCK]) -> Self {
        Self(quantization.map(|step| [step.into(); LANES]))
    }
}

/// Writes the samples of a row of blocks into eight rows of `stride` bytes, which is eight times
/// eight for each group. Leaves the groups empty.
pub(super) fn inverse(groups: &mut [Group], steps: &Steps, rows: &mut [u8], stride: usize) {
    vectorized(Inverse { groups, steps, rows, stride });
}

struct Inverse<'a> {
    groups: &'a mut [Group],
    steps: &'a Steps,
    rows: &'a mut [u8],
    stride: usize,
}

impl Work for Inverse<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            let samples = match group.last {
                0 => flat(group, self.steps),
                1..LOW => transposed(&inverse_group::<4>(group, self.steps)),
                _ => transposed(&inverse_group::<8>(group, self.steps)),
            };
            for (row, samples) in self.rows.chunks_exact_mut(self.stride).zip(&samples) {
                let blocks = row[at * LANES * 8..].as_chunks_mut::<8>().0;
                for (block, samples) in blocks.iter_mut().zip(samples) {
                    *block = samples.to_le_bytes();
                }
            }
            *group = Group::EMPTY;
        }
    }
}

/// Eight samples, the first in the lowest byte.
type Eight = u64;

/// For each row and block, the samples where only the first coefficient is not zero.
#[inline(always)]
fn flat(group: &Group, steps: &Steps) -> [[Eight; LANES]; 8] {
    let mut row = [0; LANES];
    for (lane, samples) in row.iter_mut().enumerate() {
        let first = Wrapping(i32::from(group.coefficients[0][lane])) * Wrapping(steps.0[0][lane]);
        let sample = level::<{ PASS_BITS + SCALE_BITS }>(first << PASS_BITS);
        *samples = u64::from_ne_bytes([sample; 8]);
    }
    [row; 8]
}

/// For each column and row, the samples of the eight blocks, of whose coefficients only those in
/// the first `N` rows and columns are not zero.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "several arrays are indexed by row, column and lane")]
fn inverse_group<const N: usize>(group: &Group, steps: &Steps) -> [[[u8; LANES]; 8]; 8] {
    let mut columns = [[[Wrapping(0); LANES]; 8]; 8];
    for column in 0..N {
        for lane in 0..LANES {
            let mut input = [Wrapping(0); 8];
            for (row, value) in input.iter_mut().enumerate().take(N) {
                let at = 8 * row + column;
                let coefficient = i32::from(group.coefficients[at][lane]);
                *value = Wrapping(coefficient) * Wrapping(steps.0[at][lane]);
            }
            let output = transform(input);
            for row in 0..8 {
                columns[row][column][lane] = round::<{ CONSTANT_BITS - PASS_BITS }>(output[row]);
            }
        }
    }
    let mut samples = [[[0; LANES]; 8]; 8];
    for row in 0..8 {
        for lane in 0..LANES {
            let mut input = [Wrapping(0); 8];
            for column in 0..N {
                input[column] = columns[row][column][lane];
            }
            let output = transform(input);
            for column in 0..8 {
                samples[column][row][lane] =
                    level::<{ CONSTANT_BITS + PASS_BITS + SCALE_BITS }>(output[column]);
            }
        }
    }
    samples
}

/// From samples by column, row and block to those by row, block and column, by exchanging
/// halves, quarters and eighths of words.
#[inline(always)]
fn transposed(samples: &[[[u8; LANES]; 8]; 8]) -> [[Eight; LANES]; 8] {
    let mut rows = [[0; LANES]; 8];
    for row in 0..8 {
        let mut words = [0; 8];
        for (word, column) in words.iter_mut().zip(samples) {
            *word = u64::from_le_bytes(column[row]);
        }
        exchange::<4>(&mut words, 0x0000_0000_FFFF_FFFF);
        exchange::<2>(&mut words, 0x0000_FFFF_0000_FFFF);
        exchange::<1>(&mut words, 0x00FF_00FF_00FF_00FF);
        rows[row] = words;
    }
    rows
}

/// Exchanges the bytes outside of `mask` of each word with those inside of it of the word
/// `DISTANCE` further on.
#[inline(always)]
fn exchange<const DISTANCE: usize>(words: &mut [Eight; 8], mask: u64) {
    for at in 0..8 {
        if (at / DISTANCE).is_multiple_of(2) {
            let differing = (words[at] >> (8 * DISTANCE) ^ words[at + DISTANCE]) & mask;
            words[at + DISTANCE] ^= differing;
            words[at] ^= differing << (8 * DISTANCE);
        }
    }
}

/// Drops `BITS` fractional bits, rounding half up.
#[inline(always)]
fn round<const BITS: usize>(value: Fixed) -> Fixed {
    (value + (Wrapping(1) << (BITS - 1))) >> BITS
}

/// A sample: without its fractional bits, shifted to 0 to 255 (A.3.1) and clipped.
#[inline(always)]
fn level<const BITS: usize>(value: Fixed) -> u8 {
    (round::<BITS>(value).0.wrapping_add(128)).clamp(0, 255) as u8
}

/// The one-dimensional inverse transform; its output has [`CONSTANT_BITS`] more fractional
/// bits than its input.
#[inline(always)]
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
