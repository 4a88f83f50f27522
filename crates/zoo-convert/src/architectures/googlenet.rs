//! GoogLeNet, or Inception v1 with batch norm, as torchvision names it. Source: Szegedy et al.:
//! *Going deeper with convolutions*, 2015, table 1, and torchvision's reading of it. The auxiliary
//! heads only serve training from scratch and are left out.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Graph, GraphBuilder};

use super::inception::Inception;
use super::{Architecture, Normalization};

/// The published weights were trained on pictures scaled to -1 to 1; torchvision's model undoes
/// ImageNet's normalisation itself (`transform_input`), here the preprocessing never does it.
pub(super) const GOOGLENET: Architecture = Architecture {
    name: "googlenet",
    normalization: Normalization::Half,
    ignored: &["aux1.", "aux2."],
    build,
    ..Architecture::USUAL
};

/// Channels of the 1 x 1 branch, of the two convolutions of each 3 x 3 branch, and of the branch
/// that pools.
type Block = (usize, [usize; 2], [usize; 2], usize);

const STAGE_3: [(&str, Block); 2] = [
    ("inception3a", (64, [96, 128], [16, 32], 32)),
    ("inception3b", (128, [128, 192], [32, 96], 64)),
];
const STAGE_4: [(&str, Block); 5] = [
    ("inception4a", (192, [96, 208], [16, 48], 64)),
    ("inception4b", (160, [112, 224], [24, 64], 64)),
    ("inception4c", (128, [128, 256], [24, 64], 64)),
    ("inception4d", (112, [144, 288], [32, 64], 64)),
    ("inception4e", (256, [160, 320], [32, 128], 128)),
];
const STAGE_5: [(&str, Block); 2] = [
    ("inception5a", (256, [160, 320], [32, 128], 128)),
    ("inception5b", (384, [192, 384], [48, 128], 128)),
];

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let mut graph = Inception(GraphBuilder::new());
    let x = architecture.image(&mut graph.0);
    let x = graph.conv("conv1", &x, ConvSpec::new(64, 7).stride(2));
    let x = graph.0.max_pool_ceil(&x, 3, 2, 0);
    let x = graph.conv("conv2", &x, ConvSpec::new(64, 1));
    let x = graph.conv("conv3", &x, ConvSpec::new(192, 3));
    let x = graph.0.max_pool_ceil(&x, 3, 2, 0);
    let x = graph.blocks(&x, &STAGE_3);
    let x = graph.0.max_pool_ceil(&x, 3, 2, 0);
    let x = graph.blocks(&x, &STAGE_4);
    let x = graph.0.max_pool_ceil(&x, 2, 2, 0);
    let x = graph.blocks(&x, &STAGE_5);
    let mut b = graph.0;
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, 0.2);
    let logits = b.linear("fc", &x, feature.channels(), classes);
    b.finish(&[("logits", &logits)])
}

impl Inception {
    fn blocks(&mut self, x: &Value, blocks: &[(&str, Block)]) -> Value {
        blocks.iter().fold(x.clone(), |x, (name, block)| self.block(name, &x, *block))
    }

    fn block(&mut self, name: &str, x: &Value, (one, three, five, pooled): Block) -> Value {
        let branch = |number: usize| format!("{name}.branch{number}");
        // The branch that the paper has with 5 x 5 has 3 x 3 in torchvision and its weights.
        let down_up = |[down, up]: [usize; 2]| [ConvSpec::new(down, 1), ConvSpec::new(up, 3)];
        let one = self.conv(&branch(1), x, ConvSpec::new(one, 1));
        let three = self.branch(&branch(2), x, &down_up(three));
        let five = self.branch(&branch(3), x, &down_up(five));
        let largest = self.0.max_pool_ceil(x, 3, 1, 1);
        let pooled = self.conv(&format!("{name}.branch4.1"), &largest, ConvSpec::new(pooled, 1));
        self.concat(&[one, three, five, pooled])
    }
}
