//! The names that torchvision's own published files have where its networks have others by now.

use super::Naming;
use super::Rule::Name;

/// Source: `_load_state_dict` in `torchvision/models/densenet.py`.
pub(super) const DENSENET: Naming = Naming {
    name: "torchvision's first DenseNet",
    anchor: "features.denseblock1.denselayer1.norm.1.weight",
    dialects: &[],
    rules: &[
        Name(
            "features.denseblock{i}.denselayer{j}.norm.{k}.*",
            "features.denseblock{i}.denselayer{j}.norm{k}.*",
        ),
        Name(
            "features.denseblock{i}.denselayer{j}.conv.{k}.*",
            "features.denseblock{i}.denselayer{j}.conv{k}.*",
        ),
    ],
};
