//! Operators computed on the host, in plain loops: for inference, exact rather than fast.
//!
//! Their results depend on the numbers themselves (which elements are not zero, which boxes
//! stay) or are whole numbers of limited width. What is made of floating-point numbers carries no
//! gradient; positions, as `TopK` makes them, need none.

mod generate;
mod linear_integer;
mod operands;
mod quantize;
mod region;
mod select;
mod spectral;
mod suppress;
mod unique;

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::operand::{axis_of, bounded};
use super::{Conv, OpError, Operands, Values};
use crate::exec::{Context, primitive};
use crate::{DType, Fact, Tensor};
pub use generate::WindowKind;
use operands::Inputs;
pub use quantize::Width;
pub use region::{RoiAlign, WindowIndices};

/// An operator that is computed on the host. Whole numbers of any width are computed as `I64`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Host {
    /// Where elements are not zero, `[rank, found]`: `x`. ONNX `NonZero`.
    NonZero,
    /// Which boxes stay, `[found, 3]` of batch, class and box: `boxes [batch, boxes, 4], scores
    /// [batch, classes, boxes], most_boxes?, iou_threshold?, score_threshold?`. ONNX
    /// `NonMaxSuppression`.
    NonMaxSuppression {
        /// Whether a box is centre and size, not two corners.
        center_point_box: bool,
    },
    /// The elements or slices that differ, where each first stands, which of them each one is,
    /// and how often: `x`. ONNX `Unique`.
    Unique {
        /// The axis of slices; single elements if there is none.
        axis: Option<i64>,
        /// Whether they are sorted, not in order of appearance.
        sorted: bool,
    },
    /// Where the largest or smallest elements along an axis stand, best first: `x, count`. ONNX
    /// `TopK`, whose second output this is.
    TopK {
        /// The axis; negative counts from the last.
        axis: i64,
        /// Whether the largest are wanted.
        largest: bool,
    },
    /// Where each element comes from when the first elements of each sequence are reversed: `x,
    /// lengths [batch]`. ONNX `ReverseSequence`.
    ReverseIndices {
        /// The axis of time.
        time_axis: usize,
        /// The axis of sequences.
        batch_axis: usize,
    },
    /// Numbers in steps: `start, limit, step`. ONNX `Range`.
    Range,
    /// Ones on a diagonal of a matrix like `x`, zeros elsewhere. ONNX `EyeLike`.
    EyeLike {
        /// Which diagonal; positive ones lie above the main one.
        diagonal: i64,
        /// The type of its elements.
        dtype: DType,
    },
    /// The weights of a window: `size`. ONNX `HannWindow`, `HammingWindow`, `BlackmanWindow`.
    Window {
        /// Which.
        kind: WindowKind,
        /// Whether it would go on after its end as it begins.
        periodic: bool,
    },
    /// The weights that make mel bands of a spectrum: `bands, dft_length, sample_rate, lower_hertz,
    /// upper_hertz`. ONNX `MelWeightMatrix`.
    MelWeightMatrix,
    /// The discrete Fourier transform of `x [batch, ..., 1 or 2], length?`. ONNX `DFT`.
    Dft {
        /// The axis of the signal.
        axis: i64,
        /// Whether it goes back.
        inverse: bool,
        /// Whether only the half that determines the rest comes out.
        onesided: bool,
    },
    /// Fourier transforms of overlapping parts: `signal [batch, length, 1 or 2], step, window?,
    /// frame_length?`. ONNX `STFT`.
    Stft {
        /// Whether only the half that determines the rest comes out.
        onesided: bool,
    },
    /// Determinants of the matrices in the last two axes: `x`. ONNX `Det`.
    Det,
    /// Boxes of pictures, pooled to one size: `x [batch, channels, height, width], boxes [count,
    /// 4], batch_indices [count]`. ONNX `RoiAlign`.
    RoiAlign(RoiAlign),
    /// Where the largest element of each window stands in the flattened input: `x`. ONNX
    /// `MaxPool`, whose second output this is.
    MaxPoolIndices(WindowIndices),
    /// Elements put back to where a maximum pooling took them from: `x, indices, shape?`. ONNX
    /// `MaxUnpool`.
    MaxUnpool(WindowIndices),
    /// Rounded to steps of a scale: `x, scale, zero_point?`. ONNX `QuantizeLinear`.
    Quantize {
        /// The axis along which scale and zero point go, if they are lists.
        axis: i64,
        /// The range in which results are kept.
        width: Width,
    },
    /// Steps of a scale as numbers: `x, scale, zero_point?`. ONNX `DequantizeLinear`.
    Dequantize {
        /// The axis along which scale and zero point go, if they are lists.
        axis: i64,
    },
    /// Rounded to 256 steps of a scale that fits: `x`; makes steps, scale and zero point. ONNX
    /// `DynamicQuantizeLinear`.
    DynamicQuantize,
    /// A matrix product of whole numbers: `a, b, a_zero_point?, b_zero_point?`. ONNX
    /// `MatMulInteger`.
    MatMulInteger,
    /// A matrix product of steps: `a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale,
    /// y_zero_point`. ONNX `QLinearMatMul`.
    QuantizedMatMul {
        /// The range in which results are kept.
        width: Width,
    },
    /// A convolution of whole numbers: `x, weight, x_zero_point?, weight_zero_point?`. ONNX
    /// `ConvInteger`.
    ConvInteger(Conv),
    /// A convolution of steps: `x, x_scale, x_zero_point, weight, weight_scale,
    /// weight_zero_point, y_scale, y_zero_point, bias?`. ONNX `QLinearConv`.
    QuantizedConv {
        /// How the window slides.
        conv: Conv,
        /// The range in which results are kept.
        width: Width,
    },
}

impl Host {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NonZero => "non_zero",
            Self::NonMaxSuppression { .. } => "non_max_suppression",
            Self::Unique { .. } => "unique",
            Self::TopK { .. } => "top_k",
            Self::ReverseIndices { .. } => "reverse_indices",
            Self::Range => "range",
            Self::EyeLike { .. } => "eye_like",
            Self::Window { .. } => "window",
            Self::MelWeightMatrix => "mel_weight_matrix",
            Self::Dft { .. } => "dft",
            Self::Stft { .. } => "stft",
            Self::Det => "det",
            Self::RoiAlign(_) => "roi_align",
            Self::MaxPoolIndices(_) => "max_pool_indices",
            Self::MaxUnpool(_) => "max_unpool",
            Self::Quantize { .. } => "quantize",
            Self::Dequantize { .. } => "dequantize",
            Self::DynamicQuantize => "dynamic_quantize",
            Self::MatMulInteger => "mat_mul_integer",
            Self::QuantizedMatMul { .. } => "quantized_mat_mul",
            Self::ConvInteger(_) => "conv_integer",
            Self::QuantizedConv { .. } => "quantized_conv",
        }
    }

    /// Whether what it makes would carry a gradient that it does not: positions and constants
    /// carry none.
    pub(super) fn is_inference_only(&self) -> bool {
        !matches!(
            self,
            Self::TopK { .. }
                | Self::ReverseIndices { .. }
                | Self::EyeLike { .. }
                | Self::MaxPoolIndices(_)
        )
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        let ints = |shape: Vec<usize>| Fact { dtype: DType::I64, shape, known: None };
        let data = || OpError::needs_values("what it makes depends on the data");
        Ok(match self {
            Self::TopK { axis, .. } => {
                let mut shape = inputs.required(0)?.shape.clone();
                let axis = axis_of(*axis, shape.len())?;
                let [count] = *inputs.known(1)? else {
                    return Err(OpError::new("the count must be one number"));
                };
                let fits = usize::try_from(count).ok().filter(|&count| count <= shape[axis]);
                shape[axis] = fits.ok_or_else(|| {
                    OpError::new(format!("{count} elements of {} are wanted", shape[axis]))
                })?;
                vec![ints(shape)]
            }
            Self::ReverseIndices { time_axis, batch_axis } => {
                let shape = inputs.required(0)?.shape.clone();
                let rank = shape.len();
                if *time_axis >= rank || *batch_axis >= rank || time_axis == batch_axis {
                    return Err(OpError::new(format!("it takes two of {rank} axes")));
                }
                let lengths = inputs.required(1)?;
                if lengths.dtype != DType::I64 || lengths.shape != [shape[*batch_axis]] {
                    return Err(OpError::new("there must be a length for each sequence"));
                }
                vec![ints(shape)]
            }
            Self::EyeLike { dtype, .. } => {
                let shape = inputs.required(0)?.shape.clone();
                if shape.len() != 2 {
                    return Err(OpError::new("only a matrix has a diagonal"));
                }
                vec![Fact { dtype: Fact::computed(*dtype), shape, known: None }]
            }
            Self::Range => match generate::known_range(inputs)? {
                Some(known) => vec![Fact::ints([known.len()], known)],
                None => return Err(data()),
            },
            Self::Window { .. } => {
                let [size] = *inputs.known(0)? else {
                    return Err(OpError::new("the size must be one number"));
                };
                let size = usize::try_from(size).ok().filter(|size| *size > 0);
                let size = size.ok_or_else(|| OpError::new("a window has at least one weight"))?;
                vec![Fact::float(bounded(vec![size])?)]
            }
            Self::Det => {
                let shape = &inputs.float(0)?.shape;
                match shape.as_slice() {
                    [batch @ .., rows, columns] if rows == columns => {
                        vec![Fact::float(batch.to_vec())]
                    }
                    _ => return Err(OpError::new("only square matrices have determinants")),
                }
            }
            Self::RoiAlign(align) => vec![align.infer(inputs)?],
            Self::MaxPoolIndices(window) => vec![ints(window.pooled(&inputs.float(0)?.shape)?)],
            Self::Quantize { .. } => vec![ints(inputs.float(0)?.shape.clone())],
            Self::Dequantize { .. } => vec![Fact::float(inputs.required(0)?.shape.clone())],
            Self::DynamicQuantize => {
                let shape = inputs.float(0)?.shape.clone();
                vec![ints(shape), Fact::float([]), ints(Vec::new())]
            }
            Self::MatMulInteger => {
                let (a, b) = (inputs.required(0)?, inputs.required(1)?);
                vec![ints(super::linear::mat_mul_shape(&a.shape, &b.shape)?)]
            }
            Self::QuantizedMatMul { .. } => {
                let (a, b) = (inputs.required(0)?, inputs.required(3)?);
                vec![ints(super::linear::mat_mul_shape(&a.shape, &b.shape)?)]
            }
            Self::ConvInteger(conv) => {
                let (x, weight) = (inputs.required(0)?, inputs.required(1)?);
                vec![ints(conv.shape(&x.shape, &weight.shape)?)]
            }
            Self::QuantizedConv { conv, .. } => {
                let (x, weight) = (inputs.required(0)?, inputs.required(3)?);
                vec![ints(conv.shape(&x.shape, &weight.shape)?)]
            }
            Self::NonZero
            | Self::NonMaxSuppression { .. }
            | Self::Unique { .. }
            | Self::MelWeightMatrix
            | Self::Dft { .. }
            | Self::Stft { .. }
            | Self::MaxUnpool(_) => return Err(data()),
        })
    }

    pub(super) fn run(
        &self,
        inputs: Values,
        context: &Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let inputs: Vec<Option<Tensor>> =
            inputs.0.into_iter().map(|value| value.map(primitive::download)).collect();
        let made = self.compute(&Inputs(&inputs))?;
        Ok(made.iter().map(|tensor| primitive::upload(tensor, context.device())).collect())
    }

    fn compute(&self, inputs: &Inputs) -> Result<Vec<Tensor>, OpError> {
        let one = |tensor: Result<Tensor, OpError>| tensor.map(|tensor| vec![tensor]);
        match self {
            Self::NonZero => one(select::non_zero(inputs)),
            Self::NonMaxSuppression { center_point_box } => {
                one(suppress::non_max_suppression(*center_point_box, inputs))
            }
            Self::Unique { axis, sorted } => unique::unique(*axis, *sorted, inputs),
            Self::TopK { axis, largest } => one(select::top_k(*axis, *largest, inputs)),
            Self::ReverseIndices { time_axis, batch_axis } => {
                one(select::reverse_indices(*time_axis, *batch_axis, inputs))
            }
            Self::Range => one(generate::range(inputs)),
            Self::EyeLike { diagonal, dtype } => one(generate::eye(*diagonal, *dtype, inputs)),
            Self::Window { kind, periodic } => one(generate::window(*kind, *periodic, inputs)),
            Self::MelWeightMatrix => one(spectral::mel_weights(inputs)),
            Self::Dft { axis, inverse, onesided } => {
                one(spectral::dft(*axis, *inverse, *onesided, inputs))
            }
            Self::Stft { onesided } => one(spectral::stft(*onesided, inputs)),
            Self::Det => one(region::det(inputs)),
            Self::RoiAlign(align) => one(align.compute(inputs)),
            Self::MaxPoolIndices(window) => one(window.indices(inputs)),
            Self::MaxUnpool(window) => one(window.unpool(inputs)),
            Self::Quantize { axis, width } => one(quantize::quantize(*axis, *width, inputs)),
            Self::Dequantize { axis } => one(quantize::dequantize(*axis, inputs)),
            Self::DynamicQuantize => quantize::dynamic(inputs),
            Self::MatMulInteger => one(linear_integer::mat_mul(inputs)),
            Self::QuantizedMatMul { width } => {
                one(linear_integer::quantized_mat_mul(*width, inputs))
            }
            Self::ConvInteger(conv) => one(linear_integer::conv(conv, inputs)),
            Self::QuantizedConv { conv, width } => {
                one(linear_integer::quantized_conv(conv, *width, inputs))
            }
        }
    }
}
