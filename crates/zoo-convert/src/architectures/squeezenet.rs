//! SqueezeNet, as torchvision names it. Source: Iandola et al.: *SqueezeNet*, 2016, and the
//! authors' version 1.1.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const SQUEEZENET_1_0: Architecture =
    squeezenet("squeezenet-1.0", |a, classes| build(a, classes, (96, 7), &V1_0));
pub(super) const SQUEEZENET_1_1: Architecture =
    squeezenet("squeezenet-1.1", |a, classes| build(a, classes, (64, 3), &V1_1));

const fn squeezenet(name: &'static str, build: Build) -> Architecture {
    Architecture { name, head: "classifier.1.weight", build, ..Architecture::USUAL }
}

/// What follows the first convolution and its activation.
#[derive(Clone, Copy)]
enum Part {
    /// The largest of each 3 x 3 window.
    Pool,
    /// 1 x 1 down to the first number of channels, then 1 x 1 and 3 x 3, each up to the second.
    Fire(usize, usize),
}
use Part::{Fire, Pool};

const V1_0: [Part; 11] = [
    Pool,
    Fire(16, 64),
    Fire(16, 64),
    Fire(32, 128),
    Pool,
    Fire(32, 128),
    Fire(48, 192),
    Fire(48, 192),
    Fire(64, 256),
    Pool,
    Fire(64, 256),
];

const V1_1: [Part; 11] = [
    Pool,
    Fire(16, 64),
    Fire(16, 64),
    Pool,
    Fire(32, 128),
    Fire(32, 128),
    Pool,
    Fire(48, 192),
    Fire(48, 192),
    Fire(64, 256),
    Fire(64, 256),
];

fn build(
    architecture: &Architecture,
    classes: usize,
    (channels, kernel): (usize, usize),
    parts: &[Part],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let first = ConvSpec::new(channels, kernel).stride(2).padding(Padding::symmetric(0, 2));
    let mut x = conv_relu(b, "features.0", &x, first);
    for (index, part) in parts.iter().enumerate() {
        let name = format!("features.{}", index + 2);
        x = match *part {
            Pool => b.max_pool_ceil(&x, 3, 2, 0),
            Fire(squeezed, expanded) => {
                let narrow =
                    conv_relu(b, &format!("{name}.squeeze"), &x, ConvSpec::new(squeezed, 1));
                let wide = |kernel| ConvSpec::new(expanded, kernel);
                let one = conv_relu(b, &format!("{name}.expand1x1"), &narrow, wide(1));
                let three = conv_relu(b, &format!("{name}.expand3x3"), &narrow, wide(3));
                b.concat(&[&one, &three])
            }
        };
    }
    let x = b.dropout(&x, 0.5);
    let x = conv_relu(b, "classifier.1", &x, ConvSpec::new(classes, 1));
    let logits = b.global_average(&x);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_relu(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(name, x, ConvSpec { bias: true, ..spec });
    b.relu(&x)
}
