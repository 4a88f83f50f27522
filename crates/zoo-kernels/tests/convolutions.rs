//! Convolutions against plain loops in double precision, on every instruction set of this
//! processor: odd sizes, strides, paddings, dilations, groups, and outputs in wider buffers.

use zoo_kernels::{
    Activation, Convolution, Depthwise, Epilogue, Images, Isa, Part, Pixels, PixelsMut, Scratch,
    Window, Winograd,
};

mod random;
use random::{Random, cases};

#[derive(Debug, Clone)]
struct Case {
    window: Window,
    groups: usize,
    channels: usize,
    outputs: usize,
    batch: usize,
    size: [usize; 2],
    out_size: [usize; 2],
}

impl Case {
    fn draw(random: &mut Random) -> Self {
        let groups = [1, 1, 1, 2, 3][random.within(0, 4)];
        let kernel = [random.within(1, 4), random.within(1, 4)];
        let stride = [random.within(1, 3), random.within(1, 3)];
        let dilation = [random.within(1, 2), random.within(1, 2)];
        let padding = [random.within(0, 2), random.within(0, 2)];
        let after = [random.within(0, 2), random.within(0, 2)];
        let mut size = [random.length(1, 11), random.length(1, 11)];
        let mut out_size = [0; 2];
        for axis in 0..2 {
            let reach = (kernel[axis] - 1) * dilation[axis] + 1;
            size[axis] = size[axis].max(reach);
            out_size[axis] = (size[axis] + padding[axis] + after[axis] - reach) / stride[axis] + 1;
        }
        Self {
            window: Window { kernel, stride, dilation, padding },
            groups,
            channels: groups * (1 + random.length(0, 299) / random.within(1, 30)),
            outputs: groups * random.length(1, 60),
            batch: random.length(1, 3),
            size,
            out_size,
        }
    }

    /// The sums of this convolution, `[batch, height, width, outputs]`.
    fn exact(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        let (channels, outputs) = (self.channels / self.groups, self.outputs / self.groups);
        let taps = self.window.taps();
        let mut made = Vec::new();
        for image in 0..self.batch {
            for y in 0..self.out_size[0] {
                for x_out in 0..self.out_size[1] {
                    for output in 0..self.outputs {
                        let group = output / outputs;
                        let mut sum = f64::from(bias[output]);
                        for tap in 0..taps {
                            let (row, column) =
                                (tap / self.window.kernel[1], tap % self.window.kernel[1]);
                            let place = |axis: usize, at: usize, tap: usize| {
                                (at * self.window.stride[axis] + tap * self.window.dilation[axis])
                                    .checked_sub(self.window.padding[axis])
                                    .filter(|&place| place < self.size[axis])
                            };
                            let (Some(row), Some(column)) =
                                (place(0, y, row), place(1, x_out, column))
                            else {
                                continue;
                            };
                            let pixel = (image * self.size[0] + row) * self.size[1] + column;
                            for channel in 0..channels {
                                let number = x[pixel * self.channels + group * channels + channel];
                                let weight = weight[(output * channels + channel) * taps + tap];
                                sum += f64::from(number) * f64::from(weight);
                            }
                        }
                        made.push(sum);
                    }
                }
            }
        }
        made
    }
}

fn assert_close(found: &[f32], exact: &[f64], depth: usize, what: &str) {
    assert_eq!(found.len(), exact.len(), "{what}");
    let allowed = 1e-6 * (depth as f64).sqrt().max(4.0) * 4.0;
    for (index, (found, exact)) in found.iter().zip(exact).enumerate() {
        assert!((f64::from(*found) - exact).abs() < allowed, "{what}: {index}: {found}, {exact}");
    }
}

#[test]
fn convolutions_agree_with_plain_loops() {
    let mut random = Random(1);
    for _ in 0..cases(150) {
        let case = Case::draw(&mut random);
        let taps = case.window.taps();
        let depth = taps * case.channels / case.groups;
        let x = random.list(case.batch * case.size[0] * case.size[1] * case.channels);
        let weight = random.list(case.outputs * depth);
        let bias = random.list(case.outputs);
        let pixels = case.batch * case.out_size[0] * case.out_size[1];
        // The output lies in a wider buffer, whose other columns must stay as they are.
        let (stride, first) = (case.outputs + 5, 3);
        let residual = random.list(pixels * case.outputs);
        let mut exact = case.exact(&x, &weight, &bias);
        for (exact, residual) in exact.iter_mut().zip(&residual) {
            *exact = (*exact + f64::from(*residual)).clamp(-0.5, 6.0);
        }
        for isa in Isa::available() {
            let convolution =
                Convolution::new(isa, case.window, case.groups, case.channels, &weight, &bias);
            let input = Images::new(
                Pixels::dense(&x, case.channels),
                case.batch,
                case.size[0],
                case.size[1],
            );
            let epilogue = Epilogue {
                residual: Some(Pixels::dense(&residual, case.outputs)),
                activation: Activation::Clamp(-0.5, 6.0),
            };
            let mut wide = vec![77.0; pixels * stride];
            let mut out = PixelsMut::new(&mut wide[first..], stride, case.outputs);
            convolution.run(&input, case.out_size, &mut out, &epilogue, &mut Scratch::default());
            let rows = wide.chunks_exact(stride);
            assert!(rows.clone().all(|row| row[..first] == [77.0; 3]), "{case:?}");
            assert!(rows.clone().all(|row| row[first + case.outputs..] == [77.0; 2]), "{case:?}");
            let made: Vec<f32> =
                rows.flat_map(|row| row[first..first + case.outputs].to_vec()).collect();
            assert_close(&made, &exact, depth, &format!("{isa} {case:?}"));
        }
    }
}

#[test]
fn a_pixel_has_the_same_bits_wherever_its_part_begins() {
    let mut random = Random(2);
    for _ in 0..cases(40) {
        let case = Case::draw(&mut random);
        let depth = case.window.taps() * case.channels / case.groups;
        let x = random.list(case.batch * case.size[0] * case.size[1] * case.channels);
        let weight = random.list(case.outputs * depth);
        let bias = random.list(case.outputs);
        let isa = Isa::best();
        let convolution =
            Convolution::new(isa, case.window, case.groups, case.channels, &weight, &bias);
        let input =
            Images::new(Pixels::dense(&x, case.channels), case.batch, case.size[0], case.size[1]);
        let pixels = case.batch * case.out_size[0] * case.out_size[1];
        let mut whole = vec![0.0; pixels * case.outputs];
        let mut out = PixelsMut::dense(&mut whole, case.outputs);
        let mut scratch = Scratch::default();
        convolution.run(&input, case.out_size, &mut out, &Epilogue::NONE, &mut scratch);
        let mut parts = vec![0.0; pixels * case.outputs];
        let out = PixelsMut::dense(&mut parts, case.outputs);
        let mut begin = 0;
        while begin < pixels {
            let end = (begin + random.within(1, 9)).min(pixels);
            for panel in 0..convolution.panels() {
                let part = Part { pixels: begin..end, panels: panel..panel + 1, to: begin };
                // SAFETY: one part after the other, on this thread.
                #[allow(unsafe_code, reason = "the parts are computed one after the other")]
                unsafe {
                    let epilogue = Epilogue::NONE;
                    convolution.run_part(
                        &input,
                        case.out_size,
                        &out,
                        &epilogue,
                        &part,
                        &mut scratch,
                    );
                }
            }
            begin = end;
        }
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert!(bits(&whole) == bits(&parts), "{case:?}");
    }
}

#[test]
fn depthwise_convolutions_agree_with_plain_loops() {
    let mut random = Random(3);
    for round in 0..cases(150) {
        let mut case = Case::draw(&mut random);
        // So many now and then that they are made in several parts.
        case.channels = random.length(1, if round % 5 == 0 { 500 } else { 70 });
        (case.groups, case.outputs) = (case.channels, case.channels);
        let taps = case.window.taps();
        let x = random.list(case.batch * case.size[0] * case.size[1] * case.channels);
        let (weight, bias) = (random.list(case.channels * taps), random.list(case.channels));
        let mut exact = case.exact(&x, &weight, &bias);
        for value in &mut exact {
            *value = value.max(0.0);
        }
        let pixels = case.batch * case.out_size[0] * case.out_size[1];
        for isa in Isa::available() {
            let depthwise = Depthwise::new(isa, case.window, &weight, &bias);
            let input = Images::new(
                Pixels::dense(&x, case.channels),
                case.batch,
                case.size[0],
                case.size[1],
            );
            let mut made = vec![0.0; pixels * case.channels];
            let mut out = PixelsMut::dense(&mut made, case.channels);
            let scratch = &mut Scratch::default();
            depthwise.run(&input, case.out_size, &mut out, Activation::RELU, scratch);
            assert_close(&made, &exact, taps, &format!("{isa} {case:?}"));
        }
    }
}

#[test]
fn winograds_convolutions_agree_with_plain_loops() {
    let mut random = Random(4);
    for _ in 0..cases(30) {
        let mut case = Case::draw(&mut random);
        let padding = case.window.padding;
        case.window = Window { kernel: [3; 2], padding, ..Window::POINT };
        case.groups = 1;
        (case.channels, case.outputs) = (16 * random.length(1, 20), 16 * random.length(1, 4));
        case.size = case.size.map(|length| length.max(3));
        let outputs = |axis: usize, after: usize| case.size[axis] + padding[axis] + after - 2;
        case.out_size = [outputs(0, random.within(0, 1)), outputs(1, random.within(0, 1))];
        let x = random.list(case.batch * case.size[0] * case.size[1] * case.channels);
        let weight = random.list(case.outputs * 9 * case.channels);
        let bias = random.list(case.outputs);
        let pixels = case.batch * case.out_size[0] * case.out_size[1];
        let residual = random.list(pixels * case.outputs);
        let mut exact = case.exact(&x, &weight, &bias);
        for (exact, residual) in exact.iter_mut().zip(&residual) {
            *exact = (*exact + f64::from(*residual)).max(0.0);
        }
        for isa in Isa::available() {
            let winograd = Winograd::new(isa, padding, case.channels, &weight, &bias);
            let input = Images::new(
                Pixels::dense(&x, case.channels),
                case.batch,
                case.size[0],
                case.size[1],
            );
            let epilogue = Epilogue {
                residual: Some(Pixels::dense(&residual, case.outputs)),
                activation: Activation::RELU,
            };
            let mut made = vec![0.0; pixels * case.outputs];
            let mut out = PixelsMut::dense(&mut made, case.outputs);
            winograd.run(&input, case.out_size, &mut out, &epilogue, &mut Scratch::default());
            // Its sums are of larger numbers, whose differences are what is wanted.
            assert_close(&made, &exact, 900 * case.channels, &format!("{isa} {case:?}"));
        }
    }
}
