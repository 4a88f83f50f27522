//! What networks of texts and recordings are made of: tokens, rows of tables, means over time.

use super::{GraphBuilder, Value};
use crate::ops::{Activation, Binary, Layout, Reduce, Reduction, Unary};
use crate::{DType, Op, ValueInfo};

impl GraphBuilder {
    /// The tokens of texts, by their numbers: an input of whole numbers `[batch, tokens]`.
    pub fn tokens(&mut self, name: &str) -> Value {
        self.input_of_tokens(name, DType::I64)
    }

    /// Which of the tokens count, as ones and zeros: an input `[batch, tokens]`.
    pub fn mask(&mut self, name: &str) -> Value {
        self.input_of_tokens(name, DType::F32)
    }

    fn input_of_tokens(&mut self, name: &str, dtype: DType) -> Value {
        self.inputs.push(ValueInfo { name: name.to_owned(), dtype, shape: vec![None, None] });
        Value { name: name.to_owned(), channels: 0 }
    }

    /// The rows of `table [rows, channels]` at `tokens [batch, tokens]`: `[batch, tokens, channels]`.
    pub fn look_up(&mut self, table: &Value, tokens: &Value) -> Value {
        let rows = Op::Layout(Layout::Gather { axis: 0 });
        self.unnamed(rows, &[table, tokens], table.channels)
    }

    /// As many of the first rows of `table [rows, channels]` as axis `axis` of `like` is long.
    pub fn first_rows(&mut self, table: &Value, like: &Value, axis: i64) -> Value {
        let length = Op::Layout(Layout::Shape { start: axis, end: Some(axis + 1) });
        let length = self.unnamed(length, &[like], 1);
        let rows = Layout::Slice {
            starts: Some(vec![0]),
            ends: None,
            axes: Some(vec![0]),
            steps: Some(vec![1]),
        };
        let name = format!("slice_{}", self.nodes.len());
        // The input between the two would list where parts start.
        let inputs = vec![table.name.clone(), String::new(), length.name];
        self.node(&name, Op::Layout(rows), inputs, table.channels)
    }

    /// A new axis of length one.
    pub fn unsqueeze(&mut self, x: &Value, axis: i64) -> Value {
        let layout = Layout::Unsqueeze { axes: vec![axis] };
        self.unnamed(Op::Layout(layout), &[x], x.channels)
    }

    /// A sum, mean or extreme along an axis, which goes.
    pub fn reduce(&mut self, x: &Value, kind: Reduction, axis: i64) -> Value {
        let (axes, keep_dims, noop_with_empty_axes) = (vec![axis], false, false);
        let reduce = Reduce { kind, axes, keep_dims, noop_with_empty_axes };
        self.unnamed(Op::Reduce(reduce), &[x], x.channels)
    }

    /// The mean of the tokens `x [batch, tokens, channels]` that count, `[batch, channels]`; zeros
    /// where none does. Where there are `weights [batch, tokens]`, tokens count for so much in the
    /// sum, which is divided by their number all the same.
    pub fn mean_of_tokens(&mut self, x: &Value, mask: &Value, weights: Option<&Value>) -> Value {
        let weights = match weights {
            Some(weights) => self.combine(Binary::Mul, weights, mask),
            None => mask.clone(),
        };
        let weights = self.unsqueeze(&weights, 2);
        let weighted = self.combine(Binary::Mul, x, &weights);
        let sum = self.reduce(&weighted, Reduction::Sum, 1);
        let count = self.reduce(mask, Reduction::Sum, 1);
        let count = self.activate(&count, Activation::Clip { min: Some(1.0), max: None });
        let count = self.unsqueeze(&count, 1);
        self.combine(Binary::Div, &sum, &count)
    }

    /// The mean of `x [batch, time, channels]` over time: `[batch, channels]`.
    pub fn mean_over_time(&mut self, x: &Value) -> Value {
        self.reduce(x, Reduction::Mean, 1)
    }

    /// The same numbers in another type.
    pub fn cast(&mut self, x: &Value, to: DType) -> Value {
        self.unnamed(Op::Cast { to }, &[x], x.channels)
    }

    /// Mean and standard deviation of `x [batch, time, channels]` over time: `[batch, 2 channels]`.
    pub fn statistics_over_time(&mut self, x: &Value) -> Value {
        let mean = self.reduce(x, Reduction::Mean, 1);
        let around = self.unsqueeze(&mean, 1);
        let from_mean = self.combine(Binary::Sub, x, &around);
        let square = self.combine(Binary::Mul, &from_mean, &from_mean);
        let variance = self.reduce(&square, Reduction::Mean, 1);
        // The root of zero has no gradient.
        let variance = self.activate(&variance, Activation::Clip { min: Some(1e-12), max: None });
        let deviation = self.unnamed(Op::Unary(Unary::Sqrt), &[&variance], x.channels);
        let both = self.join(&[&mean, &deviation], 1);
        Value { channels: 2 * x.channels, ..both }
    }
}
