//! Elementwise nonlinearities, and softmax.

use burn_backend::ops::{ActivationOps, BoolTensorOps, FloatTensorOps};
use burn_backend::{BoolDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::axis_of;
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::{Context, flex, primitive};

/// An elementwise nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`. ONNX `Relu`.
    Relu,
    /// `x` kept between `min` and `max`; ReLU6 is 0 to 6. ONNX `Clip`.
    Clip {
        /// The lower bound, if any.
        min: Option<f32>,
        /// The upper bound, if any.
        max: Option<f32>,
    },
    /// `x` where positive, `alpha x` elsewhere. ONNX `LeakyRelu`.
    LeakyRelu {
        /// The slope below zero.
        alpha: f32,
    },
    /// `x` where positive, `alpha (exp x - 1)` elsewhere. ONNX `Elu`.
    Elu {
        /// The limit below zero, with its sign changed.
        alpha: f32,
    },
    /// `1 / (1 + exp -x)`. ONNX `Sigmoid`.
    Sigmoid,
    /// `alpha x + beta` kept between 0 and 1. ONNX `HardSigmoid`.
    HardSigmoid {
        /// The slope.
        alpha: f32,
        /// The value at zero.
        beta: f32,
    },
    /// `x` times the hard sigmoid of slope 1/6 and value 1/2. ONNX `HardSwish`.
    HardSwish,
    /// `x sigmoid(x)`, also called swish. PyTorch `SiLU`.
    Silu,
    /// `x` times the normal distribution function of `x`. ONNX `Gelu`, not approximated.
    Gelu,
    /// [`Activation::Gelu`], approximated by a hyperbolic tangent. ONNX `Gelu` with `approximate`.
    GeluTanh,
    /// `gamma x` where positive, `gamma alpha (exp x - 1)` elsewhere. ONNX `Selu`.
    Selu {
        /// The limit below zero, before `gamma`, with its sign changed.
        alpha: f32,
        /// The factor of everything.
        gamma: f32,
    },
    /// `x` where positive, `alpha (exp(x / alpha) - 1)` elsewhere. ONNX `Celu`.
    Celu {
        /// The limit below zero, with its sign changed.
        alpha: f32,
    },
    /// Zero within `lambda` of zero; elsewhere `x`, moved towards zero by `bias`. ONNX `Shrink`.
    Shrink {
        /// What is not beyond it becomes zero.
        lambda: f32,
        /// By how much the rest moves.
        bias: f32,
    },
    /// `x` where above `alpha`, zero elsewhere. ONNX `ThresholdedRelu`.
    ThresholdedRelu {
        /// The threshold.
        alpha: f32,
    },
    /// `x / (1 + |x|)`. ONNX `Softsign`.
    Softsign,
    /// `x tanh(softplus(x))`. ONNX `Mish`.
    Mish,
    /// The hyperbolic tangent. ONNX `Tanh`.
    Tanh,
    /// `log(1 + exp x)`. ONNX `Softplus`.
    Softplus,
}

impl Activation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Clip { .. } => "clip",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid { .. } => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Selu { .. } => "selu",
            Self::Celu { .. } => "celu",
            Self::Shrink { .. } => "shrink",
            Self::ThresholdedRelu { .. } => "thresholded_relu",
            Self::Softsign => "softsign",
            Self::Mish => "mish",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
        }
    }

    pub(super) fn infer(inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(1)?;
        Ok(Fact::float(inputs.float(0)?.shape.clone()))
    }

    /// Runs as a node of a graph: by our own operator where there is one.
    pub(super) fn run_node(self, inputs: Values, context: &Context) -> DispatchTensor {
        if context.kernels()
            && let Some(Some(x)) = inputs.0.first()
        {
            let made = match self {
                Self::Relu => flex::relu(x),
                Self::Gelu => flex::gelu(x),
                _ => None,
            };
            if let Some(made) = made {
                return made;
            }
        }
        self.run(inputs)
    }

    pub(super) fn run(self, mut inputs: Values) -> DispatchTensor {
        let x = inputs.take(0);
        let scalar = |value: f32| Scalar::Float(f64::from(value));
        let native = BoolDType::Native;
        match self {
            Self::Relu => Dispatch::relu(x),
            Self::Clip { min: Some(min), max: Some(max) } if min <= max => {
                Dispatch::float_clamp(x, scalar(min), scalar(max))
            }
            // Bounds that cross, or are none: the upper one holds, as ONNX says. One step for both
            // would panic.
            Self::Clip { min: Some(min), max: Some(max) } => {
                Dispatch::float_clamp_max(Dispatch::float_clamp_min(x, scalar(min)), scalar(max))
            }
            Self::Clip { min: Some(min), max: None } => Dispatch::float_clamp_min(x, scalar(min)),
            Self::Clip { min: None, max: Some(max) } => Dispatch::float_clamp_max(x, scalar(max)),
            Self::Clip { min: None, max: None } => x,
            Self::LeakyRelu { alpha } => Dispatch::leaky_relu(x, scalar(alpha)),
            Self::Elu { alpha } => elu(x, alpha, 1.0),
            Self::Sigmoid => Dispatch::sigmoid(x),
            Self::HardSigmoid { alpha, beta } => {
                Dispatch::hard_sigmoid(x, scalar(alpha), scalar(beta))
            }
            Self::HardSwish => {
                let gate = Dispatch::hard_sigmoid(x.clone(), Scalar::Float(1.0 / 6.0), scalar(0.5));
                Dispatch::float_mul(x, gate)
            }
            Self::Silu => Dispatch::float_mul(x.clone(), Dispatch::sigmoid(x)),
            Self::Gelu => Dispatch::gelu(x),
            Self::Tanh => Dispatch::float_tanh(x),
            Self::GeluTanh => {
                let cube =
                    Dispatch::float_mul(x.clone(), Dispatch::float_mul(x.clone(), x.clone()));
                let cube = Dispatch::float_mul_scalar(cube, scalar(0.044_715));
                let inner = Dispatch::float_add(x.clone(), cube);
                let root = Scalar::Float((2.0 / std::f64::consts::PI).sqrt());
                let gate = Dispatch::float_tanh(Dispatch::float_mul_scalar(inner, root));
                let gate = Dispatch::float_add_scalar(gate, scalar(1.0));
                Dispatch::float_mul_scalar(Dispatch::float_mul(x, gate), scalar(0.5))
            }
            Self::Selu { alpha, gamma } => {
                Dispatch::float_mul_scalar(elu(x, alpha, 1.0), scalar(gamma))
            }
            Self::Celu { alpha } => elu(x, alpha, alpha),
            Self::Shrink { lambda, bias } => {
                let above = Dispatch::float_greater_elem(x.clone(), scalar(lambda), native);
                let below = Dispatch::float_lower_elem(x.clone(), scalar(-lambda), native);
                let within = Dispatch::bool_not(Dispatch::bool_or(above, below.clone()));
                let down = Dispatch::float_sub_scalar(x.clone(), scalar(bias));
                let up = Dispatch::float_add_scalar(x, scalar(bias));
                let moved = Dispatch::float_mask_where(down, below, up);
                Dispatch::float_mask_fill(moved, within, scalar(0.0))
            }
            Self::ThresholdedRelu { alpha } => {
                let below = Dispatch::float_lower_equal_elem(x.clone(), scalar(alpha), native);
                Dispatch::float_mask_fill(x, below, scalar(0.0))
            }
            Self::Softsign => {
                let size = Dispatch::float_add_scalar(Dispatch::float_abs(x.clone()), scalar(1.0));
                Dispatch::float_div(x, size)
            }
            Self::Mish => Dispatch::float_mul(x.clone(), Dispatch::float_tanh(softplus(x))),
            Self::Softplus => softplus(x),
        }
    }
}

/// `x` where positive, `alpha (exp(x / width) - 1)` elsewhere.
fn elu(x: DispatchTensor, alpha: f32, width: f32) -> DispatchTensor {
    let scalar = |value: f32| Scalar::Float(f64::from(value));
    // The exponential is taken of min(x, 0): it must not overflow where it is unused.
    let below = Dispatch::float_clamp_max(x.clone(), scalar(0.0));
    let below = if width == 1.0 { below } else { Dispatch::float_div_scalar(below, scalar(width)) };
    let below = Dispatch::float_sub_scalar(Dispatch::float_exp(below), scalar(1.0));
    let below = Dispatch::float_mul_scalar(below, scalar(alpha));
    Dispatch::float_add(Dispatch::relu(x), below)
}

/// `log(1 + exp x)`.
fn softplus(x: DispatchTensor) -> DispatchTensor {
    // max(x, 0) + log(1 + exp -|x|) neither overflows nor loses small results.
    let tail = Dispatch::float_exp(Dispatch::float_neg(Dispatch::float_abs(x.clone())));
    Dispatch::float_add(Dispatch::relu(x), Dispatch::float_log1p(tail))
}

pub(super) fn infer_softmax(axis: i64, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(1)?;
    let x = inputs.float(0)?;
    axis_of(axis, x.shape.len())?;
    Ok(Fact::float(x.shape.clone()))
}

pub(super) fn run_softmax(
    axis: i64,
    mut inputs: Values,
    log: bool,
    context: &Context,
) -> DispatchTensor {
    let x = inputs.take(0);
    let rank = primitive::shape(&x).len();
    let axis = axis_of(axis, rank).unwrap_or_default();
    if context.kernels()
        && !log
        && axis + 1 == rank
        && let Some(made) = flex::softmax(&x)
    {
        return made;
    }
    if log { Dispatch::log_softmax(x, axis) } else { Dispatch::softmax(x, axis) }
}
