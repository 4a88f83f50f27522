//! Inception v3, as torchvision names it. Source: Szegedy et al.: *Rethinking the Inception
//! architecture for computer vision*, 2016, and torchvision's reading of it. The auxiliary head
//! only serves training from scratch and is left out.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Graph, GraphBuilder};

use super::inception::{Inception, valid};
use super::{Architecture, Normalization};

/// The published weights were trained on pictures scaled to -1 to 1; torchvision's model undoes
/// ImageNet's normalisation itself (`transform_input`), here the preprocessing never does it.
pub(super) const INCEPTION_V3: Architecture = Architecture {
    name: "inception-v3",
    size: 299,
    resize: 342,
    normalization: Normalization::Half,
    ignored: &["AuxLogits."],
    build,
    ..Architecture::USUAL
};

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let mut graph = Inception(GraphBuilder::new());
    let x = architecture.image(&mut graph.0);
    let x = graph.conv("Conv2d_1a_3x3", &x, valid(32, 3).stride(2));
    let x = graph.conv("Conv2d_2a_3x3", &x, valid(32, 3));
    let x = graph.conv("Conv2d_2b_3x3", &x, ConvSpec::new(64, 3));
    let x = graph.0.max_pool(&x, 3, 2, 0);
    let x = graph.conv("Conv2d_3b_1x1", &x, valid(80, 1));
    let x = graph.conv("Conv2d_4a_3x3", &x, valid(192, 3));
    let mut x = graph.0.max_pool(&x, 3, 2, 0);
    for (name, pooled) in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)] {
        x = graph.mixed_5(name, &x, pooled);
    }
    x = graph.mixed_6a(&x);
    for (name, narrow) in
        [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)]
    {
        x = graph.mixed_6(name, &x, narrow);
    }
    x = graph.mixed_7a(&x);
    for name in ["Mixed_7b", "Mixed_7c"] {
        x = graph.mixed_7(name, &x);
    }
    let b = &mut graph.0;
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, 0.5);
    let logits = b.linear("fc", &x, feature.channels(), classes);
    graph.0.finish(&[("logits", &logits)])
}

impl Inception {
    /// The mean of each 3 x 3 window, then a 1 x 1 convolution.
    fn pooled(&mut self, block: &str, x: &Value, outputs: usize) -> Value {
        let pooled = self.0.average_pool(x, 3, 1, 1);
        self.conv(&format!("{block}.branch_pool"), &pooled, ConvSpec::new(outputs, 1))
    }

    fn mixed_5(&mut self, block: &str, x: &Value, pooled: usize) -> Value {
        let one = self.chain(block, x, &[("branch1x1", ConvSpec::new(64, 1))]);
        let five = [("branch5x5_1", ConvSpec::new(48, 1)), ("branch5x5_2", ConvSpec::new(64, 5))];
        let five = self.chain(block, x, &five);
        let double = [
            ("branch3x3dbl_1", ConvSpec::new(64, 1)),
            ("branch3x3dbl_2", ConvSpec::new(96, 3)),
            ("branch3x3dbl_3", ConvSpec::new(96, 3)),
        ];
        let double = self.chain(block, x, &double);
        let pooled = self.pooled(block, x, pooled);
        self.0.concat(&[&one, &five, &double, &pooled])
    }

    fn mixed_6a(&mut self, x: &Value) -> Value {
        let block = "Mixed_6a";
        let three = self.chain(block, x, &[("branch3x3", valid(384, 3).stride(2))]);
        let double = [
            ("branch3x3dbl_1", ConvSpec::new(64, 1)),
            ("branch3x3dbl_2", ConvSpec::new(96, 3)),
            ("branch3x3dbl_3", valid(96, 3).stride(2)),
        ];
        let double = self.chain(block, x, &double);
        let pooled = self.0.max_pool(x, 3, 2, 0);
        self.0.concat(&[&three, &double, &pooled])
    }

    fn mixed_6(&mut self, block: &str, x: &Value, narrow: usize) -> Value {
        let row = |outputs| ConvSpec::new(outputs, 7).kernel(1, 7);
        let column = |outputs| ConvSpec::new(outputs, 7).kernel(7, 1);
        let one = self.chain(block, x, &[("branch1x1", ConvSpec::new(192, 1))]);
        let seven = [
            ("branch7x7_1", ConvSpec::new(narrow, 1)),
            ("branch7x7_2", row(narrow)),
            ("branch7x7_3", column(192)),
        ];
        let seven = self.chain(block, x, &seven);
        let double = [
            ("branch7x7dbl_1", ConvSpec::new(narrow, 1)),
            ("branch7x7dbl_2", column(narrow)),
            ("branch7x7dbl_3", row(narrow)),
            ("branch7x7dbl_4", column(narrow)),
            ("branch7x7dbl_5", row(192)),
        ];
        let double = self.chain(block, x, &double);
        let pooled = self.pooled(block, x, 192);
        self.0.concat(&[&one, &seven, &double, &pooled])
    }

    fn mixed_7a(&mut self, x: &Value) -> Value {
        let block = "Mixed_7a";
        let three =
            [("branch3x3_1", ConvSpec::new(192, 1)), ("branch3x3_2", valid(320, 3).stride(2))];
        let three = self.chain(block, x, &three);
        let seven = [
            ("branch7x7x3_1", ConvSpec::new(192, 1)),
            ("branch7x7x3_2", ConvSpec::new(192, 7).kernel(1, 7)),
            ("branch7x7x3_3", ConvSpec::new(192, 7).kernel(7, 1)),
            ("branch7x7x3_4", valid(192, 3).stride(2)),
        ];
        let seven = self.chain(block, x, &seven);
        let pooled = self.0.max_pool(x, 3, 2, 0);
        self.0.concat(&[&three, &seven, &pooled])
    }

    fn mixed_7(&mut self, block: &str, x: &Value) -> Value {
        let row = ConvSpec::new(384, 3).kernel(1, 3);
        let column = ConvSpec::new(384, 3).kernel(3, 1);
        let one = self.chain(block, x, &[("branch1x1", ConvSpec::new(320, 1))]);
        let three = self.chain(block, x, &[("branch3x3_1", ConvSpec::new(384, 1))]);
        let three_a = self.chain(block, &three, &[("branch3x3_2a", row.clone())]);
        let three_b = self.chain(block, &three, &[("branch3x3_2b", column.clone())]);
        let double =
            [("branch3x3dbl_1", ConvSpec::new(448, 1)), ("branch3x3dbl_2", ConvSpec::new(384, 3))];
        let double = self.chain(block, x, &double);
        let double_a = self.chain(block, &double, &[("branch3x3dbl_3a", row)]);
        let double_b = self.chain(block, &double, &[("branch3x3dbl_3b", column)]);
        let pooled = self.pooled(block, x, 192);
        self.0.concat(&[&one, &three_a, &three_b, &double_a, &double_b, &pooled])
    }
}
