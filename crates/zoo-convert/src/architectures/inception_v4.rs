//! Inception v4, as timm names it. Source: Szegedy et al.: *Inception-v4, Inception-ResNet and the
//! impact of residual connections on learning*, 2016, figures 3 to 9.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::inception::{Inception, valid};
use super::{Architecture, Normalization};

pub(super) const INCEPTION_V4: Architecture = Architecture {
    name: "inception-v4",
    size: 299,
    resize: 341,
    filter: Filter::Bicubic,
    normalization: Normalization::Half,
    head: "last_linear.weight",
    build,
    ..Architecture::USUAL
};

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let mut graph = Inception(GraphBuilder::new());
    let x = architecture.image(&mut graph.0);
    let x = graph.conv("features.0", &x, valid(32, 3).stride(2));
    let x = graph.conv("features.1", &x, valid(32, 3));
    let x = graph.conv("features.2", &x, ConvSpec::new(64, 3));
    let mut x = graph.stem("features", &x);
    for place in 6..10 {
        x = graph.block_a(&format!("features.{place}"), &x);
    }
    let reduction_a: [&[ConvSpec]; 2] = [
        &[valid(384, 3).stride(2)],
        &[ConvSpec::new(192, 1), ConvSpec::new(224, 3), valid(256, 3).stride(2)],
    ];
    x = graph.reduction("features.10", &x, &reduction_a);
    for place in 11..18 {
        x = graph.block_b(&format!("features.{place}"), &x);
    }
    let reduction_b: [&[ConvSpec]; 2] = [
        &[ConvSpec::new(192, 1), valid(192, 3).stride(2)],
        &[ConvSpec::new(256, 1), row(256, 7), column(320, 7), valid(320, 3).stride(2)],
    ];
    x = graph.reduction("features.18", &x, &reduction_b);
    for place in 19..22 {
        x = graph.block_c(&format!("features.{place}"), &x);
    }
    let mut b = graph.0;
    let feature = b.global_average(&x);
    let logits = b.linear("last_linear", &feature, feature.channels(), classes);
    b.finish(&[("logits", &logits)])
}

fn row(outputs: usize, length: usize) -> ConvSpec {
    ConvSpec::new(outputs, length).kernel(1, length)
}

fn column(outputs: usize, length: usize) -> ConvSpec {
    ConvSpec::new(outputs, length).kernel(length, 1)
}

impl Inception {
    /// Three times a pool, or a convolution, beside another.
    fn stem(&mut self, name: &str, x: &Value) -> Value {
        let pooled = self.0.max_pool(x, 3, 2, 0);
        let conv = self.conv(&format!("{name}.3.conv"), x, valid(96, 3).stride(2));
        let x = self.concat(&[pooled, conv]);
        let branches: [&[ConvSpec]; 2] = [
            &[ConvSpec::new(64, 1), valid(96, 3)],
            &[ConvSpec::new(64, 1), row(64, 7), column(64, 7), valid(96, 3)],
        ];
        let branches = self.branches(&format!("{name}.4"), &x, &branches);
        let x = self.concat(&branches);
        let conv = self.conv(&format!("{name}.5.conv"), &x, valid(192, 3).stride(2));
        let pooled = self.0.max_pool(&x, 3, 2, 0);
        self.concat(&[conv, pooled])
    }

    /// Branches, and the largest of each 3 x 3 window beside them.
    pub(super) fn reduction(&mut self, block: &str, x: &Value, branches: &[&[ConvSpec]]) -> Value {
        let mut values = self.branches(block, x, branches);
        values.push(self.0.max_pool(x, 3, 2, 0));
        self.concat(&values)
    }

    /// The mean of each 3 x 3 window, then a 1 x 1 convolution, as the last branch.
    pub(super) fn averaged(&mut self, block: &str, x: &Value, outputs: usize) -> Value {
        let mean = self.0.average_pool_inside(x, 3, 1, 1);
        self.conv(&format!("{block}.branch3.1"), &mean, ConvSpec::new(outputs, 1))
    }

    fn block_a(&mut self, block: &str, x: &Value) -> Value {
        let branches: [&[ConvSpec]; 3] = [
            &[ConvSpec::new(96, 1)],
            &[ConvSpec::new(64, 1), ConvSpec::new(96, 3)],
            &[ConvSpec::new(64, 1), ConvSpec::new(96, 3), ConvSpec::new(96, 3)],
        ];
        let mut values = self.branches(block, x, &branches);
        values.push(self.averaged(block, x, 96));
        self.concat(&values)
    }

    fn block_b(&mut self, block: &str, x: &Value) -> Value {
        let branches: [&[ConvSpec]; 3] = [
            &[ConvSpec::new(384, 1)],
            &[ConvSpec::new(192, 1), row(224, 7), column(256, 7)],
            &[ConvSpec::new(192, 1), column(192, 7), row(224, 7), column(224, 7), row(256, 7)],
        ];
        let mut values = self.branches(block, x, &branches);
        values.push(self.averaged(block, x, 128));
        self.concat(&values)
    }

    fn block_c(&mut self, block: &str, x: &Value) -> Value {
        let one = self.chain(block, x, &[("branch0", ConvSpec::new(256, 1))]);
        let stem = self.chain(block, x, &[("branch1_0", ConvSpec::new(384, 1))]);
        let one_a = self.chain(block, &stem, &[("branch1_1a", row(256, 3))]);
        let one_b = self.chain(block, &stem, &[("branch1_1b", column(256, 3))]);
        let stem = [
            ("branch2_0", ConvSpec::new(384, 1)),
            ("branch2_1", column(448, 3)),
            ("branch2_2", row(512, 3)),
        ];
        let stem = self.chain(block, x, &stem);
        let two_a = self.chain(block, &stem, &[("branch2_3a", row(256, 3))]);
        let two_b = self.chain(block, &stem, &[("branch2_3b", column(256, 3))]);
        let pooled = self.averaged(block, x, 256);
        self.concat(&[one, one_a, one_b, two_a, two_b, pooled])
    }
}
