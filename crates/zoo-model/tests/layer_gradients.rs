//! Gradients of layers with a shape of their own against finite differences: recurrence,
//! transposed convolution, three axes, interpolation, sampling.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::ops::{
    Activation, Cell, Conv, ConvTranspose, Coordinates, CumulativeSum, Direction, Einsum, GridMode,
    GridSample, Interpolation, Layout, Nearest, Outside, Padding, Pool, PoolKind, Recurrent,
    Resize,
};
use zoo_model::{DType, Device, Executor, Graph, Node, Op, Parameter, Tensor, ValueInfo, Weights};

/// Checks the gradient of a loss of the operator's first output for every operand, which are
/// tensors of the given shapes; an empty name stands for one that is not given.
fn check(op: Op, operands: &[(&str, &[usize])], fixed: &[(&str, Tensor)]) {
    const STEP: f32 = 1e-2;
    let mut weights = Weights::new();
    let mut parameters = BTreeMap::new();
    let mut inputs: Vec<String> = Vec::new();
    let mut add = |name: &str, tensor: Tensor, trainable: bool| {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        parameters.insert(name.to_owned(), Parameter { dtype, shape, trainable });
        weights.insert(name, tensor);
    };
    for (name, shape) in operands {
        inputs.push((*name).to_owned());
        if name.is_empty() {
            continue;
        }
        let values = zoo_model::bundle::rule_tensor(name, shape.iter().product());
        // Distinct values away from ties, in which a maximum or a rounding would jump.
        let values: Vec<f32> = values.iter().map(|x| 0.8 * *x as f32).collect();
        add(name, Tensor::from_f32(shape, &values), true);
    }
    for (name, tensor) in fixed {
        inputs.push((*name).to_owned());
        add(name, tensor.clone(), false);
    }
    let text = |name: &str| name.to_owned();
    let node = |name: &str, op, inputs, output: &str| Node {
        name: text(name),
        op,
        inputs,
        outputs: vec![text(output)],
    };
    let flat = Op::Layout(Layout::Reshape { shape: Some(vec![1, -1]) });
    let join = Op::Layout(Layout::Concat { axis: 1 });
    let graph = Graph {
        inputs: vec![ValueInfo { name: text("x"), dtype: DType::F32, shape: vec![None, Some(2)] }],
        nodes: vec![
            node("operator", op, inputs, "made"),
            node("flat", flat, vec![text("made")], "row"),
            node("join", join, vec![text("x"), text("row")], "logits"),
        ],
        outputs: vec![text("logits")],
        parameters,
    };
    let options = TrainOptions { batch_statistics: false, dropout: false };
    let step = |weights: &Weights| {
        let executor = Executor::new(graph.clone(), weights, &Device::Cpu).unwrap();
        let mut trainer = Trainer::new(executor, options, 0, |_| true).unwrap();
        trainer.step(&[Tensor::from_f32(&[1, 2], &[0.3, -0.2])], &[2]).unwrap()
    };
    let gradients = step(&weights).gradients();
    let mut checked = 0;
    for (name, gradient) in &gradients {
        let gradient = gradient.to_f32();
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(norm > 1e-5, "{name} has no gradient");
        let loss = |sign: f32| {
            let mut moved = weights.clone();
            let old = weights.get(name).unwrap();
            let by = sign * STEP / norm as f32;
            let values = old.to_f32();
            let values: Vec<f32> = values.iter().zip(&gradient).map(|(v, g)| v + by * g).collect();
            moved.insert(name, Tensor::from_f32(old.shape(), &values));
            f64::from(step(&moved).loss)
        };
        let slope = (loss(1.0) - loss(-1.0)) / (2.0 * f64::from(STEP));
        assert!((slope - norm).abs() <= 0.03 * norm + 3e-4, "{name}: {slope} against {norm}");
        checked += 1;
    }
    assert_eq!(checked, operands.iter().filter(|(name, _)| !name.is_empty()).count());
}

fn recurrent(cell: Cell, activations: &[Activation], batch_first: bool) -> Op {
    Op::Recurrent(Recurrent {
        cell,
        hidden: 3,
        direction: Direction::Both,
        activations: vec![activations.to_vec(); 2],
        clip: None,
        batch_first,
    })
}

#[test]
fn recurrent_layers() {
    let (sigmoid, tanh) = (Activation::Sigmoid, Activation::Tanh);
    let lengths = ("lengths", Tensor::from_i64(&[2], &[4, 2]));
    check(
        recurrent(Cell::Rnn, &[tanh], false),
        &[("x0", &[4, 2, 2]), ("w", &[2, 3, 2]), ("r", &[2, 3, 3]), ("b", &[2, 6])],
        &[lengths],
    );
    for linear_before_reset in [false, true] {
        check(
            recurrent(Cell::Gru { linear_before_reset }, &[sigmoid, tanh], true),
            &[
                ("x0", &[2, 3, 2]),
                ("w", &[2, 9, 2]),
                ("r", &[2, 9, 3]),
                ("b", &[2, 18]),
                ("", &[]),
                ("h", &[2, 2, 3]),
            ],
            &[],
        );
    }
    check(
        recurrent(Cell::Lstm { input_forget: false }, &[sigmoid, tanh, tanh], false),
        &[
            ("x0", &[3, 2, 2]),
            ("w", &[2, 12, 2]),
            ("r", &[2, 12, 3]),
            ("b", &[2, 24]),
            ("", &[]),
            ("h", &[2, 2, 3]),
            ("c", &[2, 2, 3]),
            ("p", &[2, 9]),
        ],
        &[],
    );
}

#[test]
fn transposed_convolutions() {
    let transposed = |axes: usize, groups| {
        Op::ConvTranspose(ConvTranspose {
            stride: vec![2; axes],
            padding: Padding::Explicit(vec![(1, 0); axes]),
            output_padding: vec![1; axes],
            output_shape: None,
            dilation: vec![1; axes],
            groups,
        })
    };
    check(transposed(1, 1), &[("x0", &[1, 2, 4]), ("w", &[2, 3, 3]), ("b", &[3])], &[]);
    check(transposed(2, 2), &[("x0", &[1, 2, 3, 4]), ("w", &[2, 2, 3, 2]), ("b", &[4])], &[]);
    check(transposed(3, 1), &[("x0", &[1, 1, 2, 3, 2]), ("w", &[1, 2, 2, 2, 2])], &[]);
}

#[test]
fn convolutions_and_pools_over_one_and_three_axes() {
    let conv = |axes: usize| {
        Op::Conv(Conv {
            stride: vec![1; axes],
            padding: Padding::Explicit(vec![(1, 0); axes]),
            dilation: vec![1; axes],
            groups: 1,
        })
    };
    check(conv(1), &[("x0", &[1, 2, 5]), ("w", &[2, 2, 3]), ("b", &[2])], &[]);
    check(conv(3), &[("x0", &[1, 1, 3, 3, 3]), ("w", &[2, 1, 2, 2, 2]), ("b", &[2])], &[]);
    for kind in [PoolKind::Max, PoolKind::Mean, PoolKind::MeanWithPadding] {
        let pool = |axes: usize| {
            Op::Pool(Pool {
                kind,
                kernel: vec![2; axes],
                stride: vec![2; axes],
                padding: Padding::Explicit(vec![(1, 0); axes]),
                dilation: vec![1; axes],
                ceil_mode: true,
            })
        };
        check(pool(1), &[("x0", &[1, 2, 5])], &[]);
        check(pool(3), &[("x0", &[1, 1, 3, 4, 3])], &[]);
    }
}

#[test]
fn interpolation_and_sampling() {
    let resize = |interpolation, coordinates| {
        Op::Resize(Resize {
            interpolation,
            coordinates,
            scales: None,
            sizes: Some(vec![1, 1, 5, 2]),
            axes: None,
            extrapolation: 0.0,
        })
    };
    let cubic = Interpolation::Cubic { coefficient: -0.75, exclude_outside: true };
    for (interpolation, coordinates) in [
        (Interpolation::Nearest(Nearest::Floor), Coordinates::Asymmetric),
        (Interpolation::Linear, Coordinates::HalfPixel),
        (cubic, Coordinates::AlignCorners),
    ] {
        check(resize(interpolation, coordinates), &[("x0", &[1, 1, 3, 4])], &[]);
    }
    for mode in [GridMode::Nearest, GridMode::Bilinear, GridMode::Bicubic] {
        for outside in [Outside::Zeros, Outside::Border, Outside::Reflection] {
            let sample = GridSample { mode, outside, align_corners: false };
            // Away from the places in which a tap becomes another.
            let grid = Tensor::from_f32(&[1, 1, 2, 2], &[0.13, -0.31, -0.57, 0.42]);
            check(Op::GridSample(sample), &[("x0", &[1, 2, 4, 5])], &[("grid", grid)]);
        }
    }
    let sample =
        GridSample { mode: GridMode::Bilinear, outside: Outside::Zeros, align_corners: true };
    check(Op::GridSample(sample), &[("x0", &[1, 1, 9, 9]), ("grid", &[1, 1, 1, 2])], &[]);
}

#[test]
fn products_by_letters_and_running_sums() {
    let einsum = |equation: &str| Op::Einsum(Einsum { equation: equation.to_owned() });
    check(einsum("bij,bjk->bik"), &[("a", &[2, 2, 3]), ("b", &[2, 3, 2])], &[]);
    check(einsum("ij,jk,k->i"), &[("a", &[2, 3]), ("b", &[3, 2]), ("c", &[2])], &[]);
    check(einsum("...ii->...i"), &[("a", &[2, 3, 3])], &[]);
    for (exclusive, reverse) in [(false, false), (true, true)] {
        let axis = ("axis", Tensor::from_i64(&[], &[1]));
        let sum = Op::CumulativeSum(CumulativeSum { exclusive, reverse });
        check(sum, &[("a", &[2, 3])], &[axis]);
    }
}
