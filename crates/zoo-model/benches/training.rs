//! Times forward and backward passes, with random weights, by our own operators and by Burn's alone,
//! in turns: of ResNet-50 with batch norms on the statistics of the batch, and of the last two layers of
//! an encoder of sentences (384 channels, 12 heads, texts of 128 tokens), as fine-tuning runs them.
//!
//! ```sh
//! cargo bench -p zoo-model --bench training -- [resnet-50|encoder] [BATCH] [STEPS] [zoo|burn]
//! ```
//!
//! `benches/peers/training.py` times PyTorch at the same.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use zoo_kernels::Recycler;
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Binary, Padding};
use zoo_model::{Device, Executor, Graph, GraphBuilder, SplitMix64, Tensor, Weights};

/// As in the program.
#[global_allocator]
static MEMORY: Recycler = Recycler::new();

/// A convolution and its batch norm.
fn conv_norm(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.conv"), x, spec);
    b.batch_norm(&format!("{name}.norm"), &x, 1e-5)
}

/// ResNet-50 as torchvision has it: strides in the 3 x 3 convolutions.
fn resnet_50() -> Result<Graph, zoo_model::Error> {
    let point = |outputs: usize| ConvSpec::new(outputs, 1);
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), Some(224), Some(224)]);
    let x = conv_norm(&mut b, "stem", &x, ConvSpec::new(64, 7).stride(2));
    let x = b.relu(&x);
    let mut x = b.max_pool(&x, 3, 2, 1);
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        let channels = 64 << stage;
        for block in 0..blocks {
            let name = |part: &str| format!("stage{stage}.{block}.{part}");
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            let y = conv_norm(&mut b, &name("a"), &x, point(channels));
            let y = b.relu(&y);
            let y = conv_norm(&mut b, &name("b"), &y, ConvSpec::new(channels, 3).stride(stride));
            let y = b.relu(&y);
            let y = conv_norm(&mut b, &name("c"), &y, point(4 * channels));
            if block == 0 {
                let spec = point(4 * channels).stride(stride).padding(Padding::symmetric(0, 2));
                x = conv_norm(&mut b, &name("shortcut"), &x, spec);
            }
            let sum = b.add(&y, &x);
            x = b.relu(&sum);
        }
    }
    let x = b.global_average(&x);
    let logits = b.linear("fc", &x, 2048, 1000);
    b.finish(&[("logits", &logits)])
}

/// Tokens of a text.
const TOKENS: usize = 128;
/// Channels of the encoder.
const CHANNELS: usize = 384;

/// Two layers as BERT has them, and a head on the mean of the tokens.
fn encoder() -> Result<Graph, zoo_model::Error> {
    const HEADS: usize = 12;
    let head = CHANNELS / HEADS;
    let mut b = GraphBuilder::new();
    b.input("x", &[None, Some(TOKENS), Some(CHANNELS)]);
    let mut x = b.value("x", CHANNELS);
    let mask = b.input("mask", &[None, Some(1), Some(1), Some(TOKENS)]);
    for layer in 0..2 {
        let name = |part: &str| format!("layer{layer}.{part}");
        let [queries, keys, values] = ["query", "key", "value"].map(|part| {
            let y = b.project(&name(part), &x, CHANNELS);
            let y = b.reshape(&y, &[0, 0, HEADS as i64, head as i64]);
            b.permute(&y, &[0, 2, 1, 3])
        });
        let queries = b.scale(&queries, (head as f64).powf(-0.5));
        let scores = b.similarities(&queries, &keys);
        let scores = b.combine(Binary::Add, &scores, &mask);
        let y = b.attend(&scores, &values, HEADS);
        let y = b.project(&name("output"), &y, CHANNELS);
        let y = b.combine(Binary::Add, &y, &x);
        let y = b.layer_norm(&name("norm1"), &y, 1e-12);
        let z = b.perceptron([&name("wide"), &name("narrow")], &y, 4 * CHANNELS);
        let z = b.combine(Binary::Add, &z, &y);
        x = b.layer_norm(&name("norm2"), &z, 1e-12);
    }
    let x = b.mean_over_time(&x);
    let logits = b.linear("fc", &x, CHANNELS, 2);
    b.finish(&[("logits", &logits)])
}

/// Random weights, neither vanishing nor exploding.
fn random_weights(graph: &Graph, random: &mut SplitMix64) -> Weights {
    let mut weights = Weights::new();
    for (name, parameter) in &graph.parameters {
        let fan_in: usize = parameter.shape.iter().skip(1).product();
        let (middle, spread) = match parameter.shape.len() {
            1 if name.ends_with("weight") || name.ends_with("var") => (1.0, 0.1),
            1 => (0.0, 0.1),
            _ => (0.0, (6.0 / fan_in as f32).sqrt()),
        };
        let count = parameter.shape.iter().product();
        let values: Vec<f32> =
            (0..count).map(|_| middle + spread * (2.0 * random.unit() as f32 - 1.0)).collect();
        weights.insert(name, Tensor::from_f32(&parameter.shape, &values));
    }
    weights
}

/// `count` numbers between -1 and 1.
fn numbers(random: &mut SplitMix64, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.unit() as f32 * 2.0 - 1.0).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let given: Vec<usize> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    let is_given = |word: &str| arguments.iter().any(|argument| argument == word);
    let steps = given.get(1).copied().unwrap_or(5);
    let mut random = SplitMix64::new(0);
    let (graph, inputs, what) = if is_given("encoder") {
        let batch = given.first().copied().unwrap_or(32);
        let values = numbers(&mut random, batch * TOKENS * CHANNELS);
        let values = Tensor::from_f32(&[batch, TOKENS, CHANNELS], &values);
        let mask = Tensor::from_f32(&[batch, 1, 1, TOKENS], &vec![0.0; batch * TOKENS]);
        (encoder()?, vec![values, mask], "texts")
    } else {
        let batch = given.first().copied().unwrap_or(8);
        let pixels = numbers(&mut random, batch * 3 * 224 * 224);
        (resnet_50()?, vec![Tensor::from_f32(&[batch, 3, 224, 224], &pixels)], "images")
    };
    let batch = inputs[0].shape()[0];
    let weights = random_weights(&graph, &mut random);
    let options = TrainOptions { batch_statistics: true, dropout: false };
    let trainer = || -> Result<Trainer, zoo_model::Error> {
        let executor = Executor::new(graph.clone(), &weights, &Device::Cpu)?;
        Trainer::new(executor, options, 0, |_| true)
    };
    let labels: Vec<usize> = (0..batch).map(|index| index % 2).collect();

    let mut runs = Vec::new();
    if !is_given("burn") {
        runs.push(("zoo", trainer()?, Vec::new()));
    }
    if !is_given("zoo") {
        runs.push(("burn", trainer()?.on_burn_alone(), Vec::new()));
    }
    for step in 0..=steps {
        for (name, trainer, seconds) in &mut runs {
            let begin = Instant::now();
            let made = trainer.step(&inputs, &labels)?;
            let taken = begin.elapsed().as_secs_f64();
            // The first step warms up.
            if step > 0 {
                seconds.push(taken);
            } else {
                println!("{name}: loss {}", made.loss);
            }
        }
    }
    for (name, _, mut seconds) in runs {
        seconds.sort_by(f64::total_cmp);
        let speed = |seconds: f64| batch as f64 / seconds;
        let (best, median) = (speed(seconds[0]), speed(seconds[seconds.len() / 2]));
        println!("{name}: batch {batch}, best {best:.2}, median {median:.2} {what}/s");
    }
    Ok(())
}
