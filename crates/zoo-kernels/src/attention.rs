//! Attention: each token becomes a mean of others' values, weighted by how alike its query and their
//! keys are.

use crate::tile::{self, Ahead, TileRows};
use crate::{Isa, Pixels, PixelsMut, Scratch, rows};

/// Vectors of a panel of keys or values.
const VECTORS: usize = 2;
/// Queries whose scores are there at the same time.
const ROWS: usize = 48;
/// Values that are summed up before the next panel's turn: with [`VECTORS`] vectors each, half of a
/// first-level cache.
const DEPTH: usize = 256;

/// Scaled dot-product attention of several heads, each with its own part of the channels.
/// Source: Vaswani et al.: *Attention is all you need*, 2017.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Sequences; the tokens of one attend to each other alone.
    pub batch: usize,
    /// Heads.
    pub heads: usize,
    /// The factor of each product of a query and a key, before the bias.
    pub scale: f32,
}

/// What attention reads: the tokens of all sequences, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    /// `[batch, queries, heads * channels]`.
    pub queries: Pixels<'a>,
    /// `[batch, keys, heads * channels]`.
    pub keys: Pixels<'a>,
    /// As many as keys, and as wide.
    pub values: Pixels<'a>,
    /// What is added to the scores of each key, whoever asks: `[batch, keys]`, or `[keys]` for all
    /// sequences.
    pub bias: Option<Pixels<'a>>,
}

impl Attention {
    /// Into so many tasks it falls.
    pub fn tasks(&self) -> usize {
        self.batch * self.heads
    }

    /// Computes head `task % heads` of sequence `task / heads`.
    ///
    /// # Safety
    /// Nobody else may touch that head's channels of that sequence in `out` meanwhile.
    ///
    /// # Panics
    /// Where tokens or channels do not fit.
    pub(crate) unsafe fn run_head(
        &self,
        isa: Isa,
        tokens: &Tokens,
        out: &PixelsMut,
        task: usize,
        scratch: &mut Scratch,
    ) {
        let Self { batch, heads, scale } = *self;
        let (sequence, head) = (task / heads, task % heads);
        let [queries, keys] = [tokens.queries, tokens.keys].map(|all| all.len() / batch);
        let channels = tokens.queries.channels() / heads;
        let of_head = head * channels..(head + 1) * channels;
        assert!(sequence < batch && tokens.values.len() == tokens.keys.len(), "sequences");
        assert!(keys > 0 && channels > 0, "nothing to attend to");
        assert!(out.len() == tokens.queries.len() && out.channels() >= of_head.end, "the output");

        let width = VECTORS * isa.lanes();
        let (across, wide) = (keys.next_multiple_of(width), channels.next_multiple_of(width));
        let lengths = [channels * across, keys * wide, across, width, ROWS * across, ROWS * wide];
        scratch.workspace.reserve(lengths.iter().sum());
        let mut rest = &mut scratch.workspace[..];
        let [by_key, by_value, bias, zeros, scores, sums] = lengths.map(|length| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(length);
            rest = others;
            part
        });
        zeros.fill(0.0);
        bias.fill(0.0);
        if let Some(given) = tokens.bias {
            let first = if given.len() == keys { 0 } else { sequence * keys };
            for (key, number) in bias[..keys].iter_mut().enumerate() {
                *number = given.pixel(first + key)[0];
            }
        }
        let key = |key: usize| &tokens.keys.pixel(sequence * keys + key)[of_head.clone()];
        for (panel, packed) in by_key.chunks_exact_mut(channels * width).enumerate() {
            for column in 0..width {
                let index = panel * width + column;
                let numbers = if index < keys { key(index) } else { &[] };
                for (channel, row) in packed.chunks_exact_mut(width).enumerate() {
                    row[column] = numbers.get(channel).map_or(0.0, |number| number * scale);
                }
            }
        }
        let value = |key: usize| &tokens.values.pixel(sequence * keys + key)[of_head.clone()];
        for (panel, packed) in by_value.chunks_exact_mut(keys * width).enumerate() {
            for (index, row) in packed.chunks_exact_mut(width).enumerate() {
                let numbers = &value(index)[panel * width..channels.min((panel + 1) * width)];
                row[..numbers.len()].copy_from_slice(numbers);
                row[numbers.len()..].fill(0.0);
            }
        }

        for begin in (0..queries).step_by(ROWS) {
            let rows = begin..queries.min(begin + ROWS);
            let count = rows.len();
            let query =
                |row: usize| &tokens.queries.pixel(sequence * queries + row)[of_head.clone()];
            scratch.pointers.clear();
            scratch.pointers.extend(rows.clone().map(|row| query(row).as_ptr()));
            let product = Product { inner: channels, bias, panels: by_key, out: scores };
            // SAFETY: each pointer is good for the channels of a head.
            unsafe { product.run(isa, &scratch.pointers) }
            scratch.pointers.clear();
            for row in scores.chunks_exact_mut(across).take(count) {
                rows::softmax(isa, &mut row[..keys], keys);
                scratch.pointers.push(row.as_ptr());
            }
            let product = Product { inner: keys, bias: zeros, panels: by_value, out: sums };
            // SAFETY: each pointer is good for the scores of all keys.
            unsafe { product.run(isa, &scratch.pointers) }
            for (row, sums) in rows.zip(sums.chunks_exact(wide)) {
                // SAFETY: `out` has this row and these channels, and they are this caller's alone.
                let to = unsafe {
                    let row = (sequence * queries + row) * out.stride();
                    let start = out.as_mut_ptr().add(row + of_head.start);
                    std::slice::from_raw_parts_mut(start, channels)
                };
                to.copy_from_slice(&sums[..channels]);
            }
        }
    }
}

/// Some rows times a packed matrix.
struct Product<'a> {
    /// How many products make a sum; not none.
    inner: usize,
    /// What the sums begin with: for each column, or for those of any panel.
    bias: &'a [f32],
    /// The matrix, in panels of [`VECTORS`] vectors and `inner` rows.
    panels: &'a [f32],
    /// One row after the other, each as wide as all panels.
    out: &'a mut [f32],
}

impl Product<'_> {
    /// Computes it for the rows that begin where `pointers` point to.
    ///
    /// # Safety
    /// Each must be good for `inner` numbers.
    unsafe fn run(self, isa: Isa, pointers: &[*const f32]) {
        let Self { inner, bias, panels, out } = self;
        let width = VECTORS * isa.lanes();
        let stride = panels.len() / inner;
        assert!(pointers.len() * stride <= out.len() && bias.len() >= width, "a product's lengths");
        let is_by_column = bias.len() >= stride;
        for (index, panel) in panels.chunks_exact(inner * width).enumerate() {
            let column = index * width;
            for first in (0..inner).step_by(DEPTH) {
                let last = inner.min(first + DEPTH);
                let work = TileRows {
                    pointers: pointers.as_ptr(),
                    pitch: pointers.len(),
                    taps: 1,
                    offset: first,
                    run: last - first,
                    panel: panel[first * width..].as_ptr(),
                    vectors: VECTORS,
                    bias: bias[if is_by_column { column } else { 0 }..][..width].as_ptr(),
                    rows: pointers.len(),
                    out: out[column..].as_mut_ptr(),
                    out_stride: stride,
                    residual: std::ptr::null(),
                    residual_stride: 0,
                    clamp: (f32::NEG_INFINITY, f32::INFINITY),
                    first: first == 0,
                    last: last == inner,
                    ahead: Ahead::NONE,
                };
                // SAFETY: rows are good for what is read of them, up to the caller; panel and bias are for
                // whole vectors, and `out` is ours and has a row of `stride` numbers for each pointer.
                unsafe { tile::run(isa, &work) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that follow no pattern, between -1 and 1.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let of = |step: usize| ((step * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0;
        (0..count).map(of).collect()
    }

    /// The formula, in double precision.
    fn exact(
        attention: &Attention,
        [queries, keys, values]: [&[f32]; 3],
        bias: Option<&[f32]>,
        channels: usize,
    ) -> Vec<f64> {
        let Attention { batch, heads, scale } = *attention;
        let whole = heads * channels;
        let [rows, columns] = [queries, keys].map(|all| all.len() / whole / batch);
        let mut made = Vec::new();
        for (sequence, row) in (0..batch).flat_map(|s| (0..rows).map(move |row| (s, row))) {
            for index in 0..whole {
                let head = index / channels * channels;
                let at = |of: &[f32], token: usize, channel: usize| {
                    f64::from(of[token * whole + channel])
                };
                let weight = |key: usize| {
                    let products = (head..head + channels).map(|channel| {
                        let key = at(keys, sequence * columns + key, channel);
                        at(queries, sequence * rows + row, channel) * key
                    });
                    let bias = bias.map_or(0.0, |bias| {
                        f64::from(bias[(sequence * columns + key) % bias.len()])
                    });
                    (products.sum::<f64>() * f64::from(scale) + bias).exp()
                };
                let all: f64 = (0..columns).map(weight).sum();
                let sum: f64 = (0..columns)
                    .map(|key| weight(key) * at(values, sequence * columns + key, index))
                    .sum();
                made.push(sum / all);
            }
        }
        made
    }

    fn run(
        isa: Isa,
        attention: &Attention,
        [queries, keys, values]: [&[f32]; 3],
        bias: Option<&[f32]>,
        channels: usize,
    ) -> Vec<f32> {
        let whole = attention.heads * channels;
        let pixels = |all| Pixels::dense(all, whole);
        let tokens = Tokens {
            queries: pixels(queries),
            keys: pixels(keys),
            values: pixels(values),
            bias: bias.map(|bias| Pixels::dense(bias, 1)),
        };
        let mut made = vec![f32::NAN; queries.len()];
        let mut scratch = Scratch::default();
        let out = PixelsMut::dense(&mut made, whole);
        for task in 0..attention.tasks() {
            // SAFETY: nobody else is here.
            unsafe { attention.run_head(isa, &tokens, &out, task, &mut scratch) }
        }
        made
    }

    #[test]
    fn every_set_computes_the_formula() {
        // Sequences, heads, channels of a head, queries, keys.
        let mut sizes = vec![[1, 1, 1, 1, 1], [2, 3, 5, 7, 18]];
        if !cfg!(miri) {
            sizes.extend([[1, 2, 32, 50, 50], [1, 1, 64, 5, 300], [2, 2, 40, 97, 16]]);
        }
        for [batch, heads, channels, queries, keys] in sizes {
            let attention = Attention { batch, heads, scale: 1.5 };
            let whole = heads * channels;
            let q = numbers(batch * queries * whole, 1);
            let [k, v] = [2, 3].map(|seed| numbers(batch * keys * whole, seed));
            let given = [&q[..], &k[..], &v[..]];
            for bias in [None, Some(numbers(keys, 4)), Some(numbers(batch * keys, 5))] {
                let bias = bias.as_deref();
                let expected = exact(&attention, given, bias, channels);
                for isa in Isa::available() {
                    let made = run(isa, &attention, given, bias, channels);
                    for (made, expected) in made.iter().zip(&expected) {
                        let error = (f64::from(*made) - expected).abs();
                        assert!(error < 1e-5, "{isa} {whole} {keys}: {made} for {expected}");
                    }
                }
            }
        }
    }

    /// A key with a bias of minus infinity, or of as much as floats have, is as if it was not there.
    #[test]
    fn masked_keys_do_not_count() {
        let attention = Attention { batch: 1, heads: 2, scale: 0.5 };
        let [q, k, v] = [1, 2, 3].map(|seed| numbers(9 * 8, seed));
        let alone = run(Isa::best(), &attention, [&q, &k[..5 * 8], &v[..5 * 8]], None, 4);
        for masked in [f32::NEG_INFINITY, f32::MIN, -1e4] {
            let bias = [[0.0; 5].as_slice(), &[masked; 4]].concat();
            let made = run(Isa::best(), &attention, [&q, &k, &v], Some(&bias), 4);
            for (a, b) in made.iter().zip(&alone) {
                assert!((a - b).abs() < 1e-6, "{masked}: {a} {b}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let attention = Attention { batch: 1, heads: 1, scale: 1.0 };
        let (mut q, k) = (numbers(2 * 8, 1), numbers(3 * 8, 2));
        q[3] = f32::NAN;
        let made = run(Isa::best(), &attention, [&q, &k, &k], None, 8);
        assert!(made[..8].iter().all(|x| x.is_nan()) && made[8..].iter().all(|x| x.is_finite()));
    }
}
