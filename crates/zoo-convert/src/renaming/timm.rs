//! timm's names. Source: `timm/models/{vision_transformer,convnext,swin_transformer,
//! swin_transformer_v2,vgg}.py`, version 1.

use super::Naming;
use super::Rule::{Column, Drop, Join, Matrix, Name};

pub(super) const VIT: Naming = Naming {
    name: "timm's Vision Transformer",
    anchor: "cls_token",
    dialects: &[],
    rules: &[
        Name("cls_token", "class_token"),
        Name("pos_embed", "encoder.pos_embedding"),
        Name("patch_embed.proj.*", "conv_proj.*"),
        Name("blocks.{i}.norm1.*", "encoder.layers.encoder_layer_{i}.ln_1.*"),
        Name("blocks.{i}.attn.qkv.*", "encoder.layers.encoder_layer_{i}.self_attention.in_proj_*"),
        Name(
            "blocks.{i}.attn.proj.*",
            "encoder.layers.encoder_layer_{i}.self_attention.out_proj.*",
        ),
        Name("blocks.{i}.norm2.*", "encoder.layers.encoder_layer_{i}.ln_2.*"),
        Name("blocks.{i}.mlp.fc1.*", "encoder.layers.encoder_layer_{i}.mlp.0.*"),
        Name("blocks.{i}.mlp.fc2.*", "encoder.layers.encoder_layer_{i}.mlp.3.*"),
        Name("norm.*", "encoder.ln.*"),
        Name("head.*", "heads.head.*"),
    ],
};

pub(super) const CONVNEXT: Naming = Naming {
    name: "timm's ConvNeXt",
    anchor: "stem.0.weight",
    dialects: &[],
    rules: &[
        Name("stem.{i}.*", "features.0.{i}.*"),
        Name("stages.{i}.downsample.{j}.*", "features.{2i}.{j}.*"),
        Column("stages.{i}.blocks.{j}.gamma", "features.{2i+1}.{j}.layer_scale"),
        Name("stages.{i}.blocks.{j}.conv_dw.*", "features.{2i+1}.{j}.block.0.*"),
        Name("stages.{i}.blocks.{j}.norm.*", "features.{2i+1}.{j}.block.2.*"),
        Name("stages.{i}.blocks.{j}.mlp.fc1.*", "features.{2i+1}.{j}.block.3.*"),
        Name("stages.{i}.blocks.{j}.mlp.fc2.*", "features.{2i+1}.{j}.block.5.*"),
        Name("head.norm.*", "classifier.0.*"),
        Name("head.fc.*", "classifier.2.*"),
    ],
};

/// Both versions.
pub(super) const SWIN: Naming = Naming {
    name: "timm's Swin",
    anchor: "patch_embed.proj.weight",
    dialects: &[],
    rules: &[
        Name("patch_embed.proj.*", "features.0.0.*"),
        Name("patch_embed.norm.*", "features.0.2.*"),
        Name("layers.{i}.downsample.*", "features.{2i}.*"),
        Drop("layers.{i}.blocks.{j}.attn_mask"),
        Drop("layers.{i}.blocks.{j}.attn.relative_position_index"),
        Drop("layers.{i}.blocks.{j}.attn.relative_coords_table"),
        Name("layers.{i}.blocks.{j}.mlp.fc1.*", "features.{2i+1}.{j}.mlp.0.*"),
        Name("layers.{i}.blocks.{j}.mlp.fc2.*", "features.{2i+1}.{j}.mlp.3.*"),
        Join(
            [
                "layers.{i}.blocks.{j}.attn.q_bias",
                "layers.{i}.blocks.{j}.attn.k_bias",
                "layers.{i}.blocks.{j}.attn.v_bias",
            ],
            "features.{2i+1}.{j}.attn.qkv.bias",
        ),
        Name("layers.{i}.blocks.{j}.*", "features.{2i+1}.{j}.*"),
        Name("head.fc.*", "head.*"),
    ],
};

/// With and without batch norms. Its first two matrices are convolutions there, the first over all
/// of the last feature map.
pub(super) const VGG: Naming = Naming {
    name: "timm's VGG",
    anchor: "pre_logits.fc1.weight",
    dialects: &[],
    rules: &[
        Matrix("pre_logits.fc1.weight", "classifier.0.weight"),
        Name("pre_logits.fc1.bias", "classifier.0.bias"),
        Matrix("pre_logits.fc2.weight", "classifier.3.weight"),
        Name("pre_logits.fc2.bias", "classifier.3.bias"),
        Name("head.fc.*", "classifier.6.*"),
    ],
};
