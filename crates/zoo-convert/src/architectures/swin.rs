//! Swin Transformer, versions 1 and 2, as torchvision names them. Sources: Liu et al.: *Swin
//! Transformer*, 2021, and *Swin Transformer V2*, 2022. Stochastic depth, which only serves
//! training from scratch, is left out.
//!
//! Images have their channels last: `[batch, height, width, channels]`.

use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::{Activation, Binary, Padding};
use zoo_model::preprocess::Filter;
use zoo_model::{Graph, GraphBuilder};

use super::{Architecture, relative_positions};

pub(super) const SWIN_T: Architecture =
    swin("swin-t", 232, |a, classes| build(a, classes, Version::One, TINY));
pub(super) const SWIN_S: Architecture =
    swin("swin-s", 246, |a, classes| build(a, classes, Version::One, SMALL));
pub(super) const SWIN_B: Architecture =
    swin("swin-b", 238, |a, classes| build(a, classes, Version::One, BASE));
pub(super) const SWIN_V2_T: Architecture =
    swin_v2("swin-v2-t", 260, |a, classes| build(a, classes, Version::Two, TINY));
pub(super) const SWIN_V2_S: Architecture =
    swin_v2("swin-v2-s", 260, |a, classes| build(a, classes, Version::Two, SMALL));
pub(super) const SWIN_V2_B: Architecture =
    swin_v2("swin-v2-b", 272, |a, classes| build(a, classes, Version::Two, BASE));

/// Channels and heads of the first stage, which double with each, and blocks in each.
type Sizes = (usize, usize, [usize; 4]);
const TINY: Sizes = (96, 3, [2, 2, 6, 2]);
const SMALL: Sizes = (96, 3, [2, 2, 18, 2]);
const BASE: Sizes = (128, 4, [2, 2, 18, 2]);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    /// Norms before attention and perceptron, scaled products, a learned table of positions.
    One,
    /// Norms after them, cosines, a table made by a small network.
    Two,
}

type Build = fn(&Architecture, usize) -> Result<Graph, zoo_model::Error>;

const fn swin(name: &'static str, resize: u32, build: Build) -> Architecture {
    let filter = Filter::Bicubic;
    Architecture { name, resize, filter, head: "head.weight", build, ..Architecture::USUAL }
}

const fn swin_v2(name: &'static str, resize: u32, build: Build) -> Architecture {
    Architecture { size: 256, ..swin(name, resize, build) }
}

fn build(
    architecture: &Architecture,
    classes: usize,
    version: Version,
    (channels, heads, depths): Sizes,
) -> Result<Graph, zoo_model::Error> {
    let mut swin = Swin { b: GraphBuilder::new(), version };
    let size = Some(architecture.size);
    let x = swin.b.input("input", &[None, Some(3), size, size]);
    let patches = ConvSpec { bias: true, ..ConvSpec::new(channels, 4) };
    let patches = patches.stride(4).padding(Padding::symmetric(0, 2));
    let x = swin.b.conv("features.0.0", &x, patches);
    let x = swin.b.channels_last(&x);
    let mut x = swin.b.layer_norm("features.0.2", &x, 1e-5);
    let mut side = architecture.size / 4;
    for (stage, depth) in depths.into_iter().enumerate() {
        if stage > 0 {
            x = swin.merge_patches(&format!("features.{}", 2 * stage), &x, side);
            side = side.div_ceil(2);
        }
        let windows = Windows::new(side, if version == Version::One { 7 } else { 8 });
        let mask = windows.mask(&mut swin.b);
        for index in 0..depth {
            let name = format!("features.{}.{index}", 2 * stage + 1);
            let mask = mask.as_ref().filter(|_| index % 2 == 1);
            x = swin.block(&name, &x, heads << stage, windows, mask);
        }
    }
    let b = &mut swin.b;
    let x = b.layer_norm("norm", &x, 1e-5);
    let x = b.channels_first(&x);
    let feature = b.global_average(&x);
    let logits = b.linear("head", &feature, feature.channels(), classes);
    swin.b.finish(&[("logits", &logits)])
}

/// How a square image falls into square windows.
#[derive(Debug, Clone, Copy)]
struct Windows {
    /// The side of the image.
    image: usize,
    /// The side of a window.
    window: usize,
    /// How many windows fit into the side of the image, once it is padded.
    count: usize,
}

impl Windows {
    fn new(image: usize, window: usize) -> Self {
        Self { image, window, count: image.div_ceil(window) }
    }

    fn padded(self) -> usize {
        self.count * self.window
    }

    /// What keeps tokens apart that came from opposite edges of the image when it was shifted by
    /// half a window: -100 for each pair of them, `[1, windows, 1, tokens, tokens]`. `None` where
    /// one window holds the image and nothing is shifted.
    fn mask(self, b: &mut GraphBuilder) -> Option<Value> {
        let Self { window, count, .. } = self;
        if count < 2 {
            return None;
        }
        // Along each axis there are three regions: most of the image, the part of the last window
        // that was there before, and what was shifted into it.
        let region = |at: usize| match self.padded() - at {
            left if left > window => 0.0f32,
            left if left > window / 2 => 1.0,
            _ => 2.0,
        };
        let regions: Vec<f32> = (0..self.padded()).map(region).collect();
        let rows: Vec<f32> = regions.iter().map(|region| 3.0 * region).collect();
        let rows = b.constant(&[count, 1, window, 1], &rows);
        let columns = b.constant(&[1, count, 1, window], &regions);
        let regions = b.combine(Binary::Add, &rows, &columns);
        let (windows, tokens) = (count.pow(2) as i64, window.pow(2) as i64);
        let first = b.reshape(&regions, &[1, windows, 1, tokens, 1]);
        let second = b.reshape(&regions, &[1, windows, 1, 1, tokens]);
        Some(b.where_equal(&first, &second, 0.0, -100.0))
    }

    /// From `[batch, height, width, channels]` to `[batch windows, tokens, channels]`.
    fn part(self, b: &mut GraphBuilder, x: &Value) -> Value {
        let (count, window) = (self.count as i64, self.window as i64);
        let channels = x.channels() as i64;
        let x = b.reshape(x, &[-1, count, window, count, window, channels]);
        let x = b.permute(&x, &[0, 1, 3, 2, 4, 5]);
        b.reshape(&x, &[-1, window * window, channels])
    }

    /// The inverse of [`Windows::part`].
    fn join(self, b: &mut GraphBuilder, x: &Value) -> Value {
        let (count, window) = (self.count as i64, self.window as i64);
        let channels = x.channels() as i64;
        let x = b.reshape(x, &[-1, count, count, window, window, channels]);
        let x = b.permute(&x, &[0, 1, 3, 2, 4, 5]);
        b.reshape(&x, &[-1, count * window, count * window, channels])
    }

    /// Both axes moved by `shift` places towards their beginning.
    fn roll(self, b: &mut GraphBuilder, x: &Value, shift: usize) -> Value {
        let x = b.roll(x, 1, self.padded(), shift);
        b.roll(&x, 2, self.padded(), shift)
    }
}

struct Swin {
    b: GraphBuilder,
    version: Version,
}

impl Swin {
    /// Attention in windows and a perceptron, each around a residual.
    fn block(
        &mut self,
        name: &str,
        x: &Value,
        heads: usize,
        windows: Windows,
        mask: Option<&Value>,
    ) -> Value {
        let part = |part: &str| format!("{name}.{part}");
        let mlp = [part("mlp.0"), part("mlp.3")];
        let mlp = [mlp[0].as_str(), mlp[1].as_str()];
        let wide = 4 * x.channels();
        match self.version {
            Version::One => {
                let y = self.b.layer_norm(&part("norm1"), x, 1e-5);
                let y = self.attention(&part("attn"), &y, heads, windows, mask);
                let x = self.b.add(x, &y);
                let y = self.b.layer_norm(&part("norm2"), &x, 1e-5);
                let y = self.b.perceptron(mlp, &y, wide);
                self.b.add(&x, &y)
            }
            Version::Two => {
                let y = self.attention(&part("attn"), x, heads, windows, mask);
                let y = self.b.layer_norm(&part("norm1"), &y, 1e-5);
                let x = self.b.add(x, &y);
                let y = self.b.perceptron(mlp, &x, wide);
                let y = self.b.layer_norm(&part("norm2"), &y, 1e-5);
                self.b.add(&x, &y)
            }
        }
    }

    /// Attention within windows, which are shifted by half of one where there is a mask.
    fn attention(
        &mut self,
        name: &str,
        x: &Value,
        heads: usize,
        windows: Windows,
        mask: Option<&Value>,
    ) -> Value {
        let Windows { image, window, count } = windows;
        let (shift, margin) = (window / 2, windows.padded() - image);
        let channels = x.channels();
        let b = &mut self.b;
        let mut x = x.clone();
        if margin > 0 {
            x = b.pad_after(&x, &[0, margin, margin, 0]);
        }
        if mask.is_some() {
            x = windows.roll(b, &x, shift);
        }
        let x = windows.part(b, &x);
        let qkv = self.queries_keys_values(&format!("{name}.qkv"), &x);
        let [queries, keys, values] = self.b.split_heads(&qkv, heads);
        let scores = self.scores(name, &queries, &keys, heads);
        let bias = self.position_bias(name, heads, window);
        let b = &mut self.b;
        let mut scores = b.combine(Binary::Add, &scores, &bias);
        if let Some(mask) = mask {
            let (heads, tokens) = (heads as i64, window.pow(2) as i64);
            scores = b.reshape(&scores, &[-1, count.pow(2) as i64, heads, tokens, tokens]);
            scores = b.combine(Binary::Add, &scores, mask);
            scores = b.reshape(&scores, &[-1, heads, tokens, tokens]);
        }
        let x = b.attend(&scores, &values, heads);
        let x = b.project(&format!("{name}.proj"), &x, channels);
        let mut x = windows.join(b, &x);
        if mask.is_some() {
            x = windows.roll(b, &x, windows.padded() - shift);
        }
        if margin > 0 {
            x = b.slice(&x, &[(1, 0, image, 1), (2, 0, image, 1)]);
        }
        x
    }

    fn queries_keys_values(&mut self, name: &str, x: &Value) -> Value {
        let (b, channels) = (&mut self.b, x.channels());
        if self.version == Version::One {
            return b.project(name, x, 3 * channels);
        }
        // Keys have no bias: its part of the parameter is there but counts for nothing.
        let weight = b.weight(&format!("{name}.weight"), &[3 * channels, channels]);
        let bias = b.weight(&format!("{name}.bias"), &[3 * channels]);
        let queries = b.slice(&bias, &[(0, 0, channels, 1)]);
        let keys = b.constant(&[channels], &vec![0.0; channels]);
        let values = b.slice(&bias, &[(0, 2 * channels, 3 * channels, 1)]);
        let bias = b.join(&[&queries, &keys, &values], 0);
        b.project_by(name, x, &weight, Some(&bias), 3 * channels)
    }

    fn scores(&mut self, name: &str, queries: &Value, keys: &Value, heads: usize) -> Value {
        let b = &mut self.b;
        if self.version == Version::One {
            let queries = b.scale(queries, (queries.channels() as f64).powf(-0.5));
            return b.similarities(&queries, keys);
        }
        let (queries, keys) = (b.unit_length(queries), b.unit_length(keys));
        let cosines = b.similarities(&queries, &keys);
        let scale = b.weight(&format!("{name}.logit_scale"), &[heads, 1, 1]);
        let most = Activation::Clip { min: None, max: Some(100f32.ln()) };
        let scale = b.activate(&scale, most);
        let scale = b.exp(&scale);
        b.combine(Binary::Mul, &cosines, &scale)
    }

    /// What the relative position of two tokens adds to their score, for each head.
    fn position_bias(&mut self, name: &str, heads: usize, window: usize) -> Value {
        let (b, positions) = (&mut self.b, relative_positions::count(window));
        let index = [window.pow(4)];
        if self.version == Version::One {
            let table =
                b.weight(&format!("{name}.relative_position_bias_table"), &[positions, heads]);
            return relative_positions::bias(b, name, &table, &index, window);
        }
        let table = relative_positions::coordinates(b, name, window);
        let table = b.project(&format!("{name}.cpb_mlp.0"), &table, 512);
        let table = b.relu(&table);
        let table = b.project_unbiased(&format!("{name}.cpb_mlp.2"), &table, heads);
        let table = b.reshape(&table, &[positions as i64, heads as i64]);
        let bias = relative_positions::bias(b, name, &table, &index, window);
        let bias = b.activate(&bias, Activation::Sigmoid);
        b.scale(&bias, 16.0)
    }

    /// Half the side and twice the channels: four neighbours become one.
    fn merge_patches(&mut self, name: &str, x: &Value, side: usize) -> Value {
        let (b, outputs) = (&mut self.b, 2 * x.channels());
        let (mut x, mut side) = (x.clone(), side);
        if side % 2 == 1 {
            x = b.pad_after(&x, &[0, 1, 1, 0]);
            side += 1;
        }
        let neighbours = [(0, 0), (1, 0), (0, 1), (1, 1)]
            .map(|(down, right)| b.slice(&x, &[(1, down, side, 2), (2, right, side, 2)]));
        let x = b.join(&neighbours.each_ref(), -1);
        let (norm, reduction) = (format!("{name}.norm"), format!("{name}.reduction"));
        if self.version == Version::One {
            let x = b.layer_norm(&norm, &x, 1e-5);
            return b.project_unbiased(&reduction, &x, outputs);
        }
        let x = b.project_unbiased(&reduction, &x, outputs);
        b.layer_norm(&norm, &x, 1e-5)
    }
}
