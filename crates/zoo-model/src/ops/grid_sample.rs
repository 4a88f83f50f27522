//! Values at places that are given one by one.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::primitive;

/// Pictures sampled at places: `x [batch, channels, height, width], grid [batch, rows, columns,
/// 2]`, where -1 and 1 are the edges and the horizontal coordinate comes first. Makes `[batch,
/// channels, rows, columns]`. ONNX `GridSample`.
///
/// Source: Jaderberg et al.: *Spatial transformer networks*, 2015. Gradients flow to both inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridSample {
    /// How values between pixels are made.
    pub mode: GridMode,
    /// What lies outside.
    pub outside: Outside,
    /// Whether the edges are the centres of the first and last pixels, not their outer sides.
    pub align_corners: bool,
}

/// How values between pixels are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridMode {
    /// The nearest pixel.
    Nearest,
    /// Four pixels around.
    Bilinear,
    /// Sixteen pixels around.
    Bicubic,
}

/// What lies outside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Zeros.
    Zeros,
    /// The pixels of the edge.
    Border,
    /// The picture in a mirror.
    Reflection,
}

/// Places along one axis: for each tap its index, as a float, and its weight.
type Taps = Vec<(DispatchTensor, DispatchTensor)>;

fn times(x: DispatchTensor, factor: f64) -> DispatchTensor {
    Dispatch::float_mul_scalar(x, Scalar::Float(factor))
}

fn plus(x: DispatchTensor, term: f64) -> DispatchTensor {
    Dispatch::float_add_scalar(x, Scalar::Float(term))
}

impl GridSample {
    pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(2)?;
        let (x, grid) = (&inputs.float(0)?.shape, &inputs.float(1)?.shape);
        let ([batch, channels, _, _], [batches, rows, columns, 2]) =
            (x.as_slice(), grid.as_slice())
        else {
            return Err(OpError::new("it takes pictures and a grid [batch, rows, columns, 2]"));
        };
        if batch != batches || x.contains(&0) {
            return Err(OpError::new("there must be a grid for each picture, and pixels in it"));
        }
        Ok(Fact::float(bounded(vec![*batch, *channels, *rows, *columns])?))
    }

    pub(super) fn run(self, mut inputs: Values, shape: &[usize]) -> DispatchTensor {
        let (x, grid) = (inputs.take(0), inputs.take(1));
        let input = primitive::shape(&x);
        let [batch, channels, height, width] = [input[0], input[1], input[2], input[3]];
        let places = shape[2] * shape[3];
        let coordinate = |index: usize, length: usize| {
            let ranges = [(0, batch, 1), (0, shape[2], 1), (0, shape[3], 1), (index, index + 1, 1)];
            let at = primitive::slice(grid.clone(), &ranges);
            self.taps(primitive::reshape(at, &[batch, 1, places]), length)
        };
        let (across, down) = (coordinate(0, width), coordinate(1, height));
        let pixels = primitive::reshape(x, &[batch, channels, height * width]);
        let mut sum: Option<DispatchTensor> = None;
        for (row, row_weight) in &down {
            for (column, column_weight) in &across {
                let whole =
                    |at: &DispatchTensor| Dispatch::float_into_int(at.clone(), IntDType::I64);
                let begin = Dispatch::int_mul_scalar(whole(row), Scalar::Int(width as i64));
                let at = Dispatch::int_add(begin, whole(column));
                // Where a place is no number, there is no telling what it became.
                let last = Scalar::Int((height * width) as i64 - 1);
                let at = Dispatch::int_clamp(at, Scalar::Int(0), last);
                let at = primitive::expand(at, &[batch, channels, places]);
                let value = primitive::gather(pixels.clone(), 2, at);
                let weight = Dispatch::float_mul(row_weight.clone(), column_weight.clone());
                let part = Dispatch::float_mul(value, weight);
                sum = Some(match sum {
                    Some(sum) => Dispatch::float_add(sum, part),
                    None => part,
                });
            }
        }
        let sum = sum.unwrap_or(pixels);
        primitive::reshape(sum, shape)
    }

    /// The pixels around the places `grid` of an axis of `length`, and how much each counts.
    fn taps(self, grid: DispatchTensor, length: usize) -> Taps {
        let length = length as f64;
        let (low, high) =
            if self.align_corners { (0.0, length - 1.0) } else { (-0.5, length - 0.5) };
        let mut at = if self.align_corners {
            times(plus(grid, 1.0), (length - 1.0) / 2.0)
        } else {
            times(plus(times(plus(grid, 1.0), length), -1.0), 0.5)
        };
        if self.mode == GridMode::Nearest {
            at = Dispatch::float_round(at);
        }
        let edge = |at| Dispatch::float_clamp(at, Scalar::Float(0.0), Scalar::Float(length - 1.0));
        // Between sixteen pixels, each is looked for outside on its own.
        at = match (self.mode, self.outside) {
            (GridMode::Bicubic, _) | (_, Outside::Zeros) => at,
            (_, Outside::Border) => edge(at),
            (_, Outside::Reflection) => reflect(at, low, high),
        };
        let tap = |index: DispatchTensor, weight: DispatchTensor| match self.outside {
            Outside::Zeros => {
                let inside = edge(index.clone());
                let equal = Dispatch::float_equal(inside.clone(), index, BoolDType::Native);
                let counts = Dispatch::bool_into_float(equal, FloatDType::F32);
                (inside, Dispatch::float_mul(weight, counts))
            }
            Outside::Border => (edge(index), weight),
            Outside::Reflection => (edge(Dispatch::float_round(reflect(index, low, high))), weight),
        };
        let first = match self.mode {
            GridMode::Nearest => Dispatch::float_round(at.clone()),
            _ => Dispatch::float_floor(at.clone()),
        };
        let one = primitive::ones(primitive::shape(&at), &at);
        if self.mode == GridMode::Nearest {
            return vec![tap(first, one)];
        }
        let rest = Dispatch::float_sub(at, first.clone());
        let left = Dispatch::float_sub(one, rest.clone());
        if self.mode == GridMode::Bilinear {
            return vec![tap(first.clone(), left), tap(plus(first, 1.0), rest)];
        }
        vec![
            tap(plus(first.clone(), -1.0), far(plus(rest.clone(), 1.0))),
            tap(first.clone(), near(rest)),
            tap(plus(first.clone(), 1.0), near(left.clone())),
            tap(plus(first, 2.0), far(plus(left, 1.0))),
        ]
    }
}

/// The slope of the cubic kernel at 1, as PyTorch has it.
const CUBIC: f64 = -0.75;

/// The cubic kernel up to a distance of one.
fn near(d: DispatchTensor) -> DispatchTensor {
    let inner = plus(times(d.clone(), CUBIC + 2.0), -(CUBIC + 3.0));
    let square = Dispatch::float_mul(d.clone(), d);
    plus(Dispatch::float_mul(inner, square), 1.0)
}

/// The cubic kernel from a distance of one to two.
fn far(d: DispatchTensor) -> DispatchTensor {
    let inner = plus(times(d.clone(), CUBIC), -5.0 * CUBIC);
    let inner = plus(Dispatch::float_mul(inner, d.clone()), 8.0 * CUBIC);
    plus(Dispatch::float_mul(inner, d), -4.0 * CUBIC)
}

/// Mirrored at `low` and `high` until it lies between them.
fn reflect(at: DispatchTensor, low: f64, high: f64) -> DispatchTensor {
    let range = high - low;
    if range <= 0.0 {
        return plus(times(at, 0.0), low);
    }
    let distance = Dispatch::float_abs(plus(at, -low));
    let turns = Dispatch::float_floor(times(distance.clone(), 0.5 / range));
    let rest = Dispatch::float_sub(distance, times(turns, 2.0 * range));
    let from_far = Dispatch::float_abs(plus(rest, -range));
    plus(Dispatch::float_neg(from_far), high)
}
