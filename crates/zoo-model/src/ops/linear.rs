//! Products of matrices.

use burn_backend::ops::FloatTensorOps;
use burn_backend::{Scalar, Shape};
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::{bounded, broadcast};
use super::{OpError, Operands, Values};
use crate::Fact;
use crate::exec::flex::{self, Conv2d};
use crate::exec::{Context, primitive};

/// `alpha a b + beta c`, where `a` or `b` may stand transposed; `c` broadcasts to the result
/// `[rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gemm {
    /// The factor of the product.
    pub alpha: f32,
    /// The factor of the third input.
    pub beta: f32,
    /// Whether the first input is given as `[inner, rows]`.
    pub transpose_a: bool,
    /// Whether the second input is given as `[columns, inner]`, as PyTorch's `Linear` does.
    pub transpose_b: bool,
}

impl Gemm {
    /// PyTorch's `Linear`: `x [batch, inputs]`, `weight [outputs, inputs]`, `bias [outputs]`.
    pub const LINEAR: Self = Self { alpha: 1.0, beta: 1.0, transpose_a: false, transpose_b: true };

    pub(super) fn infer(self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(3)?;
        let (a, b) = (inputs.float(0)?, inputs.float(1)?);
        let ([a0, a1], [b0, b1]) = (a.shape.as_slice(), b.shape.as_slice()) else {
            return Err(OpError::new("both factors must be matrices"));
        };
        let (rows, inner) = if self.transpose_a { (a1, a0) } else { (a0, a1) };
        let (inner_b, columns) = if self.transpose_b { (b1, b0) } else { (b0, b1) };
        if inner != inner_b {
            return Err(OpError::new(format!("the inner lengths {inner} and {inner_b} differ")));
        }
        let shape = vec![*rows, *columns];
        if let Some(c) = inputs.optional(2)
            && broadcast(&c.shape, &shape)? != shape
        {
            return Err(OpError::new(format!("{:?} does not broadcast to {shape:?}", c.shape)));
        }
        Ok(Fact::float(bounded(shape)?))
    }

    pub(super) fn run(
        self,
        mut inputs: Values,
        shape: &[usize],
        context: &Context,
    ) -> DispatchTensor {
        let scale = |tensor, factor: f32| match factor {
            1.0 => tensor,
            factor => Dispatch::float_mul_scalar(tensor, Scalar::Float(f64::from(factor))),
        };
        let orient = |tensor, transpose: bool| {
            if transpose { Dispatch::float_swap_dims(tensor, 0, 1) } else { tensor }
        };
        let a = orient(inputs.take(0), self.transpose_a);
        let b = orient(inputs.take(1), self.transpose_b);
        let product = scale(product(a, b, context), self.alpha);
        match inputs.optional(2) {
            None => product,
            Some(c) => {
                let c = primitive::broadcast_rank(scale(c, self.beta), shape.len());
                Dispatch::float_add(product, c)
            }
        }
    }
}

pub(super) fn infer_mat_mul(inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(2)?;
    let shape = mat_mul_shape(&inputs.float(0)?.shape, &inputs.float(1)?.shape)?;
    Ok(Fact::float(shape))
}

/// The shape of the matrix product of what has the shapes `a` and `b`.
pub(super) fn mat_mul_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, OpError> {
    if a.is_empty() || b.is_empty() {
        return Err(OpError::new("a scalar has no matrix product"));
    }
    let inner_b = if b.len() == 1 { b[0] } else { b[b.len() - 2] };
    if a[a.len() - 1] != inner_b {
        let (a, b) = (a[a.len() - 1], inner_b);
        return Err(OpError::new(format!("the inner lengths {a} and {b} differ")));
    }
    let batch = |shape: &[usize]| shape[..shape.len().saturating_sub(2)].to_vec();
    let mut shape = broadcast(&batch(a), &batch(b))?;
    if a.len() > 1 {
        shape.push(a[a.len() - 2]);
    }
    if b.len() > 1 {
        shape.push(b[b.len() - 1]);
    }
    bounded(shape)
}

/// `a [rows, inner]` times `b [inner, columns]`.
fn product(a: DispatchTensor, b: DispatchTensor, context: &Context) -> DispatchTensor {
    let made = if context.kernels() { by_kernels(&a, &b, context) } else { None };
    made.unwrap_or_else(|| Dispatch::float_matmul(a, b))
}

/// The same by the kernels of convolutions, on all threads, forward and both ways back: rows are images
/// of one pixel. Whether they serve does not depend on how many rows there are.
fn by_kernels(a: &DispatchTensor, b: &DispatchTensor, context: &Context) -> Option<DispatchTensor> {
    /// With fewer columns, or products in a sum, most of each vector would be empty.
    const LEAST: usize = 16;
    const POINT: Conv2d =
        Conv2d { stride: [1; 2], padding: [(0, 0); 2], dilation: [1; 2], groups: 1 };
    let (a_shape, b_shape) = (primitive::shape(a), primitive::shape(b));
    let ([rows, inner], [_, columns]) = (a_shape.try_into().ok()?, b_shape.try_into().ok()?);
    // Asked first: elsewhere the weight would be turned round for nothing.
    if inner < LEAST || columns < LEAST || !(flex::serves(a) && flex::serves(b)) {
        return None;
    }
    if let Some(made) = context.products().and_then(|products| products.product(a, b)) {
        return Some(made);
    }
    let images = primitive::reshape(a.clone(), &[rows, inner, 1, 1]);
    let turned = Dispatch::float_swap_dims(b.clone(), 0, 1);
    let weight = primitive::reshape(turned, &[columns, inner, 1, 1]);
    let made = flex::conv2d(&images, &weight, None, &POINT)?;
    Some(primitive::reshape(made, &[rows, columns]))
}

pub(super) fn run_mat_mul(
    mut inputs: Values,
    shape: &[usize],
    context: &Context,
) -> DispatchTensor {
    let (a, b) = (inputs.take(0), inputs.take(1));
    let (mut a_shape, mut b_shape) = (primitive::shape(&a), primitive::shape(&b));
    if let ([rows @ .., inner], [_, _]) = (&a_shape[..], &b_shape[..]) {
        // One matrix for all of a batch, as a linear layer's weights are: one large product.
        let rows: usize = rows.iter().product();
        let a = Dispatch::float_reshape(a, Shape::from(vec![rows, *inner]));
        return Dispatch::float_reshape(product(a, b, context), Shape::from(shape.to_vec()));
    }
    // A vector stands for a matrix of one row on the left, of one column on the right.
    if a_shape.len() == 1 {
        a_shape.insert(0, 1);
    }
    if b_shape.len() == 1 {
        b_shape.push(1);
    }
    let rank = a_shape.len().max(b_shape.len());
    let mut whole = vec![1; rank];
    for (axis, dim) in whole.iter_mut().enumerate().take(rank - 2) {
        let of = |s: &[usize]| (axis + s.len()).checked_sub(rank).map_or(1, |axis| s[axis]);
        *dim = of(&a_shape).max(of(&b_shape));
    }
    let fit = |tensor: DispatchTensor, matrix: &[usize]| {
        let mut lifted = vec![1; rank - matrix.len()];
        lifted.extend(matrix);
        let mut target = whole.clone();
        target[rank - 2..].copy_from_slice(&matrix[matrix.len() - 2..]);
        let tensor = Dispatch::float_reshape(tensor, Shape::from(lifted.clone()));
        if lifted == target { tensor } else { Dispatch::float_expand(tensor, Shape::from(target)) }
    };
    let product = Dispatch::float_matmul(fit(a, &a_shape), fit(b, &b_shape));
    Dispatch::float_reshape(product, Shape::from(shape.to_vec()))
}
