//! A graph as an ONNX file.
//!
//! Nodes, values and parameters keep their names; what a node needs beside them (the list of a
//! `Reshape`, the second step of a `Silu`) is called after the node. Open axes stay open.
//!
//! Everything is of the type that it is computed in here: floating-point numbers are `float`,
//! whole ones `int64`. Parameters in half precision are widened, which changes no result. They
//! could stay with a `Cast` beside each, in a file of half the size; but then they are no weights
//! any more to what reads the file for more than running it: `burn-onnx` makes no layers of
//! them, and the head is not found. Inputs keep the type that they have, with a `Cast` after
//! them.
//!
//! The operators are those of version 17; nothing in here is of a later one.

mod attribute;
mod graph;
mod node;
mod operators;
mod tensor;

use std::path::Path;

use onnx_ir::{Message, ModelProto};
use zoo_model::{Bundle, Fact, Parameter, write_file_atomically};

use super::metadata;
use crate::Error;

/// The version of ONNX's operators that is written.
const OPSET: i64 = 17;
/// The version of the file format that came with it.
const IR_VERSION: i64 = 8;
/// The most bytes of a message: protobuf's lengths are counted in 31 bits.
const MAX_BYTES: u64 = (1 << 31) - 1;

/// Writes `bundle` as an ONNX file.
pub(super) fn write(bundle: &Bundle, path: &Path) -> Result<(), Error> {
    // Known before anything is copied.
    let widths = bundle.graph.parameters.values().map(|parameter| {
        Parameter::elements(parameter) as u64 * Fact::computed(parameter.dtype).size() as u64
    });
    check_size(widths.fold(0, u64::saturating_add))?;
    let model = model(bundle)?;
    check_size(model.compute_size())?;
    write_file_atomically(path, |mut file| {
        model.write_to_writer(&mut file).map_err(|error| {
            let source = std::io::Error::from(error);
            zoo_model::Error::Io { action: "write", path: path.to_owned(), source }.into()
        })
    })
}

fn check_size(bytes: u64) -> Result<(), Error> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge { format: "ONNX", limit: MAX_BYTES, bytes })
}

fn model(bundle: &Bundle) -> Result<ModelProto, Error> {
    let mut model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "zoo".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph::write(bundle)?).into(),
        ..ModelProto::default()
    };
    model.opset_import.resize_with(1, Default::default);
    model.opset_import[0].version = OPSET;
    let entries = metadata(bundle);
    model.metadata_props.resize_with(entries.len(), Default::default);
    for (entry, (key, value)) in model.metadata_props.iter_mut().zip(entries) {
        key.clone_into(&mut entry.key);
        entry.value = value;
    }
    Ok(model)
}
