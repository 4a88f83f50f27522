//! Convolutions of 3 by 3 by fewer products, forward and both ways back.
//!
//! What a [`Winograd`] does block by block for inference is done here in phases, some hundred tiles at a
//! time: all are transformed, then each of the 36 places is one matrix product, whose weights are
//! read once. The gradient of the weight is the same turned round: `G' (sum of (B' d B) * (A e A')) G`
//! over all tiles, of inputs `d` and the output's gradients `e`.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{Lanes, versions};
use crate::panels::Panels;
use crate::team::{with_kept, with_scratch};
use crate::winograd::{
    IN, Inputs, OUT, Outputs, PLACES, Tiling, transform_inputs, transform_outputs,
};
use crate::{Buffer, Epilogue, Images, Isa, Pixels, PixelsMut, Window, Winograd};

use super::Geometry;
use super::parallel::{Shared, filled, for_each, slice_of};
use super::weight::{Plan, taps_last};

/// Numbers of transformed tiles at a time: they should not leave the last-level cache.
const CHUNK: usize = 2 << 20;
/// Tiles of a task that transforms.
const TILES: usize = 8;

thread_local! {
    /// Transformed images, and what is made of them or meets them: each step needs the same again.
    static BUFFERS: RefCell<[Buffer; 2]> = RefCell::default();
}

/// Whether a convolution is computed so.
pub(super) fn suits(
    isa: Isa,
    window: &Window,
    channels: usize,
    outputs: usize,
    out_size: [usize; 2],
) -> bool {
    let three = Window { kernel: [3; 2], padding: window.padding, ..Window::POINT };
    *window == three && Winograd::suits(isa, channels, outputs, out_size)
}

/// Cuts all tiles of a batch into chunks, and calls `each` for one after the other.
fn chunks(tiles: usize, channels: usize, outputs: usize, mut each: impl FnMut(Range<usize>)) {
    let count = tiles.div_ceil((CHUNK / (PLACES * (channels + outputs))).max(TILES));
    for chunk in 0..count {
        each(slice_of(tiles, count, chunk));
    }
}

/// Calls `each` for some tiles of `chunk` at a time, on all threads: the first of them, counted
/// through the chunk, and all, counted through the batch.
fn transform(chunk: &Range<usize>, each: impl Fn(usize, Range<usize>) + Send + Sync) {
    let tasks = chunk.len().div_ceil(TILES);
    for_each(tasks, |task| {
        let part = slice_of(chunk.len(), tasks, task);
        each(part.start, chunk.start + part.start..chunk.start + part.end);
    });
}

/// Convolves `images` with `taps`, the weights of the direct convolution, on all threads.
pub(super) fn convolve(
    isa: Isa,
    padding: [usize; 2],
    taps: &Panels,
    bias: &[f32],
    images: &Images,
    out_size: [usize; 2],
) -> Vec<f32> {
    let (channels, outputs) = (images.pixels().channels(), bias.len());
    let winograd = Winograd::of_taps(isa, padding, channels, taps, bias);
    let tiling = Tiling { out_size };
    let pixels = images.batch() * out_size[0] * out_size[1];
    let write = |[inputs, sums]: &mut [Buffer; 2], out: Shared| {
        chunks(images.batch() * tiling.tiles(), channels, outputs, |chunk| {
            let count = chunk.len();
            inputs.reserve(PLACES * count * channels);
            sums.reserve(PLACES * count * outputs);
            let (inputs, sums) = (Shared::new(inputs), Shared::new(sums));
            transform(&chunk, |first, tiles| {
                let to = inputs.as_mut_ptr();
                let work = Inputs { images, padding, tiling, tiles, count, first, to };
                // SAFETY: there is room for the chunk, and each task has tiles of its own.
                unsafe { transform_inputs(isa, &work) }
            });
            for_each(PLACES, |place| {
                with_scratch(|scratch| {
                    let rows = place * count..(place + 1) * count;
                    scratch.pointers.clear();
                    let row = |row: usize| inputs.as_mut_ptr().wrapping_add(row * channels);
                    scratch.pointers.extend(rows.map(|index| row(index).cast_const()));
                    // SAFETY: the rows have been written; each task has sums of its own.
                    unsafe {
                        let to = sums.as_mut_ptr().add(place * count * outputs);
                        winograd.multiply(place, &scratch.pointers, to);
                    }
                });
            });
            transform(&chunk, |first, tiles| {
                // SAFETY: tiles are disjoint, and together all of the output.
                unsafe {
                    let out = PixelsMut::from_raw(out.as_mut_ptr(), pixels, outputs, outputs);
                    let (epilogue, sums) = (&Epilogue::NONE, sums.as_mut_ptr());
                    let work = Outputs { out: &out, out_size, epilogue, tiles, count, first, sums };
                    transform_outputs(isa, &winograd, &work);
                }
            });
        });
    };
    // SAFETY: all tiles together are all of the output.
    with_kept(&BUFFERS, |buffers| unsafe { filled(pixels * outputs, |out| write(buffers, out)) })
}

/// The gradient of the weight, on all threads.
pub(super) fn weight_gradient(
    isa: Isa,
    sizes: &Geometry,
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let Geometry { batch, channels, outputs, size, out_size, .. } = *sizes;
    let images = &Images::new(Pixels::dense(input, channels), batch, size[0], size[1]);
    let gradient = &Images::new(Pixels::dense(gradient, outputs), batch, out_size[0], out_size[1]);
    let (padding, tiling) = (sizes.window.padding, Tiling { out_size });
    let mut sums = Vec::new();
    let add_all = |[inputs, errors]: &mut [Buffer; 2]| {
        chunks(batch * tiling.tiles(), channels, outputs, |chunk| {
            let count = chunk.len();
            inputs.reserve(PLACES * count * channels);
            errors.reserve(PLACES * count * outputs);
            {
                let (inputs, errors) = (Shared::new(inputs), Shared::new(errors));
                transform(&chunk, |first, tiles| {
                    let to = inputs.as_mut_ptr();
                    let inputs =
                        Inputs { images, padding, tiling, tiles: tiles.clone(), count, first, to };
                    let to = errors.as_mut_ptr();
                    let errors = Inputs { images: gradient, padding: [0; 2], tiles, to, ..inputs };
                    // SAFETY: there is room for the chunk, and each task has tiles of its own.
                    unsafe {
                        transform_inputs(isa, &inputs);
                        transform_errors(isa, &errors);
                    }
                });
            }
            // Each place is the gradient of a pointwise convolution of tiles.
            let of_tiles = pointwise(count, channels, outputs);
            let plan = |place: usize| {
                let inputs = &inputs[place * count * channels..][..count * channels];
                let errors = &errors[place * count * outputs..][..count * outputs];
                Plan::new(isa, &of_tiles, inputs, errors).undivided()
            };
            let (tasks, len) = (plan(0).tasks(), plan(0).list_len());
            let begin = sums.is_empty();
            let add = |sums: Shared| {
                for_each(PLACES * tasks, |index| {
                    let plan = plan(index / tasks);
                    let task = plan.task(index % tasks);
                    with_scratch(|scratch| {
                        // SAFETY: each task has its own list of sums, written by the first chunk.
                        unsafe {
                            plan.add(&task, begin, sums.as_mut_ptr().add(index * len), scratch);
                        }
                    });
                });
            };
            if begin {
                // SAFETY: tasks write all of their lists.
                sums = unsafe { filled(PLACES * tasks * len, add) };
            } else {
                add(Shared::new(&mut sums));
            }
        });
    };
    with_kept(&BUFFERS, add_all);
    gather(isa, sizes, &sums)
}

/// A pointwise convolution of so many tiles.
fn pointwise(tiles: usize, channels: usize, outputs: usize) -> Geometry {
    let size = [1, tiles];
    let window = Window::POINT;
    Geometry { batch: 1, channels, size, outputs, out_size: size, groups: 1, window }
}

/// Makes the weight's gradient of the sums of each place.
fn gather(isa: Isa, sizes: &Geometry, sums: &[f32]) -> Vec<f32> {
    let channels = sizes.channels;
    let of_tiles = pointwise(1, channels, sizes.outputs);
    let plan = Plan::new(isa, &of_tiles, &[], &[]);
    // `[place, block, outputs of a block, columns]`
    let stride = sums.len() / PLACES;
    let mut weight = vec![0.0; sizes.weight_len()];
    let each = weight.par_chunks_exact_mut(channels * 9).enumerate();
    each.for_each_init(
        || vec![0.0; channels * 9],
        |taps, (output, weight)| {
            let (block, row) = plan.place_of(output);
            let start = block * plan.list_len() + row * plan.columns();
            assert!((PLACES - 1) * stride + start + channels <= sums.len(), "sums");
            // SAFETY: each place has the channels of this output, as was checked.
            unsafe {
                let from = sums.as_ptr().add(start);
                transform_sums(isa, from, stride, channels, taps.as_mut_ptr());
            }
            taps_last(taps, weight, 9);
        },
    );
    weight
}

versions! {
    /// Transforms the output's gradients of some tiles: `A e A'`.
    ///
    /// # Safety
    /// `to` must have room for all tiles, those of `work` this caller's alone.
    unsafe fn transform_errors = errors_of(work: &Inputs)
}

#[allow(
    clippy::needless_range_loop,
    reason = "a closure is compiled by itself, without the features: four times slower"
)]
#[inline(always)]
unsafe fn errors_of<L: Lanes>(work: &Inputs) {
    let (height, width) = (work.images.height(), work.images.width());
    let (outputs, stride) = (work.images.pixels().channels(), work.images.pixels().stride());
    for (index, tile) in work.tiles.clone().enumerate() {
        let (image, y, x) = work.tiling.start(tile);
        let (rows, columns) = (OUT.min(height - y), OUT.min(width - x));
        for channel in (0..outputs).step_by(L::COUNT) {
            // SAFETY: only pixels inside the image are read, with channels below their number.
            unsafe {
                let mut lines = [[L::splat(0.0); OUT]; IN];
                let mut errors = [[L::splat(0.0); OUT]; OUT];
                for (row, errors) in errors.iter_mut().enumerate().take(rows) {
                    let line = (image * height + y + row) * width + x;
                    for (column, error) in errors.iter_mut().enumerate().take(columns) {
                        let pixel = work.images.pixels().as_ptr().add((line + column) * stride);
                        *error = L::load(pixel.add(channel));
                    }
                }
                for column in 0..OUT {
                    let made = error_line::<L>(std::array::from_fn(|row| errors[row][column]));
                    for (row, made) in made.into_iter().enumerate() {
                        lines[row][column] = made;
                    }
                }
                for (row, line) in lines.into_iter().enumerate() {
                    for (column, made) in error_line::<L>(line).into_iter().enumerate() {
                        let place = row * IN + column;
                        let at = (place * work.count + work.first + index) * outputs + channel;
                        L::store(work.to.add(at), made);
                    }
                }
            }
        }
    }
}

/// `A e` for one line of four gradients.
#[inline(always)]
unsafe fn error_line<L: Lanes>(e: [L::Vector; OUT]) -> [L::Vector; IN] {
    // SAFETY: only arithmetic, up to the caller.
    unsafe {
        let (two, four) = (L::splat(2.0), L::splat(4.0));
        let (even, odd) = (L::add(e[0], e[2]), L::add(e[1], e[3]));
        let far = L::multiply_add(four, e[2], e[0]);
        let between = L::multiply(two, L::multiply_add(four, e[3], e[1]));
        [
            e[0],
            L::add(even, odd),
            L::subtract(even, odd),
            L::add(far, between),
            L::subtract(far, between),
            e[3],
        ]
    }
}

versions! {
    /// Makes the nine taps of a kernel, `[taps, channels]`, of the sums of each place, at multiples
    /// of `stride` from `from` on: `G' s G`.
    ///
    /// # Safety
    /// All must be there, and `to` this caller's alone; channels must fill vectors.
    unsafe fn transform_sums = sums_of(
        from: *const f32,
        stride: usize,
        channels: usize,
        to: *mut f32,
    )
}

#[allow(
    clippy::needless_range_loop,
    reason = "a closure is compiled by itself, without the features: four times slower"
)]
#[inline(always)]
unsafe fn sums_of<L: Lanes>(from: *const f32, stride: usize, channels: usize, to: *mut f32) {
    for channel in (0..channels).step_by(L::COUNT) {
        // SAFETY: places below `PLACES`, channels below their number, taps below nine.
        unsafe {
            let mut lines = [[L::splat(0.0); IN]; 3];
            for column in 0..IN {
                let sums = std::array::from_fn(|row| {
                    L::load(from.add((row * IN + column) * stride + channel))
                });
                for (row, made) in sum_line::<L>(sums).into_iter().enumerate() {
                    lines[row][column] = made;
                }
            }
            for (row, line) in lines.into_iter().enumerate() {
                for (column, made) in sum_line::<L>(line).into_iter().enumerate() {
                    L::store(to.add((3 * row + column) * channels + channel), made);
                }
            }
        }
    }
}

/// `G' s` for one line of six sums.
#[inline(always)]
unsafe fn sum_line<L: Lanes>(s: [L::Vector; IN]) -> [L::Vector; 3] {
    // SAFETY: only arithmetic, up to the caller.
    unsafe {
        let by = |factor: f64, vector: L::Vector| L::multiply(L::splat(factor as f32), vector);
        let (near, far) = (L::add(s[1], s[2]), L::add(s[3], s[4]));
        let (near_apart, far_apart) = (L::subtract(s[2], s[1]), L::subtract(s[3], s[4]));
        let near = by(-1.0 / 6.0, near);
        [
            L::multiply_add(L::splat(0.25), s[0], L::add(near, by(1.0 / 24.0, far))),
            L::add(by(1.0 / 6.0, near_apart), by(1.0 / 12.0, far_apart)),
            L::add(L::add(near, by(1.0 / 6.0, far)), s[5]),
        ]
    }
}
