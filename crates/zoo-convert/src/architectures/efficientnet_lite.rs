//! EfficientNet-Lite, with the names of its PyTorch port. Source: Tan, Le: *EfficientNet*,
//! 2019, table 1; the lite variant has no squeeze-and-excitation, ReLU6 for swish, and a stem
//! and head of fixed width. Convolutions pad as TensorFlow does.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;
use zoo_model::{Graph, GraphBuilder};

use super::rounding::{deepened, scaled};
use super::{Architecture, Build};

pub(super) const EFFICIENTNET_LITE0: Architecture =
    lite("efficientnet-lite0", 224, |a, classes| build(a, classes, 1.0, 1.0, 0.2));
pub(super) const EFFICIENTNET_LITE1: Architecture =
    lite("efficientnet-lite1", 240, |a, classes| build(a, classes, 1.0, 1.1, 0.2));
pub(super) const EFFICIENTNET_LITE2: Architecture =
    lite("efficientnet-lite2", 260, |a, classes| build(a, classes, 1.1, 1.2, 0.3));
pub(super) const EFFICIENTNET_LITE3: Architecture =
    lite("efficientnet-lite3", 280, |a, classes| build(a, classes, 1.2, 1.4, 0.3));
pub(super) const EFFICIENTNET_LITE4: Architecture =
    lite("efficientnet-lite4", 300, |a, classes| build(a, classes, 1.4, 1.8, 0.3));

const fn lite(name: &'static str, size: usize, build: Build) -> Architecture {
    // The margin that EfficientNet's own preprocessing leaves around the crop.
    let resize = size as u32 + 32;
    Architecture { name, size, resize, head: "_fc.weight", build, ..Architecture::USUAL }
}

/// Expansion, kernel, output channels, repeats, first stride.
const BLOCKS: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
];

/// So many times as wide and as deep as lite0, but for the stem, the first and the last block.
fn build(
    architecture: &Architecture,
    classes: usize,
    width: f64,
    depth: f64,
    dropout: f32,
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = conv_norm(b, "_conv_stem", "_bn0", &x, ConvSpec::new(32, 3).stride(2));
    let mut x = b.relu6(&x);
    let mut index = 0;
    for (expansion, kernel, channels, repeats, stride) in BLOCKS {
        // Only the first and the last stage have one block, and they keep it.
        let repeats = if repeats == 1 { 1 } else { deepened(repeats, depth) };
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let depthwise = ConvSpec::new(x.channels() * expansion, kernel).stride(stride);
            x = block(b, &format!("_blocks.{index}"), &x, depthwise, scaled(channels, width));
            index += 1;
        }
    }
    let x = conv_norm(b, "_conv_head", "_bn1", &x, ConvSpec::new(1280, 1));
    let x = b.relu6(&x);
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, dropout);
    let logits = b.linear("_fc", &x, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_norm(b: &mut GraphBuilder, conv: &str, norm: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(conv, x, spec.padding(Padding::SameUpper));
    b.batch_norm(norm, &x, 1e-3)
}

/// An inverted residual around the convolution `depthwise`, which has as many outputs as the
/// block is wide.
fn block(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    depthwise: ConvSpec,
    channels: usize,
) -> Value {
    let part = |part: &str| format!("{name}.{part}");
    let (wide, stride) = (depthwise.outputs, depthwise.stride);
    let mut y = x.clone();
    if wide > x.channels() {
        y = conv_norm(b, &part("_expand_conv"), &part("_bn0"), &y, ConvSpec::new(wide, 1));
        y = b.relu6(&y);
    }
    y = conv_norm(b, &part("_depthwise_conv"), &part("_bn1"), &y, depthwise.groups(wide));
    y = b.relu6(&y);
    y = conv_norm(b, &part("_project_conv"), &part("_bn2"), &y, ConvSpec::new(channels, 1));
    if stride == 1 && x.channels() == channels { b.add(&y, x) } else { y }
}
