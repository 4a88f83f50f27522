//! What Caffe's layers compute, as plainly as can be: the formulas of `src/caffe/layers/*.cpp` of
//! BVLC/caffe, one loop for each index, in numbers of 64 bits.

/// A blob `[count, channels, height, width]`. Without numbers, only the shape is followed.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) shape: [usize; 4],
    pub(crate) data: Vec<f64>,
}

/// A convolution's or pooling's window, height first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) pad: [usize; 2],
    pub(crate) dilation: [usize; 2],
}

impl Window {
    pub(crate) fn square(kernel: usize, stride: usize, pad: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], pad: [pad; 2], dilation: [1; 2] }
    }
}

impl Image {
    pub(crate) fn make(shape: [usize; 4], at: impl Fn([usize; 4]) -> f64) -> Self {
        let [count, channels, height, width] = shape;
        let mut data = Vec::with_capacity(shape.iter().product());
        for n in 0..count {
            for c in 0..channels {
                for y in 0..height {
                    data.extend((0..width).map(|x| at([n, c, y, x])));
                }
            }
        }
        Self { shape, data }
    }

    pub(crate) fn at(&self, [n, c, y, x]: [usize; 4]) -> f64 {
        let [_, channels, height, width] = self.shape;
        self.data[((n * channels + c) * height + y) * width + x]
    }

    /// What stands at a place that may lie outside; nothing there.
    fn inside(&self, n: usize, c: usize, y: isize, x: isize) -> Option<f64> {
        let y = usize::try_from(y).ok().filter(|&y| y < self.shape[2])?;
        let x = usize::try_from(x).ok().filter(|&x| x < self.shape[3])?;
        Some(self.at([n, c, y, x]))
    }

    pub(crate) fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape, data: self.data.iter().map(|&value| of(value)).collect() }
    }

    /// `conv_layer.cpp`, `im2col.cpp`: rounds down.
    pub(crate) fn convolved(
        &self,
        weight: &[f32],
        bias: Option<&[f32]>,
        outputs: usize,
        groups: usize,
        window: Window,
    ) -> Self {
        let Window { kernel, stride, pad, dilation } = window;
        let [count, channels, ..] = self.shape;
        let size = [0, 1].map(|axis| {
            let reach = dilation[axis] * (kernel[axis] - 1) + 1;
            (self.shape[2 + axis] + 2 * pad[axis] - reach) / stride[axis] + 1
        });
        let shape = [count, outputs, size[0], size[1]];
        if self.data.is_empty() {
            return Self { shape, data: Vec::new() };
        }
        let per_group = channels / groups;
        Self::make(shape, |[n, o, y, x]| {
            let group = o / (outputs / groups);
            let mut sum = bias.map_or(0.0, |bias| f64::from(bias[o]));
            for c in 0..per_group {
                for ky in 0..kernel[0] {
                    for kx in 0..kernel[1] {
                        let y = (y * stride[0] + ky * dilation[0]) as isize - pad[0] as isize;
                        let x = (x * stride[1] + kx * dilation[1]) as isize - pad[1] as isize;
                        let index = ((o * per_group + c) * kernel[0] + ky) * kernel[1] + kx;
                        let input = self.inside(n, group * per_group + c, y, x);
                        sum += f64::from(weight[index]) * input.unwrap_or(0.0);
                    }
                }
            }
            sum
        })
    }

    /// `pooling_layer.cpp`: rounds up; a window begins inside the input or the padding before it.
    pub(crate) fn pooled(&self, is_max: bool, window: Window) -> Self {
        let Window { kernel, stride, pad, .. } = window;
        let [count, channels, height, width] = self.shape;
        let input = [height, width];
        let size = [0, 1].map(|axis| {
            let room = (input[axis] + 2 * pad[axis] - kernel[axis]) as f64;
            let steps = (room / stride[axis] as f64).ceil() as usize + 1;
            let is_padded = pad != [0; 2];
            let too_far = (steps - 1) * stride[axis] >= input[axis] + pad[axis];
            steps - usize::from(is_padded && too_far)
        });
        let shape = [count, channels, size[0], size[1]];
        if self.data.is_empty() {
            return Self { shape, data: Vec::new() };
        }
        Self::make(shape, |[n, c, y, x]| {
            let start = [
                (y * stride[0]) as isize - pad[0] as isize,
                (x * stride[1]) as isize - pad[1] as isize,
            ];
            let end = [0, 1].map(|axis| {
                (start[axis] + kernel[axis] as isize).min((input[axis] + pad[axis]) as isize)
            });
            let mut values = Vec::new();
            for y in start[0]..end[0] {
                values.extend((start[1]..end[1]).filter_map(|x| self.inside(n, c, y, x)));
            }
            if is_max {
                values.into_iter().fold(f64::MIN, f64::max)
            } else {
                let size = (end[0] - start[0]) * (end[1] - start[1]);
                values.iter().sum::<f64>() / size as f64
            }
        })
    }

    /// `lrn_layer.cpp`, across channels.
    pub(crate) fn response_normalized(&self, size: usize, alpha: f64, beta: f64, k: f64) -> Self {
        if self.data.is_empty() {
            return self.clone();
        }
        Self::make(self.shape, |[n, c, y, x]| {
            let first = c.saturating_sub(size / 2);
            let last = (c + size / 2).min(self.shape[1] - 1);
            let squares: f64 = (first..=last).map(|c| self.at([n, c, y, x]).powi(2)).sum();
            self.at([n, c, y, x]) / (k + alpha / size as f64 * squares).powf(beta)
        })
    }

    /// `inner_product_layer.cpp`, of everything but the count.
    pub(crate) fn multiplied(&self, weight: &[f32], bias: Option<&[f32]>, outputs: usize) -> Self {
        let shape = [self.shape[0], outputs, 1, 1];
        if self.data.is_empty() {
            return Self { shape, data: Vec::new() };
        }
        let inputs: usize = self.shape[1..].iter().product();
        Self::make(shape, |[n, o, ..]| {
            let products =
                (0..inputs).map(|i| f64::from(weight[o * inputs + i]) * self.data[n * inputs + i]);
            products.sum::<f64>() + bias.map_or(0.0, |bias| f64::from(bias[o]))
        })
    }

    /// Each channel times `factor`, plus `offset`.
    pub(crate) fn scaled(&self, factor: &[f64], offset: &[f64]) -> Self {
        if self.data.is_empty() {
            return self.clone();
        }
        Self::make(self.shape, |at| self.at(at) * factor[at[1]] + offset[at[1]])
    }

    /// Over channels.
    pub(crate) fn softmax(&self) -> Self {
        if self.data.is_empty() {
            return self.clone();
        }
        Self::make(self.shape, |[n, c, y, x]| {
            let sum: f64 = (0..self.shape[1]).map(|c| self.at([n, c, y, x]).exp()).sum();
            self.at([n, c, y, x]).exp() / sum
        })
    }

    /// Along channels.
    pub(crate) fn concatenated(parts: &[&Self]) -> Self {
        let [count, _, height, width] = parts[0].shape;
        let channels = parts.iter().map(|part| part.shape[1]).sum();
        let shape = [count, channels, height, width];
        if parts[0].data.is_empty() {
            return Self { shape, data: Vec::new() };
        }
        Self::make(shape, |[n, c, y, x]| {
            let mut c = c;
            let part = parts.iter().find(|part| {
                let is_here = c < part.shape[1];
                c -= if is_here { 0 } else { part.shape[1] };
                is_here
            });
            part.expect("a channel of one of them").at([n, c, y, x])
        })
    }
}
