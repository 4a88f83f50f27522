//! How large the input is, and how images become it.

use zoo_model::preprocess::{Color, Resize};
use zoo_model::{DType, Preprocess, ValueInfo};

use super::network::{Network, Settings};
use super::wire::Message;
use super::wiring::{Input, Origin};

/// The most numbers that an input may have for each example: what a graph asks for is held in
/// memory.
const MAX_INPUT: usize = 1 << 31;

/// The input `input` with its batch open: as the file declares it, or else with images of the
/// height and width `size`. The error says what is wrong with the file.
pub(super) fn info(
    network: &Network,
    input: &Input,
    size: Option<[usize; 2]>,
) -> Result<ValueInfo, String> {
    let name = input.name;
    let dims = match declared(network, &input.origin)? {
        Some(dims) => dims,
        None => match (size, &input.origin) {
            (_, Origin::Layer(_, 1..)) => {
                return Err(format!("its output depends on `{name}`, which only training has"));
            }
            (Some([height, width]), _) => {
                vec![1, channels(network, &input.origin)?, height as i64, width as i64]
            }
            (None, _) => {
                return Err(format!(
                    "it does not say how large its input `{name}` is: the crop of its \
                     preprocessing must say"
                ));
            }
        },
    };
    let refused = || format!("its input `{name}` has the shape {dims:?}");
    let (_, rest) = dims.split_first().ok_or_else(refused)?;
    let lengths: Option<Vec<usize>> =
        rest.iter().map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0)).collect();
    let lengths = lengths.ok_or_else(refused)?;
    lengths
        .iter()
        .try_fold(1usize, |all, &dim| all.checked_mul(dim))
        .filter(|&all| all <= MAX_INPUT)
        .ok_or_else(refused)?;
    // The batch in the file is that of its training or of its benchmark.
    let shape = [None].into_iter().chain(lengths.into_iter().map(Some)).collect();
    Ok(ValueInfo { name: name.to_owned(), dtype: DType::F32, shape })
}

/// The shape that the file gives, batch included.
fn declared(network: &Network, origin: &Origin) -> Result<Option<Vec<i64>>, String> {
    let (layer, index) = match *origin {
        Origin::Network(shape) => return Ok(shape.map(<[i64]>::to_vec)),
        Origin::Layer(layer, index) => (layer, index),
    };
    if layer.kind == "Input" {
        let shapes = layer.settings(Settings::Input)?.messages(1)?;
        // One shape is that of all tops.
        let shape = if let [all] = shapes.as_slice() { Some(all) } else { shapes.get(index) };
        return Ok(shape.map(|shape| shape.integers(1)));
    }
    if index > 0 {
        return Ok(None);
    }
    if layer.kind == "MemoryData" {
        let settings = layer.settings(Settings::MemoryData)?;
        let dims: Option<Vec<i64>> = (2..=4).map(|field| settings.integer(field)).collect();
        return Ok(dims.map(|dims| [1].into_iter().chain(dims).collect()));
    }
    let transform = layer.settings(Settings::Transform)?;
    let (data, images) = (layer.settings(Settings::Data)?, layer.settings(Settings::ImageData)?);
    let given = |settings: &Message, field| settings.integer(field).filter(|&length| length > 0);
    // Since 2014, the crop stands among the transformations; before, it stood with the data.
    let crop = given(&transform, 3).or_else(|| given(&data, 5)).or_else(|| given(&images, 5));
    let size = crop.map(|crop| (crop, crop));
    let size = size.or_else(|| given(&images, 9).zip(given(&images, 10)));
    let Some((height, width)) = size else { return Ok(None) };
    Ok(Some(vec![1, channels(network, origin)?, height, width]))
}

/// How many channels images have: what the first convolution takes.
fn channels(network: &Network, origin: &Origin) -> Result<i64, String> {
    /// `TransformationParameter.force_gray`.
    const FORCE_GRAY: u32 = 7;
    if let Origin::Layer(layer, _) = origin
        && layer.settings(Settings::Transform)?.flag(FORCE_GRAY) == Some(true)
    {
        return Ok(1);
    }
    let unknown = || "it does not say how many channels its images have".to_owned();
    let mut layers = network.layers.iter();
    let first = layers.find(|layer| layer.kind == "Convolution").ok_or_else(unknown)?;
    let groups = first.settings(Settings::Convolution)?.integer(5).unwrap_or(1);
    let blobs = first.blobs()?;
    let taken = blobs.first().and_then(|blob| blob.shape.get(1)).ok_or_else(unknown)?;
    i64::try_from(*taken).ok().and_then(|taken| taken.checked_mul(groups)).ok_or_else(unknown)
}

/// How an image becomes `info`, which `input` declares: `None` where that is no image.
///
/// A file that was saved while training may give a mean for each channel, and a factor. Without
/// them it is what Caffe's own classifiers take: warped to a square of 256, the centre of that,
/// blue first, each channel less its mean over ImageNet.
pub(super) fn preprocess(input: &Input, info: &ValueInfo) -> Option<Preprocess> {
    /// The mean of `imagenet_mean.binaryproto`, as Caffe's own example of classification has it.
    const IMAGENET_MEAN: [f64; 3] = [104.0, 117.0, 123.0];
    let [None, Some(channels @ (1 | 3)), Some(height), Some(width)] = info.shape[..] else {
        return None;
    };
    let (mut mean, mut scale) = (Vec::new(), 1.0);
    if let Origin::Layer(layer, _) = input.origin {
        let transform = layer.settings(Settings::Transform).ok()?;
        mean = transform.floats(5).into_iter().map(f64::from).collect();
        scale = f64::from(transform.float(1).unwrap_or(1.0));
    }
    let mean = match mean.len() {
        1 => vec![mean[0]; channels],
        count if count == channels => mean,
        _ if channels == 3 => IMAGENET_MEAN.to_vec(),
        _ => vec![0.0],
    };
    let crop = [u32::try_from(height).ok()?, u32::try_from(width).ok()?];
    let larger = |side: u32| {
        if (192..=256).contains(&side) { 256 } else { side.saturating_add(side / 7) }
    };
    let preprocess = Preprocess {
        resize: Some(Resize::Exact(crop.map(larger))),
        antialias: false,
        crop: Some(crop),
        color: if channels == 3 { Color::Bgr } else { Color::Gray },
        scale,
        // Caffe scales last.
        mean: mean.into_iter().map(|mean| mean * scale).collect(),
        ..Preprocess::default()
    };
    preprocess.validate().is_ok().then_some(preprocess)
}
