//! A parity vector agrees with the model that it was made of, and with no other.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::bundle::{PARITY_TOLERANCE, Parity, ParityError, rule_tensor};
use zoo_model::graph::TimeConv;
use zoo_model::ops::Reduction;
use zoo_model::{Bundle, Card, Device, Error, GraphBuilder, Tensor, Weights};
use zoo_sound::Sound;

/// A linear map to 20 numbers, of which a vector holds 16.
fn bundle() -> Bundle {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(3)]);
    let y = builder.linear("fc", &x, 3, 20);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let values = rule_tensor("fc", 60);
    let values: Vec<f32> = values.iter().map(|x| *x as f32).collect();
    let mut weights = Weights::new();
    weights.insert("fc.weight", Tensor::from_f32(&[20, 3], &values));
    weights.insert("fc.bias", Tensor::from_f32(&[20], &[0.5; 20]));
    with_vector(Bundle::new(Card::new("tiny", "other", "MIT"), graph, weights))
}

fn with_vector(mut bundle: Bundle) -> Bundle {
    bundle.card.parity = Some(bundle.parity(Device::Cpu).unwrap());
    bundle
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
    let bundle = with_vector(bundle);
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

/// A network that hears nothing shorter than a tenth of a second at 16 kHz.
#[test]
fn a_recording_of_any_length_is_probed_with_a_second() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("waveform", &[None, None]);
    let x = builder.unsqueeze(&x, 1);
    let x = builder.with_channels(&x, 1);
    let conv =
        TimeConv { outputs: 2, kernel: 1600, stride: 400, padding: 0, groups: 1, bias: false };
    let x = builder.conv_over_time("conv", &x, conv);
    let y = builder.reduce(&x, Reduction::Mean, 2);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let weight = rule_tensor("conv", 3200).into_iter().map(|x| x as f32).collect::<Vec<_>>();
    let mut weights = Weights::new();
    weights.insert("conv.weight", Tensor::from_f32(&[2, 1, 1600], &weight));
    let mut card = Card::new("ear", "audio-embedding", "MIT");
    card.sound = Some(Sound::default());
    let bundle = with_vector(Bundle::new(card, graph, weights));
    assert_eq!(bundle.card.parity.as_ref().unwrap().shape, [1, 16_000]);
    assert!(bundle.check_parity(Device::Cpu).unwrap().agrees());
    // Who made a vector with another length said so; one that nobody has memory for is refused.
    let with_length = |length| {
        let mut bundle = bundle.clone();
        bundle.card.parity.as_mut().unwrap().shape = vec![1, length];
        bundle.check_parity(Device::Cpu)
    };
    assert!(!with_length(8000).unwrap().agrees());
    for length in [1 << 25, usize::MAX] {
        let error = with_length(length).unwrap_err();
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
