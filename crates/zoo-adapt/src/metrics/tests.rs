#![allow(clippy::unwrap_used)]

use super::*;

fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-6, "{actual} is not {expected}");
}

/// Four rows of three classes: right, right, wrong, and a tie that goes to the first.
const PROBABILITIES: [f32; 12] = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.6, 0.3, 0.1, 0.4, 0.2, 0.4];
const LABELS: [usize; 4] = [0, 1, 1, 2];

#[test]
fn measures_a_small_case_by_hand() {
    let evaluation = evaluate(&PROBABILITIES, &LABELS, 3).unwrap();
    close(evaluation.accuracy, 0.5);
    assert_eq!(evaluation.confusion.row(0), [1, 0, 0]);
    assert_eq!(evaluation.confusion.row(1), [1, 1, 0]);
    assert_eq!(evaluation.confusion.row(2), [1, 0, 0]);
    assert_eq!(evaluation.confusion.confusions(), [(1, 0, 1), (2, 0, 1)]);
    let [a, b, c] = evaluation.per_class[..] else { unreachable!("three classes") };
    close(a.precision, 1.0 / 3.0);
    close(a.recall, 1.0);
    close(a.f1, 0.5);
    close(b.precision, 1.0);
    close(b.recall, 0.5);
    close(c.f1, 0.0);
    assert_eq!((a.support, b.support, c.support), (1, 2, 1));
    close(evaluation.macro_f1, (0.5 + 2.0 / 3.0) / 3.0);
    let expected = -(0.7_f64.ln() + 0.8_f64.ln() + 0.3_f64.ln() + 0.4_f64.ln()) / 4.0;
    close(evaluation.log_loss, expected);
    // Bins: 0.7 right, 0.8 right, 0.6 wrong, 0.4 wrong, each alone.
    close(evaluation.calibration_error, (0.3 + 0.2 + 0.6 + 0.4) / 4.0);
    assert_eq!(evaluation.top_5_accuracy, None);
    close(top_k_accuracy(&PROBABILITIES, &LABELS, 3, 2).unwrap(), 1.0);
}

#[test]
fn intervals_are_those_of_the_literature() {
    // scipy.stats.binomtest(...).proportion_ci(method="wilson")
    for (successes, trials, low, high) in [
        (8, 10, 0.490_162_5, 0.943_317_8),
        (0, 10, 0.0, 0.277_532_8),
        (10, 10, 0.722_467_2, 1.0),
        (94, 100, 0.875_231_8, 0.972_213_9),
    ] {
        let interval = wilson_interval(successes, trials);
        close(interval.low, low);
        close(interval.high, high);
    }
    assert_eq!(wilson_interval(0, 0).high, 1.0);
}

#[test]
fn certain_mistakes_stay_finite() {
    let evaluation = evaluate(&[1.0, 0.0], &[1], 2).unwrap();
    close(evaluation.log_loss, 34.538_776);
    close(evaluation.calibration_error, 1.0);
    let perfect = evaluate(&[1.0, 0.0, 0.0, 1.0], &[0, 1], 2).unwrap();
    assert_eq!((perfect.log_loss, perfect.calibration_error), (0.0, 0.0));
}

#[test]
fn classes_that_never_occur_do_not_count() {
    let evaluation = evaluate(&[0.9, 0.1, 0.0, 0.1, 0.9, 0.0], &[0, 1], 3).unwrap();
    close(evaluation.macro_f1, 1.0);
    assert_eq!(evaluation.per_class[2].support, 0);
}

#[test]
fn top_five_is_there_for_more_than_five_classes() {
    let row = [0.1, 0.1, 0.1, 0.1, 0.1, 0.5_f32];
    let two = [row, row].concat();
    let evaluation = evaluate(&two, &[3, 4], 6).unwrap();
    assert_eq!(evaluation.top_5_accuracy, Some(0.5));
}

#[test]
fn input_is_checked() {
    assert!(evaluate(&[], &[], 2).is_err());
    assert!(evaluate(&[0.5, 0.5], &[2], 2).is_err());
    assert!(evaluate(&[0.5], &[0], 2).is_err());
    assert!(evaluate(&[f32::NAN, 0.5], &[0], 2).is_err());
    assert!(top_k_accuracy(&[0.5, 0.5], &[0], 2, 0).is_err());
    assert!(ConfusionMatrix::new(&[2], &[0], 2).is_err());
}

#[test]
fn evaluations_survive_json() {
    let evaluation = evaluate(&PROBABILITIES, &LABELS, 3).unwrap();
    let json = serde_json::to_string(&evaluation).unwrap();
    let back: Evaluation = serde_json::from_str(&json).unwrap();
    assert_eq!(back.confusion, evaluation.confusion);
    close(back.log_loss, evaluation.log_loss);
}
