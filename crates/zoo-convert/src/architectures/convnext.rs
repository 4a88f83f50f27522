//! ConvNeXt, as torchvision names it. Source: Liu et al.: *A ConvNet for the 2020s*, 2022,
//! section 3. Stochastic depth, which only serves training from scratch, is left out.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Binary, Padding};
use zoo_model::{Graph, GraphBuilder};

use super::Architecture;

pub(super) const CONVNEXT_TINY: Architecture =
    convnext("convnext-tiny", 236, |a, classes| build(a, classes, 96, [3, 3, 9, 3]));
pub(super) const CONVNEXT_SMALL: Architecture =
    convnext("convnext-small", 230, |a, classes| build(a, classes, 96, [3, 3, 27, 3]));
pub(super) const CONVNEXT_BASE: Architecture =
    convnext("convnext-base", 232, |a, classes| build(a, classes, 128, [3, 3, 27, 3]));
pub(super) const CONVNEXT_LARGE: Architecture =
    convnext("convnext-large", 232, |a, classes| build(a, classes, 192, [3, 3, 27, 3]));

type Build = fn(&Architecture, usize) -> Result<Graph, zoo_model::Error>;

const fn convnext(name: &'static str, resize: u32, build: Build) -> Architecture {
    Architecture { name, resize, head: "classifier.2.weight", build, ..Architecture::USUAL }
}

/// `channels` in the first stage; each further one has twice as many.
fn build(
    architecture: &Architecture,
    classes: usize,
    channels: usize,
    depths: [usize; 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let size = Some(architecture.size);
    let x = b.input("input", &[None, Some(3), size, size]);
    let x = b.conv("features.0.0", &x, patches(channels, 4));
    let mut x = b.layer_norm_2d("features.0.1", &x, 1e-6);
    for (stage, depth) in depths.into_iter().enumerate() {
        if stage > 0 {
            let name = |part: usize| format!("features.{}.{part}", 2 * stage);
            let y = b.layer_norm_2d(&name(0), &x, 1e-6);
            x = b.conv(&name(1), &y, patches(2 * x.channels(), 2));
        }
        for index in 0..depth {
            x = block(b, &format!("features.{}.{index}", 2 * stage + 1), &x);
        }
    }
    let x = b.global_average(&x);
    let feature = b.layer_norm("classifier.0", &x, 1e-6);
    let logits = b.linear("classifier.2", &feature, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

/// A convolution whose windows do not overlap.
fn patches(outputs: usize, kernel: usize) -> ConvSpec {
    let spec = ConvSpec { bias: true, ..ConvSpec::new(outputs, kernel) };
    spec.stride(kernel).padding(Padding::symmetric(0, 2))
}

/// 7 x 7 for each channel, a norm, and a perceptron at each place, around a residual.
fn block(b: &mut GraphBuilder, name: &str, x: &Value) -> Value {
    let part = |index: usize| format!("{name}.block.{index}");
    let channels = x.channels();
    let depthwise = ConvSpec { bias: true, ..ConvSpec::new(channels, 7) }.groups(channels);
    let y = b.conv(&part(0), x, depthwise);
    let y = b.channels_last(&y);
    let y = b.layer_norm(&part(2), &y, 1e-6);
    let y = b.perceptron([&part(3), &part(5)], &y, 4 * channels);
    let y = b.channels_first(&y);
    let scale = b.weight(&format!("{name}.layer_scale"), &[channels, 1, 1]);
    let y = b.combine(Binary::Mul, &y, &scale);
    b.add(&y, x)
}
