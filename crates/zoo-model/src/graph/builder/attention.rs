//! What transformers are made of: parameters by any name, linear layers over the last axis,
//! layer norms, attention.

use super::{GraphBuilder, Value};
use crate::ops::{
    Activation, Binary, Compare, Constant, Gemm, GlobalPool, LayerNorm, Reduce, Reduction, Unary,
};
use crate::{DType, Op, Parameter};

impl GraphBuilder {
    /// A parameter that is trained, by its whole name.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> Value {
        self.whole_parameter(name, DType::F32, shape, true)
    }

    /// A parameter of floating-point numbers that is not trained, by its whole name.
    pub fn buffer(&mut self, name: &str, shape: &[usize]) -> Value {
        self.whole_parameter(name, DType::F32, shape, false)
    }

    /// A parameter of whole numbers, which is not trained, by its whole name.
    pub fn indices(&mut self, name: &str, shape: &[usize]) -> Value {
        self.whole_parameter(name, DType::I64, shape, false)
    }

    fn whole_parameter(
        &mut self,
        name: &str,
        dtype: DType,
        shape: &[usize],
        trainable: bool,
    ) -> Value {
        let parameter = Parameter { dtype, shape: shape.to_vec(), trainable };
        self.parameters.insert(name.to_owned(), parameter);
        Value { name: name.to_owned(), channels: shape.last().copied().unwrap_or_default() }
    }

    /// A few numbers that stand in the graph.
    pub fn constant(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let channels = shape.last().copied().unwrap_or_default();
        let constant = Constant { shape: shape.to_vec(), values: values.to_vec() };
        self.unnamed(Op::Constant(constant), &[], channels)
    }

    /// An elementwise nonlinearity.
    pub fn activate(&mut self, x: &Value, activation: Activation) -> Value {
        self.unnamed(Op::Activation(activation), &[x], x.channels)
    }

    /// Each number times the normal distribution function of it, not approximated.
    pub fn gelu(&mut self, x: &Value) -> Value {
        self.activate(x, Activation::Gelu)
    }

    /// The mean or maximum of each channel, as `[batch, channels, 1, 1]`.
    pub fn global_pool(&mut self, x: &Value, pool: GlobalPool) -> Value {
        self.unnamed(Op::GlobalPool(pool), &[x], x.channels)
    }

    /// An elementwise function of two values, where `b` broadcasts to the shape of `a`.
    pub fn combine(&mut self, function: Binary, a: &Value, b: &Value) -> Value {
        self.unnamed(Op::Binary(function), &[a, b], a.channels)
    }

    /// Each number times `factor`.
    pub fn scale(&mut self, x: &Value, factor: f64) -> Value {
        let factor = self.constant(&[1], &[factor as f32]);
        self.combine(Binary::Mul, x, &factor)
    }

    /// `e` to the power of each number.
    pub fn exp(&mut self, x: &Value) -> Value {
        self.unnamed(Op::Unary(Unary::Exp), &[x], x.channels)
    }

    /// The error function of each number.
    pub fn erf(&mut self, x: &Value) -> Value {
        self.unnamed(Op::Unary(Unary::Erf), &[x], x.channels)
    }

    /// `equal` where `a` and `b`, broadcast, are the same, and `other` elsewhere.
    pub fn where_equal(&mut self, a: &Value, b: &Value, equal: f32, other: f32) -> Value {
        let same = self.unnamed(Op::Compare(Compare::Equal), &[a, b], 0);
        let (equal, other) = (self.constant(&[1], &[equal]), self.constant(&[1], &[other]));
        self.unnamed(Op::Where, &[&same, &equal, &other], 0)
    }

    /// Layer normalisation over the last axis, with the parameters `{name}.weight` and
    /// `{name}.bias`.
    pub fn layer_norm(&mut self, name: &str, x: &Value, epsilon: f32) -> Value {
        let weight = self.parameter(name, "weight", vec![x.channels], true);
        let bias = self.parameter(name, "bias", vec![x.channels], true);
        let op = Op::LayerNorm(LayerNorm { axis: -1, epsilon });
        self.node(name, op, vec![x.name.clone(), weight, bias], x.channels)
    }

    /// Layer normalisation over the channels of `x [batch, channels, height, width]`.
    pub fn layer_norm_2d(&mut self, name: &str, x: &Value, epsilon: f32) -> Value {
        let x = self.channels_last(x);
        let x = self.layer_norm(name, &x, epsilon);
        self.channels_first(&x)
    }

    /// A linear layer over the last axis of a value of any rank, with the parameters
    /// `{name}.weight [outputs, inputs]` and `{name}.bias [outputs]`.
    pub fn project(&mut self, name: &str, x: &Value, outputs: usize) -> Value {
        let weight = self.weight(&format!("{name}.weight"), &[outputs, x.channels]);
        let bias = self.weight(&format!("{name}.bias"), &[outputs]);
        self.project_by(name, x, &weight, Some(&bias), outputs)
    }

    /// As [`GraphBuilder::project`], without a bias.
    pub fn project_unbiased(&mut self, name: &str, x: &Value, outputs: usize) -> Value {
        let weight = self.weight(&format!("{name}.weight"), &[outputs, x.channels]);
        self.project_by(name, x, &weight, None, outputs)
    }

    /// A linear layer over the last axis by `weight [outputs, inputs]` and `bias [outputs]`.
    pub fn project_by(
        &mut self,
        name: &str,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        outputs: usize,
    ) -> Value {
        let weight = self.permute(weight, &[1, 0]);
        let inputs = vec![x.name.clone(), weight.name];
        let y = self.node(name, Op::MatMul, inputs, outputs);
        match bias {
            Some(bias) => self.combine(Binary::Add, &y, bias),
            None => y,
        }
    }

    /// A linear layer from `x [batch, inputs]` without a bias: `{name}.weight [outputs, inputs]`.
    pub fn linear_unbiased(&mut self, name: &str, x: &Value, outputs: usize) -> Value {
        let weight = self.parameter(name, "weight", vec![outputs, x.channels], true);
        self.node(name, Op::Gemm(Gemm::LINEAR), vec![x.name.clone(), weight], outputs)
    }

    /// The perceptron of a transformer's block: a linear layer to `wide` channels, GELU, and one
    /// back, by the names of the two.
    pub fn perceptron(&mut self, names: [&str; 2], x: &Value, wide: usize) -> Value {
        let y = self.project(names[0], x, wide);
        let y = self.gelu(&y);
        self.project(names[1], &y, x.channels)
    }

    /// Queries, keys and values `[batch, heads, tokens, channels / heads]` out of `x [batch,
    /// tokens, 3 channels]`.
    pub fn split_heads(&mut self, x: &Value, heads: usize) -> [Value; 3] {
        let head = x.channels / 3 / heads.max(1);
        let x = self.reshape(x, &[0, 0, 3, heads as i64, head as i64]);
        let x = self.permute(&x, &[2, 0, 3, 1, 4]);
        [0, 1, 2].map(|part| self.pick(&x, 0, part))
    }

    /// The matrix product over the last two axes, the others broadcast.
    pub fn product(&mut self, a: &Value, b: &Value) -> Value {
        self.unnamed(Op::MatMul, &[a, b], b.channels)
    }

    /// The products of each query with each key: `[batch, heads, tokens, tokens]`.
    pub fn similarities(&mut self, queries: &Value, keys: &Value) -> Value {
        let keys = self.permute(keys, &[0, 1, 3, 2]);
        self.product(queries, &keys)
    }

    /// The mean of `values [batch, heads, tokens, channels]`, weighted by the softmax of `scores
    /// [batch, heads, tokens, tokens]`: `[batch, tokens, heads channels]`.
    pub fn attend(&mut self, scores: &Value, values: &Value, heads: usize) -> Value {
        let weights = self.unnamed(Op::Softmax { axis: -1 }, &[scores], 0);
        let x = self.product(&weights, values);
        let x = self.permute(&x, &[0, 2, 1, 3]);
        self.reshape(&x, &[0, 0, (heads * values.channels) as i64])
    }

    /// `x` divided by its length along the last axis, which is taken to be at least 1e-12, as
    /// PyTorch's `normalize` does.
    pub fn unit_length(&mut self, x: &Value) -> Value {
        let square = self.combine(Binary::Mul, x, x);
        let sum = Reduce {
            kind: Reduction::Sum,
            axes: vec![-1],
            keep_dims: true,
            noop_with_empty_axes: false,
        };
        let sum = self.unnamed(Op::Reduce(sum), &[&square], 1);
        // The root of zero has no gradient: what bounds the length bounds its square.
        let sum = self.activate(&sum, Activation::Clip { min: Some(1e-24), max: None });
        let length = self.unnamed(Op::Unary(Unary::Sqrt), &[&sum], 1);
        self.combine(Binary::Div, x, &length)
    }
}
