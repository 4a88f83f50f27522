//! ResNet, as torchvision names it. Source: He et al.: *Deep residual learning for image
//! recognition*, 2016; the stride of a bottleneck sits on its 3 x 3 convolution, as in
//! torchvision.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;
use zoo_model::{Graph, GraphBuilder};

use super::Architecture;

pub(super) const RESNET_18: Architecture =
    resnet("resnet-18", |a, classes| build(a, classes, basic_block, [2, 2, 2, 2]));
pub(super) const RESNET_34: Architecture =
    resnet("resnet-34", |a, classes| build(a, classes, basic_block, [3, 4, 6, 3]));
pub(super) const RESNET_50: Architecture =
    resnet("resnet-50", |a, classes| build(a, classes, bottleneck, [3, 4, 6, 3]));
pub(super) const RESNET_101: Architecture =
    resnet("resnet-101", |a, classes| build(a, classes, bottleneck, [3, 4, 23, 3]));
pub(super) const RESNET_152: Architecture =
    resnet("resnet-152", |a, classes| build(a, classes, bottleneck, [3, 8, 36, 3]));

type Build = fn(&Architecture, usize) -> Result<Graph, zoo_model::Error>;

const fn resnet(name: &'static str, build: Build) -> Architecture {
    Architecture { name, build, ..Architecture::USUAL }
}

/// One residual block: name, input, channels, stride.
type Block = fn(&mut GraphBuilder, &str, &Value, usize, usize) -> Value;

fn build(
    architecture: &Architecture,
    classes: usize,
    block: Block,
    depths: [usize; 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let size = Some(architecture.size);
    let x = b.input("input", &[None, Some(3), size, size]);
    let x = b.conv("conv1", &x, ConvSpec::new(64, 7).stride(2));
    let x = b.batch_norm("bn1", &x, 1e-5);
    let x = b.relu(&x);
    let mut x = b.max_pool(&x, 3, 2, 1);
    for (stage, (depth, channels)) in depths.into_iter().zip([64, 128, 256, 512]).enumerate() {
        for index in 0..depth {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            x = block(b, &format!("layer{}.{index}", stage + 1), &x, channels, stride);
        }
    }
    let feature = b.global_average(&x);
    let logits = b.linear("fc", &feature, feature.channels(), classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

fn conv_norm(b: &mut GraphBuilder, conv: &str, norm: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(conv, x, spec);
    b.batch_norm(norm, &x, 1e-5)
}

/// The input as it is, or by a 1 x 1 convolution where the shape changes.
fn shortcut(b: &mut GraphBuilder, name: &str, x: &Value, outputs: usize, stride: usize) -> Value {
    if stride == 1 && x.channels() == outputs {
        return x.clone();
    }
    let spec = ConvSpec::new(outputs, 1).stride(stride).padding(Padding::symmetric(0, 2));
    let (conv, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
    conv_norm(b, &conv, &norm, x, spec)
}

/// Two 3 x 3 convolutions.
fn basic_block(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    channels: usize,
    stride: usize,
) -> Value {
    let part = |kind: &str, index: usize| format!("{name}.{kind}{index}");
    let first = ConvSpec::new(channels, 3).stride(stride);
    let y = conv_norm(b, &part("conv", 1), &part("bn", 1), x, first);
    let y = b.relu(&y);
    let y = conv_norm(b, &part("conv", 2), &part("bn", 2), &y, ConvSpec::new(channels, 3));
    let x = shortcut(b, name, x, channels, stride);
    let sum = b.add(&y, &x);
    b.relu(&sum)
}

/// 1 x 1 down, 3 x 3, 1 x 1 up to four times the channels.
fn bottleneck(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    channels: usize,
    stride: usize,
) -> Value {
    let part = |kind: &str, index: usize| format!("{name}.{kind}{index}");
    let outputs = channels * 4;
    let y = conv_norm(b, &part("conv", 1), &part("bn", 1), x, ConvSpec::new(channels, 1));
    let y = b.relu(&y);
    let middle = ConvSpec::new(channels, 3).stride(stride);
    let y = conv_norm(b, &part("conv", 2), &part("bn", 2), &y, middle);
    let y = b.relu(&y);
    let y = conv_norm(b, &part("conv", 3), &part("bn", 3), &y, ConvSpec::new(outputs, 1));
    let x = shortcut(b, name, x, outputs, stride);
    let sum = b.add(&y, &x);
    b.relu(&sum)
}
