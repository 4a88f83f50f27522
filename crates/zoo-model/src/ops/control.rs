//! Control flow: operators that run blocks. Inference only.

use burn_dispatch::DispatchTensor;
use serde::{Deserialize, Serialize};

use super::{OpError, Operands, Values};
use crate::exec::{Context, primitive, run_block};
use crate::graph::Block;
use crate::{DType, Fact};

/// Two blocks, of which one runs. Both have the node's inputs but the first as theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct If {
    /// What runs where the condition holds.
    pub then_branch: Block,
    /// What runs elsewhere.
    pub else_branch: Block,
}

impl If {
    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        condition(inputs.required(0)?)?;
        let given = inputs.len() - 1;
        for block in [&self.then_branch, &self.else_branch] {
            if block.inputs.len() != given {
                let wanted = block.inputs.len();
                return Err(OpError::new(format!("a block reads {wanted} values, not {given}")));
            }
        }
        Err(OpError::needs_values("which block runs depends on the data"))
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let condition = primitive::download(inputs.take(0)).to_i64().unwrap_or_default();
        let holds = condition.first().is_some_and(|&value| value != 0);
        let block = if holds { &self.then_branch } else { &self.else_branch };
        run_block(block, inputs.0.split_off(1), context)
    }
}

/// Checks that `fact` is one truth value.
fn condition(fact: &Fact) -> Result<(), OpError> {
    if fact.dtype == DType::Bool && fact.elements() == 1 {
        return Ok(());
    }
    Err(OpError::new(format!(
        "the condition is {} {:?}, not one truth value",
        fact.dtype, fact.shape
    )))
}
