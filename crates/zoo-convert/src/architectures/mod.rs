//! Architectures that checkpoints are bound to: a graph each, built from a table of sizes,
//! with the names that the publisher's weights have.

mod alexnet;
mod convnext;
mod densenet;
mod efficientnet;
mod efficientnet_lite;
mod googlenet;
mod inception;
mod inception_resnet_v2;
mod inception_v3;
mod inception_v4;
mod maxvit;
mod mnasnet;
mod mobilenet_v2;
mod mobilenet_v3;
mod regnet;
mod relative_positions;
mod resnet;
mod rounding;
mod shufflenet_v2;
mod squeezenet;
mod swin;
mod vgg;
mod vit;

use std::collections::BTreeMap;

use zoo_model::graph::Value;
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder, Preprocess, Weights};

use crate::Error;

/// A network whose weights are published by name.
#[derive(Debug, Clone)]
pub struct Architecture {
    /// Its name in zoo.
    pub name: &'static str,
    /// The side of the square image it was trained on.
    pub size: usize,
    /// The length to which the shorter side of an image is scaled before the crop.
    resize: u32,
    /// How it is scaled.
    filter: Filter,
    /// Mean and standard deviation by which the channels were normalised.
    normalization: Normalization,
    /// The matrix of the head, whose rows are the classes.
    head: &'static str,
    /// Beginnings of names in checkpoints that are not taken.
    ignored: &'static [&'static str],
    build: Build,
}

/// The graph for so many classes.
type Build = fn(&Architecture, usize) -> Result<Graph, zoo_model::Error>;

#[derive(Debug, Clone, Copy)]
enum Normalization {
    /// The mean and deviation of ImageNet's pictures.
    ImageNet,
    /// From -1 to 1.
    Half,
}

/// Every architecture.
pub static ALL: &[Architecture] = &[
    resnet::RESNET_18,
    resnet::RESNET_34,
    resnet::RESNET_50,
    resnet::RESNET_101,
    resnet::RESNET_152,
    resnet::RESNEXT_50_32X4D,
    resnet::RESNEXT_101_32X8D,
    resnet::RESNEXT_101_64X4D,
    resnet::WIDE_RESNET_50_2,
    resnet::WIDE_RESNET_101_2,
    googlenet::GOOGLENET,
    inception_v3::INCEPTION_V3,
    inception_v4::INCEPTION_V4,
    inception_resnet_v2::INCEPTION_RESNET_V2,
    alexnet::ALEXNET,
    vgg::VGG_11,
    vgg::VGG_13,
    vgg::VGG_16,
    vgg::VGG_19,
    vgg::VGG_11_BN,
    vgg::VGG_13_BN,
    vgg::VGG_16_BN,
    vgg::VGG_19_BN,
    squeezenet::SQUEEZENET_1_0,
    squeezenet::SQUEEZENET_1_1,
    densenet::DENSENET_121,
    densenet::DENSENET_161,
    densenet::DENSENET_169,
    densenet::DENSENET_201,
    mobilenet_v2::MOBILENET_V2,
    mobilenet_v3::MOBILENET_V3_LARGE,
    mobilenet_v3::MOBILENET_V3_SMALL,
    mnasnet::MNASNET_0_5,
    mnasnet::MNASNET_0_75,
    mnasnet::MNASNET_1_0,
    mnasnet::MNASNET_1_3,
    shufflenet_v2::SHUFFLENET_V2_X0_5,
    shufflenet_v2::SHUFFLENET_V2_X1_0,
    shufflenet_v2::SHUFFLENET_V2_X1_5,
    shufflenet_v2::SHUFFLENET_V2_X2_0,
    efficientnet::EFFICIENTNET_B0,
    efficientnet::EFFICIENTNET_B1,
    efficientnet::EFFICIENTNET_B2,
    efficientnet::EFFICIENTNET_B3,
    efficientnet::EFFICIENTNET_B4,
    efficientnet::EFFICIENTNET_B5,
    efficientnet::EFFICIENTNET_B6,
    efficientnet::EFFICIENTNET_B7,
    efficientnet::EFFICIENTNET_V2_S,
    efficientnet::EFFICIENTNET_V2_M,
    efficientnet::EFFICIENTNET_V2_L,
    efficientnet_lite::EFFICIENTNET_LITE0,
    efficientnet_lite::EFFICIENTNET_LITE1,
    efficientnet_lite::EFFICIENTNET_LITE2,
    efficientnet_lite::EFFICIENTNET_LITE3,
    efficientnet_lite::EFFICIENTNET_LITE4,
    regnet::REGNET_X_400MF,
    regnet::REGNET_X_800MF,
    regnet::REGNET_X_1_6GF,
    regnet::REGNET_X_3_2GF,
    regnet::REGNET_X_8GF,
    regnet::REGNET_X_16GF,
    regnet::REGNET_X_32GF,
    regnet::REGNET_Y_400MF,
    regnet::REGNET_Y_800MF,
    regnet::REGNET_Y_1_6GF,
    regnet::REGNET_Y_3_2GF,
    regnet::REGNET_Y_8GF,
    regnet::REGNET_Y_16GF,
    regnet::REGNET_Y_32GF,
    regnet::REGNET_Y_128GF,
    vit::VIT_B_16,
    vit::VIT_B_32,
    vit::VIT_L_16,
    vit::VIT_L_32,
    vit::VIT_H_14,
    vit::VIT_B_16_384,
    vit::VIT_L_16_512,
    vit::VIT_H_14_518,
    convnext::CONVNEXT_TINY,
    convnext::CONVNEXT_SMALL,
    convnext::CONVNEXT_BASE,
    convnext::CONVNEXT_LARGE,
    swin::SWIN_T,
    swin::SWIN_S,
    swin::SWIN_B,
    swin::SWIN_V2_T,
    swin::SWIN_V2_S,
    swin::SWIN_V2_B,
    maxvit::MAXVIT_T,
];

impl Architecture {
    /// What most of torchvision's have in common; the name and the graph are to be given.
    const USUAL: Self = Self {
        name: "",
        size: 224,
        resize: 256,
        filter: Filter::Bilinear,
        normalization: Normalization::ImageNet,
        head: "fc.weight",
        ignored: &[],
        build: |_, _| GraphBuilder::new().finish(&[]),
    };

    /// The same network for square images of another size.
    ///
    /// Where the parameters depend on the size, as the positions of a Vision Transformer do, they
    /// are others.
    #[must_use]
    pub fn at_size(&self, size: usize) -> Self {
        Self { size, ..self.clone() }
    }

    /// The graph, with `classes` logits: input `[?, 3, size, size]`, output `logits [?, classes]`.
    pub fn build(&self, classes: usize) -> Result<Graph, Error> {
        Ok((self.build)(self, classes)?)
    }

    /// The input of a graph: images of three channels and the size trained on.
    fn image(&self, b: &mut GraphBuilder) -> Value {
        b.input("input", &[None, Some(3), Some(self.size), Some(self.size)])
    }

    /// How images were made its input when it was trained on ImageNet.
    pub fn preprocess(&self) -> Preprocess {
        let usual = Preprocess {
            filter: self.filter,
            ..Preprocess::imagenet(self.resize, self.size as u32)
        };
        match self.normalization {
            Normalization::ImageNet => usual,
            Normalization::Half => Preprocess { mean: vec![0.5; 3], std: vec![0.5; 3], ..usual },
        }
    }

    /// How many classes the head of a checkpoint has; `None` where it has no such head.
    pub fn classes_in(&self, weights: &Weights) -> Option<usize> {
        let is_head = |name: &str| {
            name == self.head || name.strip_suffix(self.head).is_some_and(|p| p.ends_with('.'))
        };
        let (_, tensor) = weights.iter().find(|(name, _)| is_head(name))?;
        tensor.shape().first().copied()
    }

    /// Whether timm has this network in two ways, of which one is ported from TensorFlow.
    pub(crate) fn is_ported(&self) -> bool {
        self.name.starts_with("efficientnet-") || self.name.starts_with("mobilenet-v3-")
    }

    /// Whether a name in a checkpoint is one that nothing here takes, and that is as it should
    /// be.
    pub fn is_ignored(&self, name: &str) -> bool {
        name.ends_with("num_batches_tracked")
            || self.ignored.iter().any(|beginning| name.starts_with(beginning))
    }
}

/// The architecture called `name`. Case, `-`, `_` and `.` make no difference, but between digits
/// there must be one, so torchvision's names do as well (`regnet_x_1_6gf` is not
/// `regnet_x_16gf`); so do timm's with `timm.` before them, and those of its ports from
/// TensorFlow (`tf_efficientnet_b0`).
pub fn find(name: &str) -> Result<&'static Architecture, Error> {
    let timm = name.strip_prefix("timm.").unwrap_or(name);
    let bare = timm.strip_prefix("tf_").or_else(|| timm.strip_prefix("tf-"));
    let is_port = bare.is_some();
    let bare = bare.unwrap_or(timm);
    // timm says how wide MobileNets are; these are the only width here.
    let wide = bare.strip_suffix("_100").filter(|bare| bare.starts_with("mobilenet"));
    let wanted = plain(wide.unwrap_or(bare));
    let known = |architecture: &&Architecture| {
        plain(architecture.name) == wanted && (architecture.is_ported() || !is_port)
    };
    ALL.iter().find(known).ok_or_else(|| {
        let mut near: Vec<_> = ALL
            .iter()
            .map(|known| (strsim::jaro_winkler(&wanted, &plain(known.name)), known.name))
            .filter(|(alike, _)| *alike > 0.8)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let suggestions = near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect();
        Error::UnknownArchitecture { name: name.to_owned(), suggestions }
    })
}

/// `name` in small letters, with separators only between digits.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut separated = false;
    for letter in name.chars().flat_map(char::to_lowercase) {
        if matches!(letter, '-' | '_' | '.') {
            separated = true;
            continue;
        }
        if separated && letter.is_ascii_digit() && plain.ends_with(|c: char| c.is_ascii_digit()) {
            plain.push('.');
        }
        separated = false;
        plain.push(letter);
    }
    plain
}

/// The architecture whose every parameter a checkpoint has, in its shape, if there is one. Of
/// several the largest: a deeper network has all that a shallower one of its family has.
pub fn detect(weights: &Weights) -> Option<&'static Architecture> {
    let parameters = |architecture: &&Architecture| {
        let graph = architecture.build(architecture.classes_in(weights)?).ok()?;
        crate::binding::fits(&graph, weights).then_some(graph.parameters.len())
    };
    let fitting = ALL.iter().filter_map(|found| Some((parameters(&found)?, found)));
    fitting.max_by_key(|(parameters, _)| *parameters).map(|(_, found)| found)
}

/// The values of those parameters of `graph` that follow from the architecture alone: the buffers
/// of relative positions in windows. They need not be in a checkpoint.
pub fn constants(graph: &Graph) -> Weights {
    relative_positions::constants(graph)
}

/// A way to make images the input of a graph that says nothing of it: the usual one, for one
/// image of three channels and a known size.
pub fn guess_preprocess(graph: &Graph) -> Option<Preprocess> {
    let [info] = graph.inputs.as_slice() else { return None };
    let [_, Some(3), height, width] = info.shape[..] else { return None };
    let (height, width) = (height.unwrap_or(224) as u32, width.unwrap_or(224) as u32);
    let shorter = (u64::from(height.min(width)) * 8 / 7) as u32;
    Some(Preprocess { crop: Some([height, width]), ..Preprocess::imagenet(shorter, height) })
}

/// The parameters of `graph` by the rule of the parity fixtures, as `f32`: numbers that follow
/// from names, scaled so that activations neither vanish nor explode.
///
/// With `x` from [`zoo_model::bundle::rule_tensor`]: `1 + x / 4` for running variances, `x / 10`
/// for running means and biases, `1 + x / 10` for the scales of norms, and `gain sqrt(3 /
/// fan_in) x` for everything of two axes and more. Constants of the architecture are what they are.
pub fn rule_weights(graph: &Graph, gain: f64) -> Weights {
    let mut weights = BTreeMap::new();
    for (name, parameter) in &graph.parameters {
        let fan_in: usize = parameter.shape.iter().skip(1).product();
        let scaled = |x: f64| {
            if name.ends_with("running_var") {
                1.0 + 0.25 * x
            } else if parameter.shape.len() >= 2 && !name.ends_with("running_mean") {
                x * gain * (3.0 / fan_in as f64).sqrt()
            } else if parameter.shape.len() == 1 && name.ends_with("weight") {
                1.0 + 0.1 * x
            } else {
                0.1 * x
            }
        };
        let values = zoo_model::bundle::rule_tensor(name, parameter.elements());
        let values: Vec<f32> = values.into_iter().map(|x| scaled(x) as f32).collect();
        weights.insert(name.clone(), zoo_model::Tensor::from_f32(&parameter.shape, &values));
    }
    weights.extend(constants(graph));
    weights.into_iter().collect()
}
