//! How a row's input is made: as our preprocessing where that can say it, else in words.

use anyhow::{Context, Result};
use zoo_registry::{Color, Filter, Preprocessing, Resize};

use super::row::SeedRow;
use super::table::{Facts, VersionPlan};

/// What is done to an input.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    Image(Preprocessing),
    Words(String),
}

/// What `row` says is done to its input.
pub(super) fn of(
    row: &SeedRow,
    plan: &VersionPlan,
    antialias: bool,
    facts: &Facts,
) -> Result<Input> {
    if let Some(image) = image(row, plan, antialias)? {
        return Ok(Input::Image(image));
    }
    if plan.architecture.is_some()
        && let Some(image) = keras(row)
    {
        return Ok(Input::Image(image));
    }
    let text = row.preprocessing.as_str();
    if let Some(words) = facts.preparation.get(text) {
        return Ok(Input::Words(words.clone()));
    }
    let words = options(text).with_context(|| format!("preprocessing {text:?} is not known"))?;
    Ok(Input::Words(words))
}

fn image(row: &SeedRow, plan: &VersionPlan, antialias: bool) -> Result<Option<Preprocessing>> {
    let text = row.preprocessing.as_str();
    let parts: Vec<&str> = text.split(',').collect();
    if !text.starts_with("resize") || parts.last() != Some(&"nchw") {
        return Ok(None);
    }
    let numbers = |text: &str| -> Option<[f64; 3]> {
        let numbers: Vec<f64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        numbers.try_into().ok()
    };
    let value = |key: &str| parts.iter().find_map(|part| part.strip_prefix(key));
    let (mut resize, filter) = match parts[0].strip_prefix("resize_short=") {
        Some(sized) => {
            let (side, filter) = sized.split_once('(').context("no filter")?;
            let side = match plan.resize {
                Some(side) => side,
                None => side.parse().context("no length of the shorter side")?,
            };
            let filter = match filter {
                "bilinear)" => Filter::Bilinear,
                "bicubic)" => Filter::Bicubic,
                _ => return Ok(None),
            };
            (Resize::Shorter(side), filter)
        }
        // Caffe warps to a square, with OpenCV's bilinear filter.
        None => (Resize::Exact([256, 256]), Filter::Bilinear),
    };
    let side = match (plan.crop, value("center_crop=")) {
        (Some(side), _) => side,
        (None, Some(side)) => side.parse().context("the crop has no side")?,
        (None, None) => {
            let side = row.input_size.rsplit('x').next().unwrap_or_default();
            side.parse().context("the input has no side")?
        }
    };
    let mut crop = Some([side, side]);
    if let Some(size) = plan.resize_exact {
        (resize, crop) = (Resize::Exact(size), None);
    }
    let half = [0.5; 3];
    let mean = value("mean=").and_then(numbers).context("no mean")?;
    let std = value("std=").and_then(numbers).unwrap_or([1.0; 3]);
    Ok(Some(Preprocessing {
        resize,
        filter,
        antialias,
        crop,
        color: if parts.contains(&"bgr") { Color::Bgr } else { Color::Rgb },
        scale: if parts.contains(&"/255") { 1.0 / 255.0 } else { 1.0 },
        mean: if plan.transform_input { half } else { mean },
        std: if plan.transform_input { half } else { std },
    }))
}

/// What Keras does to pictures for its networks, whose numbers an architecture of ours takes as
/// channels, height and width. Keras' documentation warps them to the input's size.
fn keras(row: &SeedRow) -> Option<Preprocessing> {
    let mean = [0.485, 0.456, 0.406];
    let std = [0.229, 0.224, 0.225];
    let (color, scale, mean, std) = match row.preprocessing.as_str() {
        "caffe: bgr,mean=103.939 116.779 123.68,nhwc" => {
            (Color::Bgr, 1.0, [103.939, 116.779, 123.68], [1.0; 3])
        }
        // ConvNeXt's first layer, which has no place in our graph, does the same to 0..255.
        "torch: rgb,/255,mean=0.485 0.456 0.406,std=0.229 0.224 0.225,nhwc"
        | "0-255 rgb in; Normalization layer inside the model; nhwc" => {
            (Color::Rgb, 1.0 / 255.0, mean, std)
        }
        _ => return None,
    };
    let side = row.input_size.split('x').find_map(|side| side.parse().ok().filter(|n| *n > 3))?;
    Some(Preprocessing {
        resize: Resize::Exact([side, side]),
        filter: Filter::Bilinear,
        antialias: false,
        crop: None,
        color,
        scale,
        mean,
        std,
    })
}

/// In words what the Open Model Zoo's options of its converter say.
fn options(text: &str) -> Option<String> {
    let values = |key: &str| -> Option<String> {
        let (_, rest) = text.split_once(key)?;
        let (_, rest) = rest.split_once('[')?;
        let (values, _) = rest.split_once(']')?;
        let values = values.replace(", ", ",").replace(',', " ");
        Some(values)
    };
    let mean = values("--mean_values=")?;
    let order = if text.contains("--reverse_input_channels") { "RGB" } else { "BGR" };
    let scaled = values("--scale_values=").map(|s| format!(", divided by {s}")).unwrap_or_default();
    Some(format!(
        "{order} from 0 to 255 less {mean}{scaled}; the Open Model Zoo says nothing of resizing"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_open_model_zoo_in_words() {
        let words = options("--mean_values=data[104.0,117.0,123.0]").unwrap();
        assert!(words.starts_with("BGR from 0 to 255 less 104.0 117.0 123.0;"), "{words}");
        let text = "--reverse_input_channels --mean_values=input[127.5,127.5,127.5] \
                    --scale_values=input[58.395, 57.12, 57.375]";
        let words = options(text).unwrap();
        assert!(words.starts_with("RGB"), "{words}");
        assert!(
            words.contains("less 127.5 127.5 127.5, divided by 58.395 57.12 57.375"),
            "{words}"
        );
        assert_eq!(options("16 kHz mono"), None);
    }
}
