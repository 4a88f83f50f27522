//! Branches, loops and quantised weights.

mod onnx_support;

use onnx_ir::{AttributeProto, AttributeType, TensorProto};
use onnx_support::{Writer, run};
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::{Cuts, Device, Executor, Tensor};

/// Adds a node with graphs inside it.
fn with_graphs(
    writer: Writer,
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    graphs: Vec<(&str, Writer)>,
) -> Writer {
    let mut writer = writer.node(op, op, inputs, outputs);
    for (name, inside) in graphs {
        let node = writer.graph.node.last_mut().expect("the node that was added");
        node.attribute.push(AttributeProto {
            name: name.to_owned(),
            type_: AttributeType::GRAPH.into(),
            g: Some(inside.graph).into(),
            ..AttributeProto::default()
        });
    }
    writer
}

/// `x` goes through a loop whose body has a branch that reads, from two graphs around it, a value
/// and a constant; both branches have names that hide others.
fn nested() -> Writer {
    let then_branch = Writer::new(13)
        .floats("step", &[1], &[10.0])
        .node("add", "Add", &["carried", "step"], &["b"])
        .node("more", "Add", &["b", "x"], &["out"])
        .output("out");
    let else_branch = Writer::new(13)
        .node("b", "Mul", &["carried", "step"], &["b"])
        .node("same", "Identity", &["b"], &["out"])
        .output("out");
    let body = Writer::new(13)
        .input("i", &[])
        .input("go", &[])
        .input("carried", &[Some(2)])
        .ints("one", &[], &[1])
        .node("first", "Less", &["i", "one"], &["is_first"]);
    let branches = vec![("then_branch", then_branch), ("else_branch", else_branch)];
    let mut body = with_graphs(body, "If", &["is_first"], &["next"], branches)
        .node("keep", "Identity", &["go"], &["go_on"])
        .output("go_on")
        .output("next")
        .output("next");
    body.graph.input[0].type_.mut_or_insert_default().mut_tensor_type().elem_type = 7;
    body.graph.input[1].type_.mut_or_insert_default().mut_tensor_type().elem_type = 9;
    let outer = Writer::new(13).input("x", &[Some(2)]).floats("step", &[1], &[3.0]).ints(
        "trips",
        &[],
        &[3],
    );
    with_graphs(outer, "Loop", &["trips", "", "x"], &["last", "all"], vec![("body", body)])
        .output("last")
        .output("all")
}

#[test]
fn a_branch_in_a_loop_reads_what_is_around_it() {
    let model = nested().load().expect("a sound model");
    let outputs = run(&model, &[Tensor::from_f32(&[2], &[1.0, 2.0])]);
    // 1 + 10 + 1 = 12, then twice times 3; the branch's own step is 10, the one around it 3.
    assert_eq!(outputs[0].to_f32(), [108.0, 126.0]);
    assert_eq!(outputs[1].shape(), [3, 2]);
    assert_eq!(outputs[1].to_f32(), [12.0, 14.0, 36.0, 42.0, 108.0, 126.0]);
    let json = model.graph.to_json();
    assert_eq!(zoo_model::Graph::from_json(&json).expect("what was written"), model.graph);
}

/// An initialiser that is true or false.
fn truth(mut writer: Writer, name: &str, value: bool) -> Writer {
    writer.graph.initializer.push(TensorProto {
        name: name.to_owned(),
        data_type: 9,
        int32_data: vec![i32::from(value)],
        ..TensorProto::default()
    });
    writer
}

/// A branch that a constant chooses, with a branch inside that another chooses; values and weights
/// of both are called as others outside of them are.
fn chosen(outer: bool, inner: bool) -> Writer {
    let matrix = |factor: f32| [factor, 0.0, 0.0, factor];
    let layer = |factor: f32| {
        Writer::new(13)
            .floats("weight", &[2, 2], &matrix(factor))
            .node("gemm", "Gemm", &["hidden", "weight"], &["y"])
            .output("y")
    };
    let inside = vec![("then_branch", layer(3.0)), ("else_branch", layer(5.0))];
    let then_branch = truth(Writer::new(13), "inner", inner)
        .floats("weight", &[2, 2], &matrix(10.0))
        .node("gemm", "Gemm", &["x", "weight"], &["hidden"])
        .node("flip", "Not", &["inner"], &["not_inner"]);
    let then_branch = with_graphs(then_branch, "If", &["not_inner"], &["made"], inside)
        .node("add", "Add", &["made", "hidden"], &["out"])
        .output("out");
    let else_branch = Writer::new(13).output("x");
    let graph = truth(Writer::new(13), "outer", outer).input("x", &[None, Some(2)]).node(
        "same",
        "Identity",
        &["outer"],
        &["condition"],
    );
    let branches = vec![("then_branch", then_branch), ("else_branch", else_branch)];
    with_graphs(graph, "If", &["condition"], &["out"], branches)
        .floats("weight", &[2, 2], &matrix(7.0))
        .node("head", "Gemm", &["out", "weight"], &["logits"])
        .output("logits")
}

#[test]
fn a_branch_that_a_constant_chooses_is_part_of_the_graph_and_trains() {
    let x = Tensor::from_f32(&[1, 2], &[1.0, 2.0]);
    // 7 (10 x + 5 . 10 x), 7 (10 x + 3 . 10 x), 7 x.
    for (outer, inner, factor, matrices) in
        [(true, true, 420.0, 3), (true, false, 280.0, 3), (false, true, 7.0, 1)]
    {
        let model = chosen(outer, inner).load().expect("a sound model");
        assert!(model.graph.nodes.iter().all(|node| node.op.name() != "if"));
        assert_eq!(run(&model, std::slice::from_ref(&x))[0].to_f32(), [factor, 2.0 * factor]);
        let trainable = model.graph.parameters.values().filter(|p| p.trainable).count();
        assert_eq!((trainable, model.graph.parameters.len()), (matrices, matrices));
        assert_eq!(model.weights.get("weight").expect("its name").to_f32()[0], 7.0);
    }
    let model = chosen(true, true).load().expect("a sound model");
    let executor = Executor::new(model.graph, &model.weights, &Device::Cpu).expect("an executor");
    let options = TrainOptions { batch_statistics: false, dropout: false };
    let mut trainer = Trainer::new(executor, options, 0, |_| true).expect("a graph that trains");
    let gradients = trainer.step(&[x], &[0]).expect("a step").gradients();
    assert_eq!(gradients.names().count(), 3);
    for (name, gradient) in &gradients {
        assert!(gradient.to_f32().iter().any(|g| *g != 0.0), "{name} does not move");
    }
}

#[test]
fn a_branch_that_is_not_sound_is_still_refused() {
    let branch = || Writer::new(13).output("x");
    let graph = truth(Writer::new(13), "yes", true).input("x", &[Some(2)]);
    let branches = vec![("then_branch", branch()), ("else_branch", branch())];
    let error = with_graphs(graph, "If", &["yes"], &["a", "b"], branches)
        .output("a")
        .output("b")
        .load()
        .expect_err("one value where two are read");
    assert!(error.to_string().contains("does not make 2 values"), "{error}");
}

#[test]
fn a_loop_without_an_end_is_an_error() {
    let body = Writer::new(13)
        .input("i", &[])
        .input("go", &[])
        .input("carried", &[Some(1)])
        .node("keep", "Identity", &["go"], &["go_on"])
        .node("same", "Identity", &["carried"], &["next"])
        .output("go_on")
        .output("next");
    let outer = Writer::new(13).input("x", &[Some(1)]);
    let model = with_graphs(outer, "Loop", &["", "", "x"], &["y"], vec![("body", body)])
        .output("y")
        .load()
        .expect("a sound model");
    let executor = Executor::new(model.graph, &model.weights, &Device::Cpu).expect("a graph");
    let error = executor.infer(&[Tensor::from_f32(&[1], &[0.0])]).expect_err("no end");
    let zoo_model::Error::Graph(zoo_model::graph::GraphError::Node { source, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("has not ended"), "{source}");
}

#[test]
fn what_a_body_lacks_is_named() {
    let body = Writer::new(13)
        .input("i", &[])
        .input("go", &[])
        .node("odd", "SequenceEmpty", &[], &["next"])
        .output("go")
        .output("next");
    let outer = Writer::new(13).input("x", &[Some(1)]).ints("trips", &[], &[3]);
    let result =
        with_graphs(outer, "Loop", &["trips", ""], &["y"], vec![("body", body)]).output("y").load();
    let Err(zoo_convert::Error::UnsupportedOperators { nodes, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(nodes[0].contains("SequenceEmpty (node \"odd\")"), "{nodes:?}");
}

/// An initialiser of bytes with a sign.
fn bytes(mut writer: Writer, name: &str, dims: &[i64], values: &[i8]) -> Writer {
    writer.graph.initializer.push(TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: 3,
        int32_data: values.iter().map(|&value| i32::from(value)).collect(),
        ..TensorProto::default()
    });
    writer
}

#[test]
fn quantised_weights_become_weights_that_train() {
    let writer = bytes(Writer::new(13), "kernel_q", &[2, 1, 1, 1], &[2, -4]);
    let writer = bytes(writer, "head_q", &[3, 2], &[1, 2, 3, 4, 5, 6]);
    let writer = bytes(writer, "zero", &[], &[0]);
    let model = bytes(writer, "zeros", &[2], &[0, 0])
        .input("x", &[None, Some(1), Some(2), Some(2)])
        .floats("kernel_scale", &[2], &[0.5, 0.25])
        .floats("head_scale", &[], &[0.5])
        .floats("scale", &[], &[0.5])
        .node_with(
            "dq1",
            "DequantizeLinear",
            &["kernel_q", "kernel_scale", "zeros"],
            &["kernel"],
            &[("axis", 0)],
        )
        .node("conv", "Conv", &["x", "kernel"], &["a"])
        .node("pool", "GlobalAveragePool", &["a"], &["b"])
        .node("flat", "Flatten", &["b"], &["c"])
        .node("q", "QuantizeLinear", &["c", "scale", "zero"], &["d"])
        .node("dq", "DequantizeLinear", &["d", "scale", "zero"], &["e"])
        .node("dq2", "DequantizeLinear", &["head_q", "head_scale", "zero"], &["head"])
        .node_with("fc", "Gemm", &["e", "head"], &["y"], &[("transB", 1)])
        .output("y")
        .load()
        .expect("a sound model");
    assert_eq!(model.weights.get("kernel").expect("a weight").to_f32(), [1.0, -1.0]);
    assert!(model.graph.parameters["kernel"].trainable && model.graph.parameters["head"].trainable);
    // The means 0.8 and -0.8 are 1.6 steps of 0.5, so 2 steps: 1 and -1.
    let x = Tensor::from_f32(&[1, 1, 2, 2], &[0.5, 0.7, 0.9, 1.1]);
    assert_eq!(run(&model, &[x])[0].to_f32(), [-0.5, -0.5, -0.5]);

    let cuts = Cuts::find(&model.graph, &model.weights).expect("shapes that fit");
    let cuts = cuts.expect("a classifier");
    assert_eq!((cuts.feature.as_str(), cuts.head.len()), ("e", 1));
    let trainer = |select: fn(&str) -> bool| {
        let executor = Executor::new(model.graph.clone(), &model.weights, &Device::Cpu);
        let options = TrainOptions { batch_statistics: false, dropout: false };
        executor.and_then(|executor| Trainer::new(executor, options, 0, select))
    };
    assert!(trainer(|name| name == "head").is_ok());
    assert!(trainer(|name| name == "kernel").is_err(), "rounding has no gradient");
}

/// A million iterations inside a million: the limit is one for all blocks of a run.
#[test]
fn loops_in_loops_without_an_end_are_an_error() {
    let body = |inside: Writer| {
        let mut body = inside
            .input("i", &[])
            .input("go", &[])
            .input("s", &[Some(1)])
            .node("keep", "Identity", &["go"], &["go_on"])
            .output("go_on")
            .output("next");
        body.graph.input[0].type_.mut_or_insert_default().mut_tensor_type().elem_type = 7;
        body.graph.input[1].type_.mut_or_insert_default().mut_tensor_type().elem_type = 9;
        body
    };
    let inner = body(Writer::new(13).node("same", "Identity", &["s"], &["next"]));
    let around = Writer::new(13).ints("inner_trips", &[], &[100_000]);
    let outer =
        with_graphs(around, "Loop", &["inner_trips", "", "s"], &["next"], vec![("body", inner)]);
    let model = Writer::new(13).input("x", &[Some(1)]).ints("trips", &[], &[1 << 40]);
    let model =
        with_graphs(model, "Loop", &["trips", "", "x"], &["y"], vec![("body", body(outer))]);
    let model = model.output("y").load().expect("a model whose loop nobody has run yet");
    let executor = Executor::new(model.graph, &model.weights, &Device::Cpu).expect("an executor");
    let error = executor.infer(&[Tensor::from_f32(&[1], &[1.0])]).expect_err("no end");
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    assert!(said.contains("has not ended after"), "{said}");
}
