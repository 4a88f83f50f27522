//! Gradients of every family of operators against finite differences.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::exec::{AdamW, TrainOptions, Trainer};
use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Activation, Binary, Padding};
use zoo_model::{Device, Executor, Graph, GraphBuilder, Tensor, Weights};

/// A network around `middle`: a convolution before it, so that a gradient must pass through.
fn network(middle: impl Fn(&mut GraphBuilder, &Value) -> Value) -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(2), Some(7), Some(6)]);
    let x = b.conv("first", &x, ConvSpec::new(4, 3));
    let x = middle(&mut b, &x);
    let x = b.global_average(&x);
    let y = b.linear("fc", &x, x.channels(), 3);
    b.finish(&[("logits", &y)]).unwrap()
}

fn weights(graph: &Graph) -> Weights {
    let value = |name: &str, x: f64| match name {
        name if name.ends_with("var") => 1.0 + 0.25 * x,
        name if name.contains("norm.weight") => 1.0 + 0.1 * x,
        _ => 0.5 * x,
    };
    graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            if name == "index" {
                return (name.clone(), Tensor::from_i64(&parameter.shape, &[2, 0]));
            }
            let values = zoo_model::bundle::rule_tensor(name, parameter.elements());
            let values: Vec<f32> = values.iter().map(|x| value(name, *x) as f32).collect();
            (name.clone(), Tensor::from_f32(&parameter.shape, &values))
        })
        .collect()
}

fn trainer(graph: &Graph, weights: &Weights, batch_statistics: bool) -> Trainer {
    let executor = Executor::new(graph.clone(), weights, &Device::Cpu).unwrap();
    Trainer::new(executor, TrainOptions { batch_statistics, dropout: false }, 0, |_| true).unwrap()
}

fn input() -> Tensor {
    let values: Vec<f32> =
        zoo_model::bundle::rule_tensor("data", 2 * 2 * 7 * 6).iter().map(|x| *x as f32).collect();
    Tensor::from_f32(&[2, 2, 7, 6], &values)
}

/// Every parameter's gradient against the change of the loss along it.
fn agrees_with_differences(graph: &Graph, batch_statistics: bool) {
    const STEP: f32 = 1e-2;
    let weights = weights(graph);
    let loss = |weights: &Weights| {
        let mut trainer = trainer(graph, weights, batch_statistics);
        f64::from(trainer.step(&[input()], &[0, 2]).unwrap().loss)
    };
    let gradients =
        trainer(graph, &weights, batch_statistics).step(&[input()], &[0, 2]).unwrap().gradients();
    for (name, gradient) in &gradients {
        let gradient = gradient.to_f32();
        // The whole tensor along its own gradient: one difference sees every element.
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        if norm < 1e-4 {
            continue;
        }
        let moved = |sign: f32| {
            let mut weights = weights.clone();
            let old = weights.get(name).unwrap().clone();
            let step = sign * STEP / norm as f32;
            let values: Vec<f32> =
                old.to_f32().iter().zip(&gradient).map(|(v, g)| v + step * g).collect();
            weights.insert(name, Tensor::from_f32(old.shape(), &values));
            weights
        };
        let slope = (loss(&moved(1.0)) - loss(&moved(-1.0))) / (2.0 * f64::from(STEP));
        assert!((slope - norm).abs() <= 0.02 * norm + 2e-4, "{name}: {slope} against {norm}");
    }
    assert!(gradients.len() >= 3, "only {} gradients", gradients.len());
}

#[test]
fn convolutions_with_groups_strides_and_uneven_padding() {
    agrees_with_differences(
        &network(|b, x| {
            let x = b.conv("deep", x, ConvSpec::new(4, 3).groups(4).stride(2));
            b.conv("same", &x, ConvSpec::new(6, 3).stride(2).padding(Padding::SameUpper))
        }),
        false,
    );
    agrees_with_differences(
        &network(|b, x| {
            let uneven = Padding::Explicit(vec![(0, 1), (2, 1)]);
            b.conv("uneven", x, ConvSpec::new(3, 3).padding(uneven).groups(1))
        }),
        false,
    );
}

#[test]
fn batch_norm_with_batch_and_with_running_statistics() {
    let graph = network(|b, x| {
        let x = b.batch_norm("norm", x, 1e-3);
        b.relu6(&x)
    });
    agrees_with_differences(&graph, true);
    agrees_with_differences(&graph, false);
}

#[test]
fn pooling_residuals_and_concatenation() {
    agrees_with_differences(
        &network(|b, x| {
            let a = b.average_pool(x, 3, 1, 1);
            let sum = b.add(x, &a);
            b.concat(&[&sum, &a])
        }),
        false,
    );
    agrees_with_differences(&network(|b, x| b.max_pool(x, 3, 2, 1)), false);
}

#[test]
fn layer_norms() {
    agrees_with_differences(&network(|b, x| b.layer_norm_2d("norm", x, 1e-3)), false);
}

#[test]
fn attention_with_a_gathered_bias() {
    let graph = network(|b, x| {
        let tokens = b.reshape(x, &[0, 4, 42]);
        let tokens = b.permute(&tokens, &[0, 2, 1]);
        let class = b.weight("class_token", &[1, 1, 4]);
        let class = b.repeat_for_batch(&class, &tokens);
        let tokens = b.join(&[&class, &tokens], 1);
        let tokens = b.roll(&tokens, 1, 43, 5);
        let qkv = b.project("qkv", &tokens, 12);
        let [queries, keys, values] = b.split_heads(&qkv, 2);
        let queries = b.unit_length(&queries);
        let queries = b.scale(&queries, 3.0);
        let scores = b.similarities(&queries, &keys);
        let table = b.weight("table", &[3, 43]);
        let index = b.indices("index", &[2]);
        let bias = b.gather(&table, &index);
        let bias = b.reshape(&bias, &[2, 1, 43]);
        let scores = b.combine(Binary::Add, &scores, &bias);
        let tokens = b.attend(&scores, &values, 2);
        let tokens = b.perceptron(["up", "down"], &tokens, 5);
        let tokens = b.slice(&tokens, &[(1, 0, 42, 1)]);
        let tokens = b.permute(&tokens, &[0, 2, 1]);
        b.reshape_image(&tokens, &[0, 4, 7, 6])
    });
    agrees_with_differences(&graph, false);
}

#[test]
fn gates_and_shuffled_channels() {
    agrees_with_differences(
        &network(|b, x| {
            let activations = [Activation::Silu, Activation::Sigmoid];
            b.squeeze_excitation("gate", x, 2, activations)
        }),
        false,
    );
    agrees_with_differences(
        &network(|b, x| {
            let [kept, moved] = b.halves(x);
            let moved = b.hard_swish(&moved);
            let both = b.concat(&[&kept, &moved]);
            b.shuffle_channels(&both, 2)
        }),
        false,
    );
}

#[test]
fn pools_whose_last_window_hangs_over_and_means_of_what_is_inside() {
    agrees_with_differences(&network(|b, x| b.max_pool_ceil(x, 3, 2, 0)), false);
    agrees_with_differences(&network(|b, x| b.average_pool_inside(x, 3, 2, 1)), false);
}

#[test]
fn adamw_learns_what_it_is_shown() {
    let graph = network(zoo_model::GraphBuilder::relu);
    let mut trainer = trainer(&graph, &weights(&graph), false);
    let mut optimizer = AdamW::new(0.01);
    let first = trainer.step(&[input()], &[0, 2]).unwrap().loss;
    for _ in 0..60 {
        let step = trainer.step(&[input()], &[0, 2]).unwrap();
        trainer.descend(step, &mut optimizer, 0.02);
    }
    let last = trainer.step(&[input()], &[0, 2]).unwrap().loss;
    assert!(last < 0.1 * first, "{first} became {last}");
}

#[test]
fn labels_beyond_the_classes_are_an_error() {
    let graph = network(zoo_model::GraphBuilder::relu);
    let mut trainer = trainer(&graph, &weights(&graph), false);
    assert!(trainer.step(&[input()], &[0, 3]).is_err());
    assert!(trainer.step(&[input()], &[0]).is_err());
}
