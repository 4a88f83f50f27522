//! RegNetX and RegNetY, as torchvision names them. Source: Radosavovic et al.: *Designing network
//! design spaces*, 2020, tables 7 and 8; the widths are those that torchvision's rule gives.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Activation;
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const REGNET_X_400MF: Architecture = regnet("regnet-x-400mf", |a, classes| {
    build(a, classes, X, 16, [(1, 32), (2, 64), (7, 160), (12, 400)])
});
pub(super) const REGNET_X_800MF: Architecture = regnet("regnet-x-800mf", |a, classes| {
    build(a, classes, X, 16, [(1, 64), (3, 128), (7, 288), (5, 672)])
});
pub(super) const REGNET_X_1_6GF: Architecture = regnet("regnet-x-1.6gf", |a, classes| {
    build(a, classes, X, 24, [(2, 72), (4, 168), (10, 408), (2, 912)])
});
pub(super) const REGNET_X_3_2GF: Architecture = regnet("regnet-x-3.2gf", |a, classes| {
    build(a, classes, X, 48, [(2, 96), (6, 192), (15, 432), (2, 1008)])
});
pub(super) const REGNET_X_8GF: Architecture = regnet("regnet-x-8gf", |a, classes| {
    build(a, classes, X, 120, [(2, 80), (5, 240), (15, 720), (1, 1920)])
});
pub(super) const REGNET_X_16GF: Architecture = regnet("regnet-x-16gf", |a, classes| {
    build(a, classes, X, 128, [(2, 256), (6, 512), (13, 896), (1, 2048)])
});
pub(super) const REGNET_X_32GF: Architecture = regnet("regnet-x-32gf", |a, classes| {
    build(a, classes, X, 168, [(2, 336), (7, 672), (13, 1344), (1, 2520)])
});
pub(super) const REGNET_Y_400MF: Architecture = regnet("regnet-y-400mf", |a, classes| {
    build(a, classes, Y, 8, [(1, 48), (3, 104), (6, 208), (6, 440)])
});
pub(super) const REGNET_Y_800MF: Architecture = regnet("regnet-y-800mf", |a, classes| {
    build(a, classes, Y, 16, [(1, 64), (3, 144), (8, 320), (2, 784)])
});
pub(super) const REGNET_Y_1_6GF: Architecture = regnet("regnet-y-1.6gf", |a, classes| {
    build(a, classes, Y, 24, [(2, 48), (6, 120), (17, 336), (2, 888)])
});
pub(super) const REGNET_Y_3_2GF: Architecture = regnet("regnet-y-3.2gf", |a, classes| {
    build(a, classes, Y, 24, [(2, 72), (5, 216), (13, 576), (1, 1512)])
});
pub(super) const REGNET_Y_8GF: Architecture = regnet("regnet-y-8gf", |a, classes| {
    build(a, classes, Y, 56, [(2, 224), (4, 448), (10, 896), (1, 2016)])
});
pub(super) const REGNET_Y_16GF: Architecture = regnet("regnet-y-16gf", |a, classes| {
    build(a, classes, Y, 112, [(2, 224), (4, 448), (11, 1232), (1, 3024)])
});
pub(super) const REGNET_Y_32GF: Architecture = regnet("regnet-y-32gf", |a, classes| {
    build(a, classes, Y, 232, [(2, 232), (5, 696), (12, 1392), (1, 3712)])
});
/// Published only as SWAG trained it, end to end at this size.
pub(super) const REGNET_Y_128GF: Architecture = Architecture {
    size: 384,
    resize: 384,
    filter: Filter::Bicubic,
    ..regnet("regnet-y-128gf", |a, classes| {
        build(a, classes, Y, 264, [(2, 528), (7, 1056), (17, 2904), (1, 7392)])
    })
};

/// Whether there is squeeze-and-excitation.
const X: bool = false;
const Y: bool = true;

const fn regnet(name: &'static str, build: Build) -> Architecture {
    Architecture { name, build, ..Architecture::USUAL }
}

/// Blocks and channels of each stage; `group` channels are convolved together.
fn build(
    architecture: &Architecture,
    classes: usize,
    gated: bool,
    group: usize,
    stages: [(usize, usize); 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = conv_norm(b, "stem", &x, ConvSpec::new(32, 3).stride(2));
    let mut x = b.relu(&x);
    for (stage, (depth, channels)) in (1..).zip(stages) {
        for index in 0..depth {
            let name = format!("trunk_output.block{stage}.block{stage}-{index}");
            let stride = if index == 0 { 2 } else { 1 };
            let middle = ConvSpec::new(channels, 3).stride(stride);
            x = block(b, &name, &x, middle.groups(channels / group.min(channels)), gated);
        }
    }
    let feature = b.global_average(&x);
    let logits = b.linear("fc", &feature, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_norm(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.0"), x, spec);
    b.batch_norm(&format!("{name}.1"), &x, 1e-5)
}

/// A residual around 1 x 1, the convolution `middle`, perhaps a gate, and 1 x 1.
fn block(b: &mut GraphBuilder, name: &str, x: &Value, middle: ConvSpec, gated: bool) -> Value {
    let (channels, stride) = (middle.outputs, middle.stride);
    let y = conv_norm(b, &format!("{name}.f.a"), x, ConvSpec::new(channels, 1));
    let y = b.relu(&y);
    let y = conv_norm(b, &format!("{name}.f.b"), &y, middle);
    let mut y = b.relu(&y);
    if gated {
        // A quarter of what enters the block, not of what enters the gate.
        let squeezed = x.channels() / 4;
        let activations = [Activation::Relu, Activation::Sigmoid];
        y = b.squeeze_excitation(&format!("{name}.f.se"), &y, squeezed, activations);
    }
    let y = conv_norm(b, &format!("{name}.f.c"), &y, ConvSpec::new(channels, 1));
    let sum = if stride == 1 && x.channels() == channels {
        b.add(x, &y)
    } else {
        let spec = ConvSpec::new(channels, 1).stride(stride);
        let x = conv_norm(b, &format!("{name}.proj"), x, spec);
        b.add(&x, &y)
    };
    b.relu(&sum)
}
