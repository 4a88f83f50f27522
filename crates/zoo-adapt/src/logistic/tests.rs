#![allow(clippy::unwrap_used)]

use super::blocks::{Design, Layout};
use super::objective::Objective;
use super::reference::{
    BIAS, BINARY_PROBABILITIES, FEATURES, PROBABILITIES, SCALED_BIAS, SCALED_WEIGHT, WEIGHT,
};
use super::scaling::Scales;
use super::*;
use zoo_model::SplitMix64;

fn reference() -> (Matrix<'static>, Vec<usize>) {
    let labels = (0..60).map(|row| row % 3).collect();
    (Matrix::new(&FEATURES, 60, 8).unwrap(), labels)
}

fn plain(c: f64) -> FitOptions {
    FitOptions { c, scaling: Scaling::None, tolerance: 1e-9, max_iterations: 10_000 }
}

fn assert_close(actual: &[f32], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((f64::from(*actual) - expected).abs() < 1e-4, "{actual} is not {expected}");
    }
}

/// Random features around a centre a class.
pub(super) fn blobs(rows: usize, features: usize, classes: usize) -> (Vec<f32>, Vec<usize>) {
    let mut random = SplitMix64::new(11);
    let mut normal = || (0..4).map(|_| random.unit()).sum::<f64>() - 2.0;
    let centres: Vec<f64> = (0..classes * features).map(|_| normal() * 0.2).collect();
    let labels: Vec<usize> = (0..rows).map(|row| row % classes).collect();
    let mut values = Vec::with_capacity(rows * features);
    for label in &labels {
        for feature in 0..features {
            values.push((normal() + centres[label * features + feature]) as f32);
        }
    }
    (values, labels)
}

#[test]
fn agrees_with_scikit_learn() {
    let (features, labels) = reference();
    let solved = fit(features, &labels, 3, &plain(0.5)).unwrap();
    assert!(solved.converged);
    assert_close(&solved.head.weight, &WEIGHT);
    assert_close(&solved.head.bias, &BIAS);
    let probabilities = solved.head.probabilities(features).unwrap();
    assert_close(&probabilities[..12], &PROBABILITIES);
}

#[test]
fn scaling_agrees_with_scikit_learn_and_is_folded_away() {
    let (features, labels) = reference();
    let options = FitOptions { scaling: Scaling::PerFeature, ..plain(0.1) };
    let solved = fit(features, &labels, 3, &options).unwrap();
    assert_close(&solved.head.weight, &SCALED_WEIGHT);
    assert_close(&solved.head.bias, &SCALED_BIAS);
}

#[test]
fn two_classes_are_scikit_learns_at_half_its_c() {
    let rows: Vec<usize> = (0..60).filter(|row| row % 3 < 2).collect();
    let values: Vec<f32> =
        rows.iter().flat_map(|&row| FEATURES[row * 8..(row + 1) * 8].to_vec()).collect();
    let labels: Vec<usize> = rows.iter().map(|row| row % 3).collect();
    let features = Matrix::new(&values, rows.len(), 8).unwrap();
    let solved = fit(features, &labels, 2, &plain(0.25)).unwrap();
    let probabilities = solved.head.probabilities(features).unwrap();
    assert_close(&probabilities[..8], &BINARY_PROBABILITIES);
}

#[test]
fn the_gradient_is_that_of_the_value() {
    // More classes than a tile, rows than a block and features than a chunk, none a multiple.
    let (values, labels) = blobs(70, 37, 11);
    let features = Matrix::new(&values, 70, 37).unwrap();
    let rows: Vec<usize> = (0..70).collect();
    let scales = Scales::of(Scaling::PerFeature, features, &rows);
    let layout = Layout { features: 37, classes: 11 };
    let design = Design { features, rows: &rows, scales: &scales };
    let objective = Objective { design: &design, labels: &labels, layout, c: 0.3 };
    let mut random = SplitMix64::new(2);
    let at: Vec<f64> = (0..layout.len()).map(|_| random.unit() - 0.5).collect();
    let mut gradient = vec![0.0; layout.len()];
    let mut ignored = gradient.clone();
    objective.evaluate(&at, &mut gradient);
    for index in (0..layout.len()).step_by(7).chain(37 * 11..layout.len()) {
        let mut value = |change: f64| {
            let mut moved = at.clone();
            moved[index] += change;
            objective.evaluate(&moved, &mut ignored)
        };
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((gradient[index] - difference).abs() < 1e-8, "{index}");
    }
}

#[test]
fn few_directions_of_large_variance_are_known_beforehand() {
    // Two directions vary a thousand times as much as all others.
    let (mut values, labels) = blobs(300, 50, 3);
    let mut random = SplitMix64::new(5);
    for row in values.chunks_exact_mut(50) {
        let (a, b) = (random.unit() - 0.5, random.unit() - 0.5);
        for (at, value) in row.iter_mut().enumerate() {
            let along = if at % 2 == 0 { a } else { b * at as f64 / 50.0 };
            *value += (300.0 * along) as f32;
        }
    }
    let features = Matrix::new(&values, 300, 50).unwrap();
    let options = FitOptions { scaling: Scaling::Global, c: 100.0, ..FitOptions::default() };
    let solved = fit(features, &labels, 3, &options).unwrap();
    assert!(solved.converged);
    assert!(solved.iterations < 40, "{}", solved.iterations);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (values, labels) = blobs(300, 70, 9);
    let features = Matrix::new(&values, 300, 70).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let solved = fit(features, &labels, 9, &FitOptions::default()).unwrap();
            let options = CrossValidation { grid: vec![0.01, 0.1], ..CrossValidation::default() };
            let choice = cross_validate(features, &labels, 9, None, &options).unwrap();
            (solved, choice)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn separable_data_stays_finite() {
    let values = [-2.0, -1.0, 1.0, 2.0_f32];
    let features = Matrix::new(&values, 4, 1).unwrap();
    for scaling in [Scaling::None, Scaling::Global, Scaling::PerFeature] {
        let options = FitOptions { c: 1e6, scaling, ..FitOptions::default() };
        let solved = fit(features, &[0, 0, 1, 1], 2, &options).unwrap();
        assert!(solved.converged);
        assert!(solved.head.weight.iter().all(|weight| weight.is_finite()));
        let logits = solved.head.logits(features).unwrap();
        assert!(logits.chunks(2).take(2).all(|row| row[0] > row[1]));
        assert!(logits.chunks(2).skip(2).all(|row| row[0] < row[1]));
    }
}

#[test]
fn constant_features_are_harmless() {
    let values = [1e6, -1.0, 1e6, -0.5, 1e6, 0.5, 1e6, 1.0_f32];
    let features = Matrix::new(&values, 4, 2).unwrap();
    let solved = fit(features, &[0, 0, 1, 1], 2, &FitOptions::default()).unwrap();
    assert_eq!((solved.head.weight[0], solved.head.weight[2]), (0.0, 0.0));
    let nothing = [3.0_f32; 4];
    let features = Matrix::new(&nothing, 4, 1).unwrap();
    let solved = fit(features, &[0, 0, 0, 1], 2, &FitOptions::default()).unwrap();
    assert_close(&solved.head.probabilities(features).unwrap()[..2], &[0.75, 0.25]);
}

#[test]
fn a_class_without_examples_is_never_predicted() {
    let values = [-1.0, 1.0, -2.0, 2.0_f32];
    let features = Matrix::new(&values, 4, 1).unwrap();
    let solved = fit(features, &[0, 2, 0, 2], 3, &FitOptions::default()).unwrap();
    assert_eq!(solved.head.weight[1], 0.0);
    let probabilities = solved.head.probabilities(features).unwrap();
    assert!(probabilities.chunks(3).all(|row| row[1] < 1e-30));
    assert!(probabilities[0] > 0.5 && probabilities[5] > 0.5);
}

#[test]
fn input_is_checked() {
    let mut values = vec![0.0_f32; 12];
    let labels = [0, 1, 0, 1];
    let try_fit = |values: &[f32], labels: &[usize], c: f64| {
        let features = Matrix::new(values, 4, 3).unwrap();
        fit(features, labels, 2, &plain(c)).unwrap_err()
    };
    assert!(matches!(try_fit(&values, &labels, 0.0), Error::Setting { .. }));
    assert!(matches!(try_fit(&values, &labels, f64::NAN), Error::Setting { .. }));
    assert!(matches!(try_fit(&values, &[0, 1], 1.0), Error::Size { .. }));
    assert!(matches!(try_fit(&values, &[0, 1, 2, 0], 1.0), Error::LabelOutOfRange { row: 2, .. }));
    assert!(matches!(try_fit(&values, &[1; 4], 1.0), Error::TooFewClasses { present: 1 }));
    values[7] = f32::NAN;
    assert!(matches!(try_fit(&values, &labels, 1.0), Error::NotFinite { row: 2, column: 1, .. }));
    assert!(Matrix::new(&values, 5, 3).is_err());
    assert!(Matrix::new(&[], 0, 0).is_err());
}

#[test]
fn cross_validation_prefers_what_predicts() {
    let (values, labels) = blobs(200, 40, 4);
    let features = Matrix::new(&values, 200, 40).unwrap();
    let options = CrossValidation::default();
    let choice = cross_validate(features, &labels, 4, None, &options).unwrap();
    let best = choice.candidates.iter().find(|c| c.c == choice.c).unwrap();
    assert!(choice.candidates.iter().all(|c| c.log_loss > best.log_loss - 1e-5));
    assert!(choice.candidates.len() < options.grid.len(), "stops early");
    assert_eq!(choice.probabilities.len(), 200 * 4);
    let accuracy = metrics_accuracy(&choice.probabilities, &labels);
    assert!((accuracy - best.accuracy).abs() < 1e-12);
    // The order of the grid is of no effect.
    let mut reversed = options.clone();
    reversed.grid.reverse();
    assert_eq!(choice, cross_validate(features, &labels, 4, None, &reversed).unwrap());
}

fn metrics_accuracy(probabilities: &[f32], labels: &[usize]) -> f64 {
    crate::metrics::top_k_accuracy(probabilities, labels, 4, 1).unwrap()
}

#[test]
fn of_equals_the_stronger_regularisation_wins() {
    // No information at all: every strength predicts the same.
    let values = [1.0_f32; 12];
    let features = Matrix::new(&values, 12, 1).unwrap();
    let labels: Vec<usize> = (0..12).map(|row| row % 2).collect();
    for criterion in [Criterion::LogLoss, Criterion::Accuracy] {
        let options = CrossValidation { folds: 3, criterion, ..CrossValidation::default() };
        let choice = cross_validate(features, &labels, 2, None, &options).unwrap();
        assert_eq!(choice.c, 1e-4);
    }
}

#[test]
fn cross_validation_survives_a_class_that_a_fold_never_saw() {
    let (values, mut labels) = blobs(30, 5, 2);
    labels[0] = 2;
    let features = Matrix::new(&values, 30, 5).unwrap();
    let choice = cross_validate(features, &labels, 3, None, &CrossValidation::default()).unwrap();
    assert!(choice.candidates.iter().all(|c| c.log_loss.is_finite()));
    let empty = CrossValidation { grid: Vec::new(), ..CrossValidation::default() };
    assert!(cross_validate(features, &labels, 3, None, &empty).is_err());
}
