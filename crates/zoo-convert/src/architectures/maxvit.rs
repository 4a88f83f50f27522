//! MaxViT, as torchvision names it. Source: Tu et al.: *MaxViT: multi-axis Vision Transformer*,
//! 2022, tables 1 and 10. Stochastic depth, which only serves training from scratch, is left out.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Activation, Binary, GlobalPool, Padding};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder, Op};

use super::{Architecture, relative_positions};

pub(super) const MAXVIT_T: Architecture = Architecture {
    name: "maxvit-t",
    resize: 224,
    filter: Filter::Bicubic,
    head: "classifier.5.weight",
    build,
    ..Architecture::USUAL
};

const STEM: usize = 64;
/// Channels and layers of each block.
const BLOCKS: [(usize, usize); 4] = [(64, 2), (128, 2), (256, 5), (512, 2)];
/// Channels of each head of attention.
const HEAD: usize = 32;
/// The side of a window, and of the grid.
const PARTITION: usize = 7;

fn build(architecture: &Architecture, classes: usize) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let size = Some(architecture.size);
    let x = b.input("input", &[None, Some(3), size, size]);
    let x = conv_norm_gelu(b, "stem.0", &x, ConvSpec::new(STEM, 3).stride(2));
    let mut x = b.conv("stem.1.0", &x, ConvSpec { bias: true, ..ConvSpec::new(STEM, 3) });
    let mut side = architecture.size.div_ceil(2);
    for (block, (channels, layers)) in BLOCKS.into_iter().enumerate() {
        side = side.div_ceil(2);
        for layer in 0..layers {
            let part = |part: &str| format!("blocks.{block}.layers.{layer}.layers.{part}");
            x = mb_conv(b, &part("MBconv"), &x, channels, if layer == 0 { 2 } else { 1 });
            let windows = Partition { side, part: PARTITION, is_grid: false };
            x = attention(b, &part("window_attention"), &x, windows);
            let grid = Partition { side, part: side / PARTITION, is_grid: true };
            x = attention(b, &part("grid_attention"), &x, grid);
        }
    }
    let x = b.global_average(&x);
    let x = b.layer_norm("classifier.2", &x, 1e-5);
    let x = b.linear("classifier.3", &x, x.channels(), x.channels());
    let feature = b.activate(&x, Activation::Tanh);
    let logits = b.linear_unbiased("classifier.5", &feature, classes);
    let mut graph = std::mem::take(b).finish(&[("logits", &logits)])?;
    for node in &mut graph.nodes {
        if let Op::BatchNorm(norm) = &mut node.op {
            norm.momentum = 0.01;
        }
    }
    Ok(graph)
}

fn conv_norm_gelu(b: &mut GraphBuilder, name: &str, x: &Value, spec: ConvSpec) -> Value {
    let x = b.conv(&format!("{name}.0"), x, spec);
    let x = b.batch_norm(&format!("{name}.1"), &x, 1e-3);
    b.gelu(&x)
}

/// An inverted residual with squeeze and excitation, behind a norm.
fn mb_conv(b: &mut GraphBuilder, name: &str, x: &Value, channels: usize, stride: usize) -> Value {
    let part = |part: &str| format!("{name}.layers.{part}");
    let one = |outputs| ConvSpec { bias: true, ..ConvSpec::new(outputs, 1) };
    let wide = 4 * channels;
    let y = b.batch_norm(&part("pre_norm"), x, 1e-3);
    let y = conv_norm_gelu(b, &part("conv_a"), &y, ConvSpec::new(wide, 1));
    let depthwise = ConvSpec::new(wide, 3).stride(stride).groups(wide);
    let y = conv_norm_gelu(b, &part("conv_b"), &y, depthwise);
    let gate = b.global_pool(&y, GlobalPool::Mean);
    let gate = b.conv(&part("squeeze_excitation.fc1"), &gate, one(channels / 4));
    let gate = b.activate(&gate, Activation::Silu);
    let gate = b.conv(&part("squeeze_excitation.fc2"), &gate, one(wide));
    let gate = b.activate(&gate, Activation::Sigmoid);
    let y = b.combine(Binary::Mul, &y, &gate);
    let y = b.conv(&part("conv_c"), &y, one(channels));
    if stride == 1 && x.channels() == channels {
        return b.add(x, &y);
    }
    let x = b.average_pool(x, 3, stride, 1);
    let x = b.conv(&format!("{name}.proj.1"), &x, one(channels).padding(Padding::symmetric(0, 2)));
    b.add(&x, &y)
}

/// How a square image falls into parts, within which, or across which, tokens attend.
#[derive(Debug, Clone, Copy)]
struct Partition {
    /// The side of the image.
    side: usize,
    /// The side of a part.
    part: usize,
    /// Whether tokens attend to those at the same place of every part, not to those in their own.
    is_grid: bool,
}

impl Partition {
    /// From `[batch, channels, height, width]` to `[batch, groups, tokens, channels]`.
    fn part(self, b: &mut GraphBuilder, x: &Value) -> Value {
        let (channels, part) = (x.channels() as i64, self.part as i64);
        let count = (self.side / self.part) as i64;
        let x = b.reshape(x, &[-1, channels, count, part, count, part]);
        let x = b.permute(&x, &[0, 2, 4, 3, 5, 1]);
        let x = b.reshape(&x, &[-1, count * count, part * part, channels]);
        if self.is_grid { b.permute(&x, &[0, 2, 1, 3]) } else { x }
    }

    /// The inverse of [`Partition::part`].
    fn join(self, b: &mut GraphBuilder, x: &Value) -> Value {
        let (channels, part) = (x.channels() as i64, self.part as i64);
        let count = (self.side / self.part) as i64;
        let x = if self.is_grid { b.permute(x, &[0, 2, 1, 3]) } else { x.clone() };
        let x = b.reshape(&x, &[-1, count, count, part, part, channels]);
        let x = b.permute(&x, &[0, 5, 1, 3, 2, 4]);
        let side = count * part;
        b.reshape_image(&x, &[-1, channels, side, side])
    }

    /// How many groups of tokens there are.
    fn groups(self) -> i64 {
        let count = self.side / self.part;
        (if self.is_grid { self.part.pow(2) } else { count.pow(2) }) as i64
    }
}

/// Attention within the groups of a partition, and a perceptron.
fn attention(b: &mut GraphBuilder, name: &str, x: &Value, partition: Partition) -> Value {
    let x = partition.part(b, x);
    let y = b.layer_norm(&format!("{name}.attn_layer.0"), &x, 1e-5);
    let y = relative_attention(b, &format!("{name}.attn_layer.1"), &y, partition.groups());
    let x = b.add(&x, &y);
    let mlp = |index: usize| format!("{name}.mlp_layer.{index}");
    let y = b.layer_norm(&mlp(0), &x, 1e-5);
    let y = b.perceptron([&mlp(1), &mlp(3)], &y, 4 * x.channels());
    let x = b.add(&x, &y);
    partition.join(b, &x)
}

/// Attention of `x [batch, groups, tokens, channels]` within each group.
fn relative_attention(b: &mut GraphBuilder, name: &str, x: &Value, groups: i64) -> Value {
    let part = |part: &str| format!("{name}.{part}");
    let (channels, heads) = (x.channels(), x.channels() / HEAD);
    let (tokens, index) = (PARTITION.pow(2), [PARTITION.pow(2); 2]);
    let x = b.reshape(x, &[-1, tokens as i64, channels as i64]);
    let qkv = b.project(&part("to_qkv"), &x, 3 * channels);
    let [queries, keys, values] = b.split_heads(&qkv, heads);
    // By all channels, not by those of a head, as torchvision does.
    let keys = b.scale(&keys, (channels as f64).powf(-0.5));
    let scores = b.similarities(&queries, &keys);
    let table = [relative_positions::count(PARTITION), heads];
    let table = b.weight(&part("relative_position_bias_table"), &table);
    let bias = relative_positions::bias(b, name, &table, &index, PARTITION);
    let scores = b.combine(Binary::Add, &scores, &bias);
    let x = b.attend(&scores, &values, heads);
    let x = b.project(&part("merge"), &x, channels);
    b.reshape(&x, &[-1, groups, tokens as i64, channels as i64])
}
