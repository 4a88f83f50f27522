//! Operators that only arrange elements, and the arithmetic on shapes that goes with them.

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::known::spread;
use super::operand::{axes_of, axis_of, bounded, broadcast};
use super::slice::{Lists, Range};
use super::{OpError, Operands, Values, pad, space};
use crate::exec::primitive;
use crate::{DType, Fact};

/// The same elements in another arrangement. Where a list is `None`, or else empty though there
/// is an input for it, that further input lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Layout {
    /// The value as it is: `x`. ONNX `Identity`.
    Identity,
    /// Axes before `axis` become one, the others another: `x`. ONNX `Flatten`.
    Flatten {
        /// The first axis of the second group.
        axis: i64,
    },
    /// Another shape for the same elements: `x, shape?`; -1 is what is left, 0 the same as
    /// before. ONNX `Reshape`.
    Reshape {
        /// The shape.
        shape: Option<Vec<i64>>,
    },
    /// Another shape for the same elements, where 0 is a length as well: `x, shape?`; -1 is what
    /// is left. ONNX `Reshape` with `allowzero`.
    ReshapeWithZeros {
        /// The shape.
        shape: Option<Vec<i64>>,
    },
    /// Another order of axes: `x`. ONNX `Transpose`.
    Transpose {
        /// Which axis comes first, second, ...
        permutation: Vec<usize>,
    },
    /// Values one after the other along an axis: `a, b, ...`. ONNX `Concat`.
    Concat {
        /// The axis.
        axis: i64,
    },
    /// A part of each axis: `x, starts?, ends?, axes?, steps?`. ONNX `Slice`.
    Slice {
        /// The first index on each axis that is cut.
        starts: Option<Vec<i64>>,
        /// The index after the last.
        ends: Option<Vec<i64>>,
        /// The axes that are cut; the first ones if not given at all.
        axes: Option<Vec<i64>>,
        /// The steps, negative ones backwards; 1 if not given at all.
        steps: Option<Vec<i64>>,
    },
    /// Without some axes of length one: `x, axes?`. ONNX `Squeeze`.
    Squeeze {
        /// The axes; where none is listed at all, those of length one.
        axes: Vec<i64>,
    },
    /// With new axes of length one: `x, axes?`. ONNX `Unsqueeze`.
    Unsqueeze {
        /// Where they stand in the result.
        axes: Vec<i64>,
    },
    /// Repeated to a larger shape, by the rules of broadcasting: `x, shape?`. ONNX `Expand`.
    Expand {
        /// The shape.
        shape: Option<Vec<i64>>,
    },
    /// With a constant around it: `x, pads?, value?, axes?`. The input `pads` lists what goes
    /// before each of `axes`, or of all, then what goes after. ONNX `Pad`, mode `constant`.
    Pad {
        /// So many before and after, for each axis.
        pads: Vec<(usize, usize)>,
        /// The constant, unless there is an input for it.
        value: f32,
    },
    /// With its edge repeated around it: `x, pads?, unused?, axes?`. ONNX `Pad`, mode `edge`.
    PadEdge {
        /// So many before and after, for each axis.
        pads: Vec<(usize, usize)>,
    },
    /// With its mirror image around it, which does not repeat the edge: `x, pads?, unused?,
    /// axes?`. ONNX `Pad`, mode `reflect`.
    PadReflect {
        /// So many before and after, for each axis; fewer than it is long.
        pads: Vec<(usize, usize)>,
    },
    /// Each axis so many times over: `x, repeats?`. ONNX `Tile`.
    Tile {
        /// How often, for each axis.
        repeats: Option<Vec<i64>>,
    },
    /// Channels laid out as squares: `x [batch, channels, height, width]`. ONNX `DepthToSpace`.
    DepthToSpace {
        /// The side of a square.
        block: usize,
        /// Whether the channels of a square lie side by side, as in PyTorch's `PixelShuffle`
        /// (ONNX's `CRD`), and not all first ones before all second ones (`DCR`).
        crd: bool,
    },
    /// Squares laid out as channels: `x [batch, channels, height, width]`. ONNX `SpaceToDepth`.
    SpaceToDepth {
        /// The side of a square.
        block: usize,
    },
    /// The elements at some indices of an axis, negative ones counted from its end: `x,
    /// indices`. ONNX `Gather`.
    Gather {
        /// The axis.
        axis: i64,
    },
    /// The lengths of the axes, from one to another: `x`. ONNX `Shape`.
    Shape {
        /// The first axis.
        start: i64,
        /// The axis after the last, if not the end.
        end: Option<i64>,
    },
}

impl Layout {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Flatten { .. } => "flatten",
            Self::Reshape { .. } => "reshape",
            Self::ReshapeWithZeros { .. } => "reshape_with_zeros",
            Self::Transpose { .. } => "transpose",
            Self::Concat { .. } => "concat",
            Self::Slice { .. } => "slice",
            Self::Squeeze { .. } => "squeeze",
            Self::Unsqueeze { .. } => "unsqueeze",
            Self::Expand { .. } => "expand",
            Self::Pad { .. } => "pad",
            Self::PadEdge { .. } => "pad_edge",
            Self::PadReflect { .. } => "pad_reflect",
            Self::Tile { .. } => "tile",
            Self::DepthToSpace { .. } => "depth_to_space",
            Self::SpaceToDepth { .. } => "space_to_depth",
            Self::Gather { .. } => "gather",
            Self::Shape { .. } => "shape",
        }
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        let x = inputs.required(0)?;
        let rank = x.shape.len();
        let same = |shape: Vec<usize>| Fact { dtype: x.dtype, shape, known: x.known.clone() };
        let made = match self {
            Self::Identity => x.clone(),
            Self::Flatten { axis } => {
                let axis = if *axis == rank as i64 { rank } else { axis_of(*axis, rank)? };
                let (rows, columns) = x.shape.split_at(axis);
                same(vec![rows.iter().product(), columns.iter().product()])
            }
            Self::Reshape { shape } => {
                let wanted = given(shape.as_deref(), inputs, 1)?;
                same(reshaped(&x.shape, wanted, true)?)
            }
            Self::ReshapeWithZeros { shape } => {
                let wanted = given(shape.as_deref(), inputs, 1)?;
                same(reshaped(&x.shape, wanted, false)?)
            }
            Self::Transpose { permutation } => {
                let mut sorted = permutation.clone();
                sorted.sort_unstable();
                if sorted != (0..rank).collect::<Vec<_>>() {
                    return Err(OpError::new(format!(
                        "{permutation:?} is no order of {rank} axes"
                    )));
                }
                let shape = permutation.iter().map(|&axis| x.shape[axis]).collect();
                let known = x.known.clone().filter(|_| rank < 2);
                Fact { dtype: x.dtype, shape, known }
            }
            Self::Concat { axis } => concat(axis_of(*axis, rank)?, x, inputs)?,
            Self::Slice { .. } => self.infer_slice(x, inputs)?,
            Self::Squeeze { axes } => {
                let axes = listed(axes, inputs)?;
                let axes = if axes.is_empty() {
                    (0..rank).filter(|&axis| x.shape[axis] == 1).collect()
                } else {
                    axes_of(axes, rank)?
                };
                if let Some(axis) = axes.iter().find(|&&axis| x.shape[axis] != 1) {
                    return Err(OpError::new(format!("axis {axis} has length {}", x.shape[*axis])));
                }
                let keep = (0..rank).filter(|axis| !axes.contains(axis));
                same(keep.map(|axis| x.shape[axis]).collect())
            }
            Self::Unsqueeze { axes } => {
                let axes = listed(axes, inputs)?;
                let mut shape = x.shape.clone();
                for axis in axes_of(axes, rank + axes.len())? {
                    shape.insert(axis, 1);
                }
                same(shape)
            }
            Self::Expand { shape } => {
                let wanted = given(shape.as_deref(), inputs, 1)?;
                let wanted: Option<Vec<usize>> =
                    wanted.iter().map(|&dim| usize::try_from(dim).ok()).collect();
                let wanted = wanted.ok_or_else(|| OpError::new("a length is negative"))?;
                let shape = broadcast(&x.shape, &wanted)?;
                let known =
                    (shape.iter().product::<usize>() <= 1024).then(|| spread(x, &shape)).flatten();
                Fact { dtype: x.dtype, shape, known }
            }
            Self::Pad { .. } | Self::PadEdge { .. } | Self::PadReflect { .. } => {
                pad::infer(self, inputs)?
            }
            Self::Tile { repeats } => tiled(x, given(repeats.as_deref(), inputs, 1)?)?,
            Self::DepthToSpace { block, .. } => space::infer_to_space(*block, x)?,
            Self::SpaceToDepth { block } => space::infer_to_depth(*block, x)?,
            Self::Gather { axis } => gather(axis_of(*axis, rank)?, x, inputs)?,
            Self::Shape { start, end } => {
                let clamp = |at: i64| {
                    (if at < 0 { at + rank as i64 } else { at }).clamp(0, rank as i64) as usize
                };
                let (start, end) = (clamp(*start), clamp(end.unwrap_or(rank as i64)));
                let dims = x.shape.get(start..end).unwrap_or_default();
                Fact::ints([dims.len()], dims.iter().map(|&dim| dim as i64).collect::<Vec<_>>())
            }
        };
        Ok(vec![made])
    }

    /// What a [`Layout::Slice`] takes of each axis of `shape`.
    fn ranges(
        &self,
        shape: &[usize],
        operand: impl Fn(usize) -> Result<Option<Vec<i64>>, OpError>,
    ) -> Result<Vec<Range>, OpError> {
        let Self::Slice { starts, ends, axes, steps } = self else {
            return Err(OpError::new("not a slice"));
        };
        let list = |attribute: &Option<Vec<i64>>, index| match attribute {
            Some(list) => Ok(Some(list.clone())),
            None => operand(index),
        };
        let (starts, ends) = (list(starts, 1)?, list(ends, 2)?);
        Lists { starts, ends, axes: list(axes, 3)?, steps: list(steps, 4)? }.ranges(shape)
    }

    fn infer_slice(&self, x: &Fact, inputs: &Operands) -> Result<Fact, OpError> {
        let ranges = self.ranges(&x.shape, |index| {
            inputs.optional(index).map(|_| inputs.known(index).map(<[i64]>::to_vec)).transpose()
        })?;
        let shape = ranges.iter().map(|range| range.len()).collect();
        let known = match (&x.known, &ranges[..]) {
            (Some(known), [range]) => Some(range.of(known)),
            _ => None,
        };
        Ok(Fact { dtype: x.dtype, shape, known })
    }

    pub(super) fn run(&self, mut inputs: Values, made: &[Fact]) -> Result<DispatchTensor, OpError> {
        if let Self::Pad { .. } | Self::PadEdge { .. } | Self::PadReflect { .. } = self {
            return pad::run(self, inputs);
        }
        let x = inputs.take(0);
        let shape = &made[0].shape;
        Ok(match self {
            // Pads were handled above, since they read further inputs first.
            Self::Identity | Self::Pad { .. } | Self::PadEdge { .. } | Self::PadReflect { .. } => x,
            Self::Flatten { .. }
            | Self::Reshape { .. }
            | Self::ReshapeWithZeros { .. }
            | Self::Squeeze { .. }
            | Self::Unsqueeze { .. } => primitive::reshape(x, shape),
            Self::Transpose { permutation } => primitive::permute(x, permutation),
            Self::Concat { axis } => {
                let axis = axis_of(*axis, shape.len()).unwrap_or_default();
                let mut parts = vec![x];
                parts.extend((1..inputs.0.len()).filter_map(|index| inputs.optional(index)));
                primitive::concat(parts, axis)
            }
            Self::Slice { .. } => {
                let dims = primitive::shape(&x);
                let ranges = self.ranges(&dims, |index| {
                    Ok(inputs.0.get(index).cloned().flatten().map(primitive::read_i64))
                });
                let ranges = ranges?;
                let forward: Vec<_> =
                    ranges.iter().map(|range| (range.from, range.to, range.step)).collect();
                let reversed: Vec<usize> =
                    (0..ranges.len()).filter(|&axis| ranges[axis].reversed).collect();
                let x = primitive::slice(x, &forward);
                if reversed.is_empty() { x } else { primitive::flip(x, &reversed) }
            }
            Self::Expand { .. } => primitive::expand(x, shape),
            Self::Tile { .. } => {
                let dims = primitive::shape(&x);
                let factors = dims.iter().zip(shape).map(|(&from, &to)| to / from.max(1));
                let repeat = |x, (axis, times): (usize, usize)| match times {
                    0 => {
                        let mut none: Vec<(usize, usize, usize)> =
                            primitive::shape(&x).iter().map(|&dim| (0, dim, 1)).collect();
                        none[axis].1 = 0;
                        primitive::slice(x, &none)
                    }
                    1 => x,
                    times => primitive::repeat(x, axis, times),
                };
                factors.enumerate().fold(x, repeat)
            }
            Self::DepthToSpace { block, crd } => space::run_to_space(*block, *crd, x),
            Self::SpaceToDepth { block } => space::run_to_depth(*block, x),
            Self::Gather { axis } => {
                let dims = primitive::shape(&x);
                let axis = axis_of(*axis, dims.len())?;
                let picked = indices_within(inputs.take(1), dims[axis])?;
                primitive::reshape(primitive::select(x, axis, picked), shape)
            }
            Self::Shape { .. } => {
                let known = made[0].known.clone().unwrap_or_default();
                primitive::from_i64(&known, shape, &primitive::device(&x))
            }
        })
    }
}

/// A list given as an attribute, or else as input `index`.
fn given<'a>(
    attribute: Option<&'a [i64]>,
    inputs: &Operands<'a>,
    index: usize,
) -> Result<&'a [i64], OpError> {
    attribute.map_or_else(|| inputs.known(index), Ok)
}

/// A list of axes given as an attribute, or where that is empty, as input 1 if there is one.
fn listed<'a>(attribute: &'a [i64], inputs: &Operands<'a>) -> Result<&'a [i64], OpError> {
    if attribute.is_empty() && inputs.optional(1).is_some() {
        return inputs.known(1);
    }
    Ok(attribute)
}

/// `x`, so many times over along each axis.
fn tiled(x: &Fact, repeats: &[i64]) -> Result<Fact, OpError> {
    if repeats.len() != x.shape.len() {
        let rank = x.shape.len();
        return Err(OpError::new(format!("{} numbers repeat {rank} axes", repeats.len())));
    }
    let times = |(&dim, &times): (&usize, &i64)| dim.checked_mul(usize::try_from(times).ok()?);
    let shape: Option<Vec<usize>> = x.shape.iter().zip(repeats).map(times).collect();
    let refuse = || OpError::new(format!("{:?} cannot be repeated {repeats:?} times", x.shape));
    Ok(Fact { dtype: x.dtype, shape: bounded(shape.ok_or_else(refuse)?)?, known: None })
}

/// The shape that `wanted` means; with `copies`, 0 stands for the length as it was.
fn reshaped(from: &[usize], wanted: &[i64], copies: bool) -> Result<Vec<usize>, OpError> {
    let total: usize = from.iter().product();
    let refuse = || OpError::new(format!("{from:?} cannot become {wanted:?}"));
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (axis, &dim) in wanted.iter().enumerate() {
        shape.push(match dim {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if copies => *from.get(axis).ok_or_else(refuse)?,
            dim => usize::try_from(dim).map_err(|_| refuse())?,
        });
    }
    let filled = shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b)).ok_or_else(refuse)?;
    if let Some(axis) = open {
        if filled == 0 || !total.is_multiple_of(filled) {
            return Err(refuse());
        }
        shape[axis] = total / filled;
    } else if filled != total {
        return Err(refuse());
    }
    Ok(shape)
}

fn concat(axis: usize, first: &Fact, inputs: &Operands) -> Result<Fact, OpError> {
    let mut shape = first.shape.clone();
    let mut known = first.known.clone().filter(|_| shape.len() == 1);
    for index in 1..inputs.len() {
        let next = inputs.required(index)?;
        let fits = next.dtype == first.dtype
            && next.shape.len() == shape.len()
            && (0..shape.len()).all(|at| at == axis || next.shape[at] == shape[at]);
        if !fits {
            return Err(OpError::new(format!("input {index} does not continue the first")));
        }
        shape[axis] += next.shape[axis];
        known = known.zip(next.known.as_ref()).map(|(mut all, more)| {
            all.extend(more);
            all
        });
    }
    Ok(Fact { dtype: first.dtype, shape: bounded(shape)?, known })
}

fn gather(axis: usize, x: &Fact, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(2)?;
    let indices = inputs.required(1)?;
    let dim = x.shape[axis] as i64;
    let fits = |index: &i64| (-dim..dim).contains(index);
    if indices.dtype != DType::I64 || indices.known.iter().flatten().any(|index| !fits(index)) {
        return Err(OpError::new(format!("the indices must be whole numbers in -{dim}..{dim}")));
    }
    let mut shape = x.shape[..axis].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&x.shape[axis + 1..]);
    let known = match (&x.known, &indices.known) {
        (Some(known), Some(list)) if x.shape.len() == 1 => {
            Some(list.iter().map(|&index| known[index.rem_euclid(dim) as usize]).collect())
        }
        _ => None,
    };
    Ok(Fact { dtype: x.dtype, shape: bounded(shape)?, known })
}

/// `indices` of an axis of `length`, counted from its beginning; fails where one is beyond it,
/// which would be read from somewhere else.
pub(super) fn indices_within(
    indices: DispatchTensor,
    length: usize,
) -> Result<DispatchTensor, OpError> {
    let (shape, device) = (primitive::shape(&indices), primitive::device(&indices));
    let mut list = primitive::read_i64(indices.clone());
    let length = length as i64;
    if let Some(index) = list.iter().find(|index| !(-length..length).contains(*index)) {
        return Err(OpError::new(format!("the index {index} is beyond an axis of {length}")));
    }
    if list.iter().all(|&index| index >= 0) {
        return Ok(indices);
    }
    for index in &mut list {
        *index = index.rem_euclid(length);
    }
    Ok(primitive::from_i64(&list, &shape, &device))
}
