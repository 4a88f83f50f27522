//! Networks of the attention era: their parameters are torchvision's, by name and shape, and they
//! fall into stages.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use zoo_convert::architectures::{self, constants, rule_weights};
use zoo_convert::bind;
use zoo_model::bundle::rule_tiles;
use zoo_model::{Cuts, DType, Device, Digest, Executor, Graph, Tensor, Weights};

fn build(name: &str) -> Graph {
    architectures::find(name).unwrap().build(1000).unwrap()
}

fn cuts(graph: &Graph) -> Cuts {
    Cuts::find(graph, &constants(graph)).unwrap().unwrap()
}

#[test]
fn parameters_are_torchvisions() {
    let data: serde_json::Value =
        serde_json::from_str(include_str!("data/attention_architectures.json")).unwrap();
    for (name, expected) in data.as_object().unwrap() {
        let graph = build(name);
        let each = graph.parameters.iter();
        let lines: Vec<_> =
            each.map(|(name, parameter)| format!("{name} {:?}\n", parameter.shape)).collect();
        let found = (lines.len() as u64, Digest::of(lines.concat().as_bytes()).to_string());
        let expected = (expected["parameters"].as_u64(), expected["sha256"].as_str());
        assert_eq!((Some(found.0), Some(found.1.as_str())), expected, "{name}");
    }
}

/// Length of the feature; stages: what comes before the first block, blocks, what lies between
/// them or after.
const CUTS: [(&str, usize, usize); 19] = [
    ("vit-b-16", 768, 1 + 12),
    ("vit-b-32", 768, 1 + 12),
    ("vit-l-16", 1024, 1 + 24),
    ("vit-l-32", 1024, 1 + 24),
    ("vit-h-14", 1280, 1 + 32),
    ("vit-b-16-384", 768, 1 + 12),
    ("vit-l-16-512", 1024, 1 + 24),
    ("vit-h-14-518", 1280, 1 + 32),
    ("convnext-tiny", 768, 1 + 18 + 3),
    ("convnext-small", 768, 1 + 36 + 3),
    ("convnext-base", 1024, 1 + 36 + 3),
    ("convnext-large", 1536, 1 + 36 + 3),
    ("swin-t", 768, 1 + 12 + 3),
    ("swin-s", 768, 1 + 24 + 3),
    ("swin-b", 1024, 1 + 24 + 3),
    ("swin-v2-t", 768, 1 + 12 + 3),
    ("swin-v2-s", 768, 1 + 24 + 3),
    ("swin-v2-b", 1024, 1 + 24 + 3),
    ("maxvit-t", 512, 2 + 3 * 11 + 1),
];

#[test]
fn every_network_falls_into_its_blocks() {
    for (name, length, stages) in CUTS {
        let cuts = cuts(&build(name));
        assert_eq!(cuts.feature_length, length, "{name}");
        assert_eq!(cuts.head.len(), 1, "{name}: {:?}", cuts.head);
        assert_eq!(cuts.stages.len(), stages, "{name}: {:#?}", cuts.stages);
        assert_eq!(cuts.stages.last(), Some(&cuts.feature), "{name}");
    }
}

/// Cut at any stage, trunk and rest give what the whole gives, for a batch of two.
#[test]
fn a_shifted_window_network_can_be_cut_anywhere() {
    let graph = architectures::find("swin-t").unwrap().at_size(64).build(5).unwrap();
    let weights = rule_weights(&graph, 1.0);
    let input = rule_tiles([2, 3, 64, 64]);
    let run = |graph: Graph, input: &Tensor| {
        let executor = Executor::new(graph, &weights, &Device::Cpu).unwrap();
        executor.infer(std::slice::from_ref(input)).unwrap().remove(0)
    };
    let whole = run(graph.clone(), &input).to_f32();
    let cuts = cuts(&graph);
    for cut in cuts.stages.iter().step_by(4).chain([&cuts.feature]) {
        let value = run(graph.until(cut), &input);
        assert_eq!(value.shape()[0], 2, "{cut} has no batch axis");
        let shape = value.shape().iter().copied().map(Some).collect();
        let rest = graph.after(cut, value.dtype(), shape);
        assert_eq!(run(rest, &value).to_f32(), whole, "cut at {cut}");
    }
}

#[test]
fn constants_are_supplied_where_a_checkpoint_lacks_them() {
    for name in ["swin-t", "swin-v2-t", "maxvit-t"] {
        let graph = build(name);
        let constants = constants(&graph);
        assert!(!constants.is_empty(), "{name}");
        let learned: Weights = rule_weights(&graph, 1.0)
            .into_iter()
            .filter(|(name, _)| constants.get(name).is_none())
            .collect();
        let (bound, report) = bind(&graph, learned, |_| false);
        assert!(report.is_complete(), "{name}: {report}");
        assert_eq!(report.supplied, constants.names().collect::<Vec<_>>());
        assert!(Executor::new(graph, &bound, &Device::Cpu).is_ok());
    }
}

/// A checkpoint's own indices count, and those beyond the table are refused before anything runs.
#[test]
fn indices_beyond_the_table_are_refused() {
    let graph = build("swin-t");
    let mut weights = rule_weights(&graph, 1.0);
    let name = "features.1.0.attn.relative_position_index";
    let mut indices = weights.get(name).unwrap().to_i64().unwrap();
    assert_eq!(indices[..3], [84, 83, 82]);
    assert_eq!((indices.iter().min(), indices.iter().max()), (Some(&0), Some(&168)));
    indices[7] = 169;
    weights.insert(name, Tensor::from_i64(&[2401], &indices));
    let executor = Executor::new(graph, &weights, &Device::Cpu).unwrap();
    let error = executor.facts(&[vec![1, 3, 224, 224]]).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let source = source.source().map_or_else(|| source.to_string(), ToString::to_string);
    assert!(source.contains("-169..169"), "{error}: {source}");
}

/// The table of Swin v2 runs from -8 to 8 on a logarithmic scale.
#[test]
fn relative_coordinates_are_logarithmic() {
    let all = constants(&build("swin-v2-t"));
    let table = all.get("features.1.0.attn.relative_coords_table").unwrap();
    assert_eq!(table.shape(), [1, 15, 15, 2]);
    let values = table.to_f32();
    let end = 9f32.log2() / 3.0;
    assert_eq!(values[..2], [-end, -end]);
    assert_eq!(values[2 * (7 * 15 + 7)..][..2], [0.0, 0.0]);
    let by_name: BTreeMap<_, _> = all.iter().map(|(name, tensor)| (name, tensor.shape())).collect();
    assert_eq!(by_name.len(), 2 * 12);
}

/// A checkpoint of a deep network holds all that a shallower one of its family asks for.
#[test]
fn the_depth_of_a_checkpoint_is_found_out() {
    for name in ["resnet-34", "resnet-101", "swin-s", "swin-v2-s", "convnext-small", "vit-b-16-384"]
    {
        let zeros = |shape: &[usize]| {
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            Tensor::new(DType::F32, shape.to_vec(), bytes.into()).unwrap()
        };
        let graph = build(name);
        let learned = graph.parameters.iter().filter(|(_, parameter)| parameter.dtype.is_float());
        let weights: Weights =
            learned.map(|(name, parameter)| (name.clone(), zeros(&parameter.shape))).collect();
        assert_eq!(architectures::detect(&weights).unwrap().name, name);
    }
}
