//! What the host computes, and what is made of positions that it finds.

use zoo_model::ops::host::WindowKind;
use zoo_model::ops::{CumulativeSum, Einsum, Host, Layout};
use zoo_model::{DType, Op};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::super::tensor;

/// What is computed on the host as it is.
pub(super) fn lower(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let window = |kind| {
        let periodic = attributes.int("periodic")?.unwrap_or(1) != 0;
        Ok::<_, Refusal>(Host::Window { kind, periodic })
    };
    let host = match node.op_type() {
        "NonZero" => Host::NonZero,
        "NonMaxSuppression" => {
            Host::NonMaxSuppression { center_point_box: attributes.flag("center_point_box")? }
        }
        "Unique" => Host::Unique {
            axis: attributes.int("axis")?,
            sorted: attributes.int("sorted")?.unwrap_or(1) != 0,
        },
        "Range" => Host::Range,
        "EyeLike" => {
            let like = || node.data_type(0).unwrap_or(1);
            let dtype = attributes.int("dtype")?.map_or_else(like, |dtype| dtype as i32);
            Host::EyeLike {
                diagonal: attributes.int("k")?.unwrap_or(0),
                dtype: tensor::dtype(dtype)?,
            }
        }
        "HannWindow" => window(WindowKind::Hann)?,
        "HammingWindow" => window(WindowKind::Hamming)?,
        "BlackmanWindow" => window(WindowKind::Blackman)?,
        "MelWeightMatrix" => Host::MelWeightMatrix,
        "DFT" => {
            let axis = match attributes.int("axis")? {
                Some(axis) => axis,
                // From version 20 on, the axis is an input.
                None if node.has(2) => {
                    let list = node.constant_ints(2)?.unwrap_or_default();
                    list.first().copied().ok_or("its axis is no number")?
                }
                None if node.opset() >= 20 => -2,
                None => 1,
            };
            let (inverse, onesided) = (attributes.flag("inverse")?, attributes.flag("onesided")?);
            if inverse && onesided {
                return Err("it goes back from one side".to_owned());
            }
            let inputs = node.inputs(2)?;
            return node.emit(Op::Host(Host::Dft { axis, inverse, onesided }), inputs);
        }
        "STFT" => Host::Stft { onesided: attributes.int("onesided")?.unwrap_or(1) != 0 },
        "Det" => Host::Det,
        other => return Err(format!("{other} is not computed on the host")),
    };
    let inputs = node.inputs(node.input_count())?;
    node.emit_all(Op::Host(host), inputs);
    Ok(())
}

/// The best elements: where they are, and what is there, through which gradients flow.
///
/// The count is an attribute before version 10. They come sorted even where that is not asked.
pub(super) fn top_k(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axis = attributes.int("axis")?.unwrap_or(-1);
    let largest = attributes.int("largest")?.unwrap_or(1) != 0;
    let x = node.input(0)?;
    let count = match attributes.int("k")? {
        Some(count) => node.own_parameter("k", zoo_model::Tensor::from_i64(&[1], &[count])),
        None => node.input(1)?,
    };
    let op = Op::Host(Host::TopK { axis, largest });
    let indices = if node.is_output_read(1) {
        node.emit_output(1, op, vec![x.clone(), count])?;
        node.output(1)?
    } else {
        node.step(op, vec![x.clone(), count])
    };
    if !node.is_output_read(0) {
        return Ok(());
    }
    node.emit_output(0, Op::GatherElements { axis }, vec![x, indices])
}

/// The parts for which a condition holds: those at the places where it is not zero.
pub(super) fn compress(node: &mut NodeView) -> Result<(), Refusal> {
    let flat = || Op::Layout(Layout::Reshape { shape: Some(vec![-1]) });
    let (mut x, condition) = (node.input(0)?, node.input(1)?);
    let axis = node.attributes().int("axis")?;
    if axis.is_none() {
        x = node.step(flat(), vec![x]);
    }
    let places = node.step(Op::Host(Host::NonZero), vec![condition]);
    let places = node.step(flat(), vec![places]);
    node.emit(Op::Layout(Layout::Gather { axis: axis.unwrap_or(0) }), vec![x, places])
}

pub(super) fn reverse_sequence(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let axis = |name: &str, default: i64| {
        let axis = attributes.int(name)?.unwrap_or(default);
        usize::try_from(axis).map_err(|_| format!("its `{name}` is {axis}"))
    };
    let (time_axis, batch_axis) = (axis("time_axis", 0)?, axis("batch_axis", 1)?);
    let (x, lengths) = (node.input(0)?, node.input(1)?);
    let op = Op::Host(Host::ReverseIndices { time_axis, batch_axis });
    let indices = node.step(op, vec![x.clone(), lengths]);
    node.emit(Op::GatherElements { axis: time_axis as i64 }, vec![x, indices])
}

pub(super) fn cumulative_sum(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let sum = CumulativeSum {
        exclusive: attributes.flag("exclusive")?,
        reverse: attributes.flag("reverse")?,
    };
    let inputs = vec![node.input(0)?, node.input(1)?];
    node.emit(Op::CumulativeSum(sum), inputs)
}

pub(super) fn einsum(node: &mut NodeView) -> Result<(), Refusal> {
    let equation = node.attributes().text("equation")?.ok_or("it has no equation")?;
    if (0..node.input_count()).any(|index| node.dtype(index) == Some(DType::I64)) {
        return Err("it multiplies whole numbers".to_owned());
    }
    let inputs = node.all_inputs()?;
    node.emit(Op::Einsum(Einsum { equation: equation.to_owned() }), inputs)
}
