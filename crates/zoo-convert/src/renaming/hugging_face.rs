//! The names in files that Hugging Face's transformers saves and loads, which are not those of its
//! modules. Source: `conversion_mapping.py` and `models/{vit,resnet,convnext,swin,swinv2}`, version 5.

use super::Naming;
use super::Rule::{Column, Drop, Join, Name};

pub(super) const VIT: Naming = Naming {
    name: "Hugging Face's Vision Transformer",
    anchor: "embeddings.cls_token",
    dialects: &[],
    rules: &[
        Name("embeddings.cls_token", "class_token"),
        Name("embeddings.position_embeddings", "encoder.pos_embedding"),
        Name("embeddings.patch_embeddings.projection.*", "conv_proj.*"),
        Name("encoder.layer.{i}.layernorm_before.*", "encoder.layers.encoder_layer_{i}.ln_1.*"),
        Join(
            [
                "encoder.layer.{i}.attention.attention.query.*",
                "encoder.layer.{i}.attention.attention.key.*",
                "encoder.layer.{i}.attention.attention.value.*",
            ],
            "encoder.layers.encoder_layer_{i}.self_attention.in_proj_*",
        ),
        Name(
            "encoder.layer.{i}.attention.output.dense.*",
            "encoder.layers.encoder_layer_{i}.self_attention.out_proj.*",
        ),
        Name("encoder.layer.{i}.layernorm_after.*", "encoder.layers.encoder_layer_{i}.ln_2.*"),
        Name("encoder.layer.{i}.intermediate.dense.*", "encoder.layers.encoder_layer_{i}.mlp.0.*"),
        Name("encoder.layer.{i}.output.dense.*", "encoder.layers.encoder_layer_{i}.mlp.3.*"),
        Name("layernorm.*", "encoder.ln.*"),
        Name("classifier.*", "heads.head.*"),
    ],
};

pub(super) const RESNET: Naming = Naming {
    name: "Hugging Face's ResNet",
    anchor: "embedder.embedder.convolution.weight",
    dialects: &[],
    rules: &[
        Name("embedder.embedder.convolution.*", "conv1.*"),
        Name("embedder.embedder.normalization.*", "bn1.*"),
        Name(
            "encoder.stages.{i}.layers.{j}.shortcut.convolution.*",
            "layer{i+1}.{j}.downsample.0.*",
        ),
        Name(
            "encoder.stages.{i}.layers.{j}.shortcut.normalization.*",
            "layer{i+1}.{j}.downsample.1.*",
        ),
        Name("encoder.stages.{i}.layers.{j}.layer.{k}.convolution.*", "layer{i+1}.{j}.conv{k+1}.*"),
        Name("encoder.stages.{i}.layers.{j}.layer.{k}.normalization.*", "layer{i+1}.{j}.bn{k+1}.*"),
        Name("classifier.1.*", "fc.*"),
    ],
};

pub(super) const CONVNEXT: Naming = Naming {
    name: "Hugging Face's ConvNeXt",
    anchor: "embeddings.patch_embeddings.weight",
    dialects: &[],
    rules: &[
        Name("embeddings.patch_embeddings.*", "features.0.0.*"),
        Name("embeddings.layernorm.*", "features.0.1.*"),
        Name("encoder.stages.{i}.downsampling_layer.{j}.*", "features.{2i}.{j}.*"),
        Column(
            "encoder.stages.{i}.layers.{j}.layer_scale_parameter",
            "features.{2i+1}.{j}.layer_scale",
        ),
        Name("encoder.stages.{i}.layers.{j}.dwconv.*", "features.{2i+1}.{j}.block.0.*"),
        Name("encoder.stages.{i}.layers.{j}.layernorm.*", "features.{2i+1}.{j}.block.2.*"),
        Name("encoder.stages.{i}.layers.{j}.pwconv1.*", "features.{2i+1}.{j}.block.3.*"),
        Name("encoder.stages.{i}.layers.{j}.pwconv2.*", "features.{2i+1}.{j}.block.5.*"),
        Name("layernorm.*", "classifier.0.*"),
        Name("classifier.*", "classifier.2.*"),
    ],
};

/// Both versions.
pub(super) const SWIN: Naming = Naming {
    name: "Hugging Face's Swin",
    anchor: "embeddings.patch_embeddings.projection.weight",
    dialects: &[],
    rules: &[
        Name("embeddings.patch_embeddings.projection.*", "features.0.0.*"),
        Name("embeddings.norm.*", "features.0.2.*"),
        Name("encoder.layers.{i}.downsample.*", "features.{2i+2}.*"),
        Name("encoder.layers.{i}.blocks.{j}.layernorm_before.*", "features.{2i+1}.{j}.norm1.*"),
        Name("encoder.layers.{i}.blocks.{j}.layernorm_after.*", "features.{2i+1}.{j}.norm2.*"),
        Name("encoder.layers.{i}.blocks.{j}.intermediate.dense.*", "features.{2i+1}.{j}.mlp.0.*"),
        Name("encoder.layers.{i}.blocks.{j}.output.dense.*", "features.{2i+1}.{j}.mlp.3.*"),
        Join(
            [
                "encoder.layers.{i}.blocks.{j}.attention.self.query.*",
                "encoder.layers.{i}.blocks.{j}.attention.self.key.*",
                "encoder.layers.{i}.blocks.{j}.attention.self.value.*",
            ],
            "features.{2i+1}.{j}.attn.qkv.*",
        ),
        Name(
            "encoder.layers.{i}.blocks.{j}.attention.output.dense.*",
            "features.{2i+1}.{j}.attn.proj.*",
        ),
        Drop("encoder.layers.{i}.blocks.{j}.attention.self.relative_position_index"),
        Drop("encoder.layers.{i}.blocks.{j}.attention.self.relative_coords_table"),
        Name(
            "encoder.layers.{i}.blocks.{j}.attention.self.continuous_position_bias_mlp.*",
            "features.{2i+1}.{j}.attn.cpb_mlp.*",
        ),
        Name("encoder.layers.{i}.blocks.{j}.attention.self.*", "features.{2i+1}.{j}.attn.*"),
        Name("layernorm.*", "norm.*"),
        Name("classifier.*", "head.*"),
    ],
};
