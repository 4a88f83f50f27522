//! Convolutions forward and backward against plain loops, on random sizes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod random;

use random::{Random, cases};
use zoo_kernels::gradient::{Geometry, to_channels_first, to_channels_last};
use zoo_kernels::{Isa, Window};

/// Calls `each` with input, weight and output places of every product, in plain order.
fn products(sizes: &Geometry, mut each: impl FnMut(usize, usize, usize)) {
    let (window, [height, width]) = (&sizes.window, sizes.size);
    let (channels, outputs) = (sizes.channels / sizes.groups, sizes.outputs / sizes.groups);
    for image in 0..sizes.batch {
        for y in 0..sizes.out_size[0] {
            for x in 0..sizes.out_size[1] {
                for output in 0..sizes.outputs {
                    let made = ((image * sizes.out_size[0] + y) * sizes.out_size[1] + x)
                        * sizes.outputs
                        + output;
                    for channel in 0..channels {
                        for tap in 0..window.taps() {
                            let (row, column) = (tap / window.kernel[1], tap % window.kernel[1]);
                            let from_y = y * window.stride[0] + row * window.dilation[0];
                            let from_x = x * window.stride[1] + column * window.dilation[1];
                            let Some(from_y) = from_y.checked_sub(window.padding[0]) else {
                                continue;
                            };
                            let Some(from_x) = from_x.checked_sub(window.padding[1]) else {
                                continue;
                            };
                            if from_y < height && from_x < width {
                                let from = ((image * height + from_y) * width + from_x)
                                    * sizes.channels
                                    + output / outputs * channels
                                    + channel;
                                let weight = (output * channels + channel) * window.taps() + tap;
                                each(from, weight, made);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn close(made: &[f32], expected: &[f64], what: &str) {
    assert_eq!(made.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1.0_f64, |size, number| size.max(number.abs()));
    for (index, (made, expected)) in made.iter().zip(expected).enumerate() {
        let error = (f64::from(*made) - expected).abs();
        assert!(error <= 2e-5 * size, "{what} at {index}: {made}, not {expected}");
    }
}

/// Sizes of one of all kinds of convolutions.
fn sizes(random: &mut Random) -> Geometry {
    let [kernel, stride, dilation] = [4, 3, 2].map(|most| [0, 1].map(|_| random.within(1, most)));
    let groups = [1, 1, 1, 2, 3][random.within(0, 4)];
    let depthwise = random.within(0, 4) == 0;
    let (channels, outputs) = if depthwise {
        let channels = random.length(1, 37);
        (channels, channels)
    } else {
        (groups * random.length(1, 37), groups * random.length(1, 150))
    };
    let groups = if depthwise { channels } else { groups };
    let padding = [0, 1].map(|_| random.within(0, 3));
    let size = [0, 1].map(|axis: usize| {
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        random.length(reach.saturating_sub(padding[axis]).max(1), 12.max(reach))
    });
    // What is missing at the other end is random as well.
    let out_size = [0, 1].map(|axis: usize| {
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        let padded = size[axis] + padding[axis] + random.within(0, 2);
        (padded - reach) / stride[axis] + 1
    });
    let window = Window { kernel, stride, dilation, padding };
    Geometry { batch: random.within(1, 3), channels, size, outputs, out_size, groups, window }
}

#[test]
fn all_kinds_of_convolutions_agree_with_plain_loops() {
    let mut random = Random(1);
    for case in 0..cases(300) {
        check(&sizes(&mut random), &mut random, case);
    }
}

/// Three by three with stride 1 and channels enough: by fewer products.
#[test]
fn convolutions_by_winograd_agree_with_plain_loops() {
    let mut random = Random(3);
    for case in 0..cases(12) {
        let window = Window {
            kernel: [3; 2],
            padding: [0, 1].map(|_| random.within(0, 3)),
            ..Window::POINT
        };
        let size = [0, 1].map(|_| random.length(12, 20));
        let missing = [0, 1].map(|_| random.within(0, 2));
        let out_size = [0, 1].map(|axis| size[axis] + window.padding[axis] + missing[axis] - 2);
        let (channels, outputs) = (16 * random.length(2, 6), 16 * random.length(2, 6));
        let batch = random.within(1, 3);
        let sizes = Geometry { batch, channels, size, outputs, out_size, groups: 1, window };
        check(&sizes, &mut random, case);
    }
}

/// Compares a convolution and its gradients with sums of products, one by one.
fn check(sizes: &Geometry, random: &mut Random, case: usize) {
    let input = random.list(sizes.input_len());
    let weight = random.list(sizes.weight_len());
    let bias = random.list(sizes.outputs);
    let gradient = random.list(sizes.output_len());
    let mut output: Vec<f64> =
        (0..sizes.output_len()).map(|place| f64::from(bias[place % sizes.outputs])).collect();
    let mut of_input = vec![0.0; sizes.input_len()];
    let mut of_weight = vec![0.0; sizes.weight_len()];
    let mut of_bias = vec![0.0; sizes.outputs];
    products(sizes, |from, tap, made| {
        output[made] += f64::from(input[from]) * f64::from(weight[tap]);
        of_input[from] += f64::from(gradient[made]) * f64::from(weight[tap]);
        of_weight[tap] += f64::from(gradient[made]) * f64::from(input[from]);
    });
    for (place, number) in gradient.iter().enumerate() {
        of_bias[place % sizes.outputs] += f64::from(*number);
    }
    for isa in Isa::available() {
        let what = |part: &str| format!("{part} of case {case}, {sizes:?}, {isa:?}");
        let made = sizes.forward(isa, &input, &weight, Some(&bias));
        close(&made, &output, &what("output"));
        let made = sizes.input_gradient(isa, &gradient, &weight);
        close(&made, &of_input, &what("input's gradient"));
        let made = sizes.weight_gradient(isa, &input, &gradient);
        close(&made, &of_weight, &what("weight's gradient"));
    }
    close(&sizes.bias_gradient(Isa::best(), &gradient), &of_bias, "bias' gradient");
}

#[test]
fn numbers_do_not_depend_on_the_number_of_threads() {
    let mut random = Random(2);
    for case in 0..cases(20) {
        let mut sizes = sizes(&mut random);
        // Enough pixels for several parts of every sum.
        sizes.batch = if cfg!(miri) { 3 } else { 40 };
        if case == 0 {
            let window = Window { kernel: [3; 2], padding: [1; 2], ..Window::POINT };
            let (size, out_size) = ([14; 2], [14; 2]);
            sizes = Geometry {
                batch: sizes.batch,
                channels: 64,
                size,
                outputs: 64,
                out_size,
                groups: 1,
                window,
            };
        }
        let input = random.list(sizes.input_len());
        let weight = random.list(sizes.weight_len());
        let gradient = random.list(sizes.output_len());
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let isa = Isa::best();
                [
                    sizes.forward(isa, &input, &weight, None),
                    sizes.input_gradient(isa, &gradient, &weight),
                    sizes.weight_gradient(isa, &input, &gradient),
                    sizes.bias_gradient(isa, &gradient),
                ]
                .map(|list| list.into_iter().map(f32::to_bits).collect::<Vec<u32>>())
            })
        };
        let one = run(1);
        for threads in [2, 3] {
            assert!(run(threads) == one, "case {case}, {sizes:?} on {threads} threads");
        }
    }
}

#[test]
fn layouts_are_turned_and_turned_back() {
    let mut random = Random(3);
    for _ in 0..cases(100) {
        let (batch, channels, pixels) =
            (random.length(1, 3), random.length(1, 70), random.length(1, 200));
        let images = random.list(batch * channels * pixels);
        for isa in Isa::available() {
            let last = to_channels_last(isa, &images, batch, channels, pixels);
            for (place, number) in images.iter().enumerate() {
                let (image, channel) = (place / (channels * pixels), place / pixels % channels);
                let pixel = place % pixels;
                assert_eq!(last[(image * pixels + pixel) * channels + channel], *number);
            }
            assert_eq!(to_channels_first(isa, &last, batch, channels, pixels), images);
        }
    }
}
