//! Depthwise convolutions: whole vectors of channels, tap by tap.

use crate::Isa;
use crate::lanes::{Lanes, versions};

use super::Geometry;
use super::parallel::{Shared, filled, for_each, slice_of};

/// Parts of the sums over pixels that make the gradient of the weight.
const PARTS: usize = 32;

/// `[taps, channels]` from `[channels, 1, taps]`.
fn taps_first(sizes: &Geometry, weight: &[f32]) -> Vec<f32> {
    let taps = sizes.window.taps();
    let mut turned = vec![0.0; weight.len()];
    for (channel, from) in weight.chunks_exact(taps).enumerate() {
        for (tap, &number) in from.iter().enumerate() {
            turned[tap * sizes.channels + channel] = number;
        }
    }
    turned
}

/// The convolution itself.
pub(super) fn forward(
    isa: Isa,
    sizes: &Geometry,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let (channels, weight) = (sizes.channels, taps_first(sizes, weight));
    let ([height, width], [out_height, out_width]) = (sizes.size, sizes.out_size);
    let window = &sizes.window;
    // SAFETY: each task writes its own row of pixels, and together they write all.
    unsafe {
        filled(sizes.output_len(), |out: Shared| {
            for_each(sizes.batch * out_height, |line| {
                let (image, y) = (line / out_height, line % out_height);
                for x in 0..out_width {
                    let at = (line * out_width + x) * channels;
                    out.as_mut_ptr().add(at).copy_from_nonoverlapping(bias.as_ptr(), channels);
                    let out = out.part(at..at + channels);
                    for row in window.inside(0, y, height) {
                        let Some(from_y) = window.place(0, y, row, height) else { continue };
                        for column in window.inside(1, x, width) {
                            let Some(from_x) = window.place(1, x, column, width) else { continue };
                            let from = ((image * height + from_y) * width + from_x) * channels;
                            let tap = (row * window.kernel[1] + column) * channels;
                            add(isa, &input[from..][..channels], &weight[tap..][..channels], out);
                        }
                    }
                }
            });
        })
    }
}

/// The gradient of the input: each pixel gathers from the outputs that saw it.
pub(super) fn input_gradient(
    isa: Isa,
    sizes: &Geometry,
    gradient: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    let (channels, weight) = (sizes.channels, taps_first(sizes, weight));
    let ([height, width], [_, out_width]) = (sizes.size, sizes.out_size);
    let [readers_y, readers_x] = [0, 1].map(|axis| readers(sizes, axis));
    let mut made = vec![0.0; sizes.input_len()];
    let shared = Shared::new(&mut made);
    for_each(sizes.batch * height, |line| {
        let (image, y) = (line / height, line % height);
        for (x, readers_x) in readers_x.iter().enumerate() {
            let at = (line * width + x) * channels;
            // SAFETY: each task has its own row of pixels.
            let out = unsafe { shared.part(at..at + channels) };
            for &(row, from_y) in &readers_y[y] {
                for &(column, from_x) in readers_x {
                    let from = (image * sizes.out_size[0] + from_y) * out_width + from_x;
                    let from = &gradient[from * channels..][..channels];
                    let tap = (row * sizes.window.kernel[1] + column) * channels;
                    add(isa, from, &weight[tap..][..channels], out);
                }
            }
        }
    });
    made
}

/// For each input position along `axis`, which taps see it in which outputs.
fn readers(sizes: &Geometry, axis: usize) -> Vec<Vec<(usize, usize)>> {
    let mut readers = vec![Vec::new(); sizes.size[axis]];
    for tap in 0..sizes.window.kernel[axis] {
        for output in 0..sizes.out_size[axis] {
            if let Some(place) = sizes.window.place(axis, output, tap, sizes.size[axis]) {
                readers[place].push((tap, output));
            }
        }
    }
    readers
}

/// The gradient of the weight.
pub(super) fn weight_gradient(
    isa: Isa,
    sizes: &Geometry,
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let (channels, taps) = (sizes.channels, sizes.window.taps());
    let ([height, width], [out_height, out_width]) = (sizes.size, sizes.out_size);
    let window = &sizes.window;
    let lines = sizes.batch * out_height;
    let parts = PARTS.min(lines);
    let mut sums = vec![0.0; parts * taps * channels];
    let shared = Shared::new(&mut sums);
    for_each(parts, |part| {
        let size = taps * channels;
        // SAFETY: each task has its own sums.
        let sums = unsafe { shared.part(part * size..(part + 1) * size) };
        for line in slice_of(lines, parts, part) {
            let (image, y) = (line / out_height, line % out_height);
            for x in 0..out_width {
                let made = &gradient[(line * out_width + x) * channels..][..channels];
                for row in window.inside(0, y, height) {
                    let Some(from_y) = window.place(0, y, row, height) else { continue };
                    for column in window.inside(1, x, width) {
                        let Some(from_x) = window.place(1, x, column, width) else { continue };
                        let from = ((image * height + from_y) * width + from_x) * channels;
                        let tap = (row * window.kernel[1] + column) * channels;
                        add(isa, &input[from..][..channels], made, &mut sums[tap..][..channels]);
                    }
                }
            }
        }
    });
    let mut weight = vec![0.0; taps * channels];
    for part in sums.chunks_exact(taps * channels) {
        for (tap, part) in part.chunks_exact(channels).enumerate() {
            for (channel, sum) in part.iter().enumerate() {
                weight[channel * taps + tap] += sum;
            }
        }
    }
    weight
}

/// Adds the products of `a` and `b` to `out`, which are equally long.
fn add(isa: Isa, a: &[f32], b: &[f32], out: &mut [f32]) {
    assert!(a.len() == out.len() && b.len() == out.len());
    // SAFETY: all three have as many numbers, and `out` is borrowed mutably.
    unsafe { add_products(isa, a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), out.len()) }
}

versions! {
    /// # Safety
    /// All three must be good for `count` numbers, and `out` this caller's alone.
    unsafe fn add_products = add_each(a: *const f32, b: *const f32, out: *mut f32, count: usize)
}

#[inline(always)]
unsafe fn add_each<L: Lanes>(a: *const f32, b: *const f32, out: *mut f32, count: usize) {
    // SAFETY: places below `count`.
    unsafe {
        let mut at = 0;
        while at + L::COUNT <= count {
            let sum = L::multiply_add(L::load(a.add(at)), L::load(b.add(at)), L::load(out.add(at)));
            L::store(out.add(at), sum);
            at += L::COUNT;
        }
        while at < count {
            *out.add(at) += *a.add(at) * *b.add(at);
            at += 1;
        }
    }
}
