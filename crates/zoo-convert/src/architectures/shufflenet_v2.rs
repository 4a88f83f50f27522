//! ShuffleNetV2, as torchvision names it. Source: Ma et al.: *ShuffleNet V2: practical guidelines
//! for efficient CNN architecture design*, 2018, table 5.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, Build};

pub(super) const SHUFFLENET_V2_X0_5: Architecture =
    shufflenet("shufflenet-v2-x0.5", 256, |a, classes| build(a, classes, [48, 96, 192, 1024]));
pub(super) const SHUFFLENET_V2_X1_0: Architecture =
    shufflenet("shufflenet-v2-x1.0", 256, |a, classes| build(a, classes, [116, 232, 464, 1024]));
pub(super) const SHUFFLENET_V2_X1_5: Architecture =
    shufflenet("shufflenet-v2-x1.5", 232, |a, classes| build(a, classes, [176, 352, 704, 1024]));
pub(super) const SHUFFLENET_V2_X2_0: Architecture =
    shufflenet("shufflenet-v2-x2.0", 232, |a, classes| build(a, classes, [244, 488, 976, 2048]));

const fn shufflenet(name: &'static str, resize: u32, build: Build) -> Architecture {
    Architecture { name, resize, build, ..Architecture::USUAL }
}

/// The channels of the three stages and of the last convolution.
fn build(
    architecture: &Architecture,
    classes: usize,
    [stage_2, stage_3, stage_4, last]: [usize; 4],
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let x = architecture.image(b);
    let x = conv_norm(b, "conv1", 0, &x, ConvSpec::new(24, 3).stride(2));
    let x = b.relu(&x);
    let mut x = b.max_pool(&x, 3, 2, 1);
    for (stage, channels, units) in [(2, stage_2, 4), (3, stage_3, 8), (4, stage_4, 4)] {
        for unit in 0..units {
            x = self::unit(b, &format!("stage{stage}.{unit}"), &x, channels, unit == 0);
        }
    }
    let x = conv_norm(b, "conv5", 0, &x, ConvSpec::new(last, 1));
    let x = b.relu(&x);
    let feature = b.global_average(&x);
    let logits = b.linear("fc", &feature, last, classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

/// The convolution number `place` of `name`, and the norm behind it.
fn conv_norm(b: &mut GraphBuilder, name: &str, place: usize, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.{place}"), x, spec);
    b.batch_norm(&format!("{name}.{}", place + 1), &x, 1e-5)
}

/// Half of the channels goes through three convolutions, the other around them; the first unit of
/// a stage halves height and width, and sends all of them both ways.
fn unit(b: &mut GraphBuilder, name: &str, x: &Value, channels: usize, first: bool) -> Value {
    let half = channels / 2;
    let (kept, x) = if first {
        let branch = format!("{name}.branch1");
        let depthwise = ConvSpec::new(x.channels(), 3).groups(x.channels()).stride(2);
        let y = conv_norm(b, &branch, 0, x, depthwise);
        let y = conv_norm(b, &branch, 2, &y, ConvSpec::new(half, 1));
        (b.relu(&y), x.clone())
    } else {
        b.halves(x).into()
    };
    let branch = format!("{name}.branch2");
    let y = conv_norm(b, &branch, 0, &x, ConvSpec::new(half, 1));
    let y = b.relu(&y);
    let depthwise = ConvSpec::new(half, 3).groups(half).stride(if first { 2 } else { 1 });
    let y = conv_norm(b, &branch, 3, &y, depthwise);
    let y = conv_norm(b, &branch, 5, &y, ConvSpec::new(half, 1));
    let y = b.relu(&y);
    let both = b.concat(&[&kept, &y]);
    b.shuffle_channels(&both, 2)
}
