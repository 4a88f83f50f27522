//! What transformers do row by row, forward and back: formulas in double precision, and finite
//! differences of them.

mod random;

use random::{Random, cases};
use zoo_kernels::Isa;
use zoo_kernels::gradient::{
    LayerNormGradients, add_rows, gelu, gelu_gradient, layer_norm, layer_norm_gradients, scale,
    softmax, softmax_gradient, sum_of_rows,
};

/// How far finite differences reach.
const STEP: f64 = 1e-5;
const EPSILON: f32 = 1e-3;

fn double(list: &[f32]) -> Vec<f64> {
    list.iter().map(|&number| f64::from(number)).collect()
}

/// `x Phi(x)`, by the series of the error function.
fn exact_gelu(x: f64) -> f64 {
    let z = x / std::f64::consts::SQRT_2;
    let (mut sum, mut term) = (z, z);
    for n in 1..100 {
        let n = f64::from(n);
        term *= -z * z / n;
        sum += term / (2.0 * n + 1.0);
    }
    0.5 * x * (1.0 + sum * std::f64::consts::FRAC_2_SQRT_PI)
}

fn exact_softmax(row: &[f64]) -> Vec<f64> {
    let total: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / total).collect()
}

fn exact_layer_norm(row: &[f64], scale: &[f64], shift: &[f64]) -> Vec<f64> {
    let count = row.len() as f64;
    let mean = row.iter().sum::<f64>() / count;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let deviation = (variance + f64::from(EPSILON)).sqrt();
    let each = row.iter().zip(scale).zip(shift);
    each.map(|((x, scale), shift)| (x - mean) / deviation * scale + shift).collect()
}

/// How much `direction` times what `make` makes of `list` changes with each of its numbers.
fn differences(list: &[f64], direction: &[f32], make: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let observed = |list: &[f64]| -> f64 {
        make(list).iter().zip(direction).map(|(made, direction)| made * f64::from(*direction)).sum()
    };
    let one = |index: usize| {
        let mut moved = list.to_vec();
        moved[index] += STEP;
        let above = observed(&moved);
        moved[index] -= 2.0 * STEP;
        (above - observed(&moved)) / (2.0 * STEP)
    };
    (0..list.len()).map(one).collect()
}

fn close(made: &[f32], expected: &[f64], what: &str) {
    assert_eq!(made.len(), expected.len(), "{what}");
    for (place, (made, expected)) in made.iter().zip(expected).enumerate() {
        let error = (f64::from(*made) - expected).abs();
        assert!(error < 2e-5 * (1.0 + expected.abs()), "{what} at {place}: {made}, not {expected}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut random = Random(11);
    for _ in 0..cases(30) {
        let (rows, length) = (random.length(1, 5), random.length(1, 21));
        let x: Vec<f32> = random.list(rows * length).iter().map(|x| 4.0 * x).collect();
        let direction = random.list(rows * length);
        let (factor, shift) = (random.list(length), random.list(length));
        let (wide, wide_factor, wide_shift) = (double(&x), double(&factor), double(&shift));
        let by_row = |list: &[f64], make: &dyn Fn(&[f64]) -> Vec<f64>| -> Vec<f64> {
            list.chunks(length).flat_map(make).collect()
        };
        for isa in Isa::available() {
            let exact = |list: &[f64]| list.iter().map(|&x| exact_gelu(x)).collect::<Vec<_>>();
            close(&gelu(isa, &x), &exact(&wide), "GELU");
            let expected = differences(&wide, &direction, exact);
            close(&gelu_gradient(isa, &x, &direction), &expected, "GELU's gradient");

            let exact = |list: &[f64]| by_row(list, &exact_softmax);
            let made = softmax(isa, &x, length);
            close(&made, &exact(&wide), "softmax");
            let expected = differences(&wide, &direction, exact);
            let gradient = softmax_gradient(isa, &made, &direction, length);
            close(&gradient, &expected, "softmax's gradient");

            let exact = |list: &[f64], factor: &[f64], shift: &[f64]| {
                by_row(list, &|row| exact_layer_norm(row, factor, shift))
            };
            let made = layer_norm(isa, &x, &factor, &shift, EPSILON);
            close(&made, &exact(&wide, &wide_factor, &wide_shift), "layer norm");
            let gradients = layer_norm_gradients(isa, &x, &factor, EPSILON, &direction);
            let LayerNormGradients { input, scale, shift } = gradients;
            let of = |list: &[f64]| exact(list, &wide_factor, &wide_shift);
            // One number is its own mean: nothing but rounding, which a small deviation makes large.
            if length > 2 {
                close(&input, &differences(&wide, &direction, of), "layer norm's gradient");
            }
            let of = |list: &[f64]| exact(&wide, list, &wide_shift);
            close(&scale, &differences(&wide_factor, &direction, of), "its scale's");
            let of = |list: &[f64]| exact(&wide, &wide_factor, list);
            close(&shift, &differences(&wide_shift, &direction, of), "its shift's");
        }
    }
}

#[test]
fn rows_are_added_where_they_begin() {
    let mut random = Random(12);
    for _ in 0..cases(30) {
        let (rows, length, others) =
            (random.length(1, 90), random.length(1, 21), random.within(1, 4));
        let (x, other) = (random.list(rows * length), random.list(others * length));
        let starts: Vec<usize> = (0..rows).map(|_| random.within(0, others - 1) * length).collect();
        let expected: Vec<f64> = (0..x.len())
            .map(|place| f64::from(x[place] + other[starts[place / length] + place % length]))
            .collect();
        let sums: Vec<f64> = (0..length)
            .map(|column| x.iter().skip(column).step_by(length).map(|&x| f64::from(x)).sum())
            .collect();
        let scaled: Vec<f64> = x.iter().map(|x| f64::from(x * 0.3)).collect();
        for isa in Isa::available() {
            close(&add_rows(isa, &x, &other, &starts, length), &expected, "sum");
            close(&sum_of_rows(isa, &x, length), &sums, "sum of rows");
            close(&scale(isa, &x, 0.3), &scaled, "product");
        }
    }
}

#[test]
fn numbers_do_not_depend_on_threads_or_instructions() {
    let mut random = Random(13);
    let (rows, length) = (if cfg!(miri) { 6 } else { 400 }, 300);
    let (x, direction) = (random.list(rows * length), random.list(rows * length));
    let factor = random.list(length);
    let run = |isa: Isa, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map(|pool| {
            pool.install(|| {
                let soft = softmax(isa, &x, length);
                let gradients = layer_norm_gradients(isa, &x, &factor, EPSILON, &direction);
                let lists = [
                    gelu(isa, &x),
                    gelu_gradient(isa, &x, &direction),
                    softmax_gradient(isa, &soft, &direction, length),
                    soft,
                    layer_norm(isa, &x, &factor, &factor, EPSILON),
                    gradients.input,
                    gradients.scale,
                    gradients.shift,
                    sum_of_rows(isa, &x, length),
                ];
                lists.map(|list| list.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        })
        .ok()
    };
    let one = run(Isa::PLAIN, 1);
    assert!(one.is_some());
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            assert!(run(isa, threads) == one, "{isa} on {threads} threads");
        }
    }
}

#[test]
fn nothing_and_no_numbers_stay_so() {
    let isa = Isa::best();
    assert!(gelu(isa, &[]).is_empty());
    assert!(softmax(isa, &[], 3).is_empty());
    assert_eq!(sum_of_rows(isa, &[], 2), [0.0; 2]);
    assert!(gelu_gradient(isa, &[f32::NAN], &[1.0])[0].is_nan());
    assert!(softmax_gradient(isa, &[0.5, 0.5], &[f32::NAN, 0.0], 2)[1].is_nan());
    let made = layer_norm_gradients(isa, &[1.0, f32::NAN], &[1.0; 2], EPSILON, &[1.0; 2]);
    assert!(made.input.iter().all(|number| number.is_nan()));
}
