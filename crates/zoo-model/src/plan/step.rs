//! What a plan does: kernels on places in one arena.

use std::sync::Arc;

use zoo_kernels::{
    Activation, Combine, Convolution, Depthwise, Epilogue, Images, Isa, Part, Pixels, PixelsMut,
    Pooling, Scratch, Window, affine, channels_first, channels_last, combine, pool_images,
    pool_lines,
};

/// Where a value lies in the arena: `[batch, height, width, channels]`, one pixel every `stride`
/// numbers, since it may be a part of a wider value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) stride: usize,
    pub(super) channels: usize,
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Place {
    pub(super) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Numbers from the first to the last.
    pub(super) fn extent(&self) -> usize {
        (self.pixels() - 1) * self.stride + self.channels
    }
}

/// One step of a plan.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kernel: Kernel,
    pub(super) out: Place,
    /// Into how many tasks it falls.
    pub(super) tasks: usize,
    /// The nodes of the graph that it computes, for people.
    pub(super) nodes: Vec<String>,
}

/// What a step computes.
#[derive(Debug)]
pub(super) enum Kernel {
    /// Planes that come from outside, into images that may be padded by zeros.
    Enter { source: usize, size: [usize; 2], padding: [usize; 2] },
    /// A convolution, or a fully connected layer.
    Convolution {
        convolution: Arc<Convolution>,
        input: Place,
        residual: Option<Place>,
        activation: Activation,
        split: Split,
    },
    /// A convolution of each channel by itself.
    Depthwise { depthwise: Arc<Depthwise>, input: Place, activation: Activation },
    /// A window's maximum or mean.
    Pool { window: Window, pooling: Pooling, input: Place },
    /// An image's maximum or mean.
    PoolImages { max: bool, input: Place },
    /// A factor and a summand for each channel.
    Affine { scale: Vec<f32>, shift: Vec<f32>, input: Place, activation: Activation },
    /// Two values, number by number; the second may be one pixel for each image.
    Combine { how: Combine, a: Place, b: Place, spread: usize, activation: Activation },
    /// All planes of an image one after the other, as what is flattened lies.
    Flatten { input: Place },
}

/// How a convolution falls into tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) pixels: usize,
    pub(super) panels: usize,
}

/// The arena while a plan runs: many threads write to it, each to its own places.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub(super) start: *mut f32,
    pub(super) len: usize,
}

// SAFETY: what is done through it is `unsafe`, and says to what.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// The images at `place`.
    ///
    /// # Safety
    /// Nobody may write to them meanwhile.
    pub(super) unsafe fn images(&self, place: &Place) -> Images<'_> {
        assert!(place.offset + place.extent() <= self.len, "a place outside of the arena");
        // SAFETY: it is inside the arena; the rest is up to the caller.
        let data = unsafe {
            std::slice::from_raw_parts(self.start.add(place.offset), place.extent())
        };
        let pixels = Pixels::new(data, place.stride, place.channels);
        Images::new(pixels, place.batch, place.height, place.width)
    }

    /// The pixels at `place`, to be written.
    ///
    /// # Safety
    /// Nobody may touch those that are written meanwhile.
    pub(super) unsafe fn write(&self, place: &Place) -> PixelsMut<'_> {
        assert!(place.offset + place.extent() <= self.len, "a place outside of the arena");
        // SAFETY: it is inside the arena; the rest is up to the caller.
        unsafe {
            PixelsMut::from_raw(
                self.start.add(place.offset),
                place.pixels(),
                place.stride,
                place.channels,
            )
        }
    }
}

/// Share `task` of `count` things that fall into `tasks` tasks.
fn share(count: usize, tasks: usize, task: usize) -> std::ops::Range<usize> {
    count * task / tasks..count * (task + 1) / tasks
}

impl Step {
    /// Runs one of its tasks. `sources` are the values that enter.
    ///
    /// # Safety
    /// All that it reads must have been written, nobody may write to it meanwhile, and nobody else
    /// may run the same task: places of inputs and output are apart, as the compiler sees to.
    pub(super) unsafe fn run(
        &self,
        isa: Isa,
        memory: &Memory,
        sources: &[Vec<f32>],
        task: usize,
        scratch: &mut Scratch,
    ) {
        let out_size = [self.out.height, self.out.width];
        // SAFETY: tasks write apart from each other, and read what earlier steps wrote; up to
        // the caller.
        unsafe {
            let out = memory.write(&self.out);
            match &self.kernel {
                Kernel::Enter { source, size, padding } => {
                    let lines = share(self.out.batch * size[0], self.tasks, task);
                    channels_last(&sources[*source], *size, &out, out_size, *padding, lines);
                }
                Kernel::Convolution { convolution, input, residual, activation, split } => {
                    let input = memory.images(input);
                    let residual =
                        residual.as_ref().map(|place| *memory.images(place).pixels());
                    let epilogue = Epilogue { residual, activation: *activation };
                    let (rows, columns) = (task / split.panels, task % split.panels);
                    let part = Part {
                        pixels: share(self.out.pixels(), split.pixels, rows),
                        panels: share(convolution.panels(), split.panels, columns),
                    };
                    convolution.run_part(&input, out_size, &out, &epilogue, &part, scratch);
                }
                Kernel::Depthwise { depthwise, input, activation } => {
                    let input = memory.images(input);
                    let lines = share(self.out.batch * self.out.height, self.tasks, task);
                    depthwise.run_lines(&input, out_size, &out, *activation, lines, scratch);
                }
                Kernel::Pool { window, pooling, input } => {
                    let input = memory.images(input);
                    let lines = share(self.out.batch * self.out.height, self.tasks, task);
                    pool_lines(isa, window, *pooling, &input, out_size, &out, lines);
                }
                Kernel::PoolImages { max, input } => {
                    let images = share(self.out.batch, self.tasks, task);
                    pool_images(isa, &memory.images(input), *max, &out, images);
                }
                Kernel::Affine { scale, shift, input, activation } => {
                    let input = memory.images(input);
                    let pixels = share(self.out.pixels(), self.tasks, task);
                    affine(isa, input.pixels(), scale, shift, *activation, &out, pixels);
                }
                Kernel::Combine { how, a, b, spread, activation } => {
                    let (a, b) = (memory.images(a), memory.images(b));
                    let pixels = share(self.out.pixels(), self.tasks, task);
                    let (a, b) = (a.pixels(), b.pixels());
                    combine(isa, *how, a, b, *spread, *activation, &out, pixels);
                }
                Kernel::Flatten { input } => {
                    let mut out = memory.write(&self.out);
                    let pixels = input.height * input.width;
                    for image in share(self.out.batch, self.tasks, task) {
                        let one = Place {
                            offset: input.offset + image * pixels * input.stride,
                            batch: 1,
                            ..*input
                        };
                        channels_first(&memory.images(&one), out.pixel(image));
                    }
                }
            }
        }
    }

    /// The values that it reads.
    pub(super) fn inputs(&mut self) -> Vec<&mut Place> {
        match &mut self.kernel {
            Kernel::Enter { .. } => Vec::new(),
            Kernel::Convolution { input, residual, .. } => {
                std::iter::once(input).chain(residual).collect()
            }
            Kernel::Depthwise { input, .. }
            | Kernel::Pool { input, .. }
            | Kernel::PoolImages { input, .. }
            | Kernel::Affine { input, .. }
            | Kernel::Flatten { input } => vec![input],
            Kernel::Combine { a, b, .. } => vec![a, b],
        }
    }

    /// Products and sums that it takes, each counted as one operation.
    pub(super) fn operations(&self) -> u64 {
        let each = match &self.kernel {
            Kernel::Convolution { convolution, .. } => {
                2 * convolution.depth() * convolution.outputs()
            }
            Kernel::Depthwise { depthwise, .. } => {
                2 * depthwise.window().taps() * depthwise.channels()
            }
            Kernel::Pool { window, .. } => window.taps() * self.out.channels,
            Kernel::PoolImages { input, .. } => input.height * input.width * input.channels,
            Kernel::Affine { .. } => 2 * self.out.channels,
            Kernel::Combine { .. } => self.out.channels,
            Kernel::Enter { .. } | Kernel::Flatten { .. } => 0,
        };
        (each * self.out.pixels()) as u64
    }
}
