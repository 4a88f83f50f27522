//! How an image becomes the model's input, as data. The model crate gives it its meaning;
//! this crate only carries it and refuses numbers that cannot be meant.

use serde::{Deserialize, Serialize};

/// From a decoded image to `[3, height, width]`: resize, crop, then
/// `(value * scale - mean) / std` for each channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// The size to resize to, in pixels.
    pub resize: Resize,
    /// The filter to resize with.
    pub filter: Filter,
    /// Whether the filter widens when it shrinks the image, as Pillow does.
    pub antialias: bool,
    /// Height and width of the central crop, in pixels; without it nothing is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<[u32; 2]>,
    /// The order of the channels.
    pub color: Color,
    /// What each byte (0 to 255) is multiplied by.
    pub scale: f64,
    /// Subtracted from each scaled channel.
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
}

/// The size an image is resized to, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter side gets this length, the aspect ratio stays.
    Shorter(u32),
    /// Exactly this height and width.
    Exact([u32; 2]),
}

/// A resampling filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// The mean of the pixels under a box.
    Box,
    /// Linear in both directions.
    Bilinear,
    /// Cubic convolution.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// The order of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Longest side that is accepted, in pixels: beyond it a mistake is likelier than a model.
const MAX_SIDE: u32 = 8192;

impl Preprocessing {
    /// Everything that cannot be meant, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut sides = |what: &str, sides: &[u32]| {
            if sides.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
                problems.push(format!("{what} {sides:?} is not within 1 to {MAX_SIDE} pixels"));
            }
        };
        match self.resize {
            Resize::Shorter(side) => sides("resize", &[side]),
            Resize::Exact(size) => sides("resize", &size),
        }
        if let Some(crop) = self.crop {
            sides("crop", &crop);
            let shortest = match self.resize {
                Resize::Shorter(side) => [side, side],
                Resize::Exact(size) => size,
            };
            if crop[0] > shortest[0] || crop[1] > shortest[1] {
                problems.push(format!("crop {crop:?} is larger than the resized image"));
            }
        }
        if !self.scale.is_finite() || self.scale <= 0.0 {
            problems.push(format!("scale {} is not a positive number", self.scale));
        }
        if self.mean.iter().any(|m| !m.is_finite()) {
            problems.push("mean has a value that is not finite".to_owned());
        }
        if self.std.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            problems.push("std has a value that is not a positive number".to_owned());
        }
        problems
    }
}
