//! The operators: what each of ours becomes.
//!
//! One file a family. What has a counterpart becomes that, with the inputs in the same order;
//! some become a few nodes, called after ours.

mod elementwise;
mod layers;
mod layout;
mod pooling;
mod reduction;

use zoo_model::{Op, Tensor};

use super::attribute::{self, int};
use super::node::{NodeWriter, Refusal};
use super::tensor;

/// Adds what `op` becomes, or says why it becomes nothing.
pub(super) fn write(op: &Op, node: &mut NodeWriter) -> Result<(), Refusal> {
    match op {
        Op::Conv(conv) => layers::conv(conv, node)?,
        Op::BatchNorm(norm) => layers::batch_norm(*norm, node),
        Op::LayerNorm(norm) => layers::layer_norm(*norm, node),
        Op::InstanceNorm { epsilon } => {
            node.emit("InstanceNormalization", vec![attribute::float("epsilon", *epsilon)]);
        }
        Op::Gemm(gemm) => layers::gemm(*gemm, node),
        Op::MatMul => node.emit("MatMul", Vec::new()),
        Op::Softmax { axis } => node.emit("Softmax", vec![int("axis", *axis)]),
        Op::LogSoftmax { axis } => node.emit("LogSoftmax", vec![int("axis", *axis)]),
        Op::Dropout { probability } => layers::dropout(*probability, node),
        Op::Pool(pool) => pooling::pool(pool, node)?,
        Op::GlobalPool(pool) => pooling::global_pool(*pool, node),
        Op::Activation(activation) => elementwise::activation(*activation, node)?,
        Op::Unary(function) => node.emit(elementwise::unary(*function)?, Vec::new()),
        Op::Binary(function) => node.emit(elementwise::binary(*function)?, Vec::new()),
        Op::Compare(comparison) => node.emit(elementwise::compare(*comparison)?, Vec::new()),
        Op::Where => node.emit("Where", Vec::new()),
        Op::Cast { to } => {
            let to = tensor::number(zoo_model::Fact::computed(*to));
            node.emit("Cast", vec![int("to", i64::from(to))]);
        }
        Op::Constant(constant) => {
            let values = Tensor::from_f32(&constant.shape, &constant.values);
            node.emit("Constant", vec![attribute::tensor("value", tensor::write("", &values))]);
        }
        Op::Reduce(reduce) => reduction::reduce(reduce, node)?,
        Op::Layout(layout) => layout::layout(layout, node)?,
        _ => return Err("it cannot be written yet".to_owned()),
    }
    Ok(())
}
