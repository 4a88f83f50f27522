//! Texts that are no sound graph: each is an error, soon, and nothing is held for it.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::graph::GraphError;
use zoo_model::{Device, Executor, Graph, Tensor, Weights};

/// A graph of `nodes` from `x [batch, 2]` to `y`, with `parameters`.
fn graph(nodes: &str, parameters: &str) -> String {
    format!(
        r#"{{"inputs":[{{"name":"x","dtype":"F32","shape":[null,2]}}],
            "nodes":[{nodes}],"outputs":["y"],"parameters":{{{parameters}}}}}"#
    )
}

/// A branch on `c` that holds `block` twice.
fn branch(name: &str, output: &str, block: &str) -> String {
    format!(
        r#"{{"name":"{name}","op":{{"if":{{"then_branch":{block},"else_branch":{block}}}}},
            "inputs":["c","x"],"outputs":["{output}"]}}"#
    )
}

/// Blocks in blocks; each level is one node, so that the text grows with the depth only.
fn nested(depth: usize) -> String {
    let leaf = r#"{"inputs":["x"],"nodes":[],"outputs":["x"]}"#;
    let mut block = leaf.to_owned();
    for _ in 0..depth {
        let node = format!(
            r#"{{"name":"n","op":{{"if":{{"then_branch":{block},"else_branch":{leaf}}}}},
                "inputs":["x","x"],"outputs":["y"]}}"#
        );
        block = format!(r#"{{"inputs":["x"],"nodes":[{node}],"outputs":["y"]}}"#);
    }
    block
}

#[test]
fn blocks_in_blocks_have_a_limit() {
    let read = |depth| {
        let text = graph(
            &branch("n", "y", &nested(depth)),
            r#""c":{"dtype":"BOOL","shape":[],"trainable":false}"#,
        );
        Graph::from_json(&text)
    };
    read(3).unwrap();
    assert!(matches!(read(17), Err(GraphError::Nesting { .. } | GraphError::Json(_))));
    // The text itself is nested deeper than any reader of JSON goes.
    assert!(matches!(read(1000), Err(GraphError::Json(_))));
    let brackets = "[".repeat(1 << 20);
    assert!(matches!(Graph::from_json(&brackets), Err(GraphError::Json(_))));
}

#[test]
fn shapes_beyond_any_memory_are_refused() {
    let relu = r#"{"name":"r","op":{"activation":"relu"},"inputs":["w"],"outputs":["y"]}"#;
    for shape in ["9223372036854775808", "4294967296,4294967296,4294967296", "-1", "1e30"] {
        let parameter = format!(r#""w":{{"dtype":"F32","shape":[{shape}],"trainable":true}}"#);
        let Ok(graph) = Graph::from_json(&graph(relu, &parameter)) else { continue };
        let mut weights = Weights::new();
        weights.insert("w", Tensor::from_f32(&[1], &[1.0]));
        assert!(Executor::new(graph, &weights, &Device::Cpu).is_err(), "{shape}");
    }
}

/// A value that is joined with itself doubles: forty times make a terabyte of a few bytes.
#[test]
fn values_that_double_are_refused_before_they_are_held() {
    let mut nodes = Vec::new();
    for number in 0..40 {
        let input = if number == 0 { "x".to_owned() } else { format!("v{number}") };
        let output = if number == 39 { "y".to_owned() } else { format!("v{}", number + 1) };
        nodes.push(format!(
            r#"{{"name":"n{number}","op":{{"layout":{{"concat":{{"axis":1}}}}}},
                "inputs":["{input}","{input}"],"outputs":["{output}"]}}"#
        ));
    }
    let graph = Graph::from_json(&graph(&nodes.join(","), "")).unwrap();
    let executor = Executor::new(graph, &Weights::new(), &Device::Cpu).unwrap();
    let error = executor.infer(&[Tensor::from_f32(&[1, 2], &[1.0, 2.0])]).unwrap_err();
    assert!(matches!(error, zoo_model::Error::Graph(GraphError::Node { .. })), "{error}");
}

/// Numbers that operators hand on to where they would panic.
#[test]
fn exponents_that_are_no_numbers_of_any_size_are_refused() {
    for (beta, sound) in [("0.75", true), ("9223372036854775807.0", false), ("-1e30", false)] {
        let lrn = format!(
            r#"{{"name":"n","op":{{"lrn":{{"size":1,"alpha":1.0,"beta":{beta},"bias":1.0}}}},
                "inputs":["x"],"outputs":["y"]}}"#
        );
        let graph = Graph::from_json(&graph(&lrn, "")).unwrap();
        let executor = Executor::new(graph, &Weights::new(), &Device::Cpu).unwrap();
        let result = executor.infer(&[Tensor::from_f32(&[1, 2], &[1.0, 2.0])]);
        assert_eq!(result.is_ok(), sound, "{beta}: {result:?}");
    }
}

#[test]
fn a_diagonal_of_what_is_not_square_is_refused() {
    let run = |rows: usize| {
        let einsum = r#"{"name":"n","op":{"einsum":{"equation":"ii->i"}},
            "inputs":["x"],"outputs":["y"]}"#;
        let graph = Graph::from_json(&graph(einsum, "")).unwrap();
        let executor = Executor::new(graph, &Weights::new(), &Device::Cpu).unwrap();
        executor.infer(&[Tensor::from_f32(&[rows, 2], &vec![1.0; 2 * rows])])
    };
    assert_eq!(run(2).unwrap()[0].shape(), [2]);
    assert!(run(1).is_err());
    assert!(run(3).is_err());
}
