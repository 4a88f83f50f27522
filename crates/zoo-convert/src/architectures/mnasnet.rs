//! MNASNet-B1, as torchvision names it. Source: Tan et al.: *MnasNet: platform-aware neural
//! architecture search for mobile*, 2019, figure 7.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::BatchNorm;
use zoo_model::{Graph, GraphBuilder};

use super::rounding::scaled;
use super::{Architecture, Build};

pub(super) const MNASNET_0_5: Architecture =
    mnasnet("mnasnet-0.5", 256, |a, classes| build(a, classes, 0.5));
pub(super) const MNASNET_0_75: Architecture =
    mnasnet("mnasnet-0.75", 232, |a, classes| build(a, classes, 0.75));
pub(super) const MNASNET_1_0: Architecture =
    mnasnet("mnasnet-1.0", 256, |a, classes| build(a, classes, 1.0));
pub(super) const MNASNET_1_3: Architecture =
    mnasnet("mnasnet-1.3", 232, |a, classes| build(a, classes, 1.3));

const fn mnasnet(name: &'static str, resize: u32, build: Build) -> Architecture {
    Architecture { name, resize, head: "classifier.1.weight", build, ..Architecture::USUAL }
}

/// Kernel, first stride, expansion, output channels, repeats.
const STACKS: [(usize, usize, usize, usize, usize); 6] = [
    (3, 2, 3, 24, 3),
    (5, 2, 3, 40, 3),
    (5, 2, 6, 80, 3),
    (3, 1, 6, 96, 2),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];

/// All channels but the last are scaled by `factor`.
fn build(
    architecture: &Architecture,
    classes: usize,
    factor: f64,
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let first = scaled(32, factor);
    let x = conv_norm_relu(b, "layers", 0, &x, ConvSpec::new(first, 3).stride(2));
    let x = conv_norm_relu(b, "layers", 3, &x, ConvSpec::new(first, 3).groups(first));
    let mut x = conv_norm(b, "layers", 6, &x, ConvSpec::new(scaled(16, factor), 1));
    for (place, (kernel, stride, expansion, channels, repeats)) in (8..).zip(STACKS) {
        for repeat in 0..repeats {
            let name = format!("layers.{place}.{repeat}.layers");
            let stride = if repeat == 0 { stride } else { 1 };
            let depthwise = ConvSpec::new(x.channels() * expansion, kernel).stride(stride);
            x = block(b, &name, &x, depthwise, scaled(channels, factor), repeat > 0);
        }
    }
    let x = conv_norm_relu(b, "layers", 14, &x, ConvSpec::new(1280, 1));
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, 0.2);
    let logits = b.linear("classifier.1", &x, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

/// The convolution number `place` among the layers of `name`, and the norm behind it.
fn conv_norm(b: &mut GraphBuilder, name: &str, place: usize, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.{place}"), x, spec);
    // As torchvision's, from TensorFlow's 0.9997.
    let norm = BatchNorm { epsilon: 1e-5, momentum: 3e-4 };
    b.batch_norm_with(&format!("{name}.{}", place + 1), &x, norm)
}

fn conv_norm_relu(
    b: &mut GraphBuilder,
    name: &str,
    place: usize,
    x: &Value,
    spec: ConvSpec,
) -> Value {
    let x = conv_norm(b, name, place, x, spec);
    b.relu(&x)
}

/// 1 x 1 up, the convolution `depthwise`, 1 x 1 down without activation.
fn block(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    depthwise: ConvSpec,
    channels: usize,
    residual: bool,
) -> Value {
    let wide = depthwise.outputs;
    let y = conv_norm_relu(b, name, 0, x, ConvSpec::new(wide, 1));
    let y = conv_norm_relu(b, name, 3, &y, depthwise.groups(wide));
    let y = conv_norm(b, name, 6, &y, ConvSpec::new(channels, 1));
    if residual { b.add(&y, x) } else { y }
}
