//! Normalisation, sums and pooling forward and backward: formulas in double precision, and finite
//! differences of them.

mod random;

use random::{Random, cases};
use zoo_kernels::gradient::{Geometry, Moments, Normalization, add, rectifier_gradient, rectify};
use zoo_kernels::{Isa, Window};

/// How far finite differences reach.
const STEP: f64 = 1e-6;

/// Mean and variance of each channel of `images` `[pixels, channels]`.
fn moments(images: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (images.len() / channels) as f64;
    let of = |channel: usize| images.iter().skip(channel).step_by(channels).copied();
    let mean: Vec<f64> = (0..channels).map(|c| of(c).sum::<f64>() / count).collect();
    let square = |c: usize| of(c).map(|x| (x - mean[c]).powi(2)).sum::<f64>() / count;
    let variance = (0..channels).map(square).collect();
    (mean, variance)
}

/// A linear function, `direction`, of what normalisation makes of `images`.
fn observed(
    images: &[f64],
    [weight, bias]: [&[f64]; 2],
    constants: Option<&(Vec<f64>, Vec<f64>)>,
    rectified: bool,
    direction: &[f32],
) -> f64 {
    let channels = weight.len();
    let (mean, variance) = constants.cloned().unwrap_or_else(|| moments(images, channels));
    let each = images.iter().zip(direction).enumerate().map(|(place, (x, direction))| {
        let c = place % channels;
        let y = (x - mean[c]) / (variance[c] + 1e-3).sqrt() * weight[c] + bias[c];
        f64::from(*direction) * if rectified { y.max(0.0) } else { y }
    });
    each.sum()
}

fn double(list: &[f32]) -> Vec<f64> {
    list.iter().map(|&number| f64::from(number)).collect()
}

#[test]
fn gradients_of_normalisation_are_those_of_finite_differences() {
    let mut random = Random(5);
    for case in 0..cases(24) {
        let (pixels, channels) = (random.length(2, 60), random.length(1, 19));
        let (from_batch, rectified) = (case % 2 == 0, case / 2 % 2 == 0);
        let images = random.list(pixels * channels);
        let (weight, bias) = (random.list(channels), random.list(channels));
        let direction = random.list(images.len());
        let wide = double(&images);
        let constants =
            (!from_batch).then(|| (double(&random.list(channels)), vec![0.7; channels]));
        for isa in Isa::available() {
            let moments = match &constants {
                Some((mean, variance)) => Moments {
                    mean: mean.iter().map(|&x| x as f32).collect(),
                    variance: variance.iter().map(|&x| x as f32).collect(),
                },
                None => Moments::of(isa, &images, channels),
            };
            let deviation: Vec<f32> = moments.variance.iter().map(|v| (v + 1e-3).sqrt()).collect();
            let normalization = Normalization {
                mean: moments.mean.clone(),
                scale: weight.iter().zip(&deviation).map(|(w, d)| w / d).collect(),
                shift: bias.clone(),
                rectified,
            };
            let made = normalization.forward(isa, &images);
            let total: f64 =
                made.iter().zip(&direction).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let parameters = [double(&weight), double(&bias)];
            let at = |images: &[f64], [weight, bias]: [&[f64]; 2]| {
                observed(images, [weight, bias], constants.as_ref(), rectified, &direction)
            };
            let here = at(&wide, [&parameters[0], &parameters[1]]);
            assert!((total - here).abs() < 1e-3, "case {case}: {total}, not {here}");
            let sums = normalization.sums(isa, &images, &direction);
            let gradient = if from_batch {
                normalization.batch_gradient(isa, &images, &direction, &sums, &deviation)
            } else {
                normalization.constant_gradient(isa, &images, &direction)
            };
            let check = |made: f32, more: f64, less: f64, what: &str| {
                let slope = (more - less) / (2.0 * STEP);
                let error = (f64::from(made) - slope).abs();
                assert!(
                    error < 2e-3 * (1.0 + slope.abs()),
                    "{what} of {case}: {made}, not {slope}"
                );
            };
            for place in 0..images.len().min(40) {
                let moved = |by: f64| {
                    let mut images = wide.clone();
                    images[place] += by;
                    at(&images, [&parameters[0], &parameters[1]])
                };
                check(gradient[place], moved(STEP), moved(-STEP), "input");
            }
            for channel in 0..channels {
                let moved = |which: usize, by: f64| {
                    let mut parameters = parameters.clone();
                    parameters[which][channel] += by;
                    at(&wide, [&parameters[0], &parameters[1]])
                };
                let of_weight = sums.product[channel] / deviation[channel];
                check(of_weight, moved(0, STEP), moved(0, -STEP), "weight");
                check(sums.gradient[channel], moved(1, STEP), moved(1, -STEP), "bias");
            }
        }
    }
}

#[test]
fn moments_of_many_pixels_far_from_zero_are_exact() {
    let mut random = Random(6);
    for channels in [1, 7, 64] {
        let images: Vec<f32> =
            random.list(channels * cases(40_000)).into_iter().map(|x| x + 100.0).collect();
        let (mean, variance) = moments(&double(&images), channels);
        for isa in Isa::available() {
            let made = Moments::of(isa, &images, channels);
            for channel in 0..channels {
                assert!((f64::from(made.mean[channel]) / mean[channel] - 1.0).abs() < 1e-6);
                assert!((f64::from(made.variance[channel]) / variance[channel] - 1.0).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn sums_are_rectified() {
    let mut random = Random(7);
    let len = 70_001;
    let (a, b) = (random.list(len), random.list(len));
    for isa in Isa::available() {
        let (plain, above) = (add(isa, &a, &b, false), add(isa, &a, &b, true));
        let rectified = rectify(isa, &a);
        let passed = rectifier_gradient(isa, &above, &b);
        for place in 0..len {
            let sum = a[place] + b[place];
            assert_eq!(plain[place], sum);
            assert_eq!(above[place], sum.max(0.0));
            assert_eq!(rectified[place], a[place].max(0.0));
            assert_eq!(passed[place], if sum > 0.0 { b[place] } else { 0.0 });
        }
    }
}

#[test]
fn gradients_of_maxima_go_where_the_maxima_came_from() {
    let mut random = Random(8);
    for case in 0..cases(60) {
        let kernel = [random.within(1, 4), random.within(1, 4)];
        let window = Window {
            kernel,
            stride: [random.within(1, 3), random.within(1, 3)],
            dilation: [random.within(1, 2), random.within(1, 2)],
            padding: kernel.map(|length| length / 2),
        };
        let (size, channels) = ([random.within(7, 12), random.within(7, 12)], random.within(1, 20));
        let out_size = [0, 1].map(|axis: usize| {
            let reach = (kernel[axis] - 1) * window.dilation[axis] + 1;
            (size[axis] + 2 * window.padding[axis] - reach) / window.stride[axis] + 1
        });
        let batch = random.within(1, 3);
        let sizes =
            Geometry { batch, channels, size, outputs: channels, out_size, groups: 1, window };
        let input = random.list(sizes.input_len());
        let gradient = random.list(sizes.output_len());
        let made = sizes.maxima(&input);
        let mut expected = vec![0.0; input.len()];
        for (place, &gradient) in gradient.iter().enumerate() {
            let (channel, pixel) = (place % channels, place / channels);
            let (x, line) = (pixel % out_size[1], pixel / out_size[1]);
            let (y, image) = (line % out_size[0], line / out_size[0]);
            let mut best: Option<usize> = None;
            for tap in 0..window.taps() {
                let at = [tap / kernel[1], tap % kernel[1]];
                let from = [0, 1].map(|axis: usize| {
                    ([y, x][axis] * window.stride[axis] + at[axis] * window.dilation[axis])
                        .checked_sub(window.padding[axis])
                        .filter(|&from| from < size[axis])
                });
                if let [Some(y), Some(x)] = from {
                    let from = ((image * size[0] + y) * size[1] + x) * channels + channel;
                    if best.is_none_or(|best| input[from] > input[best]) {
                        best = Some(from);
                    }
                }
            }
            let best = best.expect("windows see something");
            assert_eq!(made.numbers[place], input[best], "case {case}, {sizes:?}");
            expected[best] += gradient;
        }
        let found = sizes.maxima_gradient(&made.taps, &gradient);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "case {case}, {sizes:?}");
        }
    }
}
