//! Heads of classifiers as exporters write them: each is found, replaced and trained.

mod onnx_support;

use onnx_support::Writer;
use zoo_convert::onnx::OnnxModel;
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::{Cuts, Device, Executor, Graph, Tensor, Weights};

/// How many numbers each feature has.
const FEATURES: i64 = 4;
const CLASSES: i64 = 3;
const NEW_CLASSES: usize = 5;

fn numbers(count: i64) -> Vec<f32> {
    (0..count).map(|index| ((index * 7 % 11) as f32 - 5.0) / 10.0).collect()
}

/// A convolution and a nonlinearity, which make the value `body`.
fn body(opset: i64) -> Writer {
    Writer::new(opset)
        .input("x", &[None, Some(3), Some(6), Some(6)])
        .floats("kernel", &[FEATURES, 3, 3, 3], &numbers(FEATURES * 27))
        .floats("matrix", &[FEATURES, CLASSES], &numbers(FEATURES * CLASSES))
        .floats("rows", &[CLASSES, FEATURES], &numbers(FEATURES * CLASSES))
        .floats("points", &[CLASSES, FEATURES, 1, 1], &numbers(FEATURES * CLASSES))
        .floats("bias", &[CLASSES], &numbers(CLASSES))
        .ints("flat", &[2], &[0, -1])
        .node("body", "Conv", &["x", "kernel"], &["a"])
        .node("activation", "Relu", &["a"], &["body"])
}

/// Mean over height and width, kept as axes of length one.
fn pooled(writer: Writer) -> Writer {
    writer.node("pool", "GlobalAveragePool", &["body"], &["pooled"])
}

/// Finds the head, replaces it, and trains a step; what was found comes back.
fn adapt(model: &OnnxModel, shape: &[usize]) -> Cuts {
    let cuts = Cuts::find(&model.graph, &model.weights).expect("shapes that fit");
    let cuts = cuts.expect("a classifier");
    assert_eq!(cuts.feature_length, FEATURES as usize, "{cuts:?}");
    train(&model.graph, &model.weights, &cuts, shape);
    cuts
}

fn train(graph: &Graph, weights: &Weights, cuts: &Cuts, shape: &[usize]) {
    let new = graph.with_head(cuts, NEW_CLASSES).expect("a new head");
    let mut weights = weights.clone();
    let count = NEW_CLASSES * cuts.feature_length;
    let matrix = Tensor::from_f32(&[NEW_CLASSES, cuts.feature_length], &numbers(count as i64));
    weights.insert(&new.weight, matrix);
    weights.insert(&new.bias, Tensor::from_f32(&[NEW_CLASSES], &[0.0; NEW_CLASSES]));
    let executor = Executor::new(new.graph, &weights, &Device::Cpu).expect("a graph that runs");
    let values = numbers(shape.iter().product::<usize>() as i64);
    let input = Tensor::from_f32(shape, &values);
    let output = executor.infer(std::slice::from_ref(&input)).expect("an inference").remove(0);
    assert_eq!(output.shape(), [shape[0], NEW_CLASSES]);
    let options = TrainOptions { batch_statistics: false, dropout: true };
    let mut trainer = Trainer::new(executor, options, 0, |_| true).expect("gradients all the way");
    let labels = vec![1; shape[0]];
    let step = trainer.step(&[input], &labels).expect("a step");
    assert!(step.loss.is_finite());
    let gradients = step.gradients();
    for name in ["kernel", &new.weight] {
        let gradient = gradients.get(name).expect("a gradient").to_f32();
        assert!(gradient.iter().any(|value| *value != 0.0), "nothing moves {name}");
    }
    // The trunk alone makes the features.
    let trunk = Executor::new(graph.trunk(cuts), &weights, &Device::Cpu).expect("a trunk");
    let made = trunk.facts(&[shape.to_vec()]).expect("shapes that fit");
    let feature = &made[&trunk.graph().outputs[0]].shape;
    assert_eq!(feature.iter().product::<usize>(), shape[0] * cuts.feature_length);
}

const IMAGES: &[usize] = &[2, 3, 6, 6];

#[test]
fn linear_layers() {
    let model = pooled(body(13))
        .node("flatten", "Flatten", &["pooled"], &["f"])
        .node("dropout", "Dropout", &["f"], &["d"])
        .node_with("fc", "Gemm", &["d", "rows", "bias"], &["y"], &[("transB", 1)])
        .output("y")
        .load()
        .expect("a sound model");
    let cuts = adapt(&model, IMAGES);
    assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("f", "y"));
    assert_eq!(cuts.head, ["dropout", "fc"]);

    let model = body(13)
        .node_with("mean", "ReduceMean", &["body"], &["f"], &[("keepdims", 0)])
        .with_ints("axes", &[2, 3])
        .node("fc", "Gemm", &["f", "matrix", "bias"], &["l"])
        .node_with("probabilities", "Softmax", &["l"], &["y"], &[("axis", 1)])
        .output("y")
        .load()
        .expect("a sound model");
    let cuts = adapt(&model, IMAGES);
    assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("f", "l"));
}

#[test]
fn a_product_and_a_sum_behind_a_reshape() {
    for opset in [9, 13] {
        let model = pooled(body(opset))
            .node("reshape", "Reshape", &["pooled", "flat"], &["f"])
            .node("product", "MatMul", &["f", "matrix"], &["p"])
            .node("sum", "Add", &["p", "bias"], &["l"])
            .node_with("probabilities", "Softmax", &["l"], &["y"], &[("axis", 1)])
            .node("again", "Reshape", &["y", "flat"], &["z"])
            .output("z")
            .load()
            .expect("a sound model");
        let cuts = adapt(&model, IMAGES);
        assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("f", "l"));
    }
}

#[test]
fn a_convolution_before_or_after_the_pool() {
    let model = pooled(body(13))
        .node("points", "Conv", &["pooled", "points", "bias"], &["c"])
        .node("reshape", "Reshape", &["c", "flat"], &["l"])
        .node_with("probabilities", "Softmax", &["l"], &["y"], &[("axis", 1)])
        .output("y")
        .load()
        .expect("a sound model");
    let cuts = adapt(&model, IMAGES);
    assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("pooled", "l"));

    // As SqueezeNet has it.
    let squeezed = || {
        body(13)
            .node("dropout", "Dropout", &["body"], &["d"])
            .node("points", "Conv", &["d", "points", "bias"], &["c"])
            .node("rectified", "Relu", &["c"], &["r"])
            .node("pool", "GlobalAveragePool", &["r"], &["p"])
            .node("flatten", "Flatten", &["p"], &["l"])
    };
    let probabilities = squeezed()
        .node_with("probabilities", "Softmax", &["l"], &["y"], &[("axis", 1)])
        .output("y");
    for (writer, logits) in [(squeezed().output("l"), "l"), (probabilities, "l")] {
        let model = writer.load().expect("a sound model");
        let cuts = adapt(&model, IMAGES);
        assert!(cuts.pooled);
        assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("body", logits));
        assert_eq!(cuts.head[..2], ["dropout", "points"]);
    }
    let model = body(13)
        .node("points", "Conv", &["body", "points"], &["c"])
        .node_with("mean", "ReduceMean", &["c"], &["y"], &[("keepdims", 0)])
        .with_ints("axes", &[2, 3])
        .output("y")
        .load()
        .expect("a sound model");
    assert!(adapt(&model, IMAGES).pooled);
}

#[test]
fn channels_last_as_tensorflow_has_them() {
    let model = Writer::new(12)
        .input("x", &[None, Some(6), Some(6), Some(3)])
        .floats("kernel", &[FEATURES, 3, 3, 3], &numbers(FEATURES * 27))
        .floats("shift", &[FEATURES], &numbers(FEATURES))
        .floats("matrix", &[FEATURES, CLASSES], &numbers(FEATURES * CLASSES))
        .floats("bias", &[CLASSES], &numbers(CLASSES))
        .node("to_planes", "Transpose", &["x"], &["planes"])
        .with_ints("perm", &[0, 3, 1, 2])
        .node("body", "Conv", &["planes", "kernel"], &["a"])
        .with_text("auto_pad", "SAME_UPPER")
        .node("to_pixels", "Transpose", &["a"], &["pixels"])
        .with_ints("perm", &[0, 2, 3, 1])
        .node("bias_add", "Add", &["pixels", "shift"], &["b"])
        .node("activation", "Relu", &["b"], &["c"])
        .node_with("mean", "ReduceMean", &["c"], &["f"], &[("keepdims", 0)])
        .with_ints("axes", &[1, 2])
        .node("product", "MatMul", &["f", "matrix"], &["p"])
        .node("sum", "Add", &["p", "bias"], &["l"])
        .node("probabilities", "Softmax", &["l"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    let cuts = adapt(&model, &[2, 6, 6, 3]);
    assert_eq!((cuts.feature.as_str(), cuts.logits.as_str()), ("f", "l"));
}

#[test]
fn a_card_may_cut_elsewhere() {
    let model = pooled(body(13))
        .node("flatten", "Flatten", &["pooled"], &["f"])
        .node_with("fc", "Gemm", &["f", "rows", "bias"], &["hidden"], &[("transB", 1)])
        .node("squashed", "Tanh", &["hidden"], &["t"])
        .floats("last", &[CLASSES, 2], &numbers(CLASSES * 2))
        .node("product", "MatMul", &["t", "last"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    let found = Cuts::find(&model.graph, &model.weights).expect("shapes").expect("a classifier");
    assert_eq!((found.feature.as_str(), found.feature_length), ("t", CLASSES as usize));
    let head = ["fc", "squashed", "product"].map(str::to_owned).to_vec();
    let feature_length = FEATURES as usize;
    let cuts = Cuts { feature: "f".to_owned(), feature_length, head, ..found };
    train(&model.graph, &model.weights, &cuts, IMAGES);
}

#[test]
fn what_segments_is_no_classifier() {
    let model = body(13)
        .node("points", "Conv", &["body", "points"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    assert_eq!(Cuts::find(&model.graph, &model.weights).expect("shapes that fit"), None);
}
