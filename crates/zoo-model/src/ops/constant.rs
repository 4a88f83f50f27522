//! Numbers that the graph itself holds.

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{OpError, Operands};
use crate::Fact;
use crate::exec::{Context, primitive};

/// A few floating-point numbers that follow from the architecture, such as the factor of
/// attention. What is learned, or large, or has an upstream name is a parameter instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Vec<f32>,
}

impl Constant {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Fact, OpError> {
        inputs.at_most(0)?;
        let shape = bounded(self.shape.clone())?;
        match shape.iter().product::<usize>() {
            count if count == self.values.len() => Ok(Fact::float(shape)),
            _ => Err(OpError::new(format!("{} numbers do not fill {shape:?}", self.values.len()))),
        }
    }

    pub(super) fn run(&self, context: &Context) -> DispatchTensor {
        primitive::from_f32(self.values.clone(), &self.shape, context.device())
    }
}
