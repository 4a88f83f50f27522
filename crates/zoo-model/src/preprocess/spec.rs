//! The preprocessing of a model, as its card states it.

use serde::{Deserialize, Serialize};

use super::{Alpha, Color, Filter, Resize, geometry};

/// How an image becomes a model's input. All fields have defaults, and the default leaves
/// the size alone and maps bytes to `0.0..=1.0`.
///
/// Read from a card it is not yet checked: [`Preprocess::validate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// Resampling: `{ shorter = 256 }`, `{ exact = [height, width] }`, or left out for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// The resampling filter.
    pub filter: Filter,
    /// Whether the filter is stretched when reducing, as Pillow always does. Without, its
    /// support stays that of enlarging and pixels are skipped, as bilinear
    /// `torch.nn.functional.interpolate(align_corners=False)` does.
    pub antialias: bool,
    /// `[height, width]` of the centre crop, which pads with zeros where the image is
    /// smaller; left out for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "geometry::some_height_width"
    )]
    pub crop: Option<[u32; 2]>,
    /// The channels, in order.
    pub color: Color,
    /// What an alpha channel becomes.
    pub alpha: Alpha,
    /// Whether the EXIF orientation is applied. torchvision and Pillow leave it alone.
    pub exif: bool,
    /// Factor on bytes before mean and standard deviation; 1/255 unless given.
    pub scale: f64,
    /// Subtracted from each channel after scaling, in the order of `color`; empty for zero.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// Divides each channel last, in the order of `color`; empty for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f64>,
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            resize: None,
            filter: Filter::default(),
            antialias: true,
            crop: None,
            color: Color::default(),
            alpha: Alpha::default(),
            exif: false,
            scale: 1.0 / 255.0,
            mean: Vec::new(),
            std: Vec::new(),
        }
    }
}

impl Preprocess {
    /// What torchvision's `ImageNet` classifiers take unless they say otherwise
    /// (`torchvision.transforms._presets.ImageClassification`): shorter side to `resize`,
    /// centre crop to `crop` x `crop`, `ImageNet`'s mean and standard deviation.
    pub fn imagenet(resize: u32, crop: u32) -> Self {
        Self {
            resize: Some(Resize::Shorter(resize)),
            crop: Some([crop, crop]),
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
            ..Self::default()
        }
    }

    /// `[channels, height, width]` of every output, or `None` where it depends on the image.
    pub fn output_shape(&self) -> Option<[usize; 3]> {
        let [height, width] = match (self.crop, self.resize) {
            (Some(size), _) | (None, Some(Resize::Exact(size))) => size,
            (None, Some(Resize::Shorter(_)) | None) => return None,
        };
        Some([self.color.channels(), height as usize, width as usize])
    }
}
