//! Vision Transformer, as torchvision names it. Source: Dosovitskiy et al.: *An image is worth 16x16
//! words*, 2020, table 1. Those at larger images are torchvision's, trained end to end from SWAG:
//! they differ in the number of positions.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Binary, Padding};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::Architecture;

pub(super) const VIT_B_16: Architecture = vit("vit-b-16", |a, classes| build(a, classes, 16, BASE));
pub(super) const VIT_B_32: Architecture = vit("vit-b-32", |a, classes| build(a, classes, 32, BASE));
pub(super) const VIT_L_16: Architecture =
    Architecture { resize: 242, ..vit("vit-l-16", |a, classes| build(a, classes, 16, LARGE)) };
pub(super) const VIT_L_32: Architecture =
    vit("vit-l-32", |a, classes| build(a, classes, 32, LARGE));
pub(super) const VIT_H_14: Architecture =
    larger("vit-h-14", 224, |a, classes| build(a, classes, 14, HUGE));
pub(super) const VIT_B_16_384: Architecture =
    larger("vit-b-16-384", 384, |a, classes| build(a, classes, 16, BASE));
pub(super) const VIT_L_16_512: Architecture =
    larger("vit-l-16-512", 512, |a, classes| build(a, classes, 16, LARGE));
pub(super) const VIT_H_14_518: Architecture =
    larger("vit-h-14-518", 518, |a, classes| build(a, classes, 14, HUGE));

/// Blocks, heads, channels, channels within the perceptron.
type Sizes = (usize, usize, usize, usize);
const BASE: Sizes = (12, 12, 768, 3072);
const LARGE: Sizes = (24, 16, 1024, 4096);
const HUGE: Sizes = (32, 16, 1280, 5120);

type Build = fn(&Architecture, usize) -> Result<Graph, zoo_model::Error>;

const fn vit(name: &'static str, build: Build) -> Architecture {
    Architecture { name, head: "heads.head.weight", build, ..Architecture::USUAL }
}

/// Scaled to its size without a margin around the crop.
const fn larger(name: &'static str, size: usize, build: Build) -> Architecture {
    Architecture { size, resize: size as u32, filter: Filter::Bicubic, ..vit(name, build) }
}

fn build(
    architecture: &Architecture,
    classes: usize,
    patch: usize,
    (blocks, heads, channels, wide): Sizes,
) -> Result<Graph, zoo_model::Error> {
    let b = &mut GraphBuilder::new();
    let size = Some(architecture.size);
    let x = b.input("input", &[None, Some(3), size, size]);
    let patches = ConvSpec { bias: true, ..ConvSpec::new(channels, patch) };
    let patches = patches.stride(patch).padding(Padding::symmetric(0, 2));
    let x = b.conv("conv_proj", &x, patches);
    let x = b.reshape(&x, &[0, channels as i64, -1]);
    let x = b.permute(&x, &[0, 2, 1]);
    let token = b.weight("class_token", &[1, 1, channels]);
    let token = b.repeat_for_batch(&token, &x);
    let x = b.join(&[&token, &x], 1);
    let tokens = (architecture.size / patch).pow(2) + 1;
    let positions = b.weight("encoder.pos_embedding", &[1, tokens, channels]);
    let mut x = b.combine(Binary::Add, &x, &positions);
    for index in 0..blocks {
        x = block(b, &format!("encoder.layers.encoder_layer_{index}"), &x, heads, wide);
    }
    let x = b.layer_norm("encoder.ln", &x, 1e-6);
    let feature = b.pick(&x, 1, 0);
    let logits = b.linear("heads.head", &feature, channels, classes);
    std::mem::take(b).finish(&[("logits", &logits)])
}

/// Attention and perceptron, each behind a norm and around a residual.
fn block(b: &mut GraphBuilder, name: &str, x: &Value, heads: usize, wide: usize) -> Value {
    let part = |part: &str| format!("{name}.{part}");
    let y = b.layer_norm(&part("ln_1"), x, 1e-6);
    let y = attention(b, &part("self_attention"), &y, heads);
    let x = b.add(&y, x);
    let y = b.layer_norm(&part("ln_2"), &x, 1e-6);
    let y = b.perceptron([&part("mlp.0"), &part("mlp.3")], &y, wide);
    b.add(&x, &y)
}

/// PyTorch's `MultiheadAttention` of a value with itself.
fn attention(b: &mut GraphBuilder, name: &str, x: &Value, heads: usize) -> Value {
    let channels = x.channels();
    let weight = b.weight(&format!("{name}.in_proj_weight"), &[3 * channels, channels]);
    let bias = b.weight(&format!("{name}.in_proj_bias"), &[3 * channels]);
    let qkv = b.project_by(&format!("{name}.in_proj"), x, &weight, Some(&bias), 3 * channels);
    let [queries, keys, values] = b.split_heads(&qkv, heads);
    let queries = b.scale(&queries, ((channels / heads) as f64).powf(-0.5));
    let scores = b.similarities(&queries, &keys);
    let x = b.attend(&scores, &values, heads);
    b.project(&format!("{name}.out_proj"), &x, channels)
}
