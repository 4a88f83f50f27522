//! The names of those who wrote the papers. Sources: `models/convnext.py` of
//! facebookresearch/ConvNeXt, `models/swin_transformer.py` and `swin_transformer_v2.py` of
//! microsoft/Swin-Transformer.

use super::Naming;
use super::Rule::{Column, Drop, Join, Name};

pub(super) const CONVNEXT: Naming = Naming {
    name: "the authors' ConvNeXt",
    anchor: "downsample_layers.0.0.weight",
    dialects: &[],
    rules: &[
        Name("downsample_layers.{i}.{j}.*", "features.{2i}.{j}.*"),
        Column("stages.{i}.{j}.gamma", "features.{2i+1}.{j}.layer_scale"),
        Name("stages.{i}.{j}.dwconv.*", "features.{2i+1}.{j}.block.0.*"),
        Name("stages.{i}.{j}.norm.*", "features.{2i+1}.{j}.block.2.*"),
        Name("stages.{i}.{j}.pwconv1.*", "features.{2i+1}.{j}.block.3.*"),
        Name("stages.{i}.{j}.pwconv2.*", "features.{2i+1}.{j}.block.5.*"),
        Name("norm.*", "classifier.0.*"),
        Name("head.*", "classifier.2.*"),
    ],
};

/// Both versions. As timm's, but that patches are merged at the end of a stage.
pub(super) const SWIN: Naming = Naming {
    name: "the authors' Swin",
    anchor: "patch_embed.proj.weight",
    dialects: &[],
    rules: &[
        Name("patch_embed.proj.*", "features.0.0.*"),
        Name("patch_embed.norm.*", "features.0.2.*"),
        Name("layers.{i}.downsample.*", "features.{2i+2}.*"),
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
    ],
};
