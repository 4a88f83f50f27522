use std::collections::HashMap;

use crate::{DType, Tensor};

/// What is known of a value before it is computed, once the shapes of the inputs are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The type of the elements: `F32`, `I64` or `Bool`, since computation knows no others.
    pub dtype: DType,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The elements themselves, where they follow from shapes and small constants alone, as
    /// the operand of a `Reshape` does.
    pub known: Option<Vec<i64>>,
}

impl Fact {
    /// A tensor of floating-point numbers.
    pub fn float(shape: impl Into<Vec<usize>>) -> Self {
        Self { dtype: DType::F32, shape: shape.into(), known: None }
    }

    /// Whole numbers that are known.
    pub fn ints(shape: impl Into<Vec<usize>>, known: Vec<i64>) -> Self {
        Self { dtype: DType::I64, shape: shape.into(), known: Some(known) }
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The type in which a tensor of type `dtype` is computed.
    pub fn computed(dtype: DType) -> DType {
        match dtype {
            DType::Bool => DType::Bool,
            dtype if dtype.is_int() => DType::I64,
            _ => DType::F32,
        }
    }

    /// The longest list of whole numbers that is known, whether shapes are computed with it or
    /// elements are picked by it: the relative positions in a window of 16 by 16 tokens are as many.
    pub const MAX_KNOWN: usize = 1 << 16;

    /// What is known of a tensor at rest: for small whole numbers, everything.
    pub fn of_tensor(tensor: &Tensor) -> Self {
        let known = (tensor.len() <= Self::MAX_KNOWN && !tensor.dtype().is_float())
            .then(|| tensor.to_i64())
            .flatten();
        Self { dtype: Self::computed(tensor.dtype()), shape: tensor.shape().to_vec(), known }
    }
}

/// The facts of every value of a graph, by name.
pub type Facts = HashMap<String, Fact>;
