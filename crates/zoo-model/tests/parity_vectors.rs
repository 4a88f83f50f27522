//! A parity vector agrees with the model that it was made of, and with no other.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::bundle::{PARITY_TOLERANCE, Parity, ParityError, parity};
use zoo_model::{Bundle, Card, Device, Error, GraphBuilder, Tensor, Weights};

/// A linear map to 20 numbers, of which a vector holds 16.
fn bundle() -> Bundle {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(3)]);
    let y = builder.linear("fc", &x, 3, 20);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let values = zoo_model::bundle::rule_tensor("fc", 60);
    let values: Vec<f32> = values.iter().map(|x| *x as f32).collect();
    let mut weights = Weights::new();
    weights.insert("fc.weight", Tensor::from_f32(&[20, 3], &values));
    weights.insert("fc.bias", Tensor::from_f32(&[20], &[0.5; 20]));
    let mut card = Card::new("tiny", "other", "MIT");
    card.parity = Some(parity(&graph, &weights, Device::Cpu).unwrap());
    Bundle::new(card, graph, weights)
}

/// Whether the bundle agrees once its vector was changed.
fn agrees_after(change: impl Fn(&mut Parity)) -> bool {
    let mut bundle = bundle();
    change(bundle.card.parity.as_mut().unwrap());
    bundle.check_parity(Device::Cpu).unwrap().agrees()
}

#[test]
fn a_model_agrees_with_its_own_vector() {
    let report = bundle().check_parity(Device::Cpu).unwrap();
    assert_eq!((report.error, report.tolerance), (0.0, PARITY_TOLERANCE));
    assert!(report.agrees());
}

#[test]
fn a_difference_is_measured_by_the_deviation() {
    let deviation = bundle().card.parity.unwrap().deviation;
    assert!(agrees_after(|parity| parity.expected[3] += 0.5 * PARITY_TOLERANCE * deviation));
    assert!(!agrees_after(|parity| parity.expected[3] += 2.0 * PARITY_TOLERANCE * deviation));
    assert!(!agrees_after(|parity| parity.expected[15] -= 1.0));
}

/// The vector holds 16 numbers, the deviation speaks for the others.
#[test]
fn another_number_beyond_the_vector_is_noticed() {
    let mut bundle = bundle();
    let mut bias = [0.5; 20];
    bias[19] = 40.0;
    bundle.weights.insert("fc.bias", Tensor::from_f32(&[20], &bias));
    assert!(!bundle.check_parity(Device::Cpu).unwrap().agrees());
}

#[test]
fn a_large_deviation_does_not_make_everything_agree() {
    for deviation in [1e30, f32::INFINITY, f32::NAN, -1.0, 0.0] {
        assert!(!agrees_after(|parity| parity.deviation = deviation), "{deviation}");
        assert!(!agrees_after(|parity| {
            parity.deviation = deviation;
            parity.expected[0] += 1.0;
        }));
    }
}

#[test]
fn what_is_not_a_number_never_agrees() {
    for position in [0, 7, 15] {
        assert!(!agrees_after(|parity| parity.expected[position] = f32::NAN));
        assert!(!agrees_after(|parity| parity.expected[position] = f32::INFINITY));
    }
    assert!(!agrees_after(|parity| parity.expected.fill(f32::NAN)));
    // Nor where both sides have none.
    let mut bundle = bundle();
    bundle.weights.insert("fc.bias", Tensor::from_f32(&[20], &[f32::NAN; 20]));
    bundle.card.parity = Some(parity(&bundle.graph, &bundle.weights, Device::Cpu).unwrap());
    let report = bundle.check_parity(Device::Cpu).unwrap();
    assert!(report.error.is_nan() && !report.agrees(), "{report:?}");
}

#[test]
fn a_vector_of_another_length_input_or_rule_is_an_error() {
    let changes: [fn(&mut Parity); 5] = [
        |parity| parity.expected.truncate(15),
        |parity| parity.expected.clear(),
        |parity| parity.expected.push(0.0),
        |parity| parity.shape = vec![2, 3],
        |parity| parity.rule = "noise".to_owned(),
    ];
    for change in changes {
        let mut bundle = bundle();
        change(bundle.card.parity.as_mut().unwrap());
        let error = bundle.check_parity(Device::Cpu).unwrap_err();
        assert!(matches!(error, Error::Parity(ParityError::OtherProbe { .. })), "{error}");
    }
}

#[test]
fn a_card_without_a_vector_is_an_error_of_its_own() {
    let mut bundle = bundle();
    bundle.card.parity = None;
    let error = bundle.check_parity(Device::Cpu).unwrap_err();
    assert!(matches!(error, Error::Parity(ParityError::Absent { .. })), "{error}");
    assert!(error.to_string().contains("`tiny`"));
}
