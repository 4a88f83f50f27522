//! Other resolutions: transposed convolution, interpolation, sampled places and boxes.

use zoo_model::Op;
use zoo_model::ops::host::RoiAlign;
use zoo_model::ops::{
    ConvTranspose, Coordinates, GridMode, GridSample, Host, Interpolation, Nearest, Outside, Resize,
};

use super::super::attributes::Refusal;
use super::super::lowering::Role;
use super::super::node::NodeView;
use super::layers::{check_axes, padding};

pub(super) fn conv_transpose(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axes = match attributes.ints("kernel_shape")? {
        Some(kernel) => kernel.len(),
        None => node.rank(1)?.saturating_sub(2),
    };
    check_axes(axes)?;
    let groups = attributes.int("group")?.unwrap_or(1);
    let output_shape = match attributes.ints("output_shape")? {
        // Some writers give batch and channels as well.
        Some(shape) if shape.len() == axes + 2 => {
            let sizes = shape[2..].iter().map(|&size| usize::try_from(size).ok());
            Some(sizes.collect::<Option<Vec<_>>>().ok_or("its `output_shape` is negative")?)
        }
        Some(_) => Some(attributes.counts("output_shape", axes, 0)?),
        None => None,
    };
    let op = Op::ConvTranspose(ConvTranspose {
        stride: attributes.counts("strides", axes, 1)?,
        padding: padding(node, axes)?,
        output_padding: attributes.counts("output_padding", axes, 0)?,
        output_shape,
        dilation: attributes.counts("dilations", axes, 1)?,
        groups: usize::try_from(groups).map_err(|_| format!("it has {groups} groups"))?,
    });
    let mut inputs = vec![node.input(0)?, node.input_as(1, Role::Weight)?];
    if node.has(2) {
        inputs.push(node.input_as(2, Role::Weight)?);
    }
    node.emit(op, inputs)
}

/// Before version 11, places correspond by their first corners and the nearest is the one before.
pub(super) fn resize(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let old = node.opset() < 11;
    if attributes.flag("antialias")? {
        return Err("it smooths before it shrinks".to_owned());
    }
    if let Some(policy) = attributes.text("keep_aspect_ratio_policy")?
        && policy != "stretch"
    {
        return Err(format!("its `keep_aspect_ratio_policy` is `{policy}`"));
    }
    let nearest = match attributes.text("nearest_mode")?.unwrap_or("round_prefer_floor") {
        _ if old => Nearest::Floor,
        "round_prefer_floor" => Nearest::RoundPreferFloor,
        "round_prefer_ceil" => Nearest::RoundPreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => return Err(format!("its `nearest_mode` is `{other}`")),
    };
    let interpolation = match attributes.text("mode")?.unwrap_or("nearest") {
        "nearest" => Interpolation::Nearest(nearest),
        "linear" | "bilinear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic {
            coefficient: attributes.float("cubic_coeff_a")?.unwrap_or(-0.75),
            exclude_outside: attributes.flag("exclude_outside")?,
        },
        other => return Err(format!("its mode is `{other}`")),
    };
    let mode = attributes.text("coordinate_transformation_mode")?.unwrap_or("half_pixel");
    let coordinates = match mode {
        _ if old => Coordinates::Asymmetric,
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        "tf_half_pixel_for_nn" => Coordinates::TfHalfPixelForNn,
        "tf_crop_and_resize" => Coordinates::CropAndResize,
        other => return Err(format!("its `coordinate_transformation_mode` is `{other}`")),
    };
    let (scales_at, sizes_at) = if old { (1, usize::MAX) } else { (2, 3) };
    let filled = |tensor: &&zoo_model::Tensor| !tensor.is_empty();
    let sizes = node.constant(sizes_at).filter(filled).and_then(zoo_model::Tensor::to_i64);
    let scales = match attributes.floats("scales")? {
        Some(scales) => Some(scales.to_vec()),
        None => node.constant(scales_at).filter(filled).map(zoo_model::Tensor::to_f32),
    };
    let crops = coordinates == Coordinates::CropAndResize;
    let mut inputs = vec![node.input(0)?];
    let mut add = |node: &mut NodeView, index: usize, wanted: bool| {
        let name = if wanted { node.input(index)? } else { String::new() };
        inputs.push(name);
        Ok::<_, Refusal>(())
    };
    let roi = crops && node.has(1);
    add(node, 1, roi)?;
    let computed = node.is_computed(scales_at);
    add(node, scales_at, computed)?;
    let computed = node.is_computed(sizes_at);
    add(node, sizes_at, computed)?;
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let op = Op::Resize(Resize {
        interpolation,
        coordinates,
        scales: if sizes.is_some() { None } else { scales },
        sizes,
        axes: attributes.ints("axes")?.map(<[i64]>::to_vec),
        extrapolation: attributes.float("extrapolation_value")?.unwrap_or(0.0),
    });
    node.emit(op, inputs)
}

pub(super) fn grid_sample(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let mode = match attributes.text("mode")?.unwrap_or("bilinear") {
        "nearest" => GridMode::Nearest,
        "bilinear" | "linear" => GridMode::Bilinear,
        "bicubic" | "cubic" => GridMode::Bicubic,
        other => return Err(format!("its mode is `{other}`")),
    };
    let outside = match attributes.text("padding_mode")?.unwrap_or("zeros") {
        "zeros" => Outside::Zeros,
        "border" => Outside::Border,
        "reflection" => Outside::Reflection,
        other => return Err(format!("its `padding_mode` is `{other}`")),
    };
    if node.rank(0).is_ok_and(|rank| rank != 4) {
        return Err("only pictures with two axes are sampled".to_owned());
    }
    let align_corners = attributes.flag("align_corners")?;
    let inputs = vec![node.input(0)?, node.input(1)?];
    node.emit(Op::GridSample(GridSample { mode, outside, align_corners }), inputs)
}

pub(super) fn roi_align(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let count = |name: &str, default: i64| {
        let value = attributes.int(name)?.unwrap_or(default);
        let count = usize::try_from(value).ok().filter(|&count| count < 1 << 16);
        count.ok_or_else(|| format!("its `{name}` is {value}"))
    };
    // Before version 16, coordinates are not moved by half a pixel.
    let default = if node.opset() >= 16 { "half_pixel" } else { "output_half_pixel" };
    let align = RoiAlign {
        output: [count("output_height", 1)?, count("output_width", 1)?],
        sampling: count("sampling_ratio", 0)?,
        scale: attributes.float("spatial_scale")?.unwrap_or(1.0),
        half_pixel: match attributes.text("coordinate_transformation_mode")?.unwrap_or(default) {
            "half_pixel" => true,
            "output_half_pixel" => false,
            other => return Err(format!("its `coordinate_transformation_mode` is `{other}`")),
        },
        largest: match attributes.text("mode")?.unwrap_or("avg") {
            "avg" => false,
            "max" => true,
            other => return Err(format!("its mode is `{other}`")),
        },
    };
    let inputs = node.inputs(3)?;
    node.emit(Op::Host(Host::RoiAlign(align)), inputs)
}
