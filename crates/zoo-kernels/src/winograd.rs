//! Convolutions of 3 by 3 with stride 1 by fewer products: four by four outputs at a time.
//!
//! `Y = A' ((G g G') * (B' d B)) A` with six by six inputs `d` and the kernel `g`: 36 products for 16
//! outputs in place of 144 (Lavin, Gray: *Fast Algorithms for Convolutional Neural Networks*,
//! 2016, with the points 0, 1, -1, 2, -2). Each of the 36 places is a matrix product over channels.

use std::ops::Range;

use crate::convolution::{Depth, Taps};
use crate::lanes::{Lanes, versions};
use crate::panels::{Panel, Panels};
use crate::tile::{self, Ahead, TileRows};
use crate::{Activation, Epilogue, Images, Isa, PixelsMut, Scratch};

/// Outputs of a tile along an axis, its inputs, and the places of both axes.
pub(crate) const OUT: usize = 4;
pub(crate) const IN: usize = 6;
pub(crate) const PLACES: usize = IN * IN;

/// `G`, from which the transformed kernel `G g G'` is made.
const KERNEL: [[f64; 3]; IN] = [
    [0.25, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// A convolution of 3 by 3 with stride 1, its weights transformed and packed.
#[derive(Debug, Clone)]
pub struct Winograd {
    isa: Isa,
    padding: [usize; 2],
    channels: usize,
    outputs: usize,
    /// A matrix `[channels, outputs]` for each place, one below the other.
    panels: Panels,
    bias: Vec<f32>,
}

impl Winograd {
    /// Whether it computes a convolution of so many channels and outputs, and is worth it for
    /// outputs of this size: there must be tiles enough for weights that are four times as many.
    /// Does not depend on the batch, so that results do not.
    pub fn suits(isa: Isa, channels: usize, outputs: usize, out_size: [usize; 2]) -> bool {
        /// Transformed weights beyond this are read from main memory each time.
        const MOST: usize = 3 << 20;
        let tiles = Tiling { out_size }.tiles();
        let whole = channels.is_multiple_of(isa.lanes()) && outputs.is_multiple_of(isa.lanes());
        whole && channels.min(outputs) >= 32 && tiles >= 12 && PLACES * channels * outputs <= MOST
    }

    /// Transforms `weight` `[outputs, channels, 3, 3]`, with one `bias` for each output. `padding` is
    /// what is missing above and to the left.
    ///
    /// # Panics
    /// Where lengths do not fit, or channels and outputs do not fill vectors.
    pub fn new(
        isa: Isa,
        padding: [usize; 2],
        channels: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> Self {
        let outputs = bias.len();
        assert_eq!(weight.len(), outputs * channels * 9, "the weight's length");
        assert!(channels.is_multiple_of(isa.lanes()) && outputs.is_multiple_of(isa.lanes()));
        let panels = Panels::pack(isa, PLACES * channels, &vec![0.0; outputs], |k, output| {
            let (place, channel) = (k / channels, k % channels);
            let (down, right) = (KERNEL[place / IN], KERNEL[place % IN]);
            let kernel = &weight[(output * channels + channel) * 9..][..9];
            let mut sum = 0.0;
            for (row, down) in kernel.as_chunks::<3>().0.iter().zip(down) {
                for (&number, right) in row.iter().zip(right) {
                    sum += down * f64::from(number) * right;
                }
            }
            sum as f32
        });
        Self { isa, padding, channels, outputs, panels, bias: bias.to_vec() }
    }

    /// The same from `taps` `[9 * channels, outputs]`, the weights of a direct convolution, on all
    /// threads and in single precision.
    ///
    /// # Panics
    /// Where channels and outputs do not fill vectors.
    pub(crate) fn of_taps(
        isa: Isa,
        padding: [usize; 2],
        channels: usize,
        taps: &Panels,
        bias: &[f32],
    ) -> Self {
        let (outputs, lanes) = (bias.len(), isa.lanes());
        assert!(channels.is_multiple_of(lanes) && outputs.is_multiple_of(lanes));
        let zeros = vec![0.0; outputs];
        let fill = |panel: &Panel, to: &mut [f32]| {
            let from = taps.weights(panel, 0, lanes);
            assert_eq!(from.len() * PLACES, to.len() * 9, "rows of taps and of places");
            // SAFETY: rows of both are as wide as the panel, and were counted.
            unsafe {
                transform_weights(isa, from.as_ptr(), channels, panel.vectors, to.as_mut_ptr());
            }
        };
        let panels = Panels::pack_in_parallel(isa, PLACES * channels, &zeros, fill);
        Self { isa, padding, channels, outputs, panels, bias: bias.to_vec() }
    }

    /// Input channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Tiles of an output of this size.
    pub fn tiles(&self, out_size: [usize; 2]) -> usize {
        Tiling { out_size }.tiles()
    }

    /// Tiles that are best computed in one go.
    pub fn block(&self) -> usize {
        if self.channels.max(self.outputs) <= 128 { 24 } else { 48 }
    }

    /// Convolves all of `input` into `out`, whose pixels are `[batch, out height, out width]`.
    ///
    /// # Panics
    /// Where channels or pixels do not fit.
    pub fn run(
        &self,
        input: &Images,
        out_size: [usize; 2],
        out: &mut PixelsMut,
        epilogue: &Epilogue,
        scratch: &mut Scratch,
    ) {
        let tiles = 0..input.batch() * self.tiles(out_size);
        // SAFETY: `out` is borrowed mutably.
        unsafe { self.run_tiles(input, out_size, out, epilogue, tiles, scratch) }
    }

    /// Computes the output's `tiles`, counted through all images.
    ///
    /// # Safety
    /// Nobody else may touch those tiles of `out` meanwhile.
    ///
    /// # Panics
    /// Where channels or pixels do not fit.
    pub unsafe fn run_tiles(
        &self,
        input: &Images,
        out_size: [usize; 2],
        out: &PixelsMut,
        epilogue: &Epilogue,
        tiles: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let images = input.batch() * out_size[0] * out_size[1];
        assert_eq!(input.pixels().channels(), self.channels, "input channels");
        assert_eq!(out.channels(), self.outputs, "output channels");
        assert!(images <= out.len(), "output pixels");
        assert!(tiles.end <= input.batch() * self.tiles(out_size), "tiles");
        if let Some(residual) = &epilogue.residual {
            assert_eq!(residual.channels(), self.outputs, "residual channels");
            assert!(residual.len() >= images, "residual pixels");
        }
        let blocks = tiles.len().div_ceil(self.block());
        for block in 0..blocks {
            let at = |block: usize| tiles.start + tiles.len() * block / blocks;
            let block = at(block)..at(block + 1);
            let count = block.len();
            scratch.workspace.reserve(PLACES * count * (self.channels + self.outputs));
            let (inputs, sums) = scratch.workspace.split_at_mut(PLACES * count * self.channels);
            scratch.pointers.clear();
            for row in 0..PLACES * count {
                scratch.pointers.push(inputs[row * self.channels..].as_ptr());
            }
            let read = Inputs {
                images: input,
                padding: self.padding,
                tiling: Tiling { out_size },
                tiles: block.clone(),
                count,
                first: 0,
                to: inputs.as_mut_ptr(),
            };
            let written = Outputs {
                out,
                out_size,
                epilogue,
                tiles: block,
                count,
                first: 0,
                sums: sums.as_ptr(),
            };
            // SAFETY: the buffers have room for all tiles, and pointers point to their rows,
            // which the transformation writes first; `out` is up to the caller.
            unsafe {
                transform_inputs(self.isa, &read);
                for place in 0..PLACES {
                    let pointers = &scratch.pointers[place * count..][..count];
                    let sums = sums[place * count * self.outputs..].as_mut_ptr();
                    self.multiply(place, pointers, sums);
                }
                transform_outputs(self.isa, self, &written);
            }
        }
    }

    /// The matrix product of one place: `sums` `[tiles, outputs]`.
    ///
    /// # Safety
    /// `pointers` must point to all channels of each tile, `sums` to room for all outputs.
    pub(crate) unsafe fn multiply(&self, place: usize, pointers: &[*const f32], sums: *mut f32) {
        let (panels, lanes) = (&self.panels, self.isa.lanes());
        let taps = Taps { count: 1, run: self.channels };
        let all = panels.all();
        let weights = |place: usize, panel: usize, part: usize| {
            let (panel, Depth { offset, run, .. }) = (&all[panel], taps.depth(part));
            let weights = panels.weights(panel, place * self.channels + offset, lanes);
            &weights[..run * panel.vectors * lanes]
        };
        for part in 0..taps.depths() {
            let Depth { offset, run, .. } = taps.depth(part);
            for (at, panel) in all.iter().enumerate() {
                let next = if at + 1 < all.len() {
                    Some((place, at + 1, part))
                } else if part + 1 < taps.depths() {
                    Some((place, 0, part + 1))
                } else {
                    (place + 1 < PLACES).then_some((place + 1, 0, 0))
                };
                let ahead = next.map_or(Ahead::NONE, |(place, panel, part)| {
                    Ahead::of(weights(place, panel, part))
                });
                let work = TileRows {
                    pointers: pointers.as_ptr(),
                    pitch: pointers.len(),
                    taps: 1,
                    offset,
                    run,
                    panel: weights(place, at, part).as_ptr(),
                    vectors: panel.vectors,
                    bias: panels.bias(panel, lanes).as_ptr(),
                    rows: pointers.len(),
                    out: sums.wrapping_add(panel.columns.start),
                    out_stride: self.outputs,
                    residual: std::ptr::null(),
                    residual_stride: 0,
                    clamp: (f32::NEG_INFINITY, f32::INFINITY),
                    first: part == 0,
                    last: part + 1 == taps.depths(),
                    ahead,
                };
                // SAFETY: outputs fill vectors, so every panel is as wide as its columns.
                unsafe { tile::run(self.isa, &work) }
            }
        }
    }
}

/// How an output falls into tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiling {
    pub(crate) out_size: [usize; 2],
}

impl Tiling {
    /// Tiles of an image.
    pub(crate) fn tiles(self) -> usize {
        self.out_size[0].div_ceil(OUT) * self.out_size[1].div_ceil(OUT)
    }

    /// The image of a tile, and the output that it begins with.
    pub(crate) fn start(self, tile: usize) -> (usize, usize, usize) {
        let across = self.out_size[1].div_ceil(OUT);
        let tiles = self.tiles();
        (tile / tiles, tile % tiles / across * OUT, tile % tiles % across * OUT)
    }
}

/// Tiles whose inputs are transformed.
#[derive(Clone)]
pub(crate) struct Inputs<'a> {
    pub(crate) images: &'a Images<'a>,
    pub(crate) padding: [usize; 2],
    pub(crate) tiling: Tiling,
    /// The tiles, counted through all images.
    pub(crate) tiles: Range<usize>,
    /// How many tiles there are in `to`, and which of them is the first of these.
    pub(crate) count: usize,
    pub(crate) first: usize,
    /// `[places, count, channels]`.
    pub(crate) to: *mut f32,
}

/// Tiles whose outputs are made of sums.
pub(crate) struct Outputs<'a> {
    pub(crate) out: &'a PixelsMut<'a>,
    pub(crate) out_size: [usize; 2],
    pub(crate) epilogue: &'a Epilogue<'a>,
    /// The tiles, counted through all images.
    pub(crate) tiles: Range<usize>,
    /// How many tiles there are in `sums`, and which of them is the first of these.
    pub(crate) count: usize,
    pub(crate) first: usize,
    /// `[places, count, outputs]`.
    pub(crate) sums: *const f32,
}

versions! {
    /// # Safety
    /// `from` must hold nine times `channels` rows of `vectors` vectors, `to` room for [`PLACES`]
    /// times as many as there are channels.
    unsafe fn transform_weights = weights_of(
        from: *const f32,
        channels: usize,
        vectors: usize,
        to: *mut f32,
    )
}

#[allow(
    clippy::needless_range_loop,
    reason = "a closure is compiled by itself, without the features: four times slower"
)]
#[inline(always)]
unsafe fn weights_of<L: Lanes>(from: *const f32, channels: usize, vectors: usize, to: *mut f32) {
    for channel in 0..channels {
        for vector in 0..vectors {
            let place = |row: usize| ((row * channels + channel) * vectors + vector) * L::COUNT;
            // SAFETY: rows below nine and `PLACES` times the channels, vectors below their number.
            unsafe {
                let mut lines = [[L::splat(0.0); 3]; IN];
                for column in 0..3 {
                    let taps: [L::Vector; 3] =
                        std::array::from_fn(|row| L::load(from.add(place(3 * row + column))));
                    for (row, made) in kernel_line::<L>(taps).into_iter().enumerate() {
                        lines[row][column] = made;
                    }
                }
                for (row, line) in lines.into_iter().enumerate() {
                    for (column, made) in kernel_line::<L>(line).into_iter().enumerate() {
                        L::store(to.add(place(row * IN + column)), made);
                    }
                }
            }
        }
    }
}

/// `G g` for one line of three taps.
#[inline(always)]
unsafe fn kernel_line<L: Lanes>(g: [L::Vector; 3]) -> [L::Vector; IN] {
    // SAFETY: only arithmetic, up to the caller.
    unsafe {
        let by = |factor: f64, vector: L::Vector| L::multiply(L::splat(factor as f32), vector);
        let (ends, middle) = (by(-1.0 / 6.0, L::add(g[0], g[2])), by(1.0 / 6.0, g[1]));
        let far = L::multiply_add(L::splat(1.0 / 24.0), g[0], by(1.0 / 6.0, g[2]));
        let between = by(1.0 / 12.0, g[1]);
        [
            by(0.25, g[0]),
            L::subtract(ends, middle),
            L::add(ends, middle),
            L::add(far, between),
            L::subtract(far, between),
            g[2],
        ]
    }
}

versions! {
    /// # Safety
    /// `to` must have room for all tiles, those of `work` this caller's alone.
    pub(crate) unsafe fn transform_inputs = inputs_of(work: &Inputs)
}

#[allow(
    clippy::needless_range_loop,
    reason = "a closure is compiled by itself, without the features: four times slower"
)]
#[inline(always)]
unsafe fn inputs_of<L: Lanes>(work: &Inputs) {
    let (height, width) = (work.images.height(), work.images.width());
    let (channels, stride) = (work.images.pixels().channels(), work.images.pixels().stride());
    let Inputs { padding, count, first, .. } = *work;
    for (index, tile) in work.tiles.clone().enumerate() {
        let (image, y, x) = work.tiling.start(tile);
        for channel in (0..channels).step_by(L::COUNT) {
            // SAFETY: only pixels inside the image are read, with channels below their number.
            unsafe {
                let mut numbers = [[L::splat(0.0); IN]; IN];
                for (row, numbers) in numbers.iter_mut().enumerate() {
                    let Some(y) = (y + row).checked_sub(padding[0]).filter(|&y| y < height) else {
                        continue;
                    };
                    let line = (image * height + y) * width;
                    for (column, number) in numbers.iter_mut().enumerate() {
                        if let Some(x) = (x + column).checked_sub(padding[1]).filter(|&x| x < width)
                        {
                            let pixel = work.images.pixels().as_ptr().add((line + x) * stride);
                            *number = L::load(pixel.add(channel));
                        }
                    }
                }
                for column in 0..IN {
                    let made = input_line::<L>(std::array::from_fn(|row| numbers[row][column]));
                    for (row, made) in made.into_iter().enumerate() {
                        numbers[row][column] = made;
                    }
                }
                for (row, numbers) in numbers.into_iter().enumerate() {
                    for (column, made) in input_line::<L>(numbers).into_iter().enumerate() {
                        let place = row * IN + column;
                        let at = (place * count + first + index) * channels + channel;
                        L::store(work.to.add(at), made);
                    }
                }
            }
        }
    }
}

/// `B' d` for one line of six inputs.
#[inline(always)]
unsafe fn input_line<L: Lanes>(d: [L::Vector; IN]) -> [L::Vector; IN] {
    // SAFETY: only arithmetic, up to the caller.
    unsafe {
        let (two, four, five) = (L::splat(2.0), L::splat(4.0), L::splat(-5.0));
        let minus_four = L::splat(-4.0);
        let a = L::multiply_add(d[2], minus_four, d[4]);
        let b = L::multiply_add(d[1], minus_four, d[3]);
        let c = L::subtract(d[4], d[2]);
        let e = L::multiply(L::subtract(d[3], d[1]), two);
        [
            L::multiply_add(d[0], four, L::multiply_add(d[2], five, d[4])),
            L::add(a, b),
            L::subtract(a, b),
            L::add(c, e),
            L::subtract(c, e),
            L::multiply_add(d[1], four, L::multiply_add(d[3], five, d[5])),
        ]
    }
}

versions! {
    /// # Safety
    /// `sums` must hold all tiles, and nobody else may touch those of `work` in `out`.
    pub(crate) unsafe fn transform_outputs = outputs_of(winograd: &Winograd, work: &Outputs)
}

#[allow(
    clippy::needless_range_loop,
    reason = "a closure is compiled by itself, without the features: four times slower"
)]
#[inline(always)]
unsafe fn outputs_of<L: Lanes>(winograd: &Winograd, work: &Outputs) {
    let Winograd { outputs, bias, isa, .. } = winograd;
    let (clamp, after) = work.epilogue.activation.parts();
    let (count, [out_height, out_width]) = (work.count, work.out_size);
    let tiling = Tiling { out_size: work.out_size };
    for (index, tile) in work.tiles.clone().enumerate() {
        let (image, y, x) = tiling.start(tile);
        let (rows, columns) = (OUT.min(out_height - y), OUT.min(out_width - x));
        let pixel =
            |row: usize, column: usize| (image * out_height + y + row) * out_width + x + column;
        for channel in (0..*outputs).step_by(L::COUNT) {
            // SAFETY: only pixels inside the image are written, with channels below their number.
            unsafe {
                let mut numbers = [[L::splat(0.0); IN]; IN];
                for (place, number) in numbers.as_flattened_mut().iter_mut().enumerate() {
                    let at = (place * count + work.first + index) * outputs + channel;
                    *number = L::load(work.sums.add(at));
                }
                let mut lines = [[L::splat(0.0); IN]; OUT];
                for column in 0..IN {
                    let made = output_line::<L>(std::array::from_fn(|row| numbers[row][column]));
                    for (row, made) in made.into_iter().enumerate() {
                        lines[row][column] = made;
                    }
                }
                let (low, high) = (L::splat(clamp.0), L::splat(clamp.1));
                let bias = L::load(bias.as_ptr().add(channel));
                for (row, line) in lines.into_iter().enumerate().take(rows) {
                    let made = output_line::<L>(line);
                    for (column, made) in made.into_iter().enumerate().take(columns) {
                        let pixel = pixel(row, column);
                        let mut sum = L::add(made, bias);
                        if let Some(residual) = &work.epilogue.residual {
                            let other = residual.as_ptr().add(pixel * residual.stride() + channel);
                            sum = L::add(sum, L::load(other));
                        }
                        L::store(
                            work.out.as_mut_ptr().add(pixel * work.out.stride() + channel),
                            L::minimum(high, L::maximum(low, sum)),
                        );
                    }
                }
            }
        }
        if let Some(activation) = after {
            for row in 0..rows {
                let pixels = pixel(row, 0)..pixel(row, 0) + columns;
                // SAFETY: as above.
                unsafe { Activation::apply_to(activation, *isa, work.out, pixels, 0..*outputs) }
            }
        }
    }
}

/// `A' m` for one line of six places.
#[inline(always)]
unsafe fn output_line<L: Lanes>(m: [L::Vector; IN]) -> [L::Vector; OUT] {
    // SAFETY: only arithmetic, up to the caller.
    unsafe {
        let (two, four, eight) = (L::splat(2.0), L::splat(4.0), L::splat(8.0));
        let (a, b) = (L::add(m[1], m[2]), L::subtract(m[1], m[2]));
        let (c, d) = (L::add(m[3], m[4]), L::subtract(m[3], m[4]));
        [
            L::add(L::add(m[0], a), c),
            L::multiply_add(d, two, b),
            L::multiply_add(c, four, a),
            L::add(L::multiply_add(d, eight, b), m[5]),
        ]
    }
}
