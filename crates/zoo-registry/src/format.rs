//! What the bytes of a model's file are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The format of a model's file. All of them are entries of the registry; whether something
/// here reads them is another question: [`FileFormat::has_reader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// A `state_dict` as `PyTorch` saves it (`.pth`, `.bin`): a pickle, never evaluated.
    Pytorch,
    /// A program and its weights as `TorchScript` saves them (`.pt`).
    Torchscript,
    /// An ONNX graph.
    Onnx,
    /// A safetensors file.
    Safetensors,
    /// A bundle of ours.
    Zoo,
    /// What differs between a bundle and its parent.
    ZooDelta,
    /// Keras weights in HDF5.
    KerasH5,
    /// `MXNet` parameters.
    MxnetParams,
    /// A Caffe model in protocol buffers.
    Caffemodel,
    /// Flux parameters in BSON.
    FluxBson,
    /// A `TensorFlow` checkpoint.
    TensorflowCheckpoint,
    /// A frozen `TensorFlow` graph.
    TensorflowGraph,
    /// A `TensorFlow` Lite model.
    Tflite,
    /// GGML weights, as whisper.cpp reads them.
    Ggml,
    /// A `NeMo` archive.
    Nemo,
    /// Word vectors as text: a header with counts, then a word and its numbers a line.
    Word2vecText,
    /// Word vectors as word2vec's own tool writes them.
    Word2vecBinary,
    /// Word vectors as text without a header.
    GloveText,
    /// How texts fall into tokens, as Hugging Face's tokenizers write it.
    TokenizerJson,
    /// A fastText model.
    FasttextBinary,
    /// A quantised fastText model.
    FasttextQuantised,
}

impl FileFormat {
    /// Every format.
    pub const ALL: [Self; 21] = [
        Self::Pytorch,
        Self::Torchscript,
        Self::Onnx,
        Self::Safetensors,
        Self::Zoo,
        Self::ZooDelta,
        Self::KerasH5,
        Self::MxnetParams,
        Self::Caffemodel,
        Self::FluxBson,
        Self::TensorflowCheckpoint,
        Self::TensorflowGraph,
        Self::Tflite,
        Self::Ggml,
        Self::Nemo,
        Self::Word2vecText,
        Self::Word2vecBinary,
        Self::GloveText,
        Self::TokenizerJson,
        Self::FasttextBinary,
        Self::FasttextQuantised,
    ];

    /// As entries write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pytorch => "pytorch",
            Self::Torchscript => "torchscript",
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
            Self::Zoo => "zoo",
            Self::ZooDelta => "zoo-delta",
            Self::KerasH5 => "keras-h5",
            Self::MxnetParams => "mxnet-params",
            Self::Caffemodel => "caffemodel",
            Self::FluxBson => "flux-bson",
            Self::TensorflowCheckpoint => "tensorflow-checkpoint",
            Self::TensorflowGraph => "tensorflow-graph",
            Self::Tflite => "tflite",
            Self::Ggml => "ggml",
            Self::Nemo => "nemo",
            Self::Word2vecText => "word2vec-text",
            Self::Word2vecBinary => "word2vec-binary",
            Self::GloveText => "glove-text",
            Self::TokenizerJson => "tokenizer-json",
            Self::FasttextBinary => "fasttext-binary",
            Self::FasttextQuantised => "fasttext-quantised",
        }
    }

    /// Whether the converter reads it, so that a model of a known architecture runs.
    pub fn has_reader(self) -> bool {
        matches!(self, Self::Pytorch | Self::Safetensors | Self::KerasH5) || self.has_graph()
    }

    /// Whether it holds word vectors in a layout that is read.
    pub fn is_words(self) -> bool {
        matches!(self, Self::Word2vecText | Self::Word2vecBinary | Self::GloveText)
    }

    /// Whether a file of this format says by itself what it computes.
    pub fn has_graph(self) -> bool {
        matches!(self, Self::Onnx | Self::Caffemodel | Self::Zoo | Self::ZooDelta)
            || self.is_words()
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_entries_use() {
        for format in FileFormat::ALL {
            let json = serde_json::to_value(format).unwrap();
            assert_eq!(json, format.as_str());
        }
    }
}
