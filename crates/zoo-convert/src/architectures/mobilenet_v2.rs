//! MobileNetV2, as torchvision names it. Source: Sandler et al.: *MobileNetV2: inverted
//! residuals and linear bottlenecks*, 2018, table 2.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Graph, GraphBuilder};

use super::Architecture;

pub(super) const MOBILENET_V2: Architecture = Architecture {
    name: "mobilenet-v2",
    head: "classifier.1.weight",
    build,
    ..Architecture::USUAL
};

/// Expansion, output channels, repeats, first stride.
const BLOCKS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let mut x = conv_norm_relu(b, "features.0", &x, ConvSpec::new(32, 3).stride(2));
    let mut index = 1;
    for (expansion, channels, repeats, stride) in BLOCKS {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            x = block(b, &format!("features.{index}.conv"), &x, expansion, channels, stride);
            index += 1;
        }
    }
    let x = conv_norm_relu(b, &format!("features.{index}"), &x, ConvSpec::new(1280, 1));
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, 0.2);
    let logits = b.linear("classifier.1", &x, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_norm_relu(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.0"), x, spec);
    let x = b.batch_norm(&format!("{name}.1"), &x, 1e-5);
    b.relu6(&x)
}

/// An inverted residual: 1 x 1 up, 3 x 3 for each channel, 1 x 1 down without activation.
fn block(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    expansion: usize,
    channels: usize,
    stride: usize,
) -> Value {
    let wide = x.channels() * expansion;
    let mut part = 0;
    let mut y = x.clone();
    if expansion > 1 {
        y = conv_norm_relu(b, &format!("{name}.0"), &y, ConvSpec::new(wide, 1));
        part += 1;
    }
    let depthwise = ConvSpec::new(wide, 3).stride(stride).groups(wide);
    y = conv_norm_relu(b, &format!("{name}.{part}"), &y, depthwise);
    y = b.conv(&format!("{name}.{}", part + 1), &y, ConvSpec::new(channels, 1));
    y = b.batch_norm(&format!("{name}.{}", part + 2), &y, 1e-5);
    if stride == 1 && x.channels() == channels { b.add(x, &y) } else { y }
}
