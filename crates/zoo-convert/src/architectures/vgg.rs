//! VGG, as torchvision names it, with and without batch normalisation. Source: Simonyan,
//! Zisserman: *Very deep convolutional networks for large-scale image recognition*, 2015, table 1.

use zoo_model::graph::ConvSpec;
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const VGG_11: Architecture = vgg("vgg-11", |a, classes| build(a, classes, A, false));
pub(super) const VGG_13: Architecture = vgg("vgg-13", |a, classes| build(a, classes, B, false));
pub(super) const VGG_16: Architecture = vgg("vgg-16", |a, classes| build(a, classes, D, false));
pub(super) const VGG_19: Architecture = vgg("vgg-19", |a, classes| build(a, classes, E, false));
pub(super) const VGG_11_BN: Architecture =
    vgg("vgg-11-bn", |a, classes| build(a, classes, A, true));
pub(super) const VGG_13_BN: Architecture =
    vgg("vgg-13-bn", |a, classes| build(a, classes, B, true));
pub(super) const VGG_16_BN: Architecture =
    vgg("vgg-16-bn", |a, classes| build(a, classes, D, true));
pub(super) const VGG_19_BN: Architecture =
    vgg("vgg-19-bn", |a, classes| build(a, classes, E, true));

/// How many convolutions each stage has, by the paper's letters.
type Depths = [usize; 5];
const A: Depths = [1, 1, 2, 2, 2];
const B: Depths = [2, 2, 2, 2, 2];
const D: Depths = [2, 2, 3, 3, 3];
const E: Depths = [2, 2, 4, 4, 4];

const fn vgg(name: &'static str, build: Build) -> Architecture {
    Architecture { name, head: "classifier.6.weight", build, ..Architecture::USUAL }
}

fn build(
    architecture: &Architecture,
    classes: usize,
    depths: Depths,
    normalized: bool,
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let mut x = architecture.image(b);
    // torchvision counts activations and pools as well.
    let mut place = 0;
    for (depth, channels) in depths.into_iter().zip([64, 128, 256, 512, 512]) {
        for _ in 0..depth {
            let spec = ConvSpec { bias: true, ..ConvSpec::new(channels, 3) };
            x = b.conv(&format!("features.{place}"), &x, spec);
            if normalized {
                place += 1;
                x = b.batch_norm(&format!("features.{place}"), &x, 1e-5);
            }
            x = b.relu(&x);
            place += 2;
        }
        x = b.max_pool(&x, 2, 2, 0);
        place += 1;
    }
    // torchvision takes the mean over 7 x 7 windows here: at the size it was trained at, 7 x 7
    // places are left, and that is nothing.
    x = b.flatten(&x, 7 * 7);
    for place in [0, 3] {
        x = b.linear(&format!("classifier.{place}"), &x, x.channels(), 4096);
        x = b.relu(&x);
        x = b.dropout(&x, 0.5);
    }
    let logits = b.linear("classifier.6", &x, x.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}
