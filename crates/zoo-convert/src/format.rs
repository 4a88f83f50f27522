//! Which format a file has, by its bytes: names lie.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, caffe, words};

/// The format of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A checkpoint of `torch.save`, in any of its containers.
    PyTorch,
    /// A safetensors file.
    Safetensors,
    /// An ONNX model.
    Onnx,
    /// A Caffe model, which holds its network.
    Caffe,
    /// Weights of Keras in HDF5.
    Keras,
    /// Word vectors of word2vec, fastText or GloVe, as text or binary.
    WordVectors,
    /// A bundle of our own.
    Zoo,
}

impl Format {
    /// The name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::PyTorch => "PyTorch",
            Self::Safetensors => "safetensors",
            Self::Onnx => "ONNX",
            Self::Caffe => "Caffe",
            Self::Keras => "Keras",
            Self::WordVectors => "word vectors",
            Self::Zoo => "zoo",
        }
    }
}

/// The format of the file at `path`; a folder is taken for a bundle.
pub fn detect(path: &Path) -> Result<Format, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return Ok(Format::Zoo);
    }
    let mut head = Vec::new();
    File::open(path).map_err(io)?.take(1024).read_to_end(&mut head).map_err(io)?;
    let unknown = |found| Err(Error::UnknownFormat { path: path.to_owned(), found });
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if head.is_empty() {
        return unknown("the file is empty");
    }
    if head.get(257..262) == Some(b"ustar") {
        // Early PyTorch checkpoints are tars as well; a bundle begins with its card.
        return Ok(if head.starts_with(b"model.toml\0") { Format::Zoo } else { Format::PyTorch });
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"\x80\x02") {
        return Ok(Format::PyTorch);
    }
    if head.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Ok(Format::Keras);
    }
    if let Some((length, [b'{', ..])) = head.split_first_chunk::<8>()
        && u64::from_le_bytes(*length) <= metadata.len()
    {
        return Ok(Format::Safetensors);
    }
    // A protobuf has no magic: field 1 of the model, the version of the format, comes first.
    if head.starts_with(b"\x08") || extension.eq_ignore_ascii_case("onnx") {
        return Ok(Format::Onnx);
    }
    // Another protobuf, where field 1 is the name of the network.
    if caffe::looks_like_caffe(&head) {
        return Ok(Format::Caffe);
    }
    if words::are_in(path).map_err(io)? {
        return Ok(Format::WordVectors);
    }
    match extension {
        "pth" | "pt" | "bin" => Ok(Format::PyTorch),
        "safetensors" => Ok(Format::Safetensors),
        "zoo" => Ok(Format::Zoo),
        _ if head.starts_with(b"version https://git-lfs") => {
            unknown("it is a Git LFS pointer, not the file itself")
        }
        _ if head.trim_ascii_start().starts_with(b"<") => unknown("it is a web page"),
        "caffemodel" => Ok(Format::Caffe),
        "h5" | "hdf5" => Ok(Format::Keras),
        _ => unknown("neither PyTorch, safetensors, Keras, ONNX, Caffe, word vectors nor zoo"),
    }
}
