//! The operators: what each takes, what shape it makes, how Burn runs it.
//!
//! One file a family. Each operator has a *shape rule*, which checks everything that could go
//! wrong when it runs, and a *run*, which may then take its inputs for granted. Ranks and
//! shapes come from files, so they are values here, not types: the runs stand on Burn's
//! rank-free primitives.

mod activation;
mod arg;
mod binary;
mod cast;
mod compare;
mod constant;
mod control;
mod convolution;
mod cumulative;
mod einsum;
mod grid_sample;
pub mod host;
mod instance_norm;
mod known;
mod layer_norm;
mod layout;
mod linear;
mod loss;
mod lrn;
mod normalization;
mod operand;
mod pad;
mod pooling;
mod recurrent;
mod reduction;
mod resize;
mod scatter;
mod slice;
mod space;
mod split;
mod transposed;
mod unary;

use serde::{Deserialize, Serialize};

pub use activation::Activation;
pub use arg::ArgExtreme;
pub use binary::Binary;
pub use compare::Compare;
pub use constant::Constant;
pub use control::{If, Loop, Scan, ScanAxis};
pub use convolution::{Conv, Padding};
pub use cumulative::CumulativeSum;
pub use einsum::Einsum;
pub use grid_sample::{GridMode, GridSample, Outside};
pub use host::Host;
pub use layer_norm::LayerNorm;
pub use layout::Layout;
pub use linear::Gemm;
pub use loss::{LossReduction, NegativeLogLikelihood};
pub use lrn::Lrn;
pub use normalization::BatchNorm;
pub(crate) use operand::{Operands, Values};
pub use pooling::{GlobalPool, Pool, PoolKind};
pub use recurrent::{Cell, Direction, Recurrent};
pub use reduction::{Reduce, Reduction};
pub use resize::{Coordinates, Interpolation, Nearest, Resize};
pub use scatter::Update;
pub use split::Split;
pub use transposed::ConvTranspose;
pub use unary::Unary;

use crate::exec::Context;
use crate::graph::Block;
use crate::{DType, Fact};
use burn_dispatch::DispatchTensor;

/// Why an operator does not take its inputs.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct OpError {
    text: String,
    needs_values: bool,
}

impl OpError {
    /// For the reason `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), needs_values: false }
    }

    /// Where the shape rule cannot tell from shapes alone: the same rule is asked again when
    /// the inputs have been computed.
    pub(crate) fn needs_values(text: impl Into<String>) -> Self {
        Self { text: text.into(), needs_values: true }
    }

    /// Whether what the operator makes depends on numbers that only a run can tell.
    pub fn is_about_values(&self) -> bool {
        self.needs_values
    }
}

/// What a node computes. The names in JSON are these in `snake_case`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Op {
    /// Convolution over one to three axes: `x, weight, bias?`. ONNX `Conv`.
    Conv(Conv),
    /// Batch normalisation: `x, weight, bias, running_mean, running_var`. ONNX
    /// `BatchNormalization`.
    BatchNorm(BatchNorm),
    /// Normalisation over the last axes: `x, scale, bias?`. ONNX `LayerNormalization`, whose
    /// first output this is.
    LayerNorm(LayerNorm),
    /// `alpha a b + beta c` of matrices: `a, b, c?`. ONNX `Gemm`, PyTorch's `Linear`.
    Gemm(Gemm),
    /// Matrix product over the last two axes, the others broadcast: `a, b`. ONNX `MatMul`.
    MatMul,
    /// An elementwise nonlinearity: `x`.
    Activation(Activation),
    /// Exponentials that sum to one along `axis`: `x`. ONNX `Softmax` from opset 13.
    Softmax {
        /// The axis; negative counts from the last.
        axis: i64,
    },
    /// The logarithm of [`Op::Softmax`]: `x`. ONNX `LogSoftmax` from opset 13.
    LogSoftmax {
        /// The axis; negative counts from the last.
        axis: i64,
    },
    /// Maximum or mean over a sliding window: `x`. ONNX `MaxPool`, `AveragePool`.
    Pool(Pool),
    /// Maximum or mean over all axes but the first two, kept with length one: `x`. ONNX
    /// `GlobalMaxPool`, `GlobalAveragePool`.
    GlobalPool(GlobalPool),
    /// Drops numbers at random while training, and nothing otherwise: `x`. ONNX `Dropout`.
    Dropout {
        /// The share that is dropped, in `[0, 1)`.
        probability: f32,
    },
    /// An elementwise function of one value: `x`.
    Unary(Unary),
    /// An elementwise function of two values, broadcast: `a, b`.
    Binary(Binary),
    /// An elementwise comparison of two values, broadcast: `a, b`; makes truth values.
    Compare(Compare),
    /// `a` where the condition holds, `b` elsewhere, broadcast: `condition, a, b`. ONNX `Where`.
    Where,
    /// The same numbers in another type: `x`. ONNX `Cast`.
    Cast {
        /// The type; computed as `F32`, `I64` or `BOOL`, but with what shorter types lose lost.
        to: DType,
    },
    /// A sum, mean, maximum, minimum or product along axes: `x, axes?`. ONNX `Reduce*`.
    Reduce(Reduce),
    /// The same elements in another arrangement.
    Layout(Layout),
    /// Several parts of one value: `x, lengths?`. ONNX `Split`.
    Split(Split),
    /// What is above or below a diagonal of the last two axes, zeros elsewhere: `x, diagonal?`.
    /// ONNX `Trilu`.
    Trilu {
        /// Whether what is above the diagonal stays, not what is below.
        upper: bool,
    },
    /// Along one axis, the elements that `indices` name: `x, indices`. ONNX `GatherElements`.
    GatherElements {
        /// The axis; negative counts from the last.
        axis: i64,
    },
    /// The parts that the rows of `indices` name: `x, indices`. ONNX `GatherND`.
    GatherNd {
        /// How many axes both have in common.
        batch_dims: usize,
    },
    /// Along one axis, other elements where `indices` say: `x, indices, updates`. ONNX
    /// `ScatterElements`, `Scatter`.
    ScatterElements {
        /// The axis; negative counts from the last.
        axis: i64,
        /// What becomes of the elements.
        update: Update,
    },
    /// Other parts where the rows of `indices` say: `x, indices, updates`. ONNX `ScatterND`.
    ScatterNd {
        /// What becomes of the elements.
        update: Update,
    },
    /// Where the largest or smallest element along an axis is: `x`. ONNX `ArgMax`, `ArgMin`.
    ArgExtreme(ArgExtreme),
    /// One where the first of the largest elements along an axis is, zero elsewhere: `x`. ONNX
    /// `Hardmax`.
    Hardmax {
        /// The axis; negative counts from the last.
        axis: i64,
    },
    /// One value where an index points to along a new axis, another elsewhere: `indices, depth,
    /// values`. ONNX `OneHot`.
    OneHot {
        /// The new axis; negative counts from the last.
        axis: i64,
    },
    /// Normalisation of each channel of each sample: `x [batch, channels, ...], scale, bias`.
    /// ONNX `InstanceNormalization`.
    InstanceNorm {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Normalisation by neighbouring channels: `x`. ONNX `LRN`.
    Lrn(Lrn),
    /// A loss: `log_probabilities, targets, weights?`. ONNX `NegativeLogLikelihoodLoss`.
    NegativeLogLikelihood(NegativeLogLikelihood),
    /// One of two blocks, as a condition says: `condition, values that the blocks read...`.
    /// Inference only. ONNX `If`.
    If(Box<If>),
    /// A block that runs again and again: `trip_count?, condition?, carried..., values that the
    /// block reads...`. Inference only. ONNX `Loop`.
    Loop(Box<Loop>),
    /// A block that runs once for each part of some values. Inference only. ONNX `Scan`.
    Scan(Box<Scan>),
    /// Something that is computed on the host.
    Host(Host),
    /// A recurrent layer. ONNX `RNN`, `GRU`, `LSTM`.
    Recurrent(Recurrent),
    /// Transposed convolution: `x, weight, bias?`. ONNX `ConvTranspose`.
    ConvTranspose(ConvTranspose),
    /// Other lengths by interpolation: `x, roi?, scales?, sizes?`. ONNX `Resize`.
    Resize(Resize),
    /// Pictures sampled at places: `x, grid`. ONNX `GridSample`.
    GridSample(GridSample),
    /// A sum of products: one input for each term. ONNX `Einsum`.
    Einsum(Einsum),
    /// The sum along an axis up to each element: `x, axis`. ONNX `CumSum`.
    CumulativeSum(CumulativeSum),
    /// Numbers that stand in the graph; takes nothing. ONNX `Constant`.
    Constant(Constant),
}

impl Op {
    /// A short name for tables and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv(_) => "conv",
            Self::BatchNorm(_) => "batch_norm",
            Self::LayerNorm(_) => "layer_norm",
            Self::Gemm(_) => "gemm",
            Self::MatMul => "mat_mul",
            Self::Activation(activation) => activation.name(),
            Self::Softmax { .. } => "softmax",
            Self::LogSoftmax { .. } => "log_softmax",
            Self::Pool(pool) => pool.name(),
            Self::GlobalPool(pool) => pool.name(),
            Self::Dropout { .. } => "dropout",
            Self::Unary(unary) => unary.name(),
            Self::Binary(binary) => binary.name(),
            Self::Compare(compare) => compare.name(),
            Self::Where => "where",
            Self::Cast { .. } => "cast",
            Self::Reduce(reduce) => reduce.name(),
            Self::Layout(layout) => layout.name(),
            Self::Split(_) => "split",
            Self::Trilu { .. } => "trilu",
            Self::GatherElements { .. } => "gather_elements",
            Self::GatherNd { .. } => "gather_nd",
            Self::ScatterElements { .. } => "scatter_elements",
            Self::ScatterNd { .. } => "scatter_nd",
            Self::ArgExtreme(arg) => arg.name(),
            Self::Hardmax { .. } => "hardmax",
            Self::OneHot { .. } => "one_hot",
            Self::InstanceNorm { .. } => "instance_norm",
            Self::Lrn(_) => "lrn",
            Self::NegativeLogLikelihood(_) => "negative_log_likelihood",
            Self::Constant(_) => "constant",
            Self::If(_) => "if",
            Self::Loop(_) => "loop",
            Self::Scan(_) => "scan",
            Self::Host(host) => host.name(),
            Self::Recurrent(recurrent) => recurrent.name(),
            Self::ConvTranspose(_) => "conv_transpose",
            Self::Resize(_) => "resize",
            Self::GridSample(_) => "grid_sample",
            Self::Einsum(_) => "einsum",
            Self::CumulativeSum(_) => "cumulative_sum",
        }
    }

    /// The graphs inside it: the branches of control flow.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::If(branches) => vec![&branches.then_branch, &branches.else_branch],
            Self::Loop(op) => vec![&op.body],
            Self::Scan(op) => vec![&op.body],
            _ => Vec::new(),
        }
    }

    /// Whether it has learned weights that map features to classes: what a head begins with.
    pub fn is_linear_map(&self) -> bool {
        matches!(self, Self::Conv(_) | Self::Gemm(_) | Self::MatMul)
    }

    /// The shape rule: what it makes of `inputs`, `None` standing for an input not given.
    pub fn infer(&self, inputs: &[Option<&Fact>]) -> Result<Vec<Fact>, OpError> {
        let inputs = Operands(inputs);
        let made = match self {
            Self::Conv(conv) => conv.infer(&inputs)?,
            Self::BatchNorm(_) => BatchNorm::infer(&inputs)?,
            Self::LayerNorm(norm) => norm.infer(&inputs)?,
            Self::Gemm(gemm) => gemm.infer(&inputs)?,
            Self::MatMul => linear::infer_mat_mul(&inputs)?,
            Self::Activation(_) => Activation::infer(&inputs)?,
            Self::Softmax { axis } | Self::LogSoftmax { axis } => {
                activation::infer_softmax(*axis, &inputs)?
            }
            Self::Pool(pool) => pool.infer(&inputs)?,
            Self::GlobalPool(_) => GlobalPool::infer(&inputs)?,
            Self::Dropout { probability } => normalization::infer_dropout(*probability, &inputs)?,
            Self::Unary(unary) => unary.infer(&inputs)?,
            Self::Binary(binary) => binary.infer(&inputs)?,
            Self::Compare(compare) => compare.infer(&inputs)?,
            Self::Where => compare::infer_where(&inputs)?,
            Self::Cast { to } => cast::infer_cast(*to, &inputs)?,
            Self::Reduce(reduce) => reduce.infer(&inputs)?,
            Self::Layout(layout) => return layout.infer(&inputs),
            Self::Split(split) => return split.infer(&inputs),
            Self::Trilu { .. } => space::infer_trilu(&inputs)?,
            Self::GatherElements { axis } => scatter::infer_gather_elements(*axis, &inputs)?,
            Self::GatherNd { batch_dims } => scatter::infer_gather_nd(*batch_dims, &inputs)?,
            Self::ScatterElements { axis, .. } => scatter::infer_scatter_elements(*axis, &inputs)?,
            Self::ScatterNd { .. } => scatter::infer_scatter_nd(&inputs)?,
            Self::ArgExtreme(arg) => arg.infer(&inputs)?,
            Self::Hardmax { axis } => arg::infer_hardmax(*axis, &inputs)?,
            Self::OneHot { axis } => arg::infer_one_hot(*axis, &inputs)?,
            Self::InstanceNorm { .. } => instance_norm::infer(&inputs)?,
            Self::Lrn(lrn) => lrn.infer(&inputs)?,
            Self::NegativeLogLikelihood(loss) => loss.infer(&inputs)?,
            Self::If(branches) => return branches.infer(&inputs),
            Self::Loop(op) => return op.infer(&inputs),
            Self::Scan(op) => return op.infer(&inputs),
            Self::Host(host) => return host.infer(&inputs),
            Self::Recurrent(recurrent) => return recurrent.infer(&inputs),
            Self::ConvTranspose(conv) => conv.infer(&inputs)?,
            Self::Resize(resize) => resize.infer(&inputs)?,
            Self::GridSample(_) => GridSample::infer(&inputs)?,
            Self::Einsum(einsum) => einsum.infer(&inputs)?,
            Self::CumulativeSum(_) => CumulativeSum::infer(&inputs)?,
            Self::Constant(constant) => constant.infer(&inputs)?,
        };
        Ok(vec![made])
    }

    /// Whether it computes something even of nothing: an input with an axis of length 0.
    pub(crate) fn takes_empty(&self) -> bool {
        !matches!(
            self,
            Self::Conv(_)
                | Self::BatchNorm(_)
                | Self::Gemm(_)
                | Self::MatMul
                | Self::Softmax { .. }
                | Self::LogSoftmax { .. }
                | Self::Pool(_)
                | Self::GlobalPool(_)
                | Self::Recurrent(_)
                | Self::ConvTranspose(_)
                | Self::GridSample(_)
                | Self::Einsum(_)
        )
    }

    /// Whether no gradient flows through it: control flow, and what is computed on the host.
    pub fn is_inference_only(&self) -> bool {
        match self {
            Self::If(_) | Self::Loop(_) | Self::Scan(_) => true,
            Self::Host(host) => host.is_inference_only(),
            Self::Resize(resize) => resize.is_inference_only(),
            _ => false,
        }
    }

    /// Whether gradients end at it: what it makes are lengths, positions, truth values or whole
    /// numbers.
    pub(crate) fn ends_gradients(&self) -> bool {
        match self {
            Self::Compare(_) | Self::Layout(Layout::Shape { .. }) | Self::ArgExtreme(_) => true,
            Self::Cast { to } => !to.is_float(),
            _ => false,
        }
    }

    /// Whether it can do the work of a rectifier that follows it.
    pub(crate) fn may_rectify(&self) -> bool {
        matches!(self, Self::BatchNorm(_) | Self::Binary(Binary::Add))
    }

    /// Runs it on inputs that [`Op::infer`] took, whose results it foretold as `made`; empty for
    /// an inference-only operator whose shapes only a run can tell.
    ///
    /// Fails where the numbers themselves are none that it takes, as an index out of bounds.
    pub(crate) fn run(
        &self,
        inputs: Values,
        made: &[Fact],
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        match self {
            Self::If(branches) => return branches.run(inputs, context),
            Self::Loop(op) => return op.run(inputs, context),
            Self::Scan(op) => return op.run(inputs, context),
            Self::Host(host) => return host.run(inputs, context),
            Self::Recurrent(recurrent) => return recurrent.run(inputs, context),
            Self::Resize(resize) => return Ok(vec![resize.run(inputs, context)?]),
            Self::Split(split) => return split.run(inputs),
            _ => {}
        }
        let shape = &made[0].shape;
        let output = match self {
            Self::Conv(conv) => conv.run(inputs, context),
            Self::BatchNorm(norm) => norm.run(inputs, context),
            Self::LayerNorm(norm) => norm.run(inputs, shape, context),
            Self::Gemm(gemm) => gemm.run(inputs, shape, context),
            Self::MatMul => linear::run_mat_mul(inputs, shape, context),
            Self::Activation(activation) => activation.run_node(inputs, context),
            Self::Softmax { axis } => activation::run_softmax(*axis, inputs, false, context),
            Self::LogSoftmax { axis } => activation::run_softmax(*axis, inputs, true, context),
            Self::Pool(pool) => pool.run(inputs, shape, context),
            Self::GlobalPool(pool) => pool.run(inputs, shape),
            Self::Dropout { probability } => {
                normalization::run_dropout(*probability, inputs, context)
            }
            Self::Unary(unary) => unary.run(inputs),
            Self::Binary(binary) => binary.run(inputs, shape, context)?,
            Self::Compare(compare) => compare.run(inputs, shape),
            Self::Where => compare::run_where(inputs, shape),
            Self::Cast { to } => cast::run_cast(*to, inputs),
            Self::Reduce(reduce) => reduce.run(inputs, shape)?,
            Self::Layout(layout) => layout.run(inputs, made)?,
            Self::Trilu { upper } => space::run_trilu(*upper, inputs, shape),
            Self::GatherElements { axis } => scatter::run_gather_elements(*axis, inputs, shape)?,
            Self::GatherNd { batch_dims } => scatter::run_gather_nd(*batch_dims, inputs, shape)?,
            Self::ScatterElements { axis, update } => {
                scatter::run_scatter_elements(*axis, *update, inputs, shape)?
            }
            Self::ScatterNd { update } => scatter::run_scatter_nd(*update, inputs, shape)?,
            Self::ArgExtreme(arg) => arg.run(inputs, shape),
            Self::Hardmax { axis } => arg::run_hardmax(*axis, inputs, shape),
            Self::OneHot { axis } => arg::run_one_hot(*axis, inputs, shape),
            Self::InstanceNorm { epsilon } => instance_norm::run(*epsilon, inputs, shape),
            Self::Lrn(lrn) => lrn.run(inputs, shape),
            Self::NegativeLogLikelihood(loss) => loss.run(inputs)?,
            Self::ConvTranspose(conv) => conv.run(inputs, shape),
            Self::GridSample(sample) => sample.run(inputs, shape),
            Self::Einsum(einsum) => einsum.run(inputs, shape)?,
            Self::CumulativeSum(sum) => sum.run(inputs, shape)?,
            Self::If(_)
            | Self::Split(_)
            | Self::Loop(_)
            | Self::Scan(_)
            | Self::Host(_)
            | Self::Recurrent(_)
            | Self::Resize(_) => return Err(OpError::new("it runs no operator of its own")),
            Self::Constant(constant) => constant.run(context),
        };
        Ok(vec![output])
    }
}
