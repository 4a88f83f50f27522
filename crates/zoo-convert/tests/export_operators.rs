//! Every operator that can be written, with the settings in which runtimes differ.
#![allow(clippy::unwrap_used, reason = "tests")]

mod export_support;

use std::collections::BTreeMap;

use export_support::onnx_runtime;
use zoo_convert::export::{ExportFormat, export};
use zoo_convert::onnx;
use zoo_model::bundle::{rule_tensor, typed_probe};
use zoo_model::ops::{
    Activation, BatchNorm, Binary, Compare, Conv, Gemm, GlobalPool, Layout, Padding, Pool,
    PoolKind, Reduce, Reduction, Unary,
};
use zoo_model::{
    Bundle, Card, DType, Device, Executor, Graph, Node, Op, Parameter, Tensor, ValueInfo, Weights,
};

/// A graph with an output for each node that is added.
struct Sketch {
    graph: Graph,
    weights: Weights,
}

impl Sketch {
    /// `x [batch, 4, 7, 6]`, and `y [batch, 6]`.
    fn new() -> Self {
        let input = |name: &str, shape: &[usize]| ValueInfo {
            name: name.to_owned(),
            dtype: DType::F32,
            shape: [None].into_iter().chain(shape.iter().map(|&length| Some(length))).collect(),
        };
        let graph = Graph {
            inputs: vec![input("x", &[4, 7, 6]), input("y", &[6])],
            nodes: Vec::new(),
            outputs: Vec::new(),
            parameters: BTreeMap::new(),
        };
        Self { graph, weights: Weights::new() }
    }

    fn parameter(&mut self, name: &str, shape: &[usize]) -> String {
        let values = rule_tensor(name, shape.iter().product());
        let values: Vec<f32> = values.iter().map(|value| (value * 0.5 + 1.0) as f32).collect();
        self.constant(name, Tensor::from_f32(shape, &values))
    }

    fn constant(&mut self, name: &str, tensor: Tensor) -> String {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        let parameter = Parameter { dtype, shape, trainable: dtype.is_float() };
        self.graph.parameters.insert(name.to_owned(), parameter);
        self.weights.insert(name, tensor);
        name.to_owned()
    }

    /// A node whose value other nodes read.
    fn step(&mut self, op: Op, inputs: &[&str]) -> String {
        let name = format!("{}_{}", op.name(), self.graph.nodes.len());
        let output = format!("{name}:0");
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.graph.nodes.push(Node { name, op, inputs, outputs: vec![output.clone()] });
        output
    }

    /// A node whose value is an output.
    fn output(&mut self, op: Op, inputs: &[&str]) {
        let output = self.step(op, inputs);
        self.graph.outputs.push(output);
    }

    /// Compares our outputs with those of the file, read back and in ONNX Runtime.
    fn check(self) {
        let Self { graph, weights } = self;
        let card = Card::new("operators", "other", "MIT");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operators.onnx");
        let bundle = Bundle::new(card, graph, weights);
        export(&bundle, ExportFormat::Onnx, &path).unwrap();
        let again = onnx::load(&path).unwrap();
        for batch in [1, 3] {
            let x = typed_probe(DType::F32, &[batch, 4, 7, 6]);
            let y = typed_probe(DType::F32, &[batch, 6]);
            let run = |graph: &Graph, weights: &Weights| {
                let executor = Executor::new(graph.clone(), weights, &Device::Cpu).unwrap();
                executor.infer(&[x.clone(), y.clone()]).unwrap()
            };
            let expected = run(&bundle.graph, &bundle.weights);
            let read_back = run(&again.graph, &again.weights);
            let theirs = onnx_runtime(&path, &[("x", x.clone()), ("y", y.clone())]);
            let mut start = 0;
            for ((ours, back), name) in expected.iter().zip(&read_back).zip(&bundle.graph.outputs) {
                assert_eq!(ours.shape(), back.shape(), "{name}");
                let (ours, back) = (ours.to_f32(), back.to_f32());
                assert_close(&back, &ours, &format!("{name}, read back"));
                if let Some(theirs) = &theirs {
                    let theirs = &theirs[start..start + ours.len()];
                    assert_close(&ours, theirs, &format!("{name}, in ONNX Runtime"));
                }
                start += ours.len();
            }
            assert!(theirs.is_none_or(|theirs| theirs.len() == start));
        }
    }
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let close = (found - expected).abs() <= 1e-5 * expected.abs().max(1.0);
        assert!(close || found == expected, "{what}: {found}, not {expected}");
    }
}

fn pads(pads: &[(usize, usize)]) -> Padding {
    Padding::Explicit(pads.to_vec())
}

#[test]
fn layers() {
    let mut sketch = Sketch::new();
    let (weight, bias) = (sketch.parameter("w", &[6, 2, 3, 3]), sketch.parameter("b", &[6]));
    for (padding, stride, dilation) in [
        (pads(&[(0, 1), (2, 0)]), [2, 1], [1, 2]),
        (Padding::SameUpper, [2, 2], [1, 1]),
        (Padding::SameLower, [2, 2], [1, 1]),
        (Padding::SameUpper, [1, 2], [2, 2]),
    ] {
        let (stride, dilation) = (stride.to_vec(), dilation.to_vec());
        let conv = Conv { stride, padding, dilation, groups: 2 };
        sketch.output(Op::Conv(conv), &["x", &weight, &bias]);
    }
    let rows = Layout::Reshape { shape: Some(vec![0, 4, -1]) };
    let rows = sketch.step(Op::Layout(rows), &["x"]);
    let kernel = sketch.parameter("w1", &[2, 4, 5]);
    let conv = Conv { stride: vec![3], padding: pads(&[(1, 2)]), dilation: vec![2], groups: 1 };
    sketch.output(Op::Conv(conv), &[&rows, &kernel]);
    let norm: Vec<String> = ["scale", "shift", "mean", "variance"]
        .iter()
        .map(|name| sketch.parameter(name, &[4]))
        .collect();
    let op = Op::BatchNorm(BatchNorm { epsilon: 1e-3, momentum: 0.01 });
    sketch.output(op, &["x", &norm[0], &norm[1], &norm[2], &norm[3]]);
    sketch.output(Op::InstanceNorm { epsilon: 1e-3 }, &["x", &norm[0], &norm[1]]);
    let (matrix, addend) = (sketch.parameter("m", &[5, 6]), sketch.parameter("c", &[1, 5]));
    let gemm = Gemm { alpha: 0.5, beta: 2.0, ..Gemm::LINEAR };
    sketch.output(Op::Gemm(gemm), &["y", &matrix, &addend]);
    sketch.output(Op::Gemm(Gemm::LINEAR), &["y", &matrix]);
    let square = sketch.parameter("s", &[6, 4]);
    sketch.output(Op::MatMul, &["x", &square]);
    sketch.output(Op::Softmax { axis: -1 }, &["y"]);
    sketch.output(Op::LogSoftmax { axis: 1 }, &["x"]);
    sketch.output(Op::Dropout { probability: 0.25 }, &["x"]);
    sketch.check();
}

#[test]
fn pooling() {
    let mut sketch = Sketch::new();
    for kind in [PoolKind::Max, PoolKind::Mean, PoolKind::MeanWithPadding] {
        for (padding, ceil_mode) in [
            (pads(&[(1, 1), (1, 1)]), false),
            (pads(&[(1, 1), (1, 1)]), true),
            (pads(&[(0, 1), (1, 0)]), true),
            (pads(&[(0, 0), (0, 0)]), true),
            (Padding::SameUpper, false),
        ] {
            let (kernel, stride) = (vec![3, 2], vec![2, 3]);
            let dilation = vec![1, 1];
            let pool = Pool { kind, kernel, stride, padding, dilation, ceil_mode };
            sketch.output(Op::Pool(pool), &["x"]);
        }
    }
    let dilated = Pool {
        kind: PoolKind::Max,
        kernel: vec![2, 2],
        stride: vec![1, 2],
        padding: pads(&[(1, 0), (0, 1)]),
        dilation: vec![2, 3],
        ceil_mode: false,
    };
    sketch.output(Op::Pool(dilated), &["x"]);
    sketch.output(Op::GlobalPool(GlobalPool::Max), &["x"]);
    sketch.output(Op::GlobalPool(GlobalPool::Mean), &["x"]);
    sketch.check();
}

#[test]
fn elementwise() {
    let mut sketch = Sketch::new();
    for activation in [
        Activation::Relu,
        Activation::Clip { min: Some(-0.5), max: Some(1.0) },
        Activation::Clip { min: None, max: Some(1.0) },
        Activation::Clip { min: Some(0.25), max: None },
        Activation::Clip { min: None, max: None },
        Activation::LeakyRelu { alpha: 0.2 },
        Activation::Elu { alpha: 0.7 },
        Activation::Sigmoid,
        Activation::HardSigmoid { alpha: 0.3, beta: 0.4 },
        Activation::HardSwish,
        Activation::Silu,
        Activation::Gelu,
        Activation::Tanh,
        Activation::Softplus,
    ] {
        sketch.output(Op::Activation(activation), &["x"]);
    }
    let positive = sketch.step(Op::Unary(Unary::Exp), &["x"]);
    for function in [
        Unary::Neg,
        Unary::Abs,
        Unary::Sqrt,
        Unary::Reciprocal,
        Unary::Exp,
        Unary::Log,
        Unary::Erf,
        Unary::Floor,
        Unary::Ceil,
        Unary::Sin,
        Unary::Cos,
    ] {
        sketch.output(Op::Unary(function), &[&positive]);
    }
    let row = sketch.parameter("row", &[6]);
    for function in
        [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Pow, Binary::Max, Binary::Min]
    {
        sketch.output(Op::Binary(function), &[&positive, &row]);
    }
    for comparison in [
        Compare::Equal,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ] {
        let holds = sketch.step(Op::Compare(comparison), &["x", "x"]);
        let fails = sketch.step(Op::Unary(Unary::Not), &[&holds]);
        sketch.output(Op::Cast { to: DType::F16 }, &[&fails]);
        let mixed = sketch.step(Op::Compare(comparison), &["x", &row]);
        sketch.output(Op::Where, &[&mixed, "x", &row]);
    }
    let whole = sketch.step(Op::Cast { to: DType::I32 }, &[&positive]);
    sketch.output(Op::Binary(Binary::Mul), &[&whole, &whole]);
    sketch.check();
}

#[test]
fn reductions() {
    let mut sketch = Sketch::new();
    for kind in [Reduction::Sum, Reduction::Mean, Reduction::Max, Reduction::Min, Reduction::Prod] {
        for (axes, keep_dims) in [(vec![2, -1], true), (vec![1], false), (Vec::new(), false)] {
            sketch.output(
                Op::Reduce(Reduce { kind, axes, keep_dims, noop_with_empty_axes: false }),
                &["x"],
            );
        }
    }
    sketch.check();
}

#[test]
fn arrangements() {
    let mut sketch = Sketch::new();
    let list = |values: &[i64]| Tensor::from_i64(&[values.len()], values);
    let layouts = [
        Layout::Identity,
        Layout::Flatten { axis: 2 },
        Layout::Flatten { axis: -1 },
        Layout::Reshape { shape: Some(vec![0, -1, 6]) },
        Layout::Transpose { permutation: vec![0, 3, 1, 2] },
        Layout::Slice {
            starts: Some(vec![-3, 1]),
            ends: Some(vec![i64::MAX, -1]),
            axes: Some(vec![3, 1]),
            steps: Some(vec![2, 1]),
        },
        Layout::Unsqueeze { axes: vec![-1, 1] },
        Layout::Pad { pads: vec![(0, 0), (1, 0), (0, 2), (1, 1)], value: 0.5 },
        Layout::PadReflect { pads: vec![(0, 0), (0, 0), (2, 1), (0, 3)] },
    ];
    for layout in layouts {
        sketch.output(Op::Layout(layout), &["x"]);
    }
    sketch.output(Op::Layout(Layout::Concat { axis: -2 }), &["x", "x", "x"]);
    let lone = sketch.step(Op::Layout(Layout::Unsqueeze { axes: vec![2] }), &["x"]);
    sketch.output(Op::Layout(Layout::Squeeze { axes: vec![-3] }), &[&lone]);
    sketch.output(Op::Layout(Layout::Expand { shape: Some(vec![1, 4, 2, 7, 6]) }), &[&lone]);
    let indices = sketch.constant("indices", Tensor::from_i64(&[2, 2], &[3, 0, 1, 1]));
    sketch.output(Op::Layout(Layout::Gather { axis: 1 }), &["x", &indices]);

    // Lists that are inputs, given or computed from shapes.
    let shape = sketch.step(Op::Layout(Layout::Shape { start: 0, end: Some(-2) }), &["x"]);
    let rest = sketch.constant("rest", list(&[-1]));
    let wanted = sketch.step(Op::Layout(Layout::Concat { axis: 0 }), &[&shape, &rest]);
    sketch.output(Op::Layout(Layout::Reshape { shape: None }), &["x", &wanted]);
    let ends = sketch.step(Op::Layout(Layout::Shape { start: 2, end: None }), &["x"]);
    let (starts, one) =
        (sketch.constant("starts", list(&[2, 1])), sketch.constant("one", list(&[1])));
    let ends = sketch.step(Op::Binary(Binary::Sub), &[&ends, &one]);
    let slice = Layout::Slice { starts: None, ends: None, axes: Some(vec![2, 3]), steps: None };
    sketch.output(Op::Layout(slice), &["x", &starts, &ends]);
    sketch.check();
}
