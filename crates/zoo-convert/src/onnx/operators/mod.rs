//! The operators: what each of ONNX's becomes.
//!
//! One file a family. What has a counterpart becomes that; some become a few nodes, called
//! after the file's. Sources: <https://onnx.ai/onnx/operators/>, with what older versions do
//! otherwise.

mod arrangement;
mod control;
mod elementwise;
mod host;
mod indexing;
mod layers;
mod loss;
mod normalization;
mod pooling;
mod quantized;
mod recurrent;
mod reduction;
mod sampling;

use super::attributes::Refusal;
use super::node::NodeView;
use super::parse::is_own_domain;

/// Adds what `node` becomes, or says why it becomes nothing.
pub(super) fn lower(node: &mut NodeView) -> Result<(), Refusal> {
    if !is_own_domain(node.domain()) {
        return Err("operators of other domains than ONNX's own are not known".to_owned());
    }
    match node.op_type() {
        "Conv" => layers::conv(node),
        "BatchNormalization" => layers::batch_norm(node),
        "Gemm" => layers::gemm(node),
        "MatMul" => layers::mat_mul(node),
        "Softmax" | "LogSoftmax" | "Hardmax" => layers::softmax(node),
        "InstanceNormalization" => normalization::instance_norm(node),
        "LRN" => normalization::lrn(node),
        "LayerNormalization" => normalization::layer_norm(node),
        "MeanVarianceNormalization" => normalization::mean_variance(node),
        "NegativeLogLikelihoodLoss" => loss::negative_log_likelihood(node),
        "SoftmaxCrossEntropyLoss" => loss::softmax_cross_entropy(node),
        "Dropout" => layers::dropout(node),
        "MaxPool" | "AveragePool" => pooling::pool(node),
        "GlobalMaxPool" | "GlobalAveragePool" => pooling::global_pool(node),
        "Identity" => arrangement::identity(node),
        "Flatten" => arrangement::flatten(node),
        "Reshape" => arrangement::reshape(node),
        "Transpose" => arrangement::transpose(node),
        "Squeeze" => arrangement::squeeze(node),
        "Unsqueeze" => arrangement::unsqueeze(node),
        "Expand" => arrangement::expand(node),
        "Pad" => arrangement::pad(node),
        "Shape" => arrangement::shape(node),
        "Size" => arrangement::size(node),
        "ConstantOfShape" => arrangement::constant_of_shape(node),
        "Concat" => indexing::concat(node),
        "Slice" => indexing::slice(node),
        "Split" => indexing::split(node),
        "Gather" => indexing::gather(node),
        "GatherElements" => indexing::gather_elements(node),
        "GatherND" => indexing::gather_nd(node),
        "Scatter" | "ScatterElements" => indexing::scatter_elements(node),
        "ScatterND" => indexing::scatter_nd(node),
        "OneHot" => indexing::one_hot(node),
        "Tile" => arrangement::tile(node),
        "Trilu" => arrangement::trilu(node),
        "DepthToSpace" => arrangement::depth_to_space(node),
        "SpaceToDepth" => arrangement::space_to_depth(node),
        "ArgMax" | "ArgMin" => reduction::arg_extreme(node),
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1"
        | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSum" | "ReduceLogSumExp" => {
            reduction::reduce(node)
        }
        "If" => control::if_(node),
        "Loop" => control::loop_(node),
        "Scan" => control::scan(node),
        "MaxUnpool" => pooling::max_unpool(node),
        "LSTM" | "GRU" | "RNN" => recurrent::recurrent(node),
        "ConvTranspose" => sampling::conv_transpose(node),
        "Resize" | "Upsample" => sampling::resize(node),
        "GridSample" => sampling::grid_sample(node),
        "RoiAlign" => sampling::roi_align(node),
        "QuantizeLinear" => quantized::quantize(node),
        "DequantizeLinear" => quantized::dequantize(node),
        "DynamicQuantizeLinear" => quantized::dynamic(node),
        "QLinearMatMul" => quantized::mat_mul(node),
        "QLinearConv" => quantized::conv(node),
        "MatMulInteger" => quantized::mat_mul_integer(node),
        "ConvInteger" => quantized::conv_integer(node),
        "Einsum" => host::einsum(node),
        "CumSum" => host::cumulative_sum(node),
        "TopK" => host::top_k(node),
        "Compress" => host::compress(node),
        "ReverseSequence" => host::reverse_sequence(node),
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike"
        | "Bernoulli" | "Multinomial" => Err("its numbers are random".to_owned()),
        "NonZero" | "NonMaxSuppression" | "Unique" | "Range" | "EyeLike" | "HannWindow"
        | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix" | "DFT" | "STFT" | "Det" => {
            host::lower(node)
        }
        _ => elementwise::lower(node),
    }
}
