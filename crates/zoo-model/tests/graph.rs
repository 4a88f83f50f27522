//! Graphs that are not sound are refused before anything runs, and sound ones are cut rightly.
#![allow(clippy::unwrap_used, reason = "tests")]

use zoo_model::graph::{ConvSpec, GraphError};
use zoo_model::ops::Layout;
use zoo_model::{
    Cuts, DType, Device, Error, Executor, Graph, GraphBuilder, Node, Op, Parameter, Tensor,
    ValueInfo, Weights,
};

fn classifier() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), None, None]);
    let x = b.conv("stem", &x, ConvSpec::new(4, 3).stride(2));
    let x = b.batch_norm("norm", &x, 1e-5);
    let x = b.relu(&x);
    let y = b.conv("body", &x, ConvSpec::new(4, 3));
    let x = b.add(&x, &y);
    let feature = b.global_average(&x);
    let x = b.dropout(&feature, 0.2);
    let y = b.linear("fc", &x, 4, 5);
    b.finish(&[("logits", &y)]).unwrap()
}

fn weights(graph: &Graph) -> Weights {
    graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let values = zoo_model::bundle::rule_tensor(name, parameter.elements());
            let values: Vec<f32> = values.iter().map(|x| 1.0 + *x as f32 / 2.0).collect();
            (name.clone(), Tensor::from_f32(&parameter.shape, &values))
        })
        .collect()
}

#[test]
fn a_graph_survives_json() {
    let graph = classifier();
    assert_eq!(Graph::from_json(&graph.to_json()).unwrap(), graph);
}

#[test]
fn names_must_be_unique_and_defined_before_they_are_read() {
    let mut twice = classifier();
    twice.nodes[1].outputs = twice.nodes[0].outputs.clone();
    assert!(matches!(twice.check(), Err(GraphError::Duplicate { .. })));
    let mut cycle = classifier();
    cycle.nodes.swap(0, 1);
    assert!(matches!(cycle.check(), Err(GraphError::Undefined { .. })));
    let mut nowhere = classifier();
    nowhere.outputs = vec!["nowhere".to_owned()];
    assert!(matches!(nowhere.check(), Err(GraphError::Undefined { .. })));
    assert!(Graph::from_json("{").is_err());
    assert!(Graph::from_json("{\"inputs\": 7}").is_err());
}

#[test]
fn a_node_that_does_not_take_its_inputs_is_named() {
    let graph = classifier();
    let executor = Executor::new(graph.clone(), &weights(&graph), &Device::Cpu).unwrap();
    let too_small = executor.facts(&[vec![1, 3, 0, 8]]).unwrap_err();
    assert!(matches!(too_small, Error::Input { .. }), "{too_small}");
    let channels = executor.facts(&[vec![1, 4, 8, 8]]).unwrap_err();
    assert!(channels.to_string().contains("[?, 3, ?, ?]"), "{channels}");

    let mut broken = graph.clone();
    broken.parameters.get_mut("body.weight").unwrap().shape = vec![4, 9, 3, 3];
    let error = broken.infer(&Weights::new(), &[vec![1, 3, 8, 8]]).unwrap_err();
    let Error::Graph(GraphError::Node { node, .. }) = error else { panic!("{error}") };
    assert_eq!(node, "body");
}

#[test]
fn absurd_numbers_in_a_graph_are_refused_not_computed() {
    let json = classifier().to_json();
    let cases = [
        (r#""stride":[2,2]"#, r#""stride":[0,2]"#),
        (r#""stride":[2,2]"#, r#""stride":[2]"#),
        (r#""groups":1"#, r#""groups":0"#),
        (r#""groups":1"#, r#""groups":18446744073709551615"#),
        (r"[[1,1],[1,1]]", r"[[18446744073709551615,1],[1,1]]"),
        (r"[[1,1],[1,1]]", r"[[1,1]]"),
        (r#""dilation":[1,1]"#, r#""dilation":[9999999,9999999]"#),
        (r#""probability":0.2"#, r#""probability":7.0"#),
    ];
    for (sound, absurd) in cases {
        assert!(json.contains(sound), "{sound} is not in the graph");
        let result = Graph::from_json(&json.replacen(sound, absurd, 1))
            .map_err(Error::from)
            .and_then(|graph| graph.infer(&Weights::new(), &[vec![1, 3, 8, 8]]));
        assert!(result.is_err(), "{absurd} was accepted");
    }
}

#[test]
fn missing_and_mis_shaped_parameters_are_named() {
    let graph = classifier();
    let mut lacking = weights(&graph);
    lacking.remove("fc.bias");
    let error = Executor::new(graph.clone(), &lacking, &Device::Cpu).err().unwrap();
    assert!(error.to_string().contains("fc.bias"), "{error}");
    let mut other = weights(&graph);
    other.insert("fc.bias", Tensor::from_f32(&[4], &[0.0; 4]));
    let error = Executor::new(graph, &other, &Device::Cpu).err().unwrap();
    assert!(error.to_string().contains("[4]") && error.to_string().contains("[5]"), "{error}");
}

#[test]
fn feature_head_and_stages_are_found() {
    let graph = classifier();
    let cuts = Cuts::find(&graph, &Weights::new()).unwrap().unwrap();
    assert_eq!(cuts.feature_length, 4);
    assert_eq!(cuts.logits, "logits");
    assert_eq!(cuts.head.last().unwrap(), "fc");
    assert!(cuts.head[0].starts_with("dropout"), "dropout belongs to the head: {:?}", cuts.head);
    // After the stem, and the feature behind the residual block; not inside the block.
    assert_eq!(cuts.stages.len(), 2, "{:?}", cuts.stages);
    assert_eq!(cuts.stages[1], cuts.feature);
}

#[test]
fn trunk_and_rest_make_the_whole() {
    let graph = classifier();
    let weights = weights(&graph);
    let cuts = Cuts::find(&graph, &weights).unwrap().unwrap();
    let input = zoo_model::bundle::rule_tiles([2, 3, 16, 16]);
    let whole = Executor::new(graph.clone(), &weights, &Device::Cpu).unwrap();
    let expected = whole.infer(std::slice::from_ref(&input)).unwrap()[0].to_f32();
    for cut in &cuts.stages {
        let trunk = Executor::new(graph.until(cut), &weights, &Device::Cpu).unwrap();
        let value = trunk.infer(std::slice::from_ref(&input)).unwrap().remove(0);
        let shape = value.shape().iter().copied().map(Some).collect();
        let rest = graph.after(cut, value.dtype(), shape);
        assert!(rest.parameters.len() < graph.parameters.len(), "{cut} cuts nothing off");
        let rest = Executor::new(rest, &weights, &Device::Cpu).unwrap();
        assert_eq!(rest.infer(&[value]).unwrap()[0].to_f32(), expected, "cut at {cut}");
    }
}

#[test]
fn a_new_head_keeps_the_names_of_the_old() {
    let graph = classifier();
    let cuts = Cuts::find(&graph, &Weights::new()).unwrap().unwrap();
    let new = graph.with_head(&cuts, 9).unwrap();
    assert_eq!((new.weight.as_str(), new.bias.as_str()), ("fc.weight", "fc.bias"));
    assert_eq!(new.graph.parameters["fc.weight"].shape, [9, 4]);
    let facts = new.graph.infer(&Weights::new(), &[vec![2, 3, 8, 8]]).unwrap();
    assert_eq!(facts["logits"].shape, [2, 9]);
}

/// A constant that is joined with itself again and again is known only while it is short.
#[test]
fn what_is_known_of_values_is_bounded() {
    let constant = Parameter { dtype: DType::I64, shape: vec![1024], trainable: false };
    let concat = |index: usize| Node {
        name: format!("n{index}"),
        op: Op::Layout(Layout::Concat { axis: 0 }),
        inputs: vec![format!("v{index}"); 2],
        outputs: vec![format!("v{}", index + 1)],
    };
    let x = ValueInfo { name: "x".to_owned(), dtype: DType::F32, shape: vec![Some(1)] };
    let graph = Graph {
        inputs: vec![x],
        nodes: (0..20).map(concat).collect(),
        outputs: vec!["v20".to_owned()],
        parameters: [("v0".to_owned(), constant)].into(),
    };
    let mut weights = Weights::new();
    weights.insert("v0", Tensor::from_i64(&[1024], &[7; 1024]));
    let facts = graph.infer(&weights, &[vec![1]]).unwrap();
    assert_eq!(facts["v6"].known.as_ref().map(Vec::len), Some(1 << 16));
    assert_eq!((facts["v7"].known.as_ref(), facts["v20"].elements()), (None, 1 << 30));
}
