//! DenseNet, as torchvision names it. Source: Huang et al.: *Densely connected convolutional
//! networks*, 2017, table 1.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const DENSENET_121: Architecture =
    densenet("densenet-121", |a, classes| build(a, classes, 32, [6, 12, 24, 16]));
pub(super) const DENSENET_161: Architecture =
    densenet("densenet-161", |a, classes| build(a, classes, 48, [6, 12, 36, 24]));
pub(super) const DENSENET_169: Architecture =
    densenet("densenet-169", |a, classes| build(a, classes, 32, [6, 12, 32, 32]));
pub(super) const DENSENET_201: Architecture =
    densenet("densenet-201", |a, classes| build(a, classes, 32, [6, 12, 48, 32]));

const fn densenet(name: &'static str, build: Build) -> Architecture {
    Architecture { name, head: "classifier.weight", build, ..Architecture::USUAL }
}

/// Each layer adds `growth` channels.
fn build(
    architecture: &Architecture,
    classes: usize,
    growth: usize,
    depths: [usize; 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = b.conv("features.conv0", &x, ConvSpec::new(2 * growth, 7).stride(2));
    let x = norm_relu(b, "features.norm0", &x);
    let mut x = b.max_pool(&x, 3, 2, 1);
    for (block, depth) in (1..).zip(depths) {
        if block > 1 {
            let name = format!("features.transition{}", block - 1);
            x = norm_relu(b, &format!("{name}.norm"), &x);
            x = b.conv(&format!("{name}.conv"), &x, ConvSpec::new(x.channels() / 2, 1));
            x = b.average_pool(&x, 2, 2, 0);
        }
        for layer in 1..=depth {
            let name = format!("features.denseblock{block}.denselayer{layer}");
            let y = norm_relu(b, &format!("{name}.norm1"), &x);
            let y = b.conv(&format!("{name}.conv1"), &y, ConvSpec::new(4 * growth, 1));
            let y = norm_relu(b, &format!("{name}.norm2"), &y);
            let y = b.conv(&format!("{name}.conv2"), &y, ConvSpec::new(growth, 3));
            x = b.concat(&[&x, &y]);
        }
    }
    let x = norm_relu(b, "features.norm5", &x);
    let feature = b.global_average(&x);
    let logits = b.linear("classifier", &feature, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn norm_relu(b: &mut GraphBuilder, name: &str, x: &Value) -> Value {
    let x = b.batch_norm(name, x, 1e-5);
    b.relu(&x)
}
