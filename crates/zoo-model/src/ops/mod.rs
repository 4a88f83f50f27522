//! The operators: what each takes, what shape it makes, how Burn runs it.
//!
//! One file a family. Each operator has a *shape rule*, which checks everything that could go
//! wrong when it runs, and a *run*, which may then take its inputs for granted. Ranks and
//! shapes come from files, so they are values here, not types: the runs stand on Burn's
//! rank-free primitives.

mod activation;
mod arithmetic;
mod constant;
mod convolution;
mod layer_norm;
mod layout;
mod linear;
mod normalization;
mod operand;
mod pooling;
mod reduction;

use serde::{Deserialize, Serialize};

pub use activation::Activation;
pub use arithmetic::{Binary, Compare, Unary};
pub use constant::Constant;
pub use convolution::{Conv, Padding};
pub use layer_norm::LayerNorm;
pub use layout::Layout;
pub use linear::Gemm;
pub use normalization::BatchNorm;
pub(crate) use operand::{Operands, Values};
pub use pooling::{GlobalPool, Pool, PoolKind};
pub use reduction::{Reduce, Reduction};

use crate::exec::Context;
use crate::{DType, Fact};
use burn_dispatch::DispatchTensor;

/// Why an operator does not take its inputs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpError(String);

impl OpError {
    /// For the reason `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What a node computes. The names in JSON are these in `snake_case`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Op {
    /// Convolution over one or two axes: `x, weight, bias?`. ONNX `Conv`.
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
        /// The type; computed as `F32`, `I64` or `BOOL`.
        to: DType,
    },
    /// A sum, mean, maximum, minimum or product along axes: `x`. ONNX `Reduce*`.
    Reduce(Reduce),
    /// The same elements in another arrangement.
    Layout(Layout),
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
            Self::Constant(_) => "constant",
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
            Self::Where => arithmetic::infer_where(&inputs)?,
            Self::Cast { to } => arithmetic::infer_cast(*to, &inputs)?,
            Self::Reduce(reduce) => reduce.infer(&inputs)?,
            Self::Layout(layout) => return layout.infer(&inputs),
            Self::Constant(constant) => constant.infer(&inputs)?,
        };
        Ok(vec![made])
    }

    /// Runs it on inputs that [`Op::infer`] took, whose results it foretold as `made`.
    pub(crate) fn run(
        &self,
        inputs: Values,
        made: &[Fact],
        context: &mut Context,
    ) -> Vec<DispatchTensor> {
        let shape = &made[0].shape;
        let output = match self {
            Self::Conv(conv) => conv.run(inputs),
            Self::BatchNorm(norm) => norm.run(inputs, context),
            Self::LayerNorm(norm) => norm.run(inputs, shape),
            Self::Gemm(gemm) => gemm.run(inputs, shape),
            Self::MatMul => linear::run_mat_mul(inputs, shape),
            Self::Activation(activation) => activation.run(inputs),
            Self::Softmax { axis } => activation::run_softmax(*axis, inputs, false),
            Self::LogSoftmax { axis } => activation::run_softmax(*axis, inputs, true),
            Self::Pool(pool) => pool.run(inputs, shape),
            Self::GlobalPool(pool) => pool.run(inputs, shape),
            Self::Dropout { probability } => {
                normalization::run_dropout(*probability, inputs, context)
            }
            Self::Unary(unary) => unary.run(inputs),
            Self::Binary(binary) => binary.run(inputs, shape),
            Self::Compare(compare) => compare.run(inputs, shape),
            Self::Where => arithmetic::run_where(inputs, shape),
            Self::Cast { to } => arithmetic::run_cast(*to, inputs),
            Self::Reduce(reduce) => reduce.run(inputs, shape),
            Self::Layout(layout) => return layout.run(inputs, made),
            Self::Constant(constant) => constant.run(context),
        };
        vec![output]
    }
}
