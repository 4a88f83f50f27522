//! Training steps by our own operators against Burn's: losses, gradients and running statistics of
//! a small network with everything in it that has an operator of our own.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::exec::{Step, TrainOptions, Trainer};
use zoo_model::graph::ConvSpec;
use zoo_model::ops::{Binary, Padding, Reduction};
use zoo_model::{Device, Executor, Graph, GraphBuilder, SplitMix64, Tensor, Weights};

/// Convolutions of all kinds, norms with and without a rectifier behind them, sums, a maximum
/// pool, and a value that two nodes read.
fn graph() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), None, None]);
    let uneven = Padding::Explicit(vec![(0, 1), (2, 1)]);
    let x = b.conv("stem", &x, ConvSpec::new(10, 3).stride(2).padding(uneven));
    let x = b.batch_norm("stem_norm", &x, 1e-5);
    let x = b.relu(&x);
    let x = b.max_pool(&x, 3, 2, 1);
    let y = b.conv("deep", &x, ConvSpec::new(10, 3).groups(10).padding(Padding::symmetric(1, 2)));
    let y = b.batch_norm("deep_norm", &y, 1e-5);
    let y = b.conv("point", &y, ConvSpec::new(10, 1));
    let y = b.add(&y, &x);
    let y = b.relu(&y);
    let z = b.add(&y, &x);
    let z = b.conv("grouped", &z, ConvSpec::new(32, 2).groups(1).stride(3));
    let z = b.relu(&z);
    let z = b.conv("groups", &z, ConvSpec::new(16, 1).groups(2));
    let z = b.global_average(&z);
    let z = b.linear("fc", &z, 16, 4);
    b.finish(&[("logits", &z)]).unwrap()
}

fn weights(graph: &Graph) -> Weights {
    let mut weights = Weights::new();
    for (name, parameter) in &graph.parameters {
        let rule = zoo_model::bundle::rule_tensor(name, parameter.shape.iter().product());
        let values: Vec<f32> = rule
            .iter()
            .map(|&x| if name.ends_with("var") { 1.0 + 0.5 * x as f32 } else { 0.5 * x as f32 })
            .collect();
        weights.insert(name, Tensor::from_f32(&parameter.shape, &values));
    }
    weights
}

/// Attention with a mask and a perceptron, with residuals around them and norms behind, and rows that
/// are added to all tokens.
fn encoder() -> Graph {
    let mut b = GraphBuilder::new();
    b.input("x", &[None, None, Some(32)]);
    let x = b.value("x", 32);
    let mask = b.input("mask", &[None, Some(1), Some(1), None]);
    let x = b.project("first", &x, 32);
    let [q, k, v] = ["q", "k", "v"].map(|part| {
        let y = b.project(part, &x, 32);
        let y = b.reshape(&y, &[0, 0, 4, 8]);
        b.permute(&y, &[0, 2, 1, 3])
    });
    let q = b.scale(&q, 0.35);
    let scores = b.similarities(&q, &k);
    let scores = b.combine(Binary::Add, &mask, &scores);
    let y = b.attend(&scores, &v, 4);
    let y = b.project("out", &y, 32);
    let y = b.combine(Binary::Add, &y, &x);
    let y = b.layer_norm("norm", &y, 1e-5);
    let z = b.perceptron(["wide", "narrow"], &y, 48);
    let z = b.combine(Binary::Add, &z, &y);
    // A row for all texts, and one for each.
    let row = b.weight("row", &[1, 1, 32]);
    let z = b.combine(Binary::Add, &row, &z);
    let mean = b.reduce(&z, Reduction::Mean, 1);
    let mean = b.unsqueeze(&mean, 1);
    let z = b.combine(Binary::Add, &z, &mean);
    let z = b.layer_norm("last_norm", &z, 1e-5);
    let z = b.mean_over_time(&z);
    let z = b.linear("fc", &z, 32, 4);
    b.finish(&[("logits", &z)]).unwrap()
}

fn encoder_trainer(trained: &str) -> Trainer {
    let graph = encoder();
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    let options = TrainOptions { batch_statistics: false, dropout: false };
    Trainer::new(executor, options, 0, |name| name.contains(trained)).unwrap()
}

fn encoder_step(trainer: &mut Trainer) -> Step {
    let mut random = SplitMix64::new(8);
    let numbers: Vec<f32> = (0..3 * 7 * 32).map(|_| random.unit() as f32 - 0.5).collect();
    let mask: Vec<f32> = (0..21).map(|at| if at % 7 > 2 + at / 7 { -1e4 } else { 0.0 }).collect();
    let inputs = [Tensor::from_f32(&[3, 7, 32], &numbers), Tensor::from_f32(&[3, 1, 1, 7], &mask)];
    trainer.step(&inputs, &[0, 1, 3]).unwrap()
}

fn trainer(batch_statistics: bool, trained: &str) -> Trainer {
    let graph = graph();
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    let options = TrainOptions { batch_statistics, dropout: false };
    Trainer::new(executor, options, 0, |name| name.contains(trained)).unwrap()
}

fn step(trainer: &mut Trainer) -> Step {
    let mut random = SplitMix64::new(7);
    let pixels: Vec<f32> = (0..5 * 3 * 31 * 26).map(|_| random.unit() as f32 - 0.5).collect();
    trainer.step(&[Tensor::from_f32(&[5, 3, 31, 26], &pixels)], &[0, 1, 2, 3, 1]).unwrap()
}

/// Checks that all of `made` is in `expected`, and nearly the same.
fn assert_close(made: &Weights, expected: &Weights) {
    assert_eq!(made.iter().count(), expected.iter().count());
    assert!(made.iter().count() > 0);
    for (name, tensor) in expected {
        let (made, expected) = (made.get(name).unwrap().to_f32(), tensor.to_f32());
        let size = expected.iter().fold(1e-3_f32, |size, number| size.max(number.abs()));
        for (made, expected) in made.iter().zip(&expected) {
            assert!((made - expected).abs() <= 1e-3 * size, "{name}: {made}, not {expected}");
        }
    }
}

#[test]
fn steps_agree_with_those_of_burn_alone() {
    for batch_statistics in [true, false] {
        // Everything; and the end, so that nothing is tracked at the beginning.
        for trained in ["", "point", "norm", "fc"] {
            let mut own = trainer(batch_statistics, trained);
            let mut burn = trainer(batch_statistics, trained).on_burn_alone();
            let (made, expected) = (step(&mut own), step(&mut burn));
            assert!((made.loss - expected.loss).abs() < 1e-4 * expected.loss.abs());
            assert_close(&made.gradients(), &expected.gradients());
            assert_close(&own.weights(), &burn.weights());
        }
    }
}

#[test]
fn steps_of_an_encoder_agree_with_those_of_burn_alone() {
    for trained in ["", "first", "q.", "norm", "row", "wide", "fc"] {
        let mut own = encoder_trainer(trained);
        let mut burn = encoder_trainer(trained).on_burn_alone();
        let (made, expected) = (encoder_step(&mut own), encoder_step(&mut burn));
        assert!((made.loss - expected.loss).abs() < 1e-4 * expected.loss.abs());
        assert_close(&made.gradients(), &expected.gradients());
    }
}

#[test]
fn steps_do_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let bits = |tensor: &Tensor| -> Vec<u32> {
                tensor.to_f32().into_iter().map(f32::to_bits).collect()
            };
            let steps = [step(&mut trainer(true, "")), encoder_step(&mut encoder_trainer(""))];
            let gradients = steps.map(|step| step.gradients());
            let each = gradients.iter().flat_map(Weights::iter);
            each.map(|(name, tensor)| (name.to_owned(), bits(tensor))).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 3] {
        assert!(run(threads) == one, "on {threads} threads");
    }
}
