//! EfficientNet and EfficientNetV2, as torchvision names them. Sources: Tan, Le: *EfficientNet:
//! rethinking model scaling for convolutional neural networks*, 2019, table 1; the same:
//! *EfficientNetV2: smaller models and faster training*, 2021, table 4. Stochastic depth, which
//! only serves training from scratch, is left out.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Activation, BatchNorm};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::rounding::{deepened, scaled};
use super::{Architecture, Build, Normalization};

pub(super) const EFFICIENTNET_B0: Architecture =
    first("efficientnet-b0", (224, 256), |a, classes| build(a, classes, &b(1.0, 1.0, 0.2, TORCH)));
pub(super) const EFFICIENTNET_B1: Architecture =
    first("efficientnet-b1", (240, 256), |a, classes| build(a, classes, &b(1.0, 1.1, 0.2, TORCH)));
pub(super) const EFFICIENTNET_B2: Architecture =
    first("efficientnet-b2", (288, 288), |a, classes| build(a, classes, &b(1.1, 1.2, 0.3, TORCH)));
pub(super) const EFFICIENTNET_B3: Architecture =
    first("efficientnet-b3", (300, 320), |a, classes| build(a, classes, &b(1.2, 1.4, 0.3, TORCH)));
pub(super) const EFFICIENTNET_B4: Architecture =
    first("efficientnet-b4", (380, 384), |a, classes| build(a, classes, &b(1.4, 1.8, 0.4, TORCH)));
pub(super) const EFFICIENTNET_B5: Architecture =
    first("efficientnet-b5", (456, 456), |a, classes| build(a, classes, &b(1.6, 2.2, 0.4, TF)));
pub(super) const EFFICIENTNET_B6: Architecture =
    first("efficientnet-b6", (528, 528), |a, classes| build(a, classes, &b(1.8, 2.6, 0.5, TF)));
pub(super) const EFFICIENTNET_B7: Architecture =
    first("efficientnet-b7", (600, 600), |a, classes| build(a, classes, &b(2.0, 3.1, 0.5, TF)));

pub(super) const EFFICIENTNET_V2_S: Architecture = Architecture {
    filter: Filter::Bilinear,
    ..first("efficientnet-v2-s", (384, 384), |a, classes| build(a, classes, &v2(24, &S, 0.2)))
};
pub(super) const EFFICIENTNET_V2_M: Architecture = Architecture {
    filter: Filter::Bilinear,
    ..first("efficientnet-v2-m", (480, 480), |a, classes| build(a, classes, &v2(24, &M, 0.3)))
};
pub(super) const EFFICIENTNET_V2_L: Architecture = Architecture {
    normalization: Normalization::Half,
    ..first("efficientnet-v2-l", (480, 480), |a, classes| build(a, classes, &v2(32, &L, 0.4)))
};

const fn first(name: &'static str, (size, resize): (usize, u32), build: Build) -> Architecture {
    let filter = Filter::Bicubic;
    let head = "classifier.1.weight";
    Architecture { name, size, resize, filter, head, build, ..Architecture::USUAL }
}

/// Blocks of one kind.
#[derive(Clone, Copy)]
struct Stage {
    kind: Kind,
    /// By how much a block is wider inside than what enters it.
    expansion: usize,
    kernel: usize,
    /// The stride of the first block; the others have 1.
    stride: usize,
    channels: usize,
    repeats: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// 1 x 1 up, a convolution for each channel, squeeze-and-excitation, 1 x 1 down.
    Separable,
    /// A whole convolution up and 1 x 1 down; or only that convolution, where nothing is wider.
    Fused,
}
use Kind::{Fused, Separable};

const fn stage(
    kind: Kind,
    expansion: usize,
    kernel: usize,
    stride: usize,
    channels: usize,
    repeats: usize,
) -> Stage {
    Stage { kind, expansion, kernel, stride, channels, repeats }
}

const B0: [Stage; 7] = [
    stage(Separable, 1, 3, 1, 16, 1),
    stage(Separable, 6, 3, 2, 24, 2),
    stage(Separable, 6, 5, 2, 40, 2),
    stage(Separable, 6, 3, 2, 80, 3),
    stage(Separable, 6, 5, 1, 112, 3),
    stage(Separable, 6, 5, 2, 192, 4),
    stage(Separable, 6, 3, 1, 320, 1),
];

const S: [Stage; 6] = [
    stage(Fused, 1, 3, 1, 24, 2),
    stage(Fused, 4, 3, 2, 48, 4),
    stage(Fused, 4, 3, 2, 64, 4),
    stage(Separable, 4, 3, 2, 128, 6),
    stage(Separable, 6, 3, 1, 160, 9),
    stage(Separable, 6, 3, 2, 256, 15),
];

const M: [Stage; 7] = [
    stage(Fused, 1, 3, 1, 24, 3),
    stage(Fused, 4, 3, 2, 48, 5),
    stage(Fused, 4, 3, 2, 80, 5),
    stage(Separable, 4, 3, 2, 160, 7),
    stage(Separable, 6, 3, 1, 176, 14),
    stage(Separable, 6, 3, 2, 304, 18),
    stage(Separable, 6, 3, 1, 512, 5),
];

const L: [Stage; 7] = [
    stage(Fused, 1, 3, 1, 32, 4),
    stage(Fused, 4, 3, 2, 64, 7),
    stage(Fused, 4, 3, 2, 96, 7),
    stage(Separable, 4, 3, 2, 192, 10),
    stage(Separable, 6, 3, 1, 224, 19),
    stage(Separable, 6, 3, 2, 384, 25),
    stage(Separable, 6, 3, 1, 640, 7),
];

/// PyTorch's norm, TensorFlow's, and that of the second version.
const TORCH: BatchNorm = BatchNorm { epsilon: 1e-5, momentum: 0.1 };
const TF: BatchNorm = BatchNorm { epsilon: 1e-3, momentum: 0.01 };
const V2: BatchNorm = BatchNorm { epsilon: 1e-3, momentum: 0.1 };

struct Sizes {
    stem: usize,
    stages: Vec<Stage>,
    last: usize,
    dropout: f32,
    norm: BatchNorm,
}

/// B0, so many times as wide and as deep.
fn b(width: f64, depth: f64, dropout: f32, norm: BatchNorm) -> Sizes {
    let larger = |stage: Stage| Stage {
        channels: scaled(stage.channels, width),
        repeats: deepened(stage.repeats, depth),
        ..stage
    };
    let stages: Vec<Stage> = B0.into_iter().map(larger).collect();
    let last = 4 * scaled(320, width);
    Sizes { stem: scaled(32, width), stages, last, dropout, norm }
}

fn v2(stem: usize, stages: &[Stage], dropout: f32) -> Sizes {
    Sizes { stem, stages: stages.to_vec(), last: 1280, dropout, norm: V2 }
}

fn build(
    architecture: &Architecture,
    classes: usize,
    sizes: &Sizes,
) -> Result<Graph, zoo_model::Error> {
    let mut net = EfficientNet { graph: GraphBuilder::new(), norm: sizes.norm };
    let x = architecture.image(&mut net.graph);
    let mut x = net.conv_silu("features.0", &x, ConvSpec::new(sizes.stem, 3).stride(2));
    for (place, stage) in (1..).zip(&sizes.stages) {
        for repeat in 0..stage.repeats {
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let name = format!("features.{place}.{repeat}.block");
            x = net.block(&name, &x, Stage { stride, ..*stage });
        }
    }
    let last = format!("features.{}", sizes.stages.len() + 1);
    let x = net.conv_silu(&last, &x, ConvSpec::new(sizes.last, 1));
    let mut b = net.graph;
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, sizes.dropout);
    let logits = b.linear("classifier.1", &x, feature.channels(), classes);
    b.finish(&[("logits", &logits)])
}

struct EfficientNet {
    graph: GraphBuilder,
    norm: BatchNorm,
}

impl EfficientNet {
    fn conv(&mut self, name: &str, x: &Value, spec: ConvSpec) -> Value {
        let x = self.graph.conv(&format!("{name}.0"), x, spec);
        self.graph.batch_norm_with(&format!("{name}.1"), &x, self.norm)
    }

    fn conv_silu(&mut self, name: &str, x: &Value, spec: ConvSpec) -> Value {
        let x = self.conv(name, x, spec);
        self.graph.silu(&x)
    }

    fn block(&mut self, name: &str, x: &Value, stage: Stage) -> Value {
        let Stage { kind, expansion, kernel, stride, channels, .. } = stage;
        let wide = x.channels() * expansion;
        let part = |part: usize| format!("{name}.{part}");
        let y = match kind {
            Fused if expansion == 1 => {
                self.conv_silu(&part(0), x, ConvSpec::new(channels, kernel).stride(stride))
            }
            Fused => {
                let y = self.conv_silu(&part(0), x, ConvSpec::new(wide, kernel).stride(stride));
                self.conv(&part(1), &y, ConvSpec::new(channels, 1))
            }
            Separable => {
                let mut y = x.clone();
                let widened = usize::from(expansion > 1);
                if expansion > 1 {
                    y = self.conv_silu(&part(0), &y, ConvSpec::new(wide, 1));
                }
                let depthwise = ConvSpec::new(wide, kernel).stride(stride).groups(wide);
                y = self.conv_silu(&part(widened), &y, depthwise);
                // A quarter of what enters the block, not of what enters the gate.
                let activations = [Activation::Silu, Activation::Sigmoid];
                let squeezed = (x.channels() / 4).max(1);
                let gate = part(widened + 1);
                y = self.graph.squeeze_excitation(&gate, &y, squeezed, activations);
                self.conv(&part(widened + 2), &y, ConvSpec::new(channels, 1))
            }
        };
        if stride == 1 && x.channels() == channels { self.graph.add(&y, x) } else { y }
    }
}
