//! The convolutions of ResNet-50 at batch 8, forward and both ways back, on all threads:
//! `cargo bench -p zoo-kernels --bench gradients -- [SECONDS]`. The last line sums them up, each as often as
//! the network has it.
#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::time::Instant;

use zoo_kernels::gradient::Geometry;
use zoo_kernels::{Isa, Recycler, Window, peak_operations, threads};

/// As in the program.
#[global_allocator]
static MEMORY: Recycler = Recycler::new();

const BATCH: usize = 8;

/// How often, channels, outputs, kernel, stride, side of the output.
const LAYERS: [[usize; 6]; 23] = [
    [1, 3, 64, 7, 2, 112],
    [1, 64, 64, 1, 1, 56],
    [3, 64, 64, 3, 1, 56],
    [4, 64, 256, 1, 1, 56],
    [2, 256, 64, 1, 1, 56],
    [1, 256, 128, 1, 1, 56],
    [1, 128, 128, 3, 2, 28],
    [4, 128, 512, 1, 1, 28],
    [1, 256, 512, 1, 2, 28],
    [3, 512, 128, 1, 1, 28],
    [3, 128, 128, 3, 1, 28],
    [1, 512, 256, 1, 1, 28],
    [1, 256, 256, 3, 2, 14],
    [6, 256, 1024, 1, 1, 14],
    [1, 512, 1024, 1, 2, 14],
    [5, 1024, 256, 1, 1, 14],
    [5, 256, 256, 3, 1, 14],
    [1, 1024, 512, 1, 1, 14],
    [1, 512, 512, 3, 2, 7],
    [3, 512, 2048, 1, 1, 7],
    [1, 1024, 2048, 1, 2, 7],
    [2, 2048, 512, 1, 1, 7],
    [2, 512, 512, 3, 1, 7],
];

fn main() {
    let seconds = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(0.1);
    let isa = Isa::best();
    let peak = peak_operations(isa) * threads() as f64;
    println!("{isa}: {:.1} GFLOP/s in registers, {} threads", peak / 1e9, threads());
    println!("{:32} {:>12} {:>12} {:>12}   GFLOP/s", "layer", "forward", "of input", "of weight");
    let (mut total, mut operations) = ([0.0; 3], 0);
    for [times, channels, outputs, kernel, stride, side] in LAYERS {
        let sizes = Geometry {
            batch: BATCH,
            channels,
            size: [side * stride; 2],
            outputs,
            out_size: [side; 2],
            groups: 1,
            window: Window {
                kernel: [kernel; 2],
                stride: [stride; 2],
                dilation: [1; 2],
                padding: [kernel / 2; 2],
            },
        };
        let (x, weight) = (numbers(sizes.input_len()), numbers(sizes.weight_len()));
        let gradient = numbers(sizes.output_len());
        let best = [
            best(seconds, || sizes.forward(isa, &x, &weight, None)),
            best(seconds, || sizes.input_gradient(isa, &gradient, &weight)),
            best(seconds, || sizes.weight_gradient(isa, &x, &gradient)),
        ];
        let each = 2 * sizes.output_len() * channels * kernel * kernel;
        let rate = best.map(|best| each as f64 / best / 1e9);
        let name = format!("{channels} to {outputs}, {kernel} x {kernel} / {stride}, {side}");
        println!("{name:32} {:12.1} {:12.1} {:12.1}", rate[0], rate[1], rate[2]);
        for (total, best) in total.iter_mut().zip(best) {
            *total += times as f64 * best;
        }
        operations += times * each;
    }
    let rate = total.map(|total| operations as f64 / total / 1e9);
    println!("{:32} {:12.1} {:12.1} {:12.1}", "all", rate[0], rate[1], rate[2]);
    let milliseconds = total.map(|total| total * 1e3);
    let [forward, of_input, of_weight] = milliseconds;
    println!("{:32} {forward:9.0} ms {of_input:9.0} ms {of_weight:9.0} ms", "");
}

/// Runs for so many `seconds`, twice at least, and gives the best.
fn best(seconds: f64, mut run: impl FnMut() -> Vec<f32>) -> f64 {
    let (start, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while start.elapsed().as_secs_f64() < seconds || runs < 2 {
        let turn = Instant::now();
        std::hint::black_box(run());
        best = best.min(turn.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 17) as f32 / 17.0 - 0.5).collect()
}
