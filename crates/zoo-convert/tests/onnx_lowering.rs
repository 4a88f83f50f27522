//! Small models: names, defaults, older versions, and what is refused.

mod onnx_support;

use onnx_support::{Writer, largest_difference, run};
use zoo_convert::Error;
use zoo_convert::onnx::OnnxModel;
use zoo_model::ops::{BatchNorm, Layout};
use zoo_model::{Op, Tensor};

/// Runs a model with one input of `f32` and gives its first output.
fn outputs(model: &OnnxModel, shape: &[usize], values: &[f32]) -> (Vec<usize>, Vec<f32>) {
    let output = run(model, &[Tensor::from_f32(shape, values)]).remove(0);
    (output.shape().to_vec(), output.to_f32())
}

#[test]
fn all_unsupported_operators_are_named_at_once() {
    let result = Writer::new(15)
        .input("x", &[None, Some(4)])
        .node("first", "Relu", &["x"], &["a"])
        .node("decode", "Loop", &["a"], &["b"])
        .node("", "com.acme::Frobnicate", &["b"], &["c"])
        .node("chance", "Bernoulli", &["c"], &["y"])
        .node("unused", "NonZero", &["x"], &["z"])
        .output("y")
        .load();
    let Err(Error::UnsupportedOperators { nodes, .. }) = result else { panic!("{result:?}") };
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert!(nodes[0].starts_with("Loop (node \"decode\"): "), "{nodes:?}");
    assert!(nodes[1].starts_with("com.acme::Frobnicate (node \"\"): "), "{nodes:?}");
    assert!(nodes[2].starts_with("Bernoulli (node \"chance\"): "), "{nodes:?}");
}

#[test]
fn names_are_kept_and_made_unique() {
    let model = Writer::new(15)
        .input("X:0", &[None, Some(2)])
        .floats("Layer/w", &[2], &[1.0, 2.0])
        .node("Same", "Add", &["X:0", "Layer/w"], &["a"])
        .node("Same", "Relu", &["a"], &["b"])
        .node("", "Identity", &["b"], &["c"])
        .node("", "Neg", &["c"], &["Y:0"])
        .output("Y:0")
        .load()
        .expect("a sound model");
    let names: Vec<&str> = model.graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["Same", "Same_1", "neg"]);
    assert_eq!(model.graph.inputs[0].name, "X:0");
    assert_eq!(model.graph.inputs[0].shape, [None, Some(2)]);
    assert_eq!(model.graph.outputs, ["Y:0"]);
    assert_eq!(model.graph.nodes[2].inputs, ["b"]);
    assert_eq!(model.weights.names().collect::<Vec<_>>(), ["Layer/w"]);
    assert_eq!(outputs(&model, &[1, 2], &[-3.0, 1.0]).1, [0.0, -3.0]);
}

#[test]
fn what_is_learned_is_trainable() {
    let model = Writer::new(13)
        .input("x", &[None, Some(1), Some(4)])
        .floats("kernel", &[1, 1, 1], &[2.0])
        .floats("half", &[], &[0.5])
        .floats("shift", &[4], &[0.0; 4])
        .floats("one", &[1], &[1.0])
        .floats("mean", &[1], &[0.0])
        .node("conv", "Conv", &["x", "kernel"], &["a"])
        .node("norm", "BatchNormalization", &["a", "one", "mean", "mean", "one"], &["b"])
        .node("mul", "Mul", &["b", "half"], &["c"])
        .node("add", "Add", &["c", "shift"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    let trainable = |name: &str| model.graph.parameters[name].trainable;
    assert!(trainable("kernel") && trainable("shift"));
    // A value that is also a running statistic stays one.
    assert!(!trainable("half") && !trainable("mean") && !trainable("one"));
    let Op::BatchNorm(BatchNorm { epsilon, momentum }) = model.graph.nodes[1].op else {
        panic!("not a batch norm")
    };
    assert_eq!(epsilon, 1e-5);
    assert!((momentum - 0.1).abs() < 1e-6);
}

#[test]
fn softmax_before_version_13_takes_all_axes_from_one_on() {
    let writer = |opset| {
        Writer::new(opset)
            .input("x", &[None, Some(2), Some(2)])
            .node_with("softmax", "Softmax", &["x"], &["y"], &[("axis", 1)])
            .output("y")
            .load()
            .expect("a sound model")
    };
    let x = [0.0, 0.0, 0.0, 3f32.ln()];
    let (shape, old) = outputs(&writer(11), &[1, 2, 2], &x);
    assert_eq!(shape, [1, 2, 2]);
    let sixth = 1.0 / 6.0;
    assert!(largest_difference(&old, &[sixth, sixth, sixth, 0.5]) < 1e-6);
    let new = outputs(&writer(13), &[1, 2, 2], &x).1;
    assert!(largest_difference(&new, &[0.5, 0.25, 0.5, 0.75]) < 1e-6);
    // Along the last axis both are the same, and one node, which a head is found by.
    let model = Writer::new(9)
        .input("x", &[None, Some(4)])
        .node("softmax", "Softmax", &["x"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    assert_eq!(model.graph.nodes[0].op, Op::Softmax { axis: 1 });
}

#[test]
fn an_index_from_the_end_becomes_a_slice() {
    for (dims, shape) in [(&[][..], vec![2, 2]), (&[1][..], vec![2, 1, 2])] {
        let model = Writer::new(13)
            .input("x", &[None, Some(3), Some(2)])
            .ints("last", dims, &[-1])
            .node_with("gather", "Gather", &["x", "last"], &["y"], &[("axis", 1)])
            .output("y")
            .load()
            .expect("a sound model");
        let x: Vec<f32> = (0u8..12).map(f32::from).collect();
        assert_eq!(outputs(&model, &[2, 3, 2], &x), (shape, vec![4.0, 5.0, 10.0, 11.0]));
    }
}

#[test]
fn a_shape_that_is_computed_leaves_the_batch_open() {
    let model = Writer::new(13)
        .input("x", &[None, Some(2), Some(3)])
        .ints("zero", &[1], &[0])
        .ints("one", &[1], &[1])
        .ints("rest", &[1], &[-1])
        .node("shape", "Shape", &["x"], &["a"])
        .node("slice", "Slice", &["a", "zero", "one"], &["b"])
        .node_with("concat", "Concat", &["b", "rest"], &["c"], &[("axis", 0)])
        .node("reshape", "Reshape", &["x", "c"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    for batch in [1, 2, 5] {
        let (shape, _) = outputs(&model, &[batch, 2, 3], &vec![1.0; batch * 6]);
        assert_eq!(shape, [batch, 6]);
    }
}

#[test]
fn a_mirror_pads_without_the_edge() {
    let mut writer = Writer::new(13)
        .input("x", &[None, Some(4)])
        .ints("pads", &[4], &[0, 2, 0, 1])
        .node("pad", "Pad", &["x", "pads"], &["y"])
        .output("y");
    writer.graph.node[0].attribute.push(onnx_ir::AttributeProto {
        name: "mode".to_owned(),
        type_: onnx_ir::AttributeType::STRING.into(),
        s: b"reflect".to_vec().into(),
        ..onnx_ir::AttributeProto::default()
    });
    let model = writer.load().expect("a sound model");
    let pads = vec![(0, 0), (2, 1)];
    assert_eq!(model.graph.nodes[0].op, Op::Layout(Layout::PadReflect { pads }));
    let (shape, values) = outputs(&model, &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(shape, [1, 7]);
    assert_eq!(values, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0]);
}

#[test]
fn shapes_that_do_not_fit_are_an_error() {
    let result = Writer::new(13)
        .input("x", &[None, Some(4)])
        .floats("w", &[3, 2], &[0.0; 6])
        .node("product", "MatMul", &["x", "w"], &["y"])
        .output("y")
        .load();
    assert!(matches!(result, Err(Error::Model(_))), "{result:?}");
}

#[test]
fn without_a_version_no_operator_can_be_told() {
    let mut writer = Writer::new(13).input("x", &[Some(1)]).node("r", "Relu", &["x"], &["y"]);
    writer.model.opset_import.clear();
    let result = writer.output("y").load();
    assert!(matches!(result, Err(Error::Malformed { .. })), "{result:?}");
}
