//! Plans compute what Burn computes: all kinds of nodes, those that only Burn knows among them, and
//! the same bits in any batch and on any number of threads.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::graph::ConvSpec;
use zoo_model::ops::{Activation, Binary, GlobalPool, Padding};
use zoo_model::{Device, Engine, Executor, Graph, GraphBuilder, Tensor, Weights};

fn weights(graph: &Graph) -> Weights {
    let values = |name: &String, count: usize| -> Vec<f32> {
        let rule = zoo_model::bundle::rule_tensor(name, count);
        let place = |x: &f64| if name.ends_with("var") { 1.0 + 0.5 * x } else { 0.4 * x };
        rule.iter().map(|x| place(x) as f32).collect()
    };
    graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let values = values(name, parameter.elements());
            (name.clone(), Tensor::from_f32(&parameter.shape, &values))
        })
        .collect()
}

fn input(shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let rule = zoo_model::bundle::rule_tensor("input", count);
    Tensor::from_f32(shape, &rule.iter().map(|&x| x as f32).collect::<Vec<_>>())
}

fn infer(graph: &Graph, engine: Engine, inputs: &[Tensor]) -> Vec<Tensor> {
    let executor =
        Executor::new(graph.clone(), &weights(graph), &Device::Cpu).unwrap().with_engine(engine);
    executor.infer(inputs).unwrap()
}

/// Both engines on `graph`, of which our kernels must compute something, and Burn something if
/// `mixed`.
fn assert_engines_agree(graph: &Graph, inputs: &[Tensor], mixed: bool) {
    let executor = Executor::new(graph.clone(), &weights(graph), &Device::Cpu).unwrap();
    let times = executor.infer_timed(inputs).unwrap().unwrap();
    assert!(times.iter().any(|part| part.planned && part.operations > 0));
    assert_eq!(times.iter().any(|part| !part.planned), mixed, "{times:?}");
    let plan = infer(graph, Engine::Plan, inputs);
    let burn = infer(graph, Engine::Burn, inputs);
    assert_eq!(plan.len(), burn.len());
    for (plan, burn) in plan.iter().zip(&burn) {
        assert_eq!(plan.shape(), burn.shape());
        let (plan, burn) = (plan.to_f32(), burn.to_f32());
        let largest = burn.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
        assert!(largest > 1e-3, "nothing came out");
        for (plan, burn) in plan.iter().zip(&burn) {
            assert!((plan - burn).abs() <= 2e-5 * largest, "{plan} {burn} of {largest}");
        }
    }
}

/// Residuals, squeeze and excitation, every pool, nested concatenation, and a value in the middle
/// that comes out as well, which nothing may be folded into.
fn network() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), Some(37), Some(33)]);
    let same = ConvSpec::new(16, 5).stride(2).padding(Padding::SameUpper);
    let x = b.conv("stem", &x, same);
    let x = b.batch_norm("stem_norm", &x, 1e-3);
    let middle = b.relu6(&x);
    let y = b.conv("expand", &middle, ConvSpec::new(48, 1));
    let y = b.silu(&y);
    let y = b.conv("deep", &y, ConvSpec::new(48, 3).groups(48));
    let y = b.batch_norm("deep_norm", &y, 1e-3);
    let y = b.hard_swish(&y);
    let weight = b.global_pool(&y, GlobalPool::Mean);
    let weight = b.conv("weigh", &weight, ConvSpec::new(48, 1));
    let weight = b.activate(&weight, Activation::Sigmoid);
    let y = b.combine(Binary::Mul, &y, &weight);
    let y = b.conv("project", &y, ConvSpec::new(16, 1));
    let y = b.batch_norm("project_norm", &y, 1e-3);
    let x = b.add(&middle, &y);
    let x = b.relu(&x);
    let one = b.max_pool(&x, 3, 1, 1);
    let two = b.average_pool(&x, 3, 1, 1);
    let three = b.average_pool_inside(&x, 3, 1, 1);
    let inner = b.concat(&[&one, &two]);
    let outer = b.concat(&[&inner, &three, &one]);
    let x = b.batch_norm("dense_norm", &outer, 1e-3);
    let x = b.relu(&x);
    let x = b.max_pool_ceil(&x, 3, 2, 0);
    let x = b.conv("grouped", &x, ConvSpec::new(32, 3).groups(4).stride(2));
    let x = b.conv("wide", &x, ConvSpec::new(40, 1).kernel(1, 3));
    let x = b.relu(&x);
    let x = b.flatten(&x, 4 * 5);
    let y = b.linear("fc", &x, 40 * 4 * 5, 10);
    b.finish(&[("logits", &y), ("middle", &middle)]).unwrap()
}

#[test]
fn a_network_of_everything_is_computed_as_burn_does() {
    assert_engines_agree(&network(), &[input(&[3, 3, 37, 33])], false);
}

#[test]
fn what_only_burn_knows_runs_between_kernels() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(4), Some(12), Some(12)]);
    let x = b.conv("first", &x, ConvSpec::new(16, 3));
    let y = b.gelu(&x);
    let z = b.conv("second", &y, ConvSpec::new(16, 3));
    let z = b.add(&z, &x);
    let z = b.channels_last(&z);
    let z = b.layer_norm("norm", &z, 1e-5);
    let z = b.channels_first(&z);
    let z = b.global_average(&z);
    let z = b.linear("fc", &z, 16, 5);
    let graph = b.finish(&[("logits", &z), ("first", &x)]).unwrap();
    assert_engines_agree(&graph, &[input(&[2, 4, 12, 12])], true);
}

#[test]
fn winograds_convolutions_are_taken_and_agree() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(32), Some(21), Some(18)]);
    let y = b.conv("one", &x, ConvSpec::new(64, 3));
    let y = b.batch_norm("one_norm", &y, 1e-5);
    let y = b.relu(&y);
    let y = b.conv("two", &y, ConvSpec::new(32, 3));
    let y = b.batch_norm("two_norm", &y, 1e-5);
    let y = b.add(&y, &x);
    let y = b.relu(&y);
    let graph = b.finish(&[("y", &y)]).unwrap();
    assert_engines_agree(&graph, &[input(&[2, 32, 21, 18])], false);
}

#[test]
fn an_image_has_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let graph = network();
    let images = 9;
    let all = input(&[images, 3, 37, 33]).to_f32();
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    let run = |executor: &Executor, first: usize, count: usize| -> Vec<u32> {
        let size = all.len() / images;
        let part = &all[first * size..(first + count) * size];
        let outputs = executor.infer(&[Tensor::from_f32(&[count, 3, 37, 33], part)]).unwrap();
        outputs[0].to_f32().iter().map(|value| value.to_bits()).collect()
    };
    let together = run(&executor, 0, images);
    let singly: Vec<u32> = (0..images).flat_map(|image| run(&executor, image, 1)).collect();
    assert!(together == singly, "the batch matters");
    for threads in 1..4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| {
            // A plan of its own, whose tasks are for so many threads.
            let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
            run(&executor, 0, images)
        });
        assert!(made == together, "{threads} threads matter");
    }
}

#[test]
fn what_is_wrong_with_an_input_is_said_as_burn_says_it() {
    let graph = network();
    let wrong = [input(&[1, 3, 36, 33]), Tensor::from_i64(&[1, 3, 37, 33], &vec![1; 3 * 37 * 33])];
    for tensor in wrong {
        let message = |engine: Engine| {
            let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
            executor
                .with_engine(engine)
                .infer(std::slice::from_ref(&tensor))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(message(Engine::Plan), message(Engine::Burn));
        assert!(message(Engine::Plan).contains('x'));
    }
}

#[test]
fn what_is_no_number_is_not_hidden_by_activations() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(8), Some(9), Some(9)]);
    let y = b.conv("one", &x, ConvSpec::new(16, 3));
    let y = b.relu6(&y);
    let y = b.conv("deep", &y, ConvSpec::new(16, 3).groups(16));
    let y = b.relu(&y);
    let y = b.max_pool(&y, 2, 2, 0);
    let y = b.global_average(&y);
    let graph = b.finish(&[("y", &y)]).unwrap();
    let mut values = input(&[1, 8, 9, 9]).to_f32();
    values[100] = f32::NAN;
    let made = infer(&graph, Engine::Plan, &[Tensor::from_f32(&[1, 8, 9, 9], &values)]);
    assert!(made[0].to_f32().iter().all(|value| value.is_nan()));
}

#[test]
fn sizes_that_pad_otherwise_do_not_share_weights() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(8), None, None]);
    let same = |spec: ConvSpec| spec.stride(2).padding(Padding::SameUpper);
    let y = b.conv("deep", &x, same(ConvSpec::new(8, 3).groups(8)));
    let y = b.conv("dense", &y, same(ConvSpec::new(24, 3)));
    let graph = b.finish(&[("y", &y)]).unwrap();
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    for side in [16, 17, 18, 19, 16] {
        let inputs = [input(&[2, 8, side, side])];
        let made = executor.infer(&inputs).unwrap()[0].to_f32();
        let burn = infer(&graph, Engine::Burn, &inputs)[0].to_f32();
        assert!(made.iter().zip(&burn).all(|(a, b)| (a - b).abs() < 1e-5), "{side}");
    }
}

#[test]
fn broadcasting_goes_by_the_last_axes() {
    // [batch, channels] beside images of as many columns: it lies along their last axis.
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[Some(1), Some(8), Some(5), Some(8)]);
    let y = b.conv("point", &x, ConvSpec::new(8, 1));
    let row = b.global_average(&y);
    let row = b.linear("fc", &row, 8, 8);
    let y = b.combine(Binary::Mul, &y, &row);
    let graph = b.finish(&[("y", &y)]).unwrap();
    assert_engines_agree(&graph, &[input(&[1, 8, 5, 8])], true);
}

#[test]
fn parts_of_a_value_that_begins_anywhere_are_read_and_written() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(64), Some(10), Some(10)]);
    let one = b.conv("one", &x, ConvSpec::new(12, 1));
    let two = b.conv("two", &one, ConvSpec::new(12, 1));
    let y = b.concat(&[&one, &two, &one]);
    let graph = b.finish(&[("y", &y)]).unwrap();
    assert_engines_agree(&graph, &[input(&[3, 64, 10, 10])], false);
}

#[test]
fn chains_of_large_images_agree_and_are_computed_line_by_line() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), Some(131), Some(97)]);
    let x = b.conv("stem", &x, ConvSpec::new(32, 3).stride(2));
    let x = b.relu6(&x);
    let y = b.conv("expand", &x, ConvSpec::new(96, 1));
    let y = b.batch_norm("expand_norm", &y, 1e-3);
    let y = b.relu6(&y);
    let y = b.conv("deep", &y, ConvSpec::new(96, 5).groups(96).stride(2));
    let y = b.batch_norm("deep_norm", &y, 1e-3);
    let y = b.relu6(&y);
    let y = b.conv("project", &y, ConvSpec::new(16, 1));
    let graph = b.finish(&[("y", &y)]).unwrap();
    let inputs = [input(&[3, 3, 131, 97])];
    assert_engines_agree(&graph, &inputs, false);
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    let times = executor.infer_timed(&inputs).unwrap().unwrap();
    let joined = ["expand", "deep"].map(str::to_owned);
    let both = |nodes: &[String]| joined.iter().all(|name| nodes.contains(name));
    assert!(times.iter().any(|part| both(&part.nodes)), "{times:?}");
}

/// How attention may be written down.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Written {
    /// Three projections; queries are scaled, keys have a bias that comes in.
    Apart,
    /// The same, but the bias is one for all sequences, and keys are turned round at once.
    TurnedAtOnce,
    /// One projection, of which the three are cut; scores are divided.
    Together,
    /// As apart, but the scores come out as well.
    ScoresOut,
    /// As apart, but each head has its own bias.
    BiasOfHeads,
    /// As apart, but scores are scaled behind the bias.
    ScaledBehind,
}

/// A transformer's layer over `[batch, 11, 24]`, with three heads.
fn transformer(written: Written) -> Graph {
    const HEADS: usize = 3;
    let b = &mut GraphBuilder::new();
    let x = b.input("x", &[None, None, Some(24)]);
    let bias_shape = match written {
        Written::TurnedAtOnce => [Some(1), Some(1), Some(1), None],
        Written::BiasOfHeads => [Some(1), Some(HEADS), Some(1), None],
        _ => [None, Some(1), Some(1), None],
    };
    let bias = b.input("bias", &bias_shape);
    let weight = b.weight("first.weight", &[24, 24]);
    let x = b.project_by("first", &x, &weight, None, 24);
    let y = b.layer_norm("norm", &x, 1e-5);
    let heads = |b: &mut GraphBuilder, name: &str, axes: [usize; 4]| {
        let y = b.project(name, &y, 24);
        let y = b.reshape(&y, &[0, 0, HEADS as i64, 8]);
        b.permute(&y, &axes)
    };
    let (scores, values) = if written == Written::Together {
        let qkv = b.project("qkv", &y, 72);
        let [queries, keys, values] = b.split_heads(&qkv, HEADS);
        let scores = b.similarities(&queries, &keys);
        let factor = b.constant(&[1], &[2.5]);
        (b.combine(Binary::Div, &scores, &factor), values)
    } else {
        let queries = heads(b, "query", [0, 2, 1, 3]);
        let values = heads(b, "value", [0, 2, 1, 3]);
        let factor = b.constant(&[], &[0.35]);
        let scores = if written == Written::TurnedAtOnce {
            let keys = heads(b, "key", [0, 2, 3, 1]);
            let queries = b.combine(Binary::Mul, &factor, &queries);
            b.product(&queries, &keys)
        } else {
            let keys = heads(b, "key", [0, 2, 1, 3]);
            let queries = match written {
                Written::ScaledBehind => queries,
                _ => b.combine(Binary::Mul, &queries, &factor),
            };
            b.similarities(&queries, &keys)
        };
        let scores = b.combine(Binary::Add, &scores, &bias);
        let scores = match written {
            Written::ScaledBehind => b.combine(Binary::Mul, &scores, &factor),
            _ => scores,
        };
        (scores, values)
    };
    let y = b.attend(&scores, &values, HEADS);
    let y = b.project("out", &y, 24);
    let x = b.combine(Binary::Add, &x, &y);
    let y = b.layer_norm("second_norm", &x, 1e-5);
    let y = b.perceptron(["wide", "narrow"], &y, 50);
    let x = b.combine(Binary::Add, &y, &x);
    let outputs = [("y", &x), ("scores", &scores)];
    let count = if written == Written::ScoresOut { 2 } else { 1 };
    std::mem::take(b).finish(&outputs[..count]).unwrap()
}

/// What goes into [`transformer`], for so many sequences.
fn sequences(written: Written, batch: usize) -> [Tensor; 2] {
    let bias = match written {
        Written::TurnedAtOnce => [1, 1, 1, 11],
        Written::BiasOfHeads => [1, 3, 1, 11],
        _ => [batch, 1, 1, 11],
    };
    [input(&[batch, 11, 24]), input(&bias)]
}

#[test]
fn attention_is_one_step_however_it_is_written() {
    for written in [Written::Apart, Written::TurnedAtOnce, Written::Together] {
        let graph = transformer(written);
        for batch in [1, 3] {
            let inputs = sequences(written, batch);
            assert_engines_agree(&graph, &inputs, false);
            let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
            let times = executor.infer_timed(&inputs).unwrap().unwrap();
            let softmax = |part: &&zoo_model::PlanTime| {
                part.nodes.iter().any(|name| name.starts_with("softmax"))
            };
            let nodes = times.iter().find(softmax).unwrap().nodes.len();
            assert!(nodes >= 10, "{written:?}: {times:?}");
        }
    }
}

#[test]
fn what_is_nearly_attention_is_left_to_burn() {
    for written in [Written::ScoresOut, Written::BiasOfHeads, Written::ScaledBehind] {
        let graph = transformer(written);
        let inputs = sequences(written, 2);
        let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
        assert!(executor.infer_timed(&inputs).unwrap().is_none(), "{written:?}");
        let made = executor.infer(&inputs).unwrap();
        let burn = infer(&graph, Engine::Burn, &inputs);
        for (made, burn) in made.iter().zip(&burn) {
            let same = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
            assert!(made.to_f32().iter().zip(&burn.to_f32()).all(same), "{written:?}");
        }
    }
}

/// Tokens have the same bits whatever the threads, and a sequence whatever is beside it.
#[test]
fn a_sequence_has_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let graph = transformer(Written::Apart);
    let [x, bias] = sequences(Written::Apart, 3);
    let all = infer(&graph, Engine::Plan, &[x.clone(), bias.clone()])[0].to_f32();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for sequence in 0..3 {
        let one = [&x, &bias].map(|tensor| {
            let shape = [&[1], &tensor.shape()[1..]].concat();
            let count: usize = shape.iter().product();
            Tensor::from_f32(&shape, &tensor.to_f32()[sequence * count..][..count])
        });
        let made = pool.install(|| infer(&graph, Engine::Plan, &one))[0].to_f32();
        assert_eq!(made, all[sequence * 11 * 24..][..11 * 24]);
    }
}

#[test]
fn gelu_is_a_part_of_the_product_before_it_however_it_is_written() {
    // The orders of `x`, a half, and one plus the error function; the last is no GELU.
    for order in 0..4 {
        let mut b = GraphBuilder::new();
        let x = b.input("x", &[None, Some(20)]);
        let x = b.linear("first", &x, 20, 33);
        let [half, one, root] = [0.5, 1.0, 2_f32.sqrt()].map(|number| b.constant(&[1], &[number]));
        let inner = b.combine(Binary::Div, &x, &root);
        let inner = b.erf(&inner);
        let inner = b.combine(Binary::Add, &inner, if order == 3 { &half } else { &one });
        let y = match order {
            0 => {
                let halved = b.combine(Binary::Mul, &x, &half);
                b.combine(Binary::Mul, &halved, &inner)
            }
            1 => {
                let halved = b.combine(Binary::Mul, &half, &inner);
                b.combine(Binary::Mul, &halved, &x)
            }
            _ => {
                let whole = b.combine(Binary::Mul, &x, &inner);
                b.combine(Binary::Mul, &whole, &half)
            }
        };
        let y = b.linear("second", &y, 33, 5);
        let graph = b.finish(&[("y", &y)]).unwrap();
        let inputs = [input(&[4, 20])];
        assert_engines_agree(&graph, &inputs, order == 3);
        let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
        let times = executor.infer_timed(&inputs).unwrap().unwrap();
        let first = times.iter().find(|part| part.nodes.contains(&"first".to_owned())).unwrap();
        let is_joined = first.nodes.iter().any(|name| name.starts_with("mul"));
        assert_eq!(is_joined, order != 3, "{order}: {times:?}");
    }
}

/// Where kernels do not make what goes in, Burn runs the nodes one by one.
#[test]
fn gelu_of_what_burn_makes_is_burns() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(20)]);
    let x = b.exp(&x);
    let [half, one, root] = [0.5, 1.0, 2_f32.sqrt()].map(|number| b.constant(&[1], &[number]));
    let inner = b.combine(Binary::Div, &x, &root);
    let inner = b.erf(&inner);
    let inner = b.combine(Binary::Add, &inner, &one);
    let y = b.combine(Binary::Mul, &x, &inner);
    let y = b.combine(Binary::Mul, &y, &half);
    let y = b.linear("fc", &y, 20, 5);
    let graph = b.finish(&[("y", &y)]).unwrap();
    assert_engines_agree(&graph, &[input(&[4, 20])], true);
}
