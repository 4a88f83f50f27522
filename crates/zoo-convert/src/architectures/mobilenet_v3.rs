//! MobileNetV3, as torchvision names it. Source: Howard et al.: *Searching for MobileNetV3*,
//! 2019, tables 1 and 2.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Activation, BatchNorm};
use zoo_model::{Graph, GraphBuilder};

use super::rounding::scaled;
use super::{Architecture, Build};

pub(super) const MOBILENET_V3_LARGE: Architecture =
    mobilenet_v3("mobilenet-v3-large", |a, classes| build(a, classes, &LARGE, 1280));
pub(super) const MOBILENET_V3_SMALL: Architecture =
    mobilenet_v3("mobilenet-v3-small", |a, classes| build(a, classes, &SMALL, 1024));

const fn mobilenet_v3(name: &'static str, build: Build) -> Architecture {
    Architecture { name, head: "classifier.3.weight", build, ..Architecture::USUAL }
}

/// Kernel, channels inside, output channels, whether there is squeeze-and-excitation, stride.
type Block = (usize, usize, usize, bool, usize);

/// The first blocks, whose activation is ReLU, and those after them.
struct Blocks<'a> {
    relu: &'a [Block],
    hard_swish: &'a [Block],
}

const LARGE: Blocks<'static> = Blocks {
    relu: &[
        (3, 16, 16, false, 1),
        (3, 64, 24, false, 2),
        (3, 72, 24, false, 1),
        (5, 72, 40, true, 2),
        (5, 120, 40, true, 1),
        (5, 120, 40, true, 1),
    ],
    hard_swish: &[
        (3, 240, 80, false, 2),
        (3, 200, 80, false, 1),
        (3, 184, 80, false, 1),
        (3, 184, 80, false, 1),
        (3, 480, 112, true, 1),
        (3, 672, 112, true, 1),
        (5, 672, 160, true, 2),
        (5, 960, 160, true, 1),
        (5, 960, 160, true, 1),
    ],
};

const SMALL: Blocks<'static> = Blocks {
    relu: &[(3, 16, 16, true, 2), (3, 72, 24, false, 2), (3, 88, 24, false, 1)],
    hard_swish: &[
        (5, 96, 40, true, 2),
        (5, 240, 40, true, 1),
        (5, 240, 40, true, 1),
        (5, 120, 48, true, 1),
        (5, 144, 48, true, 1),
        (5, 288, 96, true, 2),
        (5, 576, 96, true, 1),
        (5, 576, 96, true, 1),
    ],
};

const NORM: BatchNorm = BatchNorm { epsilon: 1e-3, momentum: 0.01 };

/// `wide` numbers between the feature and the logits.
fn build(
    architecture: &Architecture,
    classes: usize,
    blocks: &Blocks,
    wide: usize,
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = conv_norm(b, "features.0", &x, ConvSpec::new(16, 3).stride(2));
    let mut x = b.hard_swish(&x);
    let early = blocks.relu.iter().map(|block| (Activation::Relu, block));
    let late = blocks.hard_swish.iter().map(|block| (Activation::HardSwish, block));
    let mut place = 1;
    for (activation, spec) in early.chain(late) {
        x = block(b, &format!("features.{place}.block"), &x, activation, *spec);
        place += 1;
    }
    let last = ConvSpec::new(6 * x.channels(), 1);
    let x = conv_norm(b, &format!("features.{place}"), &x, last);
    let x = b.hard_swish(&x);
    let x = b.global_average(&x);
    let x = b.linear("classifier.0", &x, x.channels(), wide);
    let feature = b.hard_swish(&x);
    let x = b.dropout(&feature, 0.2);
    let logits = b.linear("classifier.3", &x, wide, classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_norm(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.0"), x, spec);
    b.batch_norm_with(&format!("{name}.1"), &x, NORM)
}

/// An inverted residual: 1 x 1 up, a convolution for each channel, a gate, 1 x 1 down.
fn block(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    activation: Activation,
    (kernel, inside, outputs, gated, stride): Block,
) -> Value {
    let mut parts = (0..).map(|part| format!("{name}.{part}"));
    let mut part = || parts.next().unwrap_or_default();
    let mut y = x.clone();
    if inside != x.channels() {
        y = conv_norm(b, &part(), &y, ConvSpec::new(inside, 1));
        y = b.activate(&y, activation);
    }
    let depthwise = ConvSpec::new(inside, kernel).stride(stride).groups(inside);
    y = conv_norm(b, &part(), &y, depthwise);
    y = b.activate(&y, activation);
    if gated {
        let gate = Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 };
        let squeezed = scaled(inside / 4, 1.0);
        y = b.squeeze_excitation(&part(), &y, squeezed, [Activation::Relu, gate]);
    }
    y = conv_norm(b, &part(), &y, ConvSpec::new(outputs, 1));
    if stride == 1 && x.channels() == outputs { b.add(&y, x) } else { y }
}
