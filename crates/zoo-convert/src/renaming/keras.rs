//! Keras' names. Source: `keras/src/applications/{vgg16,vgg19,densenet,convnext}.py`, version 3.
//!
//! These are the networks that Keras builds as torchvision does. Its ResNet has its strides
//! elsewhere, and its MobileNet, EfficientNet and Inception pad otherwise: their weights would fit
//! here, and give other numbers.

use super::Naming;
use super::Rule::{Column, Drop, Name, Places};

/// The places of VGG's last feature map, 7 by 7, which its first matrix reads one after another.
const VGG_PLACES: usize = 49;

pub(super) const VGG_16: Naming = Naming {
    name: "Keras' VGG16",
    anchor: "block1_conv1.weight",
    dialects: &[],
    rules: &[
        Name("block1_conv1.*", "features.0.*"),
        Name("block1_conv2.*", "features.2.*"),
        Name("block2_conv1.*", "features.5.*"),
        Name("block2_conv2.*", "features.7.*"),
        Name("block3_conv1.*", "features.10.*"),
        Name("block3_conv2.*", "features.12.*"),
        Name("block3_conv3.*", "features.14.*"),
        Name("block4_conv1.*", "features.17.*"),
        Name("block4_conv2.*", "features.19.*"),
        Name("block4_conv3.*", "features.21.*"),
        Name("block5_conv1.*", "features.24.*"),
        Name("block5_conv2.*", "features.26.*"),
        Name("block5_conv3.*", "features.28.*"),
        Places("fc1.weight", "classifier.0.weight", VGG_PLACES),
        Name("fc1.bias", "classifier.0.bias"),
        Name("fc2.*", "classifier.3.*"),
        Name("predictions.*", "classifier.6.*"),
    ],
};

pub(super) const VGG_19: Naming = Naming {
    name: "Keras' VGG19",
    anchor: "block3_conv4.weight",
    dialects: &[],
    rules: &[
        Name("block1_conv1.*", "features.0.*"),
        Name("block1_conv2.*", "features.2.*"),
        Name("block2_conv1.*", "features.5.*"),
        Name("block2_conv2.*", "features.7.*"),
        Name("block3_conv1.*", "features.10.*"),
        Name("block3_conv2.*", "features.12.*"),
        Name("block3_conv3.*", "features.14.*"),
        Name("block3_conv4.*", "features.16.*"),
        Name("block4_conv1.*", "features.19.*"),
        Name("block4_conv2.*", "features.21.*"),
        Name("block4_conv3.*", "features.23.*"),
        Name("block4_conv4.*", "features.25.*"),
        Name("block5_conv1.*", "features.28.*"),
        Name("block5_conv2.*", "features.30.*"),
        Name("block5_conv3.*", "features.32.*"),
        Name("block5_conv4.*", "features.34.*"),
        Places("fc1.weight", "classifier.0.weight", VGG_PLACES),
        Name("fc1.bias", "classifier.0.bias"),
        Name("fc2.*", "classifier.3.*"),
        Name("predictions.*", "classifier.6.*"),
    ],
};

pub(super) const DENSENET: Naming = Naming {
    name: "Keras' DenseNet",
    anchor: "conv2_block1_0_bn.weight",
    dialects: &[],
    rules: &[
        Name("conv1_conv.*", "features.conv0.*"),
        Name("conv1_bn.*", "features.norm0.*"),
        Name("conv{i}_block{j}_0_bn.*", "features.denseblock{i-1}.denselayer{j}.norm1.*"),
        Name("conv{i}_block{j}_1_conv.*", "features.denseblock{i-1}.denselayer{j}.conv1.*"),
        Name("conv{i}_block{j}_1_bn.*", "features.denseblock{i-1}.denselayer{j}.norm2.*"),
        Name("conv{i}_block{j}_2_conv.*", "features.denseblock{i-1}.denselayer{j}.conv2.*"),
        Name("pool{i}_bn.*", "features.transition{i-1}.norm.*"),
        Name("pool{i}_conv.*", "features.transition{i-1}.conv.*"),
        Name("bn.*", "features.norm5.*"),
        Name("fc1000.*", "classifier.*"),
        Name("predictions.*", "classifier.*"),
    ],
};

pub(super) const CONVNEXT: Naming = Naming {
    name: "Keras' ConvNeXt",
    anchor: "stem_conv.weight",
    dialects: &[],
    rules: &[
        Name("stem_conv.*", "features.0.0.*"),
        Name("stem_layernorm.*", "features.0.1.*"),
        Name("downsampling_layernorm_{i}.*", "features.{2i+2}.0.*"),
        Name("downsampling_conv_{i}.*", "features.{2i+2}.1.*"),
        Column("stage_{i}_block_{j}_layer_scale.weight", "features.{2i+1}.{j}.layer_scale"),
        Name("stage_{i}_block_{j}_depthwise_conv.*", "features.{2i+1}.{j}.block.0.*"),
        Name("stage_{i}_block_{j}_layernorm.*", "features.{2i+1}.{j}.block.2.*"),
        Name("stage_{i}_block_{j}_pointwise_conv_1.*", "features.{2i+1}.{j}.block.3.*"),
        Name("stage_{i}_block_{j}_pointwise_conv_2.*", "features.{2i+1}.{j}.block.5.*"),
        Name("head_layernorm.*", "classifier.0.*"),
        Name("head_dense.*", "classifier.2.*"),
        // What its first layer does to pictures is preprocessing here.
        Drop("prestem_normalization.*"),
    ],
};
