//! timm's names for networks of inverted residuals. Source: `timm/models/{efficientnet,
//! mobilenetv3,_efficientnet_blocks}.py`, version 1.
//!
//! timm counts blocks in each stage and names their layers by what they do; torchvision numbers
//! both. Networks that begin with `tf_` have the same names: see [`Dialect`].

use super::Rule::{Matrix, Name, Part};
use super::{Dialect, Naming};

const TIMM_OR_TENSORFLOW: &[&Dialect] = &[&Dialect::TIMM, &Dialect::TENSORFLOW];

/// The layers of a block, in timm's names and in another's.
type Layers = &'static [(&'static str, &'static str)];

/// A convolution for each channel and 1 x 1 down.
const SEPARABLE: Layers =
    &[("conv_dw.*", "0.0.*"), ("bn1.*", "0.1.*"), ("conv_pw.*", "1.0.*"), ("bn2.*", "1.1.*")];

/// The same with squeeze-and-excitation between them.
const SEPARABLE_GATED: Layers = &[
    ("conv_dw.*", "0.0.*"),
    ("bn1.*", "0.1.*"),
    ("se.conv_reduce.*", "1.fc1.*"),
    ("se.conv_expand.*", "1.fc2.*"),
    ("conv_pw.*", "2.0.*"),
    ("bn2.*", "2.1.*"),
];

/// 1 x 1 up, a convolution for each channel, and 1 x 1 down.
const INVERTED: Layers = &[
    ("conv_pw.*", "0.0.*"),
    ("bn1.*", "0.1.*"),
    ("conv_dw.*", "1.0.*"),
    ("bn2.*", "1.1.*"),
    ("conv_pwl.*", "2.0.*"),
    ("bn3.*", "2.1.*"),
];

/// The same with squeeze-and-excitation before the last.
const INVERTED_GATED: Layers = &[
    ("conv_pw.*", "0.0.*"),
    ("bn1.*", "0.1.*"),
    ("conv_dw.*", "1.0.*"),
    ("bn2.*", "1.1.*"),
    ("se.conv_reduce.*", "2.fc1.*"),
    ("se.conv_expand.*", "2.fc2.*"),
    ("conv_pwl.*", "3.0.*"),
    ("bn3.*", "3.1.*"),
];

/// A whole convolution up and 1 x 1 down.
const FUSED: Layers =
    &[("conv_exp.*", "0.0.*"), ("bn1.*", "0.1.*"), ("conv_pwl.*", "1.0.*"), ("bn2.*", "1.1.*")];

/// One convolution.
const WHOLE: Layers = &[("conv.*", "0.0.*"), ("bn1.*", "0.1.*")];

/// MobileNetV2's blocks have no numbers for the last convolution and its norm apart.
const INVERTED_V2: Layers = &[
    ("conv_pw.*", "0.0.*"),
    ("bn1.*", "0.1.*"),
    ("conv_dw.*", "1.0.*"),
    ("bn2.*", "1.1.*"),
    ("conv_pwl.*", "2.*"),
    ("bn3.*", "3.*"),
];

/// timm has no port of it, so its names tell how it computes: as torchvision's.
pub(super) const MOBILENET_V2: Naming = Naming {
    name: "timm's MobileNetV2",
    anchor: "blocks.0.0.conv_pw.weight",
    dialects: &[],
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part(
            "blocks.0.0.*",
            "features.1.conv.*",
            &[("conv_dw.*", "0.0.*"), ("bn1.*", "0.1.*"), ("conv_pw.*", "1.*"), ("bn2.*", "2.*")],
        ),
        Part("blocks.1.{j}.*", "features.{j+2}.conv.*", INVERTED_V2),
        Part("blocks.2.{j}.*", "features.{j+4}.conv.*", INVERTED_V2),
        Part("blocks.3.{j}.*", "features.{j+7}.conv.*", INVERTED_V2),
        Part("blocks.4.{j}.*", "features.{j+11}.conv.*", INVERTED_V2),
        Part("blocks.5.{j}.*", "features.{j+14}.conv.*", INVERTED_V2),
        Part("blocks.6.{j}.*", "features.{j+17}.conv.*", INVERTED_V2),
        Name("conv_head.*", "features.18.0.*"),
        Name("bn2.*", "features.18.1.*"),
        Name("classifier.*", "classifier.1.*"),
    ],
};

/// Its head's convolution comes behind the mean over height and width, without a norm: a matrix.
pub(super) const MOBILENET_V3_LARGE: Naming = Naming {
    name: "timm's MobileNetV3-Large",
    anchor: "conv_head.bias",
    dialects: TIMM_OR_TENSORFLOW,
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part("blocks.0.{j}.*", "features.{j+1}.block.*", SEPARABLE),
        Part("blocks.1.{j}.*", "features.{j+2}.block.*", INVERTED),
        Part("blocks.2.{j}.*", "features.{j+4}.block.*", INVERTED_GATED),
        Part("blocks.3.{j}.*", "features.{j+7}.block.*", INVERTED),
        Part("blocks.4.{j}.*", "features.{j+11}.block.*", INVERTED_GATED),
        Part("blocks.5.{j}.*", "features.{j+13}.block.*", INVERTED_GATED),
        Name("blocks.6.0.conv.*", "features.16.0.*"),
        Name("blocks.6.0.bn1.*", "features.16.1.*"),
        Matrix("conv_head.weight", "classifier.0.weight"),
        Name("conv_head.bias", "classifier.0.bias"),
        Name("classifier.*", "classifier.3.*"),
    ],
};

pub(super) const MOBILENET_V3_SMALL: Naming = Naming {
    name: "timm's MobileNetV3-Small",
    anchor: "conv_head.bias",
    dialects: TIMM_OR_TENSORFLOW,
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part("blocks.0.{j}.*", "features.{j+1}.block.*", SEPARABLE_GATED),
        Part("blocks.1.{j}.*", "features.{j+2}.block.*", INVERTED),
        Part("blocks.2.{j}.*", "features.{j+4}.block.*", INVERTED_GATED),
        Part("blocks.3.{j}.*", "features.{j+7}.block.*", INVERTED_GATED),
        Part("blocks.4.{j}.*", "features.{j+9}.block.*", INVERTED_GATED),
        Name("blocks.5.0.conv.*", "features.12.0.*"),
        Name("blocks.5.0.bn1.*", "features.12.1.*"),
        Matrix("conv_head.weight", "classifier.0.weight"),
        Name("conv_head.bias", "classifier.0.bias"),
        Name("classifier.*", "classifier.3.*"),
    ],
};

/// B1, as torchvision has it.
pub(super) const MNASNET: Naming = Naming {
    name: "timm's MNASNet",
    anchor: "blocks.0.0.conv_pw.weight",
    dialects: &[],
    rules: &[
        Name("conv_stem.*", "layers.0.*"),
        Name("bn1.*", "layers.1.*"),
        Part(
            "blocks.0.0.*",
            "layers.*",
            &[("conv_dw.*", "3.*"), ("bn1.*", "4.*"), ("conv_pw.*", "6.*"), ("bn2.*", "7.*")],
        ),
        Part(
            "blocks.{i}.{j}.*",
            "layers.{i+7}.{j}.layers.*",
            &[
                ("conv_pw.*", "0.*"),
                ("bn1.*", "1.*"),
                ("conv_dw.*", "3.*"),
                ("bn2.*", "4.*"),
                ("conv_pwl.*", "6.*"),
                ("bn3.*", "7.*"),
            ],
        ),
        Name("conv_head.*", "layers.14.*"),
        Name("bn2.*", "layers.15.*"),
        Name("classifier.*", "classifier.1.*"),
    ],
};

pub(super) const EFFICIENTNET: Naming = Naming {
    name: "timm's EfficientNet",
    anchor: "blocks.0.0.se.conv_reduce.weight",
    dialects: TIMM_OR_TENSORFLOW,
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part("blocks.0.{j}.*", "features.1.{j}.block.*", SEPARABLE_GATED),
        Part("blocks.{i}.{j}.*", "features.{i+1}.{j}.block.*", INVERTED_GATED),
        Name("conv_head.*", "features.8.0.*"),
        Name("bn2.*", "features.8.1.*"),
        Name("classifier.*", "classifier.1.*"),
    ],
};

pub(super) const EFFICIENTNET_V2_S: Naming = Naming {
    name: "timm's EfficientNetV2-S",
    anchor: "blocks.1.0.conv_exp.weight",
    dialects: TIMM_OR_TENSORFLOW,
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part("blocks.0.{j}.*", "features.1.{j}.block.*", WHOLE),
        Part("blocks.1.{j}.*", "features.2.{j}.block.*", FUSED),
        Part("blocks.2.{j}.*", "features.3.{j}.block.*", FUSED),
        Part("blocks.{i}.{j}.*", "features.{i+1}.{j}.block.*", INVERTED_GATED),
        Name("conv_head.*", "features.7.0.*"),
        Name("bn2.*", "features.7.1.*"),
        Name("classifier.*", "classifier.1.*"),
    ],
};

/// One stage more.
pub(super) const EFFICIENTNET_V2_M_AND_L: Naming = Naming {
    name: "timm's EfficientNetV2",
    anchor: "blocks.1.0.conv_exp.weight",
    dialects: TIMM_OR_TENSORFLOW,
    rules: &[
        Name("conv_stem.*", "features.0.0.*"),
        Name("bn1.*", "features.0.1.*"),
        Part("blocks.0.{j}.*", "features.1.{j}.block.*", WHOLE),
        Part("blocks.1.{j}.*", "features.2.{j}.block.*", FUSED),
        Part("blocks.2.{j}.*", "features.3.{j}.block.*", FUSED),
        Part("blocks.{i}.{j}.*", "features.{i+1}.{j}.block.*", INVERTED_GATED),
        Name("conv_head.*", "features.8.0.*"),
        Name("bn2.*", "features.8.1.*"),
        Name("classifier.*", "classifier.1.*"),
    ],
};

/// The layers of a block by the names of EfficientNet-Lite's PyTorch port.
const LITE: Layers = &[
    ("conv_pw.*", "_expand_conv.*"),
    ("bn1.*", "_bn0.*"),
    ("conv_dw.*", "_depthwise_conv.*"),
    ("bn2.*", "_bn1.*"),
    ("conv_pwl.*", "_project_conv.*"),
    ("bn3.*", "_bn2.*"),
];

/// The first block, which is not widened.
const LITE_FIRST: Layers = &[
    ("conv_dw.*", "_depthwise_conv.*"),
    ("bn1.*", "_bn1.*"),
    ("conv_pw.*", "_project_conv.*"),
    ("bn2.*", "_bn2.*"),
];

/// An EfficientNet-Lite, whose port counts blocks through all stages: the numbers of the first
/// blocks of the stages from the second on.
macro_rules! lite {
    ($name:literal, $one:literal $two:literal $three:literal $four:literal $five:literal $six:literal) => {
        Naming {
            name: $name,
            anchor: "blocks.0.0.conv_pw.weight",
            dialects: TIMM_OR_TENSORFLOW,
            rules: &[
                Name("conv_stem.*", "_conv_stem.*"),
                Name("bn1.*", "_bn0.*"),
                Part("blocks.0.0.*", "_blocks.0.*", LITE_FIRST),
                Part("blocks.1.{j}.*", concat!("_blocks.{j+", $one, "}.*"), LITE),
                Part("blocks.2.{j}.*", concat!("_blocks.{j+", $two, "}.*"), LITE),
                Part("blocks.3.{j}.*", concat!("_blocks.{j+", $three, "}.*"), LITE),
                Part("blocks.4.{j}.*", concat!("_blocks.{j+", $four, "}.*"), LITE),
                Part("blocks.5.{j}.*", concat!("_blocks.{j+", $five, "}.*"), LITE),
                Part("blocks.6.{j}.*", concat!("_blocks.{j+", $six, "}.*"), LITE),
                Name("conv_head.*", "_conv_head.*"),
                Name("bn2.*", "_bn1.*"),
                Name("classifier.*", "_fc.*"),
            ],
        }
    };
}

pub(super) const EFFICIENTNET_LITE_0: Naming = lite!("timm's EfficientNet-Lite0", 1 3 5 8 11 15);
pub(super) const EFFICIENTNET_LITE_1_AND_2: Naming =
    lite!("timm's EfficientNet-Lite", 1 4 7 11 15 20);
pub(super) const EFFICIENTNET_LITE_3: Naming = lite!("timm's EfficientNet-Lite3", 1 4 7 12 17 23);
pub(super) const EFFICIENTNET_LITE_4: Naming = lite!("timm's EfficientNet-Lite4", 1 5 9 15 21 29);
