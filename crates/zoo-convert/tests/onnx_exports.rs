//! What exporters of all times write: old settings, half precision, constants as nodes, masks.

mod onnx_support;

use onnx_support::{Writer, largest_difference, run};
use zoo_convert::onnx::OnnxModel;
use zoo_convert::{ConvertOptions, Error, convert};
use zoo_model::{DType, Tensor};

fn output(model: &OnnxModel, inputs: &[Tensor]) -> (Vec<usize>, Vec<f32>) {
    let output = run(model, inputs).remove(0);
    (output.shape().to_vec(), output.to_f32())
}

fn counted(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::from_f32(shape, &(0..count).map(|value| value as f32).collect::<Vec<_>>())
}

#[test]
fn lists_are_attributes_in_old_versions_and_inputs_in_new_ones() {
    let old = Writer::new(8)
        .input("x", &[None, Some(2), Some(3)])
        .node("unsqueeze", "Unsqueeze", &["x"], &["a"])
        .with_ints("axes", &[1])
        .node("slice", "Slice", &["a"], &["b"])
        .with_ints("starts", &[1])
        .with_ints("ends", &[3])
        .with_ints("axes", &[3])
        .node("pad", "Pad", &["b"], &["c"])
        .with_ints("pads", &[0, 0, 0, 1, 0, 0, 0, 0])
        .node("squeeze", "Squeeze", &["c"], &["d"])
        .with_ints("axes", &[1])
        .node_with("sum", "ReduceSum", &["d"], &["y"], &[("keepdims", 0)])
        .with_ints("axes", &[1])
        .output("y")
        .load()
        .expect("a sound model");
    let new = Writer::new(13)
        .input("x", &[None, Some(2), Some(3)])
        .ints("one", &[1], &[1])
        .ints("end", &[1], &[3])
        .ints("three", &[1], &[3])
        .ints("pads", &[8], &[0, 0, 0, 1, 0, 0, 0, 0])
        .node("unsqueeze", "Unsqueeze", &["x", "one"], &["a"])
        .node("slice", "Slice", &["a", "one", "end", "three"], &["b"])
        .node("pad", "Pad", &["b", "pads"], &["c"])
        .node("squeeze", "Squeeze", &["c", "one"], &["d"])
        .node_with("sum", "ReduceSum", &["d", "one"], &["y"], &[("keepdims", 0)])
        .output("y")
        .load()
        .expect("a sound model");
    // The same lists as inputs of the graph, which only a run knows.
    let late = Writer::new(13)
        .input("x", &[None, Some(2), Some(3)])
        .input("one", &[Some(1)])
        .of_type(7)
        .input("pads", &[Some(8)])
        .of_type(7)
        .ints("end", &[1], &[3])
        .ints("three", &[1], &[3])
        .node("unsqueeze", "Unsqueeze", &["x", "one"], &["a"])
        .node("slice", "Slice", &["a", "one", "end", "three"], &["b"])
        .node("pad", "Pad", &["b", "pads"], &["c"])
        .node("squeeze", "Squeeze", &["c", "one"], &["d"])
        .node_with("sum", "ReduceSum", &["d", "one"], &["y"], &[("keepdims", 0)])
        .output("y")
        .load()
        .expect("a sound model");
    for batch in [1, 2] {
        let x = counted(&[batch, 2, 3]);
        let expected = output(&old, std::slice::from_ref(&x));
        assert_eq!(expected.0, [batch, 3]);
        assert_eq!(expected.1[..3], [0.0, 5.0, 7.0]);
        assert_eq!(output(&new, std::slice::from_ref(&x)), expected);
        let one = Tensor::from_i64(&[1], &[1]);
        let pads = Tensor::from_i64(&[8], &[0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(output(&late, &[x, one, pads]), expected);
    }
}

#[test]
fn the_oldest_versions_name_the_axis_that_they_broadcast_along() {
    let model = Writer::new(6)
        .input("x", &[None, Some(2), Some(3)])
        .floats("bias", &[2], &[10.0, 20.0])
        .node_with("add", "Add", &["x", "bias"], &["a"], &[("axis", 1), ("broadcast", 1)])
        .node("reshape", "Reshape", &["a"], &["y"])
        .with_ints("shape", &[0, -1])
        .output("y")
        .load()
        .expect("a sound model");
    let (shape, values) = output(&model, &[counted(&[1, 2, 3])]);
    assert_eq!(shape, [1, 6]);
    assert_eq!(values, [10.0, 11.0, 12.0, 23.0, 24.0, 25.0]);
}

#[test]
fn half_precision_is_read_and_rounded_to() {
    let model = Writer::new(13)
        .input("x", &[None, Some(2)])
        .of_type(10)
        .floats("w", &[2, 2], &[0.5, -1.0, 2.0, 0.25])
        .halved()
        .node("product", "MatMul", &["x", "w"], &["a"])
        .node_with("half", "Cast", &["a"], &["b"], &[("to", 10)])
        .node_with("single", "Cast", &["b"], &["y"], &[("to", 1)])
        .output("y")
        .load()
        .expect("a sound model");
    assert_eq!(model.graph.inputs[0].dtype, DType::F16);
    assert_eq!(model.weights.get("w").map(Tensor::dtype), Some(DType::F16));
    let x = Tensor::from_f32(&[1, 2], &[4096.0, 1.5]);
    let x = x.to_float(DType::F16).into_owned();
    // 2051 has no place in eleven bits; of its two neighbours, 2052 is the even one.
    assert_eq!(output(&model, &[x]).1, [2052.0, -4096.0]);
}

#[test]
fn constants_may_be_nodes() {
    let model = Writer::new(13)
        .input("x", &[None, Some(2)])
        .constant("w", &[2, 1], &[3.0, 4.0])
        .node("product", "MatMul", &["x", "w"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    assert!(model.graph.parameters["w"].trainable);
    assert_eq!(output(&model, &[counted(&[1, 2])]).1, [4.0]);
}

/// Attention scores with a mask on them.
fn masked(mask: [f32; 4]) -> Writer {
    Writer::new(13)
        .input("x", &[None, Some(4)])
        .floats("mask", &[4], &mask)
        .node("masked", "Add", &["x", "mask"], &["a"])
        .node("weights", "Softmax", &["a"], &["y"])
        .output("y")
}

#[test]
fn masks_may_be_infinite_and_weights_may_not() {
    let mask = [0.0, f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY];
    let model = masked(mask).load().expect("a sound model");
    assert!(!model.graph.parameters["mask"].trainable, "a mask is not learned");
    let (_, values) = output(&model, &[Tensor::from_f32(&[1, 4], &[1.0; 4])]);
    assert!(largest_difference(&values, &[0.5, 0.0, 0.5, 0.0]) < 1e-6);

    let folder = onnx_support::Scratch::new();
    let path = folder.0.join("model.onnx");
    let convert = |writer: Writer| {
        std::fs::write(&path, writer.bytes()).expect("a writable folder");
        convert(&path, &ConvertOptions::default())
    };
    convert(masked(mask)).expect("a mask");
    let nan = convert(masked([0.0, f32::NAN, 0.0, 0.0]));
    assert!(matches!(nan, Err(Error::NotFinite { .. })), "{nan:?}");
    let weight = Writer::new(13)
        .input("x", &[None, Some(2)])
        .floats("w", &[2, 1], &[1.0, f32::INFINITY])
        .node("product", "MatMul", &["x", "w"], &["y"])
        .output("y");
    let infinite = convert(weight);
    assert!(matches!(infinite, Err(Error::NotFinite { .. })), "{infinite:?}");
}

#[test]
fn nothing_is_a_length_where_an_operator_takes_it() {
    let model = Writer::new(13)
        .input("x", &[None, Some(3)])
        .node("twice", "Concat", &["x", "x"], &["a"])
        .node("negative", "Neg", &["a"], &["y"])
        .output("y")
        .load()
        .expect("a sound model");
    assert_eq!(output(&model, &[Tensor::from_f32(&[0, 3], &[])]).0, [0, 6]);
}

#[test]
fn numbers_that_an_operator_cannot_take_are_an_error_of_the_run() {
    let model = Writer::new(13)
        .input("x", &[Some(2)])
        .of_type(7)
        .input("y", &[Some(2)])
        .of_type(7)
        .node("quotient", "Div", &["x", "y"], &["a"])
        .node_with("left", "Mod", &["x", "y"], &["b"], &[("fmod", 0)])
        .output("a")
        .output("b")
        .load()
        .expect("a sound model");
    let executor =
        zoo_model::Executor::new(model.graph.clone(), &model.weights, &zoo_model::Device::Cpu);
    let executor = executor.expect("a graph that runs");
    let ints = |values: &[i64]| Tensor::from_i64(&[2], values);
    let fine = executor.infer(&[ints(&[i64::MIN, -7]), ints(&[-1, 2])]).expect("no trap");
    assert_eq!(fine[0].to_i64(), Some(vec![i64::MIN, -3]));
    assert_eq!(fine[1].to_i64(), Some(vec![0, 1]));
    let zero = executor.infer(&[ints(&[1, 2]), ints(&[1, 0])]).expect_err("a division by zero");
    let source = std::error::Error::source(&zero).expect("a cause").to_string();
    assert!(source.contains("quotient"), "{source}");
}
