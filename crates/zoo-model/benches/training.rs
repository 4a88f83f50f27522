//! Times forward and backward passes of ResNet-50, with random weights and batch norms on the
//! statistics of the batch, by our own operators and by Burn's alone, in turns.
//!
//! ```sh
//! cargo bench -p zoo-model --bench training -- [BATCH] [STEPS] [zoo|burn]
//! ```
//!
//! `benches/peers/training.py` times PyTorch at the same.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;
use zoo_model::{Device, Executor, Graph, GraphBuilder, SplitMix64, Tensor, Weights};

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |index: usize, default: usize| {
        arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (batch, steps) = (number(0, 8), number(1, 5));
    let only = arguments.get(2).map(String::as_str);

    let graph = resnet_50()?;
    let mut random = SplitMix64::new(0);
    let weights = random_weights(&graph, &mut random);
    let options = TrainOptions { batch_statistics: true, dropout: false };
    let trainer = || -> Result<Trainer, zoo_model::Error> {
        let executor = Executor::new(graph.clone(), &weights, &Device::Cpu)?;
        Trainer::new(executor, options, 0, |_| true)
    };
    let pixels: Vec<f32> =
        (0..batch * 3 * 224 * 224).map(|_| random.unit() as f32 * 2.0 - 1.0).collect();
    let images = [Tensor::from_f32(&[batch, 3, 224, 224], &pixels)];
    let labels: Vec<usize> = (0..batch).collect();

    let mut runs = Vec::new();
    if only != Some("burn") {
        runs.push(("zoo", trainer()?, Vec::new()));
    }
    if only != Some("zoo") {
        runs.push(("burn", trainer()?.on_burn_alone(), Vec::new()));
    }
    for step in 0..=steps {
        for (name, trainer, seconds) in &mut runs {
            let begin = Instant::now();
            let made = trainer.step(&images, &labels)?;
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
        println!("{name}: batch {batch}, best {best:.2}, median {median:.2} images/s");
    }
    Ok(())
}
