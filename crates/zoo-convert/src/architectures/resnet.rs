//! ResNet, ResNeXt and wide ResNet, as torchvision names them. Sources: He et al.: *Deep residual
//! learning for image recognition*, 2016; Xie et al.: *Aggregated residual transformations for
//! deep neural networks*, 2017; Zagoruyko, Komodakis: *Wide residual networks*, 2016. The stride
//! of a bottleneck sits on its 3 x 3 convolution, as in torchvision.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const RESNET_18: Architecture =
    resnet("resnet-18", |a, classes| build(a, classes, Block::Basic, [2, 2, 2, 2]));
pub(super) const RESNET_34: Architecture =
    resnet("resnet-34", |a, classes| build(a, classes, Block::Basic, [3, 4, 6, 3]));
pub(super) const RESNET_50: Architecture =
    resnet("resnet-50", |a, classes| build(a, classes, bottleneck(1, 64), [3, 4, 6, 3]));
pub(super) const RESNET_101: Architecture =
    resnet("resnet-101", |a, classes| build(a, classes, bottleneck(1, 64), [3, 4, 23, 3]));
pub(super) const RESNET_152: Architecture =
    resnet("resnet-152", |a, classes| build(a, classes, bottleneck(1, 64), [3, 8, 36, 3]));
pub(super) const RESNEXT_50_32X4D: Architecture =
    resnet("resnext-50-32x4d", |a, classes| build(a, classes, bottleneck(32, 4), [3, 4, 6, 3]));
pub(super) const RESNEXT_101_32X8D: Architecture =
    resnet("resnext-101-32x8d", |a, classes| build(a, classes, bottleneck(32, 8), [3, 4, 23, 3]));
pub(super) const RESNEXT_101_64X4D: Architecture = Architecture {
    resize: 232,
    ..resnet("resnext-101-64x4d", |a, classes| build(a, classes, bottleneck(64, 4), [3, 4, 23, 3]))
};
pub(super) const WIDE_RESNET_50_2: Architecture =
    resnet("wide-resnet-50-2", |a, classes| build(a, classes, bottleneck(1, 128), [3, 4, 6, 3]));
pub(super) const WIDE_RESNET_101_2: Architecture =
    resnet("wide-resnet-101-2", |a, classes| build(a, classes, bottleneck(1, 128), [3, 4, 23, 3]));

const fn resnet(name: &'static str, build: Build) -> Architecture {
    Architecture { name, build, ..Architecture::USUAL }
}

/// A residual block.
#[derive(Clone, Copy)]
enum Block {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1 down, 3 x 3, 1 x 1 up to four times the stage's channels.
    Bottleneck {
        /// Into how many groups the channels of the 3 x 3 convolution fall.
        groups: usize,
        /// How wide each of them is in a stage of 64 channels.
        width: usize,
    },
}

const fn bottleneck(groups: usize, width: usize) -> Block {
    Block::Bottleneck { groups, width }
}

fn build(
    architecture: &Architecture,
    classes: usize,
    block: Block,
    depths: [usize; 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = b.conv("conv1", &x, ConvSpec::new(64, 7).stride(2));
    let x = b.batch_norm("bn1", &x, 1e-5);
    let x = b.relu(&x);
    let mut x = b.max_pool(&x, 3, 2, 1);
    for (stage, (depth, channels)) in depths.into_iter().zip([64, 128, 256, 512]).enumerate() {
        for index in 0..depth {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            x = residual(b, &format!("layer{}.{index}", stage + 1), &x, block, channels, stride);
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

fn residual(
    b: &mut GraphBuilder,
    name: &str,
    x: &Value,
    block: Block,
    channels: usize,
    stride: usize,
) -> Value {
    let convs = match block {
        Block::Basic => {
            vec![ConvSpec::new(channels, 3).stride(stride), ConvSpec::new(channels, 3)]
        }
        Block::Bottleneck { groups, width } => {
            let inner = channels * width / 64 * groups;
            vec![
                ConvSpec::new(inner, 1),
                ConvSpec::new(inner, 3).stride(stride).groups(groups),
                ConvSpec::new(channels * 4, 1),
            ]
        }
    };
    let mut y = x.clone();
    for (index, spec) in convs.into_iter().enumerate() {
        if index > 0 {
            y = b.relu(&y);
        }
        let part = |kind: &str| format!("{name}.{kind}{}", index + 1);
        y = conv_norm(b, &part("conv"), &part("bn"), &y, spec);
    }
    let x = shortcut(b, name, x, y.channels(), stride);
    let sum = b.add(&y, &x);
    b.relu(&sum)
}
