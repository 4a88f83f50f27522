//! Axes of length 0: each operator either refuses them or makes the shape that it foretold.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use zoo_model::ops::{
    Activation, ArgExtreme, Binary, Compare, Layout, LossReduction, NegativeLogLikelihood, Reduce,
    Reduction, Split, Unary, Update,
};
use zoo_model::{DType, Device, Executor, Graph, Node, Op, Tensor, ValueInfo, Weights};

/// What comes of `op` on `inputs`: the shapes of its `outputs` first results, or an error.
fn run(op: &Op, inputs: &[Tensor], outputs: usize) -> Result<Vec<Vec<usize>>, String> {
    let name = |kind: &str, index: usize| format!("{kind}_{index}");
    let outputs: Vec<String> = (0..outputs).map(|index| name("output", index)).collect();
    let input = |(index, tensor): (usize, &Tensor)| ValueInfo {
        name: name("input", index),
        dtype: tensor.dtype(),
        shape: vec![None; tensor.shape().len()],
    };
    let graph = Graph {
        inputs: inputs.iter().enumerate().map(input).collect(),
        nodes: vec![Node {
            name: "operator".to_owned(),
            op: op.clone(),
            inputs: (0..inputs.len()).map(|index| name("input", index)).collect(),
            outputs: outputs.clone(),
        }],
        outputs,
        parameters: BTreeMap::new(),
    };
    let executor = Executor::new(graph, &Weights::new(), &Device::Cpu).unwrap();
    let made = executor.infer(inputs).map_err(|error| error.to_string())?;
    Ok(made.iter().map(|tensor| tensor.shape().to_vec()).collect())
}

fn floats(shape: &[usize]) -> Tensor {
    Tensor::from_f32(shape, &vec![1.0; shape.iter().product()])
}

fn ints(shape: &[usize]) -> Tensor {
    Tensor::from_i64(shape, &vec![0; shape.iter().product()])
}

#[test]
fn elementwise_operators_make_nothing_of_nothing() {
    let nothing = || floats(&[2, 0]);
    let shape = Ok(vec![vec![2, 0]]);
    for op in [
        Op::Unary(Unary::Exp),
        Op::Unary(Unary::IsNan),
        Op::Activation(Activation::Selu { alpha: 1.0, gamma: 1.0 }),
        Op::Cast { to: DType::F16 },
        Op::Cast { to: DType::U8 },
        Op::Cast { to: DType::Bool },
        Op::Trilu { upper: true },
    ] {
        assert_eq!(run(&op, &[nothing()], 1), shape, "{op:?}");
    }
    for op in [
        Op::Binary(Binary::Add),
        Op::Binary(Binary::Max),
        Op::Binary(Binary::Remainder),
        Op::Compare(Compare::Less),
    ] {
        assert_eq!(run(&op, &[nothing(), floats(&[1])], 1), shape, "{op:?}");
    }
    for op in [Op::Binary(Binary::Div), Op::Binary(Binary::Mod), Op::Binary(Binary::ShiftLeft)] {
        assert_eq!(run(&op, &[ints(&[2, 0]), ints(&[2, 0])], 1), shape, "{op:?}");
    }
}

#[test]
fn arrangements_make_the_shape_they_foretold() {
    let list = |values: &[i64]| Some(values.to_vec());
    let slice = Layout::Slice {
        starts: list(&[-1]),
        ends: list(&[i64::MIN]),
        axes: list(&[1]),
        steps: list(&[i64::MIN]),
    };
    for (layout, shape) in [
        (Layout::Flatten { axis: 1 }, vec![2, 0]),
        (Layout::Reshape { shape: list(&[0, 0, 5]) }, vec![2, 0, 5]),
        (Layout::ReshapeWithZeros { shape: list(&[7, 0]) }, vec![7, 0]),
        (Layout::Transpose { permutation: vec![1, 0, 2] }, vec![0, 2, 3]),
        (slice, vec![2, 0, 3]),
        (Layout::Tile { repeats: list(&[2, 3, 0]) }, vec![4, 0, 0]),
        (Layout::Pad { pads: vec![(0, 0), (1, 0), (0, 1)], value: 2.0 }, vec![2, 1, 4]),
        (Layout::Expand { shape: list(&[4, 2, 0, 3]) }, vec![4, 2, 0, 3]),
    ] {
        let op = Op::Layout(layout);
        assert_eq!(run(&op, &[floats(&[2, 0, 3])], 1), Ok(vec![shape]), "{op:?}");
    }
    let edge = Layout::PadEdge { pads: vec![(0, 0), (1, 0), (0, 1)] };
    assert!(run(&Op::Layout(edge), &[floats(&[2, 0, 3])], 1).is_err());
    let none = Op::Layout(Layout::Tile { repeats: list(&[0, 1]) });
    assert_eq!(run(&none, &[floats(&[2, 3])], 1), Ok(vec![vec![0, 3]]));
    let split = Op::Split(Split { axis: 1, parts: 2 });
    assert_eq!(run(&split, &[floats(&[2, 0])], 2), Ok(vec![vec![2, 0], vec![2, 0]]));
}

#[test]
fn indices_into_nothing_and_no_indices() {
    let none = || ints(&[0, 3]);
    let x = || floats(&[2, 3]);
    let update = Update::Add;
    for (op, inputs, shape) in [
        (Op::GatherElements { axis: 0 }, vec![x(), none()], vec![0, 3]),
        (Op::GatherNd { batch_dims: 0 }, vec![x(), ints(&[0, 1])], vec![0, 3]),
        (Op::ScatterElements { axis: 0, update }, vec![x(), none(), floats(&[0, 3])], vec![2, 3]),
        (Op::ScatterNd { update }, vec![x(), ints(&[0, 1]), floats(&[0, 3])], vec![2, 3]),
        (Op::Layout(Layout::Gather { axis: 0 }), vec![x(), ints(&[0])], vec![0, 3]),
    ] {
        assert_eq!(run(&op, &inputs, 1), Ok(vec![shape]), "{op:?}");
    }
    let nothing = || floats(&[0, 3]);
    for op in [Op::GatherElements { axis: 0 }, Op::GatherNd { batch_dims: 0 }] {
        assert!(run(&op, &[nothing(), ints(&[1, 1])], 1).is_err(), "{op:?}");
    }
    let one_hot = Op::OneHot { axis: -1 };
    let depth = |depth| Tensor::from_i64(&[1], &[depth]);
    let made = run(&one_hot, &[ints(&[0]), depth(4), floats(&[2])], 1);
    assert_eq!(made, Ok(vec![vec![0, 4]]));
    for depth in [0, -1].map(depth) {
        assert!(run(&one_hot, &[ints(&[2]), depth, floats(&[2])], 1).is_err());
    }
}

#[test]
fn what_needs_elements_refuses_none() {
    let reduce = |kind| {
        Op::Reduce(Reduce { kind, axes: vec![0], keep_dims: true, noop_with_empty_axes: false })
    };
    let arg = ArgExtreme { largest: true, axis: 0, keep_dims: true, last: false };
    for op in [
        reduce(Reduction::Max),
        reduce(Reduction::LogSumExp),
        Op::ArgExtreme(arg),
        Op::Hardmax { axis: 0 },
        Op::Softmax { axis: 0 },
    ] {
        assert!(run(&op, &[floats(&[0, 3])], 1).is_err(), "{op:?}");
    }
    let loss = NegativeLogLikelihood { reduction: LossReduction::Mean, ignore_index: None };
    let inputs = [floats(&[0, 3]), ints(&[0])];
    assert!(run(&Op::NegativeLogLikelihood(loss), &inputs, 1).is_err());
    let inputs = [floats(&[1, 2, 0]), floats(&[2]), floats(&[2])];
    assert!(run(&Op::InstanceNorm { epsilon: 1.0 }, &inputs, 1).is_err());
    assert!(run(&Op::MatMul, &[floats(&[0, 3]), floats(&[3, 2])], 1).is_err());
}
