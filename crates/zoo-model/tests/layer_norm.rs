//! Layer normalisation and constants: numbers, shapes, and what is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use zoo_model::ops::{Binary, Constant, LayerNorm};
use zoo_model::{
    DType, Device, Error, Executor, Graph, GraphBuilder, Node, Op, Parameter, Tensor, ValueInfo,
    Weights,
};

/// One node that normalises `x [2, 2, 3]` from `axis` on, with a scale of this shape.
fn norm(axis: i64, scale: &[usize], biased: bool) -> Graph {
    let parameter =
        |shape: &[usize]| Parameter { dtype: DType::F32, shape: shape.to_vec(), trainable: true };
    let mut parameters = BTreeMap::from([("scale".to_owned(), parameter(scale))]);
    let mut inputs = vec!["x".to_owned(), "scale".to_owned()];
    if biased {
        parameters.insert("bias".to_owned(), parameter(&[3]));
        inputs.push("bias".to_owned());
    }
    Graph {
        inputs: vec![ValueInfo {
            name: "x".to_owned(),
            dtype: DType::F32,
            shape: vec![Some(2), Some(2), Some(3)],
        }],
        nodes: vec![Node {
            name: "norm".to_owned(),
            op: Op::LayerNorm(LayerNorm { axis, epsilon: 0.25 }),
            inputs,
            outputs: vec!["y".to_owned()],
        }],
        outputs: vec!["y".to_owned()],
        parameters,
    }
}

/// By the definition, in f64.
fn expected(x: &[f32], length: usize, scale: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut y = Vec::new();
    for row in x.chunks(length) {
        let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / length as f64;
        let square = |v: &f32| (f64::from(*v) - mean).powi(2);
        let variance = row.iter().map(square).sum::<f64>() / length as f64;
        for (index, v) in row.iter().enumerate() {
            let normal = (f64::from(*v) - mean) / (variance + 0.25).sqrt();
            let (scale, bias) = (scale[index % scale.len()], bias[index % bias.len()]);
            y.push((normal * f64::from(scale) + f64::from(bias)) as f32);
        }
    }
    y
}

#[test]
fn the_last_axes_are_normalised() {
    let x = [1.0, 2.0, 4.0, -1.0, 0.5, 3.0, 1.0, 1.0, 1.0, 7.0, -7.0, 0.0];
    let (scale, bias) = ([0.5, -2.0, 3.0], [0.0, 1.0, -1.0]);
    let mut weights = Weights::new();
    weights.insert("scale", Tensor::from_f32(&[3], &scale));
    weights.insert("bias", Tensor::from_f32(&[3], &bias));
    for (axis, length, biased) in [(-1, 3, true), (2, 3, false), (1, 6, true), (0, 12, false)] {
        let bias = if biased { &bias[..] } else { &[0.0] };
        let executor = Executor::new(norm(axis, &[3], biased), &weights, &Device::Cpu).unwrap();
        let y = executor.infer(&[Tensor::from_f32(&[2, 2, 3], &x)]).unwrap();
        assert_eq!(y[0].shape(), [2, 2, 3]);
        for (ours, theirs) in y[0].to_f32().iter().zip(expected(&x, length, &scale, bias)) {
            assert!((ours - theirs).abs() < 1e-5, "axis {axis}: {ours} is not {theirs}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |graph: Graph| {
        let error = graph.infer(&Weights::new(), &[vec![2, 2, 3]]).unwrap_err();
        assert!(matches!(error, Error::Graph(_)), "{error}");
    };
    refused(norm(3, &[3], false));
    refused(norm(-4, &[3], false));
    refused(norm(-1, &[2], false));
    refused(norm(-1, &[2, 3], false));
    refused(norm(-1, &[1, 1, 3], true));
    let constant = |shape: &[usize], values: &[f32]| {
        let mut graph = norm(-1, &[3], false);
        let (shape, values) = (shape.to_vec(), values.to_vec());
        graph.nodes[0].op = Op::Constant(Constant { shape, values });
        graph
    };
    refused(constant(&[2], &[1.0, 2.0]));
    let mut lacking = constant(&[2, 2], &[1.0]);
    lacking.nodes[0].inputs.clear();
    refused(lacking);
    let mut absurd = constant(&[usize::MAX, 2], &[]);
    absurd.nodes[0].inputs.clear();
    refused(absurd);
}

#[test]
fn constants_are_part_of_the_graph() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(2)]);
    let constant = b.constant(&[2], &[0.1, -3.0]);
    let y = b.combine(Binary::Mul, &x, &constant);
    let graph = b.finish(&[("y", &y)]).unwrap();
    let graph = Graph::from_json(&graph.to_json()).unwrap();
    let executor = Executor::new(graph, &Weights::new(), &Device::Cpu).unwrap();
    let y = executor.infer(&[Tensor::from_f32(&[2, 2], &[1.0, 2.0, 10.0, 0.5])]).unwrap();
    assert_eq!(y[0].to_f32(), [0.1, -6.0, 1.0, -1.5]);
}
