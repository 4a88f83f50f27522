//! Reductions along axes.

use zoo_model::ops::{Reduce, Reduction};

use super::super::attribute::{flag, ints};
use super::super::node::{NodeWriter, Refusal};

pub(super) fn reduce(reduce: &Reduce, node: &mut NodeWriter) -> Result<(), Refusal> {
    let op_type = match reduce.kind {
        Reduction::Sum => "ReduceSum",
        Reduction::Mean => "ReduceMean",
        Reduction::Max => "ReduceMax",
        Reduction::Min => "ReduceMin",
        Reduction::Prod => "ReduceProd",
        _ => return Err("it cannot be written yet".to_owned()),
    };
    let mut attributes = vec![flag("keepdims", reduce.keep_dims)];
    let mut inputs = node.inputs();
    // In version 17, the axes of sums alone are an input. None at all means every axis.
    if !reduce.axes.is_empty() {
        if reduce.kind == Reduction::Sum {
            inputs.push(node.ints("axes", &reduce.axes));
        } else {
            attributes.push(ints("axes", &reduce.axes));
        }
    }
    node.emit_of(op_type, inputs, attributes);
    Ok(())
}
