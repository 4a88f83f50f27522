//! Gradients of single operators against finite differences: every differentiable one, in the
//! settings in which it computes something else.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::ops::{
    Activation, Binary, Gemm, Layout, LossReduction, Lrn, NegativeLogLikelihood, Reduce, Reduction,
    Split, Unary, Update,
};
use zoo_model::{DType, Device, Executor, Graph, Node, Op, Parameter, Tensor, Weights};

/// An input of the operator.
enum Operand {
    /// Numbers between two others, whose gradients are checked.
    Learned(&'static [usize], f32, f32),
    /// Whole numbers.
    Whole(&'static [usize], &'static [i64]),
    /// Truth values.
    Truth(&'static [usize], &'static [u8]),
    /// None.
    Absent,
}
use Operand::{Absent, Learned, Truth, Whole};

/// A graph that makes two logits or more of what `op` makes last, and its weights.
fn graph(op: &Op, operands: &[Operand], outputs: usize) -> (Graph, Weights) {
    let (mut weights, mut parameters) = (Weights::new(), BTreeMap::new());
    let mut put = |name: &str, tensor: Tensor, trainable| {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        parameters.insert(name.to_owned(), Parameter { dtype, shape, trainable });
        weights.insert(name, tensor);
        name.to_owned()
    };
    let inputs = operands.iter().enumerate().map(|(index, operand)| {
        let name = format!("operand_{index}");
        match operand {
            Learned(shape, low, high) => {
                let values = zoo_model::bundle::rule_tensor(&name, shape.iter().product());
                let each = |x: &f64| low + (high - low) * (*x as f32 + 1.0) / 2.0;
                put(
                    &name,
                    Tensor::from_f32(shape, &values.iter().map(each).collect::<Vec<_>>()),
                    true,
                )
            }
            Whole(shape, values) => put(&name, Tensor::from_i64(shape, values), false),
            Truth(shape, values) => {
                let tensor = Tensor::new(DType::Bool, shape.to_vec(), values.to_vec().into());
                put(&name, tensor.unwrap(), false)
            }
            Absent => String::new(),
        }
    });
    let inputs = inputs.collect();
    let other = put("other", Tensor::from_f32(&[1, 1], &[0.3]), false);
    let made: Vec<String> = (0..outputs).map(|index| format!("made_{index}")).collect();
    let last = made[outputs - 1].clone();
    let node =
        |name: &str, op, inputs, outputs| Node { name: name.to_owned(), op, inputs, outputs };
    let flat = Op::Layout(Layout::Reshape { shape: Some(vec![1, -1]) });
    let join = Op::Layout(Layout::Concat { axis: 1 });
    let graph = Graph {
        inputs: Vec::new(),
        nodes: vec![
            node("operator", op.clone(), inputs, made),
            node("flat", flat, vec![last], vec!["flat".to_owned()]),
            node("join", join, vec!["flat".to_owned(), other], vec!["logits".to_owned()]),
        ],
        outputs: vec!["logits".to_owned()],
        parameters,
    };
    graph.check().unwrap();
    (graph, weights)
}

fn trainer(graph: &Graph, weights: &Weights) -> Trainer {
    let executor = Executor::new(graph.clone(), weights, &Device::Cpu).unwrap();
    let options = TrainOptions { batch_statistics: false, dropout: false };
    Trainer::new(executor, options, 0, |_| true).unwrap()
}

/// Every element's gradient against the change of the loss along it.
fn check_outputs(op: &Op, operands: &[Operand], outputs: usize) {
    const STEP: f32 = 2e-3;
    let (graph, weights) = graph(op, operands, outputs);
    let loss = |weights: &Weights| trainer(&graph, weights).step(&[], &[0]).unwrap().loss;
    let gradients = trainer(&graph, &weights).step(&[], &[0]).unwrap().gradients();
    let mut checked = 0;
    for (name, parameter) in graph.parameters.iter().filter(|(_, p)| p.trainable) {
        let gradient =
            gradients.get(name).map_or_else(|| vec![0.0; parameter.elements()], Tensor::to_f32);
        let values = weights.get(name).unwrap().to_f32();
        for at in 0..values.len() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[at] += by;
                let mut weights = weights.clone();
                weights.insert(name, Tensor::from_f32(&parameter.shape, &values));
                loss(&weights)
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let found = gradient[at];
            assert!(
                (slope - found).abs() <= 0.01 * slope.abs() + 1e-3,
                "{op:?}: {name}[{at}] = {}: {found} for {slope}",
                values[at]
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "{op:?} has nothing to check");
}

fn check(op: &Op, operands: &[Operand]) {
    check_outputs(op, operands, 1);
}

#[test]
fn functions_of_one_value() {
    use Unary as U;
    for (function, low, high) in [
        (U::Neg, -1.0, 1.0),
        (U::Abs, -1.0, 1.0),
        (U::Sqrt, 0.5, 2.0),
        (U::Reciprocal, 0.5, 2.0),
        (U::Exp, -1.0, 1.0),
        (U::Log, 0.5, 2.0),
        (U::Erf, -1.0, 1.0),
        (U::Sin, -2.0, 2.0),
        (U::Cos, -2.0, 2.0),
        (U::Tan, -1.0, 1.0),
        (U::Asin, -0.8, 0.8),
        (U::Acos, -0.8, 0.8),
        (U::Atan, -2.0, 2.0),
        (U::Sinh, -1.0, 1.0),
        (U::Cosh, -1.0, 1.0),
        (U::Asinh, -2.0, 2.0),
        (U::Acosh, 1.2, 3.0),
        (U::Atanh, -0.8, 0.8),
        // These are flat wherever they have a slope at all.
        (U::Sign, 0.1, 1.0),
        (U::Floor, 0.1, 0.9),
        (U::Ceil, 0.1, 0.9),
        (U::Round, 0.6, 1.4),
    ] {
        check(&Op::Unary(function), &[Learned(&[2, 3], low, high)]);
    }
}

#[test]
fn activations() {
    use Activation as A;
    for activation in [
        A::Relu,
        A::Clip { min: Some(-0.4), max: Some(0.5) },
        A::Clip { min: None, max: Some(0.5) },
        A::LeakyRelu { alpha: 0.1 },
        A::Elu { alpha: 0.7 },
        A::Selu { alpha: 1.67, gamma: 1.05 },
        A::Celu { alpha: 0.6 },
        A::Sigmoid,
        A::HardSigmoid { alpha: 0.2, beta: 0.5 },
        A::HardSwish,
        A::Silu,
        A::Gelu,
        A::GeluTanh,
        A::Shrink { lambda: 0.3, bias: 0.2 },
        A::ThresholdedRelu { alpha: 0.25 },
        A::Softsign,
        A::Mish,
        A::Tanh,
        A::Softplus,
    ] {
        check(&Op::Activation(activation), &[Learned(&[2, 4], -1.5, 1.5)]);
    }
    check(&Op::Softmax { axis: 1 }, &[Learned(&[2, 3, 2], -1.0, 1.0)]);
    check(&Op::LogSoftmax { axis: 1 }, &[Learned(&[2, 3, 2], -1.0, 1.0)]);
}

#[test]
fn functions_of_two_values_with_broadcasting() {
    use Binary as B;
    for (function, low, high) in [
        (B::Add, -1.0, 1.0),
        (B::Sub, -1.0, 1.0),
        (B::Mul, -1.0, 1.0),
        (B::Div, 0.5, 2.0),
        (B::Pow, 0.5, 2.0),
        (B::Max, -1.0, 1.0),
        (B::Min, -1.0, 1.0),
        (B::PRelu, -1.0, 1.0),
    ] {
        check(&Op::Binary(function), &[Learned(&[2, 3], low, high), Learned(&[3], low, high)]);
        check(&Op::Binary(function), &[Learned(&[2, 1], low, high), Learned(&[2, 3], low, high)]);
    }
    // The quotients stay away from whole numbers, where these jump.
    for function in [B::Mod, B::Remainder] {
        check(&Op::Binary(function), &[Learned(&[2, 3], 1.1, 1.6), Learned(&[3], 0.9, 1.0)]);
        check(&Op::Binary(function), &[Learned(&[2, 3], -1.6, -1.1), Learned(&[3], 0.9, 1.0)]);
    }
    let picked: &[u8] = &[1, 0, 0];
    let operands = [Truth(&[3], picked), Learned(&[2, 3], -1.0, 1.0), Learned(&[2, 1], -1.0, 1.0)];
    check(&Op::Where, &operands);
}

#[test]
fn products_of_matrices() {
    check(&Op::MatMul, &[Learned(&[2, 2, 3], -1.0, 1.0), Learned(&[3, 2], -1.0, 1.0)]);
    check(&Op::MatMul, &[Learned(&[2, 3], -1.0, 1.0), Learned(&[2, 3, 2], -1.0, 1.0)]);
    let gemm = Gemm { alpha: 0.5, beta: 2.0, transpose_a: true, transpose_b: false };
    let operands =
        [Learned(&[3, 2], -1.0, 1.0), Learned(&[3, 2], -1.0, 1.0), Learned(&[2, 1], -1.0, 1.0)];
    check(&Op::Gemm(gemm), &operands);
}

#[test]
fn reductions() {
    use Reduction as R;
    for kind in [R::Sum, R::Mean, R::Max, R::Min, R::Prod, R::LogSumExp] {
        let reduce = |axes: &[i64], keep_dims| {
            let axes = axes.to_vec();
            Op::Reduce(Reduce { kind, axes, keep_dims, noop_with_empty_axes: false })
        };
        let x = || Learned(&[2, 3, 2], 0.5, 1.5);
        check(&reduce(&[1], true), &[x()]);
        check(&reduce(&[0, -1], false), &[x()]);
        check(&reduce(&[], false), &[x()]);
        check(&reduce(&[], false), &[x(), Whole(&[2], &[-1, 0])]);
    }
}

#[test]
fn arrangements() {
    let x = || Learned(&[2, 3, 2], -1.0, 1.0);
    let list = |values: &[i64]| Some(values.to_vec());
    let slice = Layout::Slice {
        starts: list(&[-1, 0]),
        ends: list(&[-9, 2]),
        axes: list(&[1, 2]),
        steps: list(&[-2, 1]),
    };
    let pads = vec![(1, 0), (2, 1), (0, 1)];
    for layout in [
        Layout::Identity,
        Layout::Flatten { axis: 1 },
        Layout::Reshape { shape: list(&[3, -1]) },
        Layout::ReshapeWithZeros { shape: list(&[3, -1]) },
        Layout::Transpose { permutation: vec![2, 0, 1] },
        slice,
        Layout::Unsqueeze { axes: vec![1] },
        Layout::Expand { shape: list(&[2, 2, 3, 2]) },
        Layout::Pad { pads: pads.clone(), value: 0.5 },
        Layout::PadEdge { pads: pads.clone() },
        Layout::PadReflect { pads: vec![(1, 0), (2, 1), (0, 1)] },
        Layout::Tile { repeats: list(&[1, 2, 3]) },
    ] {
        check(&Op::Layout(layout), &[x()]);
    }
    check(&Op::Layout(Layout::Squeeze { axes: vec![] }), &[Learned(&[2, 1, 3], -1.0, 1.0)]);
    check(&Op::Layout(Layout::Concat { axis: 1 }), &[x(), Learned(&[2, 1, 2], -1.0, 1.0)]);
    check(&Op::Layout(Layout::Gather { axis: 1 }), &[x(), Whole(&[2, 2], &[0, -1, 0, 1])]);
    let given = Layout::Pad { pads, value: 0.0 };
    check(&Op::Layout(given), &[x(), Absent, Learned(&[], -1.0, 1.0)]);
    for crd in [false, true] {
        let image = Learned(&[1, 8, 1, 2], -1.0, 1.0);
        check(&Op::Layout(Layout::DepthToSpace { block: 2, crd }), &[image]);
    }
    let image = Learned(&[1, 2, 2, 4], -1.0, 1.0);
    check(&Op::Layout(Layout::SpaceToDepth { block: 2 }), &[image]);
    check_outputs(&Op::Split(Split { axis: 1, parts: 2 }), &[x()], 2);
    check_outputs(&Op::Split(Split { axis: 1, parts: 2 }), &[x(), Whole(&[2], &[1, 2])], 1);
    for upper in [false, true] {
        check(&Op::Trilu { upper }, &[x(), Whole(&[], &[-1])]);
    }
}

#[test]
fn elements_by_index() {
    let x = || Learned(&[3, 2], 0.5, 1.5);
    let indices = || Whole(&[2, 2], &[2, 0, -2, -1]);
    check(&Op::GatherElements { axis: 0 }, &[x(), indices()]);
    check(&Op::GatherElements { axis: 0 }, &[x(), Whole(&[4, 1], &[2, 0, 2, 1])]);
    check(&Op::GatherNd { batch_dims: 0 }, &[x(), indices_nd()]);
    let batched = Learned(&[2, 3, 2], -1.0, 1.0);
    check(&Op::GatherNd { batch_dims: 1 }, &[batched, Whole(&[2, 1], &[2, -2])]);
    for update in [Update::Assign, Update::Add, Update::Mul, Update::Min, Update::Max] {
        let updates = Learned(&[2, 2], 0.6, 1.4);
        check(&Op::ScatterElements { axis: 0, update }, &[x(), indices(), updates]);
        let rows = Learned(&[2, 2], 0.6, 1.4);
        check(&Op::ScatterNd { update }, &[x(), Whole(&[2, 1], &[2, 0]), rows]);
    }
    // A place that is named twice gets both.
    let updates = Learned(&[3, 2], 0.6, 1.4);
    check(&Op::ScatterNd { update: Update::Add }, &[x(), Whole(&[3, 1], &[1, 1, 0]), updates]);
}

fn indices_nd() -> Operand {
    Whole(&[3, 2], &[2, 1, 0, -1, 2, 1])
}

#[test]
fn norms_and_losses() {
    let channels = || Learned(&[2], 0.5, 1.5);
    let op = Op::InstanceNorm { epsilon: 1e-2 };
    check(&op, &[Learned(&[2, 2, 2, 2], -1.0, 1.0), channels(), channels()]);
    for size in [2, 3] {
        let op = Op::Lrn(Lrn { size, alpha: 0.8, beta: 0.75, bias: 1.2 });
        check(&op, &[Learned(&[1, 4, 2, 1], -1.0, 1.0)]);
    }
    for reduction in [LossReduction::None, LossReduction::Sum, LossReduction::Mean] {
        let loss = NegativeLogLikelihood { reduction, ignore_index: Some(7) };
        let x = || Learned(&[2, 3, 2], -1.0, -0.1);
        let targets = || Whole(&[2, 2], &[2, 7, 0, 1]);
        let op = Op::NegativeLogLikelihood(loss);
        check(&op, &[x(), targets()]);
        check(&op, &[x(), targets(), Learned(&[3], 0.5, 1.5)]);
    }
}

#[test]
fn rounding_lets_gradients_through() {
    for to in [DType::F16, DType::BF16] {
        let operands = [Learned(&[2, 3], -1.0, 1.0)];
        let (graph, weights) = graph(&Op::Cast { to }, &operands, 1);
        let rounded = trainer(&graph, &weights).step(&[], &[0]).unwrap().gradients();
        let (graph, weights) = graph_of_identity(&operands);
        let exact = trainer(&graph, &weights).step(&[], &[0]).unwrap().gradients();
        let [rounded, exact] = [rounded, exact].map(|g| g.get("operand_0").unwrap().to_f32());
        for (rounded, exact) in rounded.iter().zip(&exact) {
            assert!((rounded - exact).abs() < 1e-2, "{to}: {rounded} for {exact}");
        }
    }
}

fn graph_of_identity(operands: &[Operand]) -> (Graph, Weights) {
    graph(&Op::Layout(Layout::Identity), operands, 1)
}
