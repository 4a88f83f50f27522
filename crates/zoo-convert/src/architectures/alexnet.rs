//! AlexNet, as torchvision names it. Source: Krizhevsky: *One weird trick for parallelizing
//! convolutional neural networks*, 2014.

use zoo_model::graph::ConvSpec;
use zoo_model::ops::Padding;
use zoo_model::{Graph, GraphBuilder};

use super::Architecture;

pub(super) const ALEXNET: Architecture =
    Architecture { name: "alexnet", head: "classifier.6.weight", build, ..Architecture::USUAL };

/// Place among the layers, output channels, kernel, stride, padding, and whether the largest of
/// each 3 x 3 window is taken after it.
const CONVS: [(usize, usize, usize, usize, usize, bool); 5] = [
    (0, 64, 11, 4, 2, true),
    (3, 192, 5, 1, 2, true),
    (6, 384, 3, 1, 1, false),
    (8, 256, 3, 1, 1, false),
    (10, 256, 3, 1, 1, true),
];

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let mut x = architecture.image(b);
    for (place, outputs, kernel, stride, padding, pooled) in CONVS {
        let spec = ConvSpec { bias: true, ..ConvSpec::new(outputs, kernel) };
        let spec = spec.stride(stride).padding(Padding::symmetric(padding, 2));
        x = b.conv(&format!("features.{place}"), &x, spec);
        x = b.relu(&x);
        if pooled {
            x = b.max_pool(&x, 3, 2, 0);
        }
    }
    // torchvision takes the mean over 6 x 6 windows here: at the size it was trained at, 6 x 6
    // places are left, and that is nothing.
    x = b.flatten(&x, 6 * 6);
    for place in [1, 4] {
        x = b.dropout(&x, 0.5);
        x = b.linear(&format!("classifier.{place}"), &x, x.channels(), 4096);
        x = b.relu(&x);
    }
    let logits = b.linear("classifier.6", &x, x.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}
