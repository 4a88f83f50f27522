//! Values at places between those of the input, along each axis on its own.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{OpError, Operands, Values};
use crate::exec::{Context, primitive};
use crate::{DType, Fact};

/// Another length for each axis, by interpolation: `x, roi?, scales?, sizes?`, of which one of
/// the last two is there, unless it is an attribute. ONNX `Resize`, `Upsample`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// What is made of the values around a place.
    pub interpolation: Interpolation,
    /// Which place of the input belongs to one of the output.
    pub coordinates: Coordinates,
    /// The factor of each axis.
    pub scales: Option<Vec<f32>>,
    /// The length of each axis.
    pub sizes: Option<Vec<i64>>,
    /// The axes that `scales`, `sizes` and `roi` are about; all if not given.
    pub axes: Option<Vec<i64>>,
    /// What stands where `CropAndResize` reaches outside the input.
    pub extrapolation: f32,
}

/// What is made of the values around a place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Interpolation {
    /// The nearest value.
    Nearest(Nearest),
    /// The two around it, each the more the nearer.
    Linear,
    /// The four around it. Keys: *Cubic convolution interpolation*, 1981.
    Cubic {
        /// The slope of the kernel at 1.
        coefficient: f32,
        /// Whether what lies outside does not count, instead of counting as the edge.
        exclude_outside: bool,
    },
}

/// Which value is the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nearest {
    /// Rounded, halves downwards.
    RoundPreferFloor,
    /// Rounded, halves upwards.
    RoundPreferCeil,
    /// The one before.
    Floor,
    /// The one after.
    Ceil,
}

/// Which place of the input belongs to one of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    /// Centres of pixels correspond.
    HalfPixel,
    /// The same, with the middle of both in one place even where a length was rounded.
    HalfPixelSymmetric,
    /// As `HalfPixel`, but the first one if there is only one.
    PytorchHalfPixel,
    /// First and last correspond.
    AlignCorners,
    /// First corners of pixels correspond.
    Asymmetric,
    /// As `HalfPixel`, but not moved back by the half.
    TfHalfPixelForNn,
    /// A part of the input, given in shares of it, becomes the output.
    CropAndResize,
}

/// One axis of a [`Resize`].
struct Line {
    input: usize,
    output: usize,
    scale: f64,
    /// The length before rounding.
    exact: f64,
    region: (f64, f64),
}

impl Resize {
    /// Whether only a run can tell the shape: factors are no whole numbers, which are known.
    pub(super) fn is_inference_only(&self) -> bool {
        self.scales.is_none() && self.sizes.is_none()
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(4)?;
        let x = inputs.required(0)?;
        if x.dtype != DType::F32 && !matches!(self.interpolation, Interpolation::Nearest(_)) {
            return Err(OpError::new("only floating-point numbers can be interpolated"));
        }
        let sizes = match (&self.sizes, inputs.optional(3)) {
            (None, Some(_)) => Some(inputs.known(3)?),
            _ => self.sizes.as_deref(),
        };
        if sizes.is_none() && self.scales.is_none() {
            return Err(OpError::needs_values("the factors depend on the data"));
        }
        if self.coordinates == Coordinates::CropAndResize && sizes.is_none() {
            return Err(OpError::needs_values("how much is cropped depends on the data"));
        }
        let lines = self.lines(&x.shape, self.scales.as_deref(), sizes, None)?;
        let shape = bounded(lines.iter().map(|line| line.output).collect())?;
        Ok(Fact { dtype: x.dtype, shape, known: None })
    }

    fn lines(
        &self,
        shape: &[usize],
        scales: Option<&[f32]>,
        sizes: Option<&[i64]>,
        roi: Option<&[f32]>,
    ) -> Result<Vec<Line>, OpError> {
        let rank = shape.len();
        let axes = match &self.axes {
            None => (0..rank).collect(),
            Some(axes) => axes
                .iter()
                .map(|&axis| super::operand::axis_of(axis, rank))
                .collect::<Result<Vec<_>, _>>()?,
        };
        let count = sizes.map_or_else(|| scales.map_or(0, <[f32]>::len), <[i64]>::len);
        let crops = self.coordinates == Coordinates::CropAndResize;
        if count != axes.len() || (crops && roi.is_some_and(|roi| roi.len() != 2 * count)) {
            return Err(OpError::new(format!(
                "{count} lengths or factors for {} axes",
                axes.len()
            )));
        }
        let whole = |&input: &usize| Line {
            input,
            output: input,
            scale: 1.0,
            exact: input as f64,
            region: (0.0, 1.0),
        };
        let mut lines: Vec<Line> = shape.iter().map(whole).collect();
        for (index, axis) in axes.into_iter().enumerate() {
            let line = &mut lines[axis];
            if let Some(roi) = roi.filter(|_| crops) {
                line.region = (f64::from(roi[index]), f64::from(roi[index + count]));
            }
            if let Some(sizes) = sizes {
                let size = usize::try_from(sizes[index]).ok().filter(|&size| size > 0);
                line.output =
                    size.ok_or_else(|| OpError::new(format!("a length is {}", sizes[index])))?;
                line.exact = line.output as f64;
                line.scale = line.exact / line.input.max(1) as f64;
                continue;
            }
            let scale = scales.map_or(1.0, |scales| f64::from(scales[index]));
            // In 32 bits, as ONNX Runtime does: a third of three is one.
            let region = (line.region.1 - line.region.0) as f32;
            let length = f64::from(line.input as f32 * region * scale as f32);
            if !(scale > 0.0 && length.is_finite() && length >= 1.0) {
                return Err(OpError::new(format!("an axis of {} by {scale}", line.input)));
            }
            line.output = length.floor() as usize;
            (line.scale, line.exact) = (scale, length);
        }
        Ok(lines)
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        context: &Context,
    ) -> Result<DispatchTensor, OpError> {
        let mut x = inputs.take(0);
        let roi = inputs.optional(1).map(primitive::read_f32);
        let roi = roi.filter(|roi| !roi.is_empty());
        let scales = inputs.optional(2).map(primitive::read_f32);
        let sizes = inputs.optional(3).map(primitive::read_i64);
        let scales = self.scales.clone().or(scales).filter(|scales| !scales.is_empty());
        let sizes = self.sizes.clone().or(sizes);
        let shape = primitive::shape(&x);
        let lines = self.lines(&shape, scales.as_deref(), sizes.as_deref(), roi.as_deref())?;
        let made = bounded(lines.iter().map(|line| line.output).collect())?;
        let float = primitive::kind(&x) == DType::F32;
        if !float && !matches!(self.interpolation, Interpolation::Nearest(_)) {
            return Err(OpError::new("only floating-point numbers can be interpolated"));
        }
        let mut inside: Option<DispatchTensor> = None;
        for (axis, line) in lines.iter().enumerate() {
            if line.output == line.input && line.scale == 1.0 && line.region == (0.0, 1.0) {
                continue;
            }
            let places: Vec<f64> = (0..line.output).map(|at| self.place(at, line)).collect();
            let last = line.input.saturating_sub(1) as f64;
            if self.coordinates == Coordinates::CropAndResize && float {
                let holds = places.iter().map(|place| f32::from((0.0..=last).contains(place)));
                let mut lifted = vec![1; made.len()];
                lifted[axis] = line.output;
                let holds = primitive::from_f32(holds.collect(), &lifted, context.device());
                inside = Some(match inside {
                    Some(others) => Dispatch::float_mul(others, holds),
                    None => holds,
                });
            }
            x = match self.interpolation {
                Interpolation::Nearest(nearest) => {
                    let index = |&place: &f64| nearest.round(place).clamp(0.0, last) as i64;
                    let indices: Vec<i64> = places.iter().map(index).collect();
                    let indices = primitive::from_i64(&indices, &[line.output], context.device());
                    primitive::select(x, axis, indices)
                }
                _ => self.blend(x, axis, line, &places, context),
            };
        }
        Ok(match inside {
            // Inside, nothing changes; outside, everything is the constant.
            Some(inside) => {
                let inside = primitive::expand(inside, &made);
                let value = burn_backend::Scalar::Float(f64::from(self.extrapolation));
                let outside = Dispatch::float_equal_elem(
                    inside,
                    burn_backend::Scalar::Float(0.0),
                    burn_backend::BoolDType::Native,
                );
                Dispatch::float_mask_fill(x, outside, value)
            }
            None => x,
        })
    }

    /// Where in the input the output's place `at` lies; in 32 bits, as ONNX Runtime computes it,
    /// since a place that is just short of another has another nearest value.
    fn place(&self, at: usize, line: &Line) -> f64 {
        let (x, scale, last) = (at as f32, line.scale as f32, line.input as f32 - 1.0);
        let half = (x + 0.5) / scale - 0.5;
        let (output, exact) = (line.output as f32, line.exact as f32);
        f64::from(match self.coordinates {
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners if line.output == 1 => 0.0,
            Coordinates::HalfPixel | Coordinates::PytorchHalfPixel => half,
            Coordinates::HalfPixelSymmetric => {
                let shift = line.input as f32 / 2.0 * (1.0 - output / exact);
                shift + half
            }
            Coordinates::AlignCorners => x * last / (exact - 1.0),
            Coordinates::Asymmetric => x / scale,
            Coordinates::TfHalfPixelForNn => (x + 0.5) / scale,
            Coordinates::CropAndResize => {
                let (start, end) = (line.region.0 as f32, line.region.1 as f32);
                if line.output == 1 {
                    0.5 * (start + end) * last
                } else {
                    start * last + x * (end - start) * last / (output - 1.0)
                }
            }
        })
    }

    /// The sum of the places that count along one axis, each times its weight.
    fn blend(
        &self,
        x: DispatchTensor,
        axis: usize,
        line: &Line,
        places: &[f64],
        context: &Context,
    ) -> DispatchTensor {
        let taps: Vec<Vec<(usize, f64)>> = places
            .iter()
            .map(|place| self.weights(place - place.floor(), place.floor(), line.input))
            .collect();
        let mut lifted = vec![1; primitive::shape(&x).len()];
        lifted[axis] = line.output;
        let part = |tap: usize| {
            let indices: Vec<i64> = taps.iter().map(|taps| taps[tap].0 as i64).collect();
            let weights: Vec<f32> = taps.iter().map(|taps| taps[tap].1 as f32).collect();
            let indices = primitive::from_i64(&indices, &[line.output], context.device());
            let weights = primitive::from_f32(weights, &lifted, context.device());
            Dispatch::float_mul(primitive::select(x.clone(), axis, indices), weights)
        };
        let count = taps.first().map_or(1, Vec::len);
        (1..count).fold(part(0), |sum, tap| Dispatch::float_add(sum, part(tap)))
    }

    /// The places that count and how much, for a place `rest` after the place `first`.
    fn weights(&self, rest: f64, first: f64, input: usize) -> Vec<(usize, f64)> {
        let last = input as f64 - 1.0;
        let Interpolation::Cubic { coefficient, exclude_outside } = self.interpolation else {
            let tap = |at: f64| at.clamp(0.0, last) as usize;
            return vec![(tap(first), 1.0 - rest), (tap(first + 1.0), rest)];
        };
        let a = f64::from(coefficient);
        let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
        let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
        let taps = [
            (first - 1.0, far(1.0 + rest)),
            (first, near(rest)),
            (first + 1.0, near(1.0 - rest)),
            (first + 2.0, far(2.0 - rest)),
        ];
        let counts = |(at, weight): (f64, f64)| {
            let counts = !exclude_outside || (0.0..=last).contains(&at);
            (at.clamp(0.0, last) as usize, if counts { weight } else { 0.0 })
        };
        let taps = taps.map(counts);
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        let scale = if exclude_outside { total } else { 1.0 };
        taps.map(|(at, weight)| (at, weight / scale)).to_vec()
    }
}

impl Nearest {
    fn round(self, place: f64) -> f64 {
        match self {
            Self::RoundPreferFloor => (place - 0.5).ceil(),
            Self::RoundPreferCeil => (place + 0.5).floor(),
            Self::Floor => place.floor(),
            Self::Ceil => place.ceil(),
        }
    }
}
