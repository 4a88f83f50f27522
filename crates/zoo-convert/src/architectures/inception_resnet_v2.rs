//! Inception-ResNet v2, as timm names it. Source: Szegedy et al.: *Inception-v4, Inception-ResNet
//! and the impact of residual connections on learning*, 2016, figures 15 to 19.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::inception::{Inception, valid};
use super::{Architecture, Normalization};

pub(super) const INCEPTION_RESNET_V2: Architecture = Architecture {
    name: "inception-resnet-v2",
    size: 299,
    resize: 333,
    filter: Filter::Bicubic,
    normalization: Normalization::Half,
    head: "classif.weight",
    build,
    ..Architecture::USUAL
};

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let mut graph = Inception(GraphBuilder::new());
    let x = architecture.image(&mut graph.0);
    let x = graph.conv("conv2d_1a", &x, valid(32, 3).stride(2));
    let x = graph.conv("conv2d_2a", &x, valid(32, 3));
    let x = graph.conv("conv2d_2b", &x, ConvSpec::new(64, 3));
    let x = graph.0.max_pool(&x, 3, 2, 0);
    let x = graph.conv("conv2d_3b", &x, ConvSpec::new(80, 1));
    let x = graph.conv("conv2d_4a", &x, valid(192, 3));
    let x = graph.0.max_pool(&x, 3, 2, 0);
    let mut x = graph.mixed_5b(&x);
    for index in 0..10 {
        x = graph.block_35(&format!("repeat.{index}"), &x);
    }
    let mixed_6a: [&[ConvSpec]; 2] = [
        &[valid(384, 3).stride(2)],
        &[ConvSpec::new(256, 1), ConvSpec::new(256, 3), valid(384, 3).stride(2)],
    ];
    x = graph.reduction("mixed_6a", &x, &mixed_6a);
    for index in 0..20 {
        x = graph.block_17(&format!("repeat_1.{index}"), &x);
    }
    let mixed_7a: [&[ConvSpec]; 3] = [
        &[ConvSpec::new(256, 1), valid(384, 3).stride(2)],
        &[ConvSpec::new(256, 1), valid(288, 3).stride(2)],
        &[ConvSpec::new(256, 1), ConvSpec::new(288, 3), valid(320, 3).stride(2)],
    ];
    x = graph.reduction("mixed_7a", &x, &mixed_7a);
    for index in 0..9 {
        x = graph.block_8(&format!("repeat_2.{index}"), &x, 0.2);
        x = graph.0.relu(&x);
    }
    x = graph.block_8("block8", &x, 1.0);
    let x = graph.conv("conv2d_7b", &x, ConvSpec::new(1536, 1));
    let mut b = graph.0;
    let feature = b.global_average(&x);
    let logits = b.linear("classif", &feature, feature.channels(), classes);
    b.finish(&[("logits", &logits)])
}

impl Inception {
    fn mixed_5b(&mut self, x: &Value) -> Value {
        let branches: [&[ConvSpec]; 3] = [
            &[ConvSpec::new(96, 1)],
            &[ConvSpec::new(48, 1), ConvSpec::new(64, 5)],
            &[ConvSpec::new(64, 1), ConvSpec::new(96, 3), ConvSpec::new(96, 3)],
        ];
        let mut values = self.branches("mixed_5b", x, &branches);
        values.push(self.averaged("mixed_5b", x, 64));
        self.concat(&values)
    }

    /// `x`, and `factor` times what the branches make of it.
    fn residual(&mut self, block: &str, x: &Value, branches: &[&[ConvSpec]], factor: f64) -> Value {
        let values = self.branches(block, x, branches);
        let y = self.concat(&values);
        let spec = ConvSpec { bias: true, ..ConvSpec::new(x.channels(), 1) };
        let mut y = self.0.conv(&format!("{block}.conv2d"), &y, spec);
        if factor < 1.0 {
            y = self.0.scale(&y, factor);
        }
        self.0.add(&y, x)
    }

    fn block_35(&mut self, block: &str, x: &Value) -> Value {
        let branches: [&[ConvSpec]; 3] = [
            &[ConvSpec::new(32, 1)],
            &[ConvSpec::new(32, 1), ConvSpec::new(32, 3)],
            &[ConvSpec::new(32, 1), ConvSpec::new(48, 3), ConvSpec::new(64, 3)],
        ];
        let sum = self.residual(block, x, &branches, 0.17);
        self.0.relu(&sum)
    }

    fn block_17(&mut self, block: &str, x: &Value) -> Value {
        let (row, column) =
            (ConvSpec::new(160, 7).kernel(1, 7), ConvSpec::new(192, 7).kernel(7, 1));
        let branches: [&[ConvSpec]; 2] =
            [&[ConvSpec::new(192, 1)], &[ConvSpec::new(128, 1), row, column]];
        let sum = self.residual(block, x, &branches, 0.1);
        self.0.relu(&sum)
    }

    /// The only block whose last one has no activation.
    fn block_8(&mut self, block: &str, x: &Value, factor: f64) -> Value {
        let (row, column) =
            (ConvSpec::new(224, 3).kernel(1, 3), ConvSpec::new(256, 3).kernel(3, 1));
        let branches: [&[ConvSpec]; 2] =
            [&[ConvSpec::new(192, 1)], &[ConvSpec::new(192, 1), row, column]];
        self.residual(block, x, &branches, factor)
    }
}
