//! Kernels one after the other, on places in one arena.

use std::ops::Range;
use std::sync::Arc;

use crate::{
    Activation, Attention, Chain, Combine, Convolution, Depthwise, Epilogue, Images, Isa, Part,
    Pixels, PixelsMut, Pooling, Scratch, Tokens, Window, Winograd, affine, channels_first,
    channels_last, combine, pool_images, pool_lines, rows, run_steps,
};

/// Where a value lies in the arena: `[batch, height, width, channels]`, one pixel every `stride`
/// numbers, since it may be a part of a wider value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first number.
    pub offset: usize,
    /// Numbers from one pixel to the next.
    pub stride: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Images.
    pub batch: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
}

impl Place {
    /// Pixels of all images.
    pub fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Numbers from the first to the last.
    pub fn extent(&self) -> usize {
        self.pixels().saturating_sub(1) * self.stride + self.channels
    }

    fn end(&self) -> Option<usize> {
        let pixels = self.batch.checked_mul(self.height)?.checked_mul(self.width)?;
        let last = pixels.checked_sub(1)?.checked_mul(self.stride)?;
        self.offset.checked_add(last)?.checked_add(self.channels)
    }

    /// Whether the two have numbers in common.
    fn meets(&self, other: &Self) -> bool {
        let apart = self.offset + self.extent() <= other.offset
            || other.offset + other.extent() <= self.offset;
        // Two columns of one wider value are apart though their ranges are not.
        let stride = self.stride;
        let ahead = (other.offset + stride - self.offset % stride) % stride;
        let beside =
            stride == other.stride && ahead >= self.channels && ahead + other.channels <= stride;
        !(apart || beside)
    }
}

/// One step of a program.
#[derive(Debug)]
pub struct Step {
    /// What is computed.
    pub kernel: Kernel,
    /// Where it is written.
    pub out: Place,
    /// Into how many tasks it falls.
    pub tasks: usize,
}

/// What a step computes.
#[derive(Debug)]
pub enum Kernel {
    /// Planes that come from outside, into images that may be padded by zeros.
    Enter {
        /// Which of the values that come from outside.
        source: usize,
        /// Their height and width.
        size: [usize; 2],
        /// Zeros above and to the left; those below and to the right are what is left.
        padding: [usize; 2],
    },
    /// A convolution, or a fully connected layer.
    Convolution {
        /// The weights.
        convolution: Arc<Convolution>,
        /// What is convolved.
        input: Place,
        /// What is added.
        residual: Option<Place>,
        /// What follows.
        activation: Activation,
        /// Into which tasks it falls.
        split: Split,
    },
    /// A convolution of 3 by 3 with stride 1.
    Winograd {
        /// The weights.
        winograd: Arc<Winograd>,
        /// What is convolved.
        input: Place,
        /// What is added.
        residual: Option<Place>,
        /// What follows.
        activation: Activation,
    },
    /// A convolution of each channel by itself.
    Depthwise {
        /// The weights.
        depthwise: Arc<Depthwise>,
        /// What is convolved.
        input: Place,
        /// What follows.
        activation: Activation,
    },
    /// A convolution and a depthwise one behind it.
    Chain {
        /// The two.
        chain: Chain,
        /// What is convolved.
        input: Place,
        /// What follows the second one.
        activation: Activation,
    },
    /// A window's maximum or mean.
    Pool {
        /// The window that slides.
        window: Window,
        /// What is made of what it sees.
        pooling: Pooling,
        /// What it slides over.
        input: Place,
    },
    /// An image's maximum or mean.
    PoolImages {
        /// Whether it is the maximum.
        max: bool,
        /// The images.
        input: Place,
    },
    /// A factor and a summand for each channel.
    Affine {
        /// The factors.
        scale: Vec<f32>,
        /// The summands.
        shift: Vec<f32>,
        /// What is changed.
        input: Place,
        /// What follows.
        activation: Activation,
    },
    /// Two values, number by number; the second may be one pixel for each image.
    Combine {
        /// How two numbers become one.
        how: Combine,
        /// The first value.
        a: Place,
        /// The second one.
        b: Place,
        /// For how many pixels of the first one a pixel of the second is.
        spread: usize,
        /// What follows.
        activation: Activation,
    },
    /// All planes of an image one after the other, as what is flattened lies.
    Flatten {
        /// The images.
        input: Place,
    },
    /// A layer normalisation of each pixel.
    LayerNorm {
        /// The factors of each channel.
        scale: Vec<f32>,
        /// The summands of each channel.
        shift: Vec<f32>,
        /// Added to the variance.
        epsilon: f32,
        /// What is normalised.
        input: Place,
    },
    /// Attention among tokens, which are pixels one after the other.
    Attention {
        /// How many sequences and heads there are.
        attention: Attention,
        /// The queries.
        queries: Place,
        /// The keys.
        keys: Place,
        /// The values.
        values: Place,
        /// What is added to the scores of each key.
        bias: Option<Place>,
    },
}

/// How a convolution falls into tasks.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// Parts of the output's pixels.
    pub pixels: usize,
    /// Parts of the output's channels.
    pub panels: usize,
}

/// Steps whose places were checked.
#[derive(Debug)]
pub struct Program {
    isa: Isa,
    steps: Vec<Step>,
    tasks: Vec<usize>,
    arena: usize,
}

impl Program {
    /// The program of `steps` on an arena of `arena` numbers.
    ///
    /// # Panics
    /// Where a place is not inside the arena, where a step writes to what it reads, or has no
    /// tasks: faults of whoever made the steps.
    pub fn new(isa: Isa, steps: Vec<Step>, arena: usize) -> Self {
        for step in &steps {
            let inside = |place: &Place| place.end().is_some_and(|end| end <= arena);
            assert!(inside(&step.out) && step.tasks > 0, "{:?} is outside", step.out);
            assert!(step.out.channels <= step.out.stride, "{:?} overlaps itself", step.out);
            for place in step.inputs() {
                assert!(inside(place), "{place:?} is outside");
                assert!(place.channels <= place.stride, "{place:?} overlaps itself");
                assert!(!step.out.meets(place), "{:?} overlaps {place:?}", step.out);
            }
            match &step.kernel {
                Kernel::Convolution { split, .. } => {
                    assert_eq!(split.pixels * split.panels, step.tasks, "tasks of a convolution");
                }
                Kernel::Flatten { input } => assert_eq!(input.batch, step.out.batch, "images"),
                Kernel::LayerNorm { scale, shift, input, .. } => {
                    assert_eq!(input.pixels(), step.out.pixels(), "pixels");
                    let channels = [input.channels, step.out.channels, shift.len()];
                    assert!(channels == [scale.len(); 3], "channels of a layer norm");
                }
                Kernel::Attention { attention, queries, keys, values, bias } => {
                    assert_eq!(attention.tasks(), step.tasks, "tasks of an attention");
                    let channels = [queries, keys, values].map(|place| place.channels);
                    assert!(channels == [step.out.channels; 3], "channels of tokens");
                    assert!(channels[0].is_multiple_of(attention.heads), "channels of heads");
                    let tokens = [queries, keys].map(Place::pixels);
                    assert_eq!([step.out.pixels(), values.pixels()], tokens, "tokens");
                    let is_whole = |count: &usize| count.is_multiple_of(attention.batch);
                    assert!(tokens.iter().all(is_whole), "tokens of sequences");
                    let of_each = tokens[1] / attention.batch;
                    let fits = |bias: &Place| {
                        bias.channels == 1 && [of_each, tokens[1]].contains(&bias.pixels())
                    };
                    assert!(bias.as_ref().is_none_or(fits), "the bias of keys");
                }
                _ => {}
            }
        }
        let tasks = steps.iter().map(|step| step.tasks).collect();
        Self { isa, steps, tasks, arena }
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many numbers the arena has.
    pub fn arena(&self) -> usize {
        self.arena
    }

    /// Runs the steps `range` on up to `threads` threads of the current pool. `sources` are the
    /// values that enter.
    ///
    /// # Panics
    /// Where the arena is shorter than it must be, or a source is.
    pub fn run(&self, range: Range<usize>, arena: &mut [f32], sources: &[&[f32]], threads: usize) {
        assert!(arena.len() >= self.arena, "the arena is too short");
        let memory = Memory { start: arena.as_mut_ptr(), len: self.arena };
        let steps = &self.steps[range.clone()];
        run_steps(threads, &self.tasks[range], |step, task, scratch| {
            // SAFETY: steps run one after the other, each task once; the places of a step were
            // found to be apart, and the arena is borrowed mutably.
            unsafe { steps[step].run(self.isa, &memory, sources, task, scratch) }
        });
    }
}

/// The arena while a plan runs: many threads write to it, each to its own places.
#[derive(Clone, Copy)]
struct Memory {
    start: *mut f32,
    len: usize,
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
    unsafe fn images(&self, place: &Place) -> Images<'_> {
        assert!(place.offset + place.extent() <= self.len, "a place outside of the arena");
        // SAFETY: it is inside the arena; the rest is up to the caller.
        let pixels = unsafe {
            let start = self.start.add(place.offset);
            Pixels::from_raw(start, place.pixels(), place.stride, place.channels)
        };
        Images::new(pixels, place.batch, place.height, place.width)
    }

    /// The pixels at `place`, to be written.
    ///
    /// # Safety
    /// Nobody may touch those that are written meanwhile.
    unsafe fn write(&self, place: &Place) -> PixelsMut<'_> {
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
fn share(count: usize, tasks: usize, task: usize) -> Range<usize> {
    count * task / tasks..count * (task + 1) / tasks
}

impl Step {
    /// Runs one of its tasks. `sources` are the values that enter.
    ///
    /// # Safety
    /// Nobody may write to what it reads meanwhile, and nobody else may run the same task.
    unsafe fn run(
        &self,
        isa: Isa,
        memory: &Memory,
        sources: &[&[f32]],
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
                    let lines = share(self.out.batch * self.out.height, self.tasks, task);
                    channels_last(sources[*source], *size, &out, out_size, *padding, lines);
                }
                Kernel::Convolution { convolution, input, residual, activation, split } => {
                    let input = memory.images(input);
                    let residual = residual.as_ref().map(|place| *memory.images(place).pixels());
                    let epilogue = Epilogue { residual, activation: *activation };
                    let (rows, columns) = (task / split.panels, task % split.panels);
                    let pixels = share(self.out.pixels(), split.pixels, rows);
                    let part = Part {
                        to: pixels.start,
                        pixels,
                        panels: share(convolution.panels(), split.panels, columns),
                    };
                    convolution.run_part(&input, out_size, &out, &epilogue, &part, scratch);
                }
                Kernel::Winograd { winograd, input, residual, activation } => {
                    let input = memory.images(input);
                    let residual = residual.as_ref().map(|place| *memory.images(place).pixels());
                    let epilogue = Epilogue { residual, activation: *activation };
                    let tiles = self.out.batch * winograd.tiles(out_size);
                    let tiles = share(tiles, self.tasks, task);
                    winograd.run_tiles(&input, out_size, &out, &epilogue, tiles, scratch);
                }
                Kernel::Depthwise { depthwise, input, activation } => {
                    let input = memory.images(input);
                    let lines = share(self.out.batch * self.out.height, self.tasks, task);
                    depthwise.run_lines(&input, out_size, &out, *activation, lines, scratch);
                }
                Kernel::Chain { chain, input, activation } => {
                    let input = memory.images(input);
                    let lines = share(self.out.batch * self.out.height, self.tasks, task);
                    chain.run_lines(&input, out_size, &out, *activation, lines, scratch);
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
                Kernel::LayerNorm { scale, shift, epsilon, input } => {
                    let (input, mut out) = (memory.images(input), memory.write(&self.out));
                    for pixel in share(self.out.pixels(), self.tasks, task) {
                        let row = out.pixel(pixel);
                        row.copy_from_slice(input.pixels().pixel(pixel));
                        rows::layer_norm(isa, row, scale, shift, *epsilon);
                    }
                }
                Kernel::Attention { attention, queries, keys, values, bias } => {
                    let [queries, keys, values] =
                        [queries, keys, values].map(|place| *memory.images(place).pixels());
                    let bias = bias.as_ref().map(|place| *memory.images(place).pixels());
                    let tokens = Tokens { queries, keys, values, bias };
                    attention.run_head(isa, &tokens, &out, task, scratch);
                }
            }
        }
    }

    /// The places that it reads.
    pub fn inputs(&self) -> Vec<&Place> {
        match &self.kernel {
            Kernel::Enter { .. } => Vec::new(),
            Kernel::Convolution { input, residual, .. }
            | Kernel::Winograd { input, residual, .. } => {
                std::iter::once(input).chain(residual).collect()
            }
            Kernel::Depthwise { input, .. }
            | Kernel::Chain { input, .. }
            | Kernel::Pool { input, .. }
            | Kernel::PoolImages { input, .. }
            | Kernel::Affine { input, .. }
            | Kernel::Flatten { input }
            | Kernel::LayerNorm { input, .. } => vec![input],
            Kernel::Combine { a, b, .. } => vec![a, b],
            Kernel::Attention { queries, keys, values, bias, .. } => {
                [queries, keys, values].into_iter().chain(bias).collect()
            }
        }
    }

    /// Products and sums that it takes, each counted as one operation.
    pub fn operations(&self) -> u64 {
        let each = match &self.kernel {
            Kernel::Chain { chain, .. } => {
                let first = 2 * chain.first.depth() * chain.first.outputs();
                let made = self.out.batch * chain.middle[0] * chain.middle[1];
                let then = 2 * chain.then.window().taps() * self.out.channels;
                return (first * made + then * self.out.pixels()) as u64;
            }
            Kernel::Convolution { convolution, .. } => {
                2 * convolution.depth() * convolution.outputs()
            }
            // As many as a direct convolution would take, so that rates can be compared.
            Kernel::Winograd { winograd, .. } => 2 * 9 * winograd.channels() * winograd.outputs(),
            Kernel::Depthwise { depthwise, .. } => {
                2 * depthwise.window().taps() * depthwise.channels()
            }
            Kernel::Pool { window, .. } => window.taps() * self.out.channels,
            Kernel::PoolImages { input, .. } => input.height * input.width * input.channels,
            Kernel::Affine { .. } => 2 * self.out.channels,
            Kernel::Combine { .. } => self.out.channels,
            Kernel::Enter { .. } | Kernel::Flatten { .. } => 0,
            // Sums, squares, and a factor and a summand.
            Kernel::LayerNorm { .. } => 7 * self.out.channels,
            Kernel::Attention { attention, keys, .. } => {
                4 * keys.pixels() / attention.batch * self.out.channels
            }
        };
        (each * self.out.pixels()) as u64
    }
}
