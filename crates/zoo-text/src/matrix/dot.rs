//! The product of two rows.

const LANES: usize = 16;

/// The sum of products, in 16 sums that are added in pairs: an order that lets the
/// compiler use vectors, and that only the length decides.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += a * b;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_at_every_length() {
        for length in 0..100_u16 {
            let a: Vec<f32> = (0..length).map(f32::from).collect();
            let b: Vec<f32> = (0..length).map(|x| f32::from(x) - 50.0).collect();
            let expected: i32 = (0..i32::from(length)).map(|x| x * (x - 50)).sum();
            assert_eq!(dot(&a, &b), expected as f32);
        }
    }
}
