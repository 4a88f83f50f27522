//! Networks written as ONNX: what they compute in ONNX Runtime, and read back, is what they
//! compute here.
#![allow(clippy::unwrap_used, reason = "tests")]

mod export_support;

use std::path::Path;

use export_support::{error, onnx_runtime};
use onnx_ir::{Message, ModelProto};
use zoo_convert::architectures::{self, rule_weights};
use zoo_convert::export::{ExportFormat, export};
use zoo_convert::{Error, onnx};
use zoo_model::bundle::rule_tiles;
use zoo_model::ops::{Activation, Padding};
use zoo_model::{
    Bundle, Card, Cuts, DType, Device, Executor, Graph, GraphBuilder, Node, Op, Preprocess, Tensor,
    ValueInfo, Weights,
};

/// As the parity fixtures compare: a share of the logits' deviation.
const TOLERANCE: f64 = 1e-3;

fn bundle(graph: Graph, weights: Weights) -> Bundle {
    Bundle::new(Card::new("test", "image-classification", "MIT"), graph, weights)
}

fn network(name: &str) -> Bundle {
    let graph = architectures::find(name).unwrap().build(1000).unwrap();
    // The gain of the parity fixtures, at which logits depend on the input.
    let weights = rule_weights(&graph, 1.4);
    bundle(graph, weights)
}

fn run(graph: &Graph, weights: &Weights, input: &Tensor) -> Vec<f32> {
    let executor = Executor::new(graph.clone(), weights, &Device::Cpu).unwrap();
    executor.infer(std::slice::from_ref(input)).unwrap().remove(0).to_f32()
}

/// That the file computes what `bundle` does, for one image and for three.
fn assert_agrees(bundle: &Bundle, side: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    export(bundle, ExportFormat::Onnx, &path).unwrap();
    let again = onnx::load(&path).unwrap();
    let inputs = |graph: &Graph| graph.inputs.clone();
    assert_eq!(inputs(&again.graph), inputs(&bundle.graph));
    assert_eq!(again.graph.outputs, bundle.graph.outputs);
    // Constants of a graph come back as weights as well.
    for name in bundle.weights.names() {
        assert!(again.weights.get(name).is_some(), "{name}");
    }
    for batch in [1, 3] {
        let input = rule_tiles([batch, 3, side, side]);
        let expected = run(&bundle.graph, &bundle.weights, &input);
        if batch == 1 {
            let found = run(&again.graph, &again.weights, &input);
            assert!(error(&found, &expected) <= TOLERANCE, "{}", error(&found, &expected));
        }
        let name = bundle.graph.inputs[0].name.as_str();
        if let Some(found) = onnx_runtime(&path, &[(name, input)]) {
            assert!(error(&found, &expected) <= TOLERANCE, "{}", error(&found, &expected));
        }
    }
}

#[test]
fn mobilenet_v2() {
    assert_agrees(&network("mobilenet-v2"), 224);
}

#[test]
fn resnet_18() {
    assert_agrees(&network("resnet-18"), 224);
}

#[test]
fn resnet_50() {
    assert_agrees(&network("resnet-50"), 224);
}

#[test]
fn inception_v3() {
    assert_agrees(&network("inception-v3"), 299);
}

/// A small network of each other family.
#[test]
fn families() {
    for name in [
        "alexnet",
        "squeezenet-1.1",
        "densenet-121",
        "googlenet",
        "mobilenet-v3-small",
        "mnasnet-0.5",
        "shufflenet-v2-x0.5",
        "efficientnet-b0",
        "regnet-y-400mf",
        "convnext-tiny",
        "vit-b-32",
        "swin-t",
        "swin-v2-t",
        "maxvit-t",
    ] {
        let size = architectures::find(name).unwrap().size;
        assert_agrees(&network(name), size);
    }
}

#[test]
fn efficientnet_lite0_with_its_real_weights() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../registry/starter/efficientnet-lite0.zoo");
    assert_agrees(&Bundle::open(path).unwrap(), 224);
}

#[test]
fn half_precision_is_widened_and_stays_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let whole = network("resnet-18");
    for dtype in [DType::F16, DType::BF16] {
        let half = bundle(whole.graph.clone(), whole.weights.to_float(dtype));
        export(&half, ExportFormat::Onnx, &path).unwrap();
        let again = onnx::load(&path).unwrap();
        assert_eq!(again.weights, half.weights.to_float(DType::F32));
        // The head of the original, since its weights are weights still.
        let cuts = Cuts::find(&again.graph, &again.weights).unwrap().unwrap();
        assert_eq!(cuts.head, Cuts::find(&half.graph, &half.weights).unwrap().unwrap().head);
        let input = rule_tiles([1, 3, 224, 224]);
        let expected = run(&half.graph, &half.weights, &input);
        if let Some(found) = onnx_runtime(&path, &[("input", input)]) {
            assert!(error(&found, &expected) <= TOLERANCE, "{}", error(&found, &expected));
        }
    }
}

#[test]
fn whole_numbers_come_in_as_the_graph_declares_them() {
    let graph = Graph {
        inputs: vec![ValueInfo {
            name: "bytes".to_owned(),
            dtype: DType::I32,
            shape: vec![None, Some(4)],
        }],
        nodes: vec![Node {
            name: "cast".to_owned(),
            op: Op::Cast { to: DType::F32 },
            inputs: vec!["bytes".to_owned()],
            outputs: vec!["y".to_owned()],
        }],
        outputs: vec!["y".to_owned()],
        parameters: std::collections::BTreeMap::new(),
    };
    let bytes: Vec<u8> = [1, -2, 300, 70_000].into_iter().flat_map(i32::to_le_bytes).collect();
    let input = Tensor::new(DType::I32, vec![1, 4], bytes.into()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    export(&bundle(graph, Weights::new()), ExportFormat::Onnx, &path).unwrap();
    let again = onnx::load(&path).unwrap();
    assert_eq!(again.graph.inputs[0].dtype, DType::I32);
    let expected = [1.0, -2.0, 300.0, 70_000.0];
    assert_eq!(run(&again.graph, &again.weights, &input), expected);
    if let Some(found) = onnx_runtime(&path, &[("bytes", input)]) {
        assert_eq!(found, expected);
    }
}

#[test]
fn names_labels_and_preprocessing_are_in_the_file() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(2)]);
    let y = builder.linear("fc", &x, 2, 2);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let weights = rule_weights(&graph, 1.0);
    let mut bundle = bundle(graph, weights);
    bundle.card.labels = vec!["\"rose\"".to_owned(), "tulip".to_owned()];
    bundle.card.preprocess = Some(Preprocess::imagenet(256, 224));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    export(&bundle, ExportFormat::Onnx, &path).unwrap();
    let model = ModelProto::parse_from_bytes(&std::fs::read(&path).unwrap()).unwrap();
    let entry = |key: &str| model.metadata_props.iter().find(|e| e.key == key).unwrap();
    assert_eq!(entry("labels").value, r#"["\"rose\"","tulip"]"#);
    assert_eq!(entry("license").value, "MIT");
    assert!(entry("preprocess").value.contains("\"mean\":[0.485,"), "{:?}", entry("preprocess"));
    assert_eq!(model.graph.node[0].name, "fc");
    assert_eq!(model.graph.node[0].input, ["x", "fc.weight", "fc.bias"]);
}

#[test]
fn what_has_no_counterpart_is_named() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(3), None, None]);
    let y = builder.conv("conv", &x, zoo_model::graph::ConvSpec::new(4, 3));
    let mut graph = builder.finish(&[("y", &y)]).unwrap();
    let Op::Conv(conv) = &mut graph.nodes[0].op else { panic!("no convolution") };
    (conv.padding, conv.dilation) = (Padding::SameUpper, vec![2, 2]);
    let weights = rule_weights(&graph, 1.0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let result = export(&bundle(graph, weights), ExportFormat::Onnx, &path);
    let Err(Error::NoCounterpart { nodes, .. }) = result else { panic!("{result:?}") };
    assert_eq!(nodes, ["conv (node \"conv\"): its padding depends on how large the input is"]);
    assert!(!path.exists());
}

#[test]
fn more_than_the_format_holds_is_refused_before_it_is_copied() {
    // Two GiB and a bias once it is in single precision.
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(1 << 15)]);
    let y = builder.linear("fc", &x, 1 << 15, 1 << 14);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    // Pages of zeros that nobody touches take no memory.
    let zeros = Tensor::new(DType::F16, vec![1 << 14, 1 << 15], vec![0; 1 << 30].into()).unwrap();
    let bias = Tensor::new(DType::F16, vec![1 << 14], vec![0; 1 << 15].into()).unwrap();
    let weights: Weights =
        [("fc.weight".to_owned(), zeros), ("fc.bias".to_owned(), bias)].into_iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let result = export(&bundle(graph, weights), ExportFormat::Onnx, &path);
    assert!(matches!(result, Err(Error::TooLarge { bytes: 0x8001_0000, .. })), "{result:?}");
}

#[test]
fn a_name_of_ours_gives_way_to_one_that_is_there() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(2)]);
    let y = builder.relu6(&x);
    let mut graph = builder.finish(&[("y", &y)]).unwrap();
    // What the bounds would be called.
    graph.nodes[0].name = "clip".to_owned();
    graph.nodes.push(Node {
        name: "relu".to_owned(),
        op: Op::Activation(Activation::Relu),
        inputs: vec!["y".to_owned()],
        outputs: vec!["clip:min".to_owned()],
    });
    graph.outputs.push("clip:min".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let input = Tensor::from_f32(&[1, 2], &[-1.0, 7.0]);
    export(&bundle(graph, Weights::new()), ExportFormat::Onnx, &path).unwrap();
    let again = onnx::load(&path).unwrap();
    assert_eq!(run(&again.graph, &again.weights, &input), [0.0, 6.0]);
    if let Some(found) = onnx_runtime(&path, &[("x", input)]) {
        assert_eq!(found, [0.0, 6.0, 0.0, 6.0]);
    }
}
