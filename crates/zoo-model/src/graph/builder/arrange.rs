//! Arranging elements: other shapes, other orders, parts and wholes.
//!
//! A value whose last axis becomes another is told so by the shape; the others keep the number of
//! channels they had.

use super::{GraphBuilder, Value};
use crate::Op;
use crate::ops::Layout;

/// The part of one axis: the axis, its first index, the one after the last, the step.
type Part = (i64, usize, usize, usize);

impl GraphBuilder {
    /// The same elements in another shape; -1 is what is left, such as the batch, 0 the same as
    /// before.
    pub fn reshape(&mut self, x: &Value, shape: &[i64]) -> Value {
        let last = shape.last().copied().filter(|&length| length > 0);
        let channels = last.map_or(x.channels, |length| length as usize);
        let layout = Layout::Reshape { shape: Some(shape.to_vec()) };
        self.unnamed(Op::Layout(layout), &[x], channels)
    }

    /// As [`GraphBuilder::reshape`], to `[batch, channels, height, width]`.
    pub fn reshape_image(&mut self, x: &Value, shape: &[i64; 4]) -> Value {
        let x = self.reshape(x, shape);
        Value { channels: shape[1].max(0) as usize, ..x }
    }

    /// The axes in another order: which one comes first, second, ...
    pub fn permute(&mut self, x: &Value, axes: &[usize]) -> Value {
        let layout = Layout::Transpose { permutation: axes.to_vec() };
        self.unnamed(Op::Layout(layout), &[x], x.channels)
    }

    /// From `[batch, channels, height, width]` to `[batch, height, width, channels]`.
    pub fn channels_last(&mut self, x: &Value) -> Value {
        self.permute(x, &[0, 2, 3, 1])
    }

    /// From `[batch, height, width, channels]` to `[batch, channels, height, width]`.
    pub fn channels_first(&mut self, x: &Value) -> Value {
        self.permute(x, &[0, 3, 1, 2])
    }

    /// Parts of some axes, none of which is that of the channels.
    pub fn slice(&mut self, x: &Value, parts: &[Part]) -> Value {
        let each = |of: fn(&Part) -> i64| Some(parts.iter().map(of).collect());
        let layout = Layout::Slice {
            starts: each(|part| part.1 as i64),
            ends: each(|part| part.2 as i64),
            axes: each(|part| part.0),
            steps: each(|part| part.3 as i64),
        };
        self.unnamed(Op::Layout(layout), &[x], x.channels)
    }

    /// All but the last of `axis`, which is not that of the channels.
    pub fn without_last(&mut self, x: &Value, axis: i64) -> Value {
        let one = |number| Some(vec![number]);
        let layout =
            Layout::Slice { starts: one(0), ends: one(-1), axes: one(axis), steps: one(1) };
        self.unnamed(Op::Layout(layout), &[x], x.channels)
    }

    /// The elements at `index` of `axis`, without that axis.
    pub fn pick(&mut self, x: &Value, axis: i64, index: usize) -> Value {
        let x = self.slice(x, &[(axis, index, index + 1, 1)]);
        let layout = Layout::Squeeze { axes: vec![axis] };
        self.unnamed(Op::Layout(layout), &[&x], x.channels)
    }

    /// Values one after the other along `axis`, where -1 is the axis of the channels.
    pub fn join(&mut self, values: &[&Value], axis: i64) -> Value {
        let channels = match axis {
            -1 => values.iter().map(|value| value.channels).sum(),
            _ => values.first().map_or(0, |value| value.channels),
        };
        self.unnamed(Op::Layout(Layout::Concat { axis }), values, channels)
    }

    /// The elements of `axis`, which is `length` long, moved `shift` places towards its
    /// beginning; those that leave there come back at the end.
    pub fn roll(&mut self, x: &Value, axis: i64, length: usize, shift: usize) -> Value {
        let tail = self.slice(x, &[(axis, shift, length, 1)]);
        let head = self.slice(x, &[(axis, 0, shift, 1)]);
        let layout = Layout::Concat { axis };
        self.unnamed(Op::Layout(layout), &[&tail, &head], x.channels)
    }

    /// With zeros after the last element of each axis, so many as `after` says.
    pub fn pad_after(&mut self, x: &Value, after: &[usize]) -> Value {
        let pads = after.iter().map(|&count| (0, count)).collect();
        self.unnamed(Op::Layout(Layout::Pad { pads, value: 0.0 }), &[x], x.channels)
    }

    /// The elements of the first axis at `indices`, which must be a parameter of whole numbers.
    pub fn gather(&mut self, x: &Value, indices: &Value) -> Value {
        self.unnamed(Op::Layout(Layout::Gather { axis: 0 }), &[x, indices], x.channels)
    }

    /// `x [1, ...]` once for each example in the batch of `like`.
    pub fn repeat_for_batch(&mut self, x: &Value, like: &Value) -> Value {
        let lengths = |start, end| Op::Layout(Layout::Shape { start, end });
        let batch = self.unnamed(lengths(0, Some(1)), &[like], 1);
        let rest = self.unnamed(lengths(1, None), &[x], 1);
        let shape = self.join(&[&batch, &rest], 0);
        self.unnamed(Op::Layout(Layout::Expand { shape: None }), &[x, &shape], x.channels)
    }
}
