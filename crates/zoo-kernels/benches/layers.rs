//! Layers of well-known networks on one thread, as shares of what the processor does in registers:
//! `cargo bench -p zoo-kernels --bench layers`. A layer runs again and again, so that its weights and
//! images are in the caches; inside a network they may not be.
#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::time::Instant;

use zoo_kernels::{
    Activation, Buffer, Convolution, Depthwise, Epilogue, Images, Isa, Pixels, PixelsMut, Scratch,
    Window, Winograd, peak_operations,
};

/// Channels, outputs, kernel, stride, side of the output.
const DENSE: [[usize; 5]; 17] = [
    [3, 64, 7, 2, 112],
    [64, 64, 1, 1, 56],
    [64, 64, 3, 1, 56],
    [256, 64, 1, 1, 56],
    [128, 128, 3, 1, 28],
    [256, 256, 3, 1, 14],
    [1024, 256, 1, 1, 14],
    [512, 512, 3, 1, 7],
    [512, 2048, 1, 1, 7],
    [16, 96, 1, 1, 112],
    [96, 24, 1, 1, 56],
    [144, 32, 1, 1, 28],
    [384, 64, 1, 1, 14],
    [320, 1280, 1, 1, 7],
    // A sentence encoder's, of 169 tokens.
    [384, 384, 1, 1, 13],
    [384, 1536, 1, 1, 13],
    [1536, 384, 1, 1, 13],
];

/// Channels, kernel, stride, side of the output.
const DEPTHWISE: [[usize; 4]; 5] =
    [[32, 3, 1, 112], [96, 3, 2, 56], [144, 3, 1, 56], [384, 3, 1, 14], [240, 5, 1, 28]];

fn main() {
    let isa = Isa::best();
    println!("{isa}: {:.1} GFLOP/s in registers, one thread", peak_operations(isa) / 1e9);
    println!("{:32} {:>10} {:>10} {:>8}", "layer", "ms", "GFLOP/s", "of peak");
    for [channels, outputs, kernel, stride, side] in DENSE {
        let window =
            Window { kernel: [kernel; 2], stride: [stride; 2], dilation: [1; 2], padding: [0; 2] };
        let length = (side - 1) * stride + kernel;
        let weight = numbers(channels * outputs * kernel * kernel);
        let (bias, x) = (numbers(outputs), numbers(length * length * channels));
        let input = Images::new(Pixels::dense(&x, channels), 1, length, length);
        let mut y = Buffer::zeros(side * side * outputs);
        let mut scratch = Scratch::default();
        let epilogue = Epilogue { residual: None, activation: Activation::RELU };
        let name = format!("{channels} to {outputs}, {kernel} x {kernel} / {stride}, {side}");
        let operations = 2 * side * side * outputs * channels * kernel * kernel;
        let convolution = Convolution::new(isa, window, 1, channels, &weight, &bias);
        report(&name, operations, isa, || {
            let mut out = PixelsMut::dense(&mut y, outputs);
            convolution.run(&input, [side; 2], &mut out, &epilogue, &mut scratch);
        });
        if kernel == 3 && stride == 1 {
            let winograd = Winograd::new(isa, [0; 2], channels, &weight, &bias);
            report("  by Winograd", operations, isa, || {
                let mut out = PixelsMut::dense(&mut y, outputs);
                winograd.run(&input, [side; 2], &mut out, &epilogue, &mut scratch);
            });
        }
    }
    for [channels, kernel, stride, side] in DEPTHWISE {
        let padding = [kernel / 2; 2];
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], dilation: [1; 2], padding };
        let length = side * stride;
        let (bias, x) = (numbers(channels), numbers(length * length * channels));
        let depthwise = Depthwise::new(isa, window, &numbers(channels * kernel * kernel), &bias);
        let input = Images::new(Pixels::dense(&x, channels), 1, length, length);
        let mut y = Buffer::zeros(side * side * channels);
        let mut scratch = Scratch::default();
        let name = format!("{channels} depthwise, {kernel} x {kernel} / {stride}, {side}");
        report(&name, 2 * side * side * channels * kernel * kernel, isa, || {
            let mut out = PixelsMut::dense(&mut y, channels);
            let activation = Activation::Clamp(0.0, 6.0);
            depthwise.run(&input, [side; 2], &mut out, activation, &mut scratch);
        });
    }
}

/// Runs for a quarter of a second and prints the best; the peak is measured beside it, since
/// clocks change.
fn report(name: &str, operations: usize, isa: Isa, mut run: impl FnMut()) {
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed().as_secs_f64() < 0.25 {
        let turn = Instant::now();
        run();
        best = best.min(turn.elapsed().as_secs_f64());
    }
    let rate = operations as f64 / best;
    let share = 100.0 * rate / peak_operations(isa);
    println!("{name:32} {:10.3} {:10.1} {share:6.0} %", best * 1e3, rate / 1e9);
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 17) as f32 / 17.0 - 0.5).collect()
}
