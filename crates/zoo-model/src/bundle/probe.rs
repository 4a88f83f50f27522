use crate::{DType, Tensor, fnv1a, splitmix64};

/// A tensor of numbers in `[-1, 1)` that follow from its name alone.
///
/// Element `i`, in row-major order, is `2 u - 1` for the upper 24 bits `u` of
/// `splitmix64(fnv1a(name) + i)` as a fraction. Anyone can make it, in any language.
pub fn rule_tensor(name: &str, elements: usize) -> Vec<f64> {
    let seed = fnv1a(name);
    (0..elements as u64)
        .map(|i| {
            (splitmix64(seed.wrapping_add(i)) >> 40) as f64 / f64::from(1u32 << 24) * 2.0 - 1.0
        })
        .collect()
}

/// An image of 8 by 8 flat tiles a channel, in `[-2, 2)`, of shape `[batch, channels, height,
/// width]`: coarse enough to survive every stride, so that all of a network takes part.
///
/// Element `(n, c, h, w)` is twice that of [`rule_tensor`] `"input"` at
/// `((n channels + c) 8 + 8 h / height) 8 + 8 w / width`, with divisions rounded down.
pub fn rule_tiles([batch, channels, height, width]: [usize; 4]) -> Tensor {
    let coarse = rule_tensor("input", batch * channels * 64);
    let mut values = Vec::with_capacity(batch * channels * height * width);
    for plane in coarse.chunks_exact(64) {
        for h in 0..height {
            for w in 0..width {
                values.push((2.0 * plane[(h * 8 / height) * 8 + w * 8 / width]) as f32);
            }
        }
    }
    Tensor::from_f32(&[batch, channels, height, width], &values)
}

/// The input of a parity vector for any shape: [`rule_tiles`] for images, [`rule_tensor`] for
/// everything else.
pub fn probe_input(shape: &[usize]) -> Tensor {
    if let [batch, channels, height, width] = *shape {
        return rule_tiles([batch, channels, height, width]);
    }
    let values: Vec<f32> =
        rule_tensor("input", shape.iter().product()).iter().map(|value| *value as f32).collect();
    Tensor::from_f32(shape, &values)
}

/// The shape of the input of a parity vector: one example, open sides of an image as 224.
pub fn probe_shape(shape: &[Option<usize>]) -> Vec<usize> {
    let side = |(axis, dim): (usize, &Option<usize>)| {
        dim.unwrap_or(if axis >= 2 && shape.len() == 4 { 224 } else { 1 })
    };
    shape.iter().enumerate().map(side).collect()
}

/// The probe input for a value of type `dtype`. Whole numbers are made of the rule's by taking
/// their first two digits.
pub fn typed_probe(dtype: DType, shape: &[usize]) -> Tensor {
    let probe = probe_input(shape);
    if dtype.is_float() {
        return probe;
    }
    let values: Vec<i64> = probe.to_f32().iter().map(|v| (v.abs() * 100.0) as i64).collect();
    Tensor::from_i64(shape, &values)
}
