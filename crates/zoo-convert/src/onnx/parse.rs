//! From bytes to messages.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use onnx_ir::{Message, ModelProto};

use super::malformed;
use crate::Error;

/// The most bytes that an ONNX file may have: the limit of its wire format, protobuf. Larger
/// models keep their weights in files beside it.
const MAX_FILE: u64 = 1 << 31;

/// Reads the messages of the file at `path`.
pub(super) fn read(path: &Path) -> Result<ModelProto, Error> {
    let bytes = read_bytes(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    if bytes.is_empty() {
        return Err(malformed(path, "it is empty"));
    }
    if bytes.len() as u64 > MAX_FILE {
        return Err(malformed(path, "it is larger than 2 GiB"));
    }
    let model = ModelProto::parse_from_tokio_bytes(&Bytes::from(bytes))
        .map_err(|error| malformed(path, error.to_string()))?;
    if model.graph.is_none() {
        return Err(malformed(path, "it holds no graph"));
    }
    Ok(model)
}

/// The file, up to one byte more than it may have.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The version of ONNX's own operators that the model asks for; `None` where it asks for none.
pub(super) fn opset(model: &ModelProto) -> Option<i64> {
    let own = model.opset_import.iter().filter(|set| is_own_domain(&set.domain));
    own.map(|set| set.version).max()
}

/// Whether `domain` is that of ONNX's own operators, which has two spellings.
pub(super) fn is_own_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}
