//! The classic networks have torchvision's parameters, take pictures as torchvision's weights do,
//! are told apart by their parameters, and fall into trunk, stages and head.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use bytes::Bytes;
use zoo_convert::architectures::{self, ALL, Architecture, constants, rule_weights};
use zoo_convert::renaming;
use zoo_model::bundle::rule_tiles;
use zoo_model::preprocess::{Filter, Resize};
use zoo_model::{Cuts, DType, Device, Digest, Executor, Graph, Parameter, Tensor, Weights};

/// What a script found out from torchvision and timm.
struct Row {
    name: &'static str,
    parameters: usize,
    sha256: &'static str,
    pictures: [&'static str; 4],
}

fn rows() -> impl Iterator<Item = Row> {
    include_str!("data/architectures.tsv").lines().map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, parameters, sha256, pictures @ ..] = &fields[..] else { panic!("{line}") };
        let pictures = pictures.try_into().unwrap();
        Row { name, parameters: parameters.parse().unwrap(), sha256, pictures }
    })
}

#[test]
fn parameters_are_torchvisions() {
    for Row { name, parameters, sha256, .. } in rows() {
        let graph = architectures::find(name).unwrap().build(1000).unwrap();
        let line =
            |(name, parameter): (&String, &Parameter)| format!("{name} {:?}\n", parameter.shape);
        let lines = graph.parameters.iter().map(line).collect::<Vec<_>>().concat();
        let found = (graph.parameters.len(), Digest::of(lines.as_bytes()).to_string());
        assert_eq!((found.0, found.1.as_str()), (parameters, sha256), "{name}");
    }
}

#[test]
fn pictures_are_taken_as_the_first_published_weights_take_them() {
    for Row { name, pictures: [size, shorter, filter, mean], .. } in rows() {
        let architecture = architectures::find(name).unwrap();
        if size == "-" {
            continue;
        }
        let size: u32 = size.parse().unwrap();
        assert_eq!(architecture.size, size as usize, "{name}");
        let taken = architecture.preprocess();
        assert_eq!(taken.crop, Some([size, size]), "{name}");
        assert_eq!(taken.resize, Some(Resize::Shorter(shorter.parse().unwrap())), "{name}");
        let is_bicubic = taken.filter == Filter::Bicubic;
        assert_eq!(is_bicubic, filter == "bicubic", "{name}: {filter}");
        assert_eq!(taken.mean[0].to_string(), mean, "{name}");
    }
}

#[test]
fn names_are_found_by_torchvisions_and_timms_spelling() {
    for (spelled, name) in [
        ("regnet_x_1_6gf", "regnet-x-1.6gf"),
        ("regnet_x_16gf", "regnet-x-16gf"),
        ("RegNet-Y-3.2GF", "regnet-y-3.2gf"),
        ("shufflenet_v2_x0_5", "shufflenet-v2-x0.5"),
        ("resnext101_64x4d", "resnext-101-64x4d"),
        ("timm.inception_resnet_v2", "inception-resnet-v2"),
        ("vgg16bn", "vgg-16-bn"),
    ] {
        assert_eq!(architectures::find(spelled).unwrap().name, name);
    }
    let names: BTreeSet<_> = ALL.iter().map(|known| known.name).collect();
    assert_eq!(names.len(), ALL.len());
    for name in names {
        assert_eq!(architectures::find(name).unwrap().name, name);
    }
}

fn cuts(graph: &Graph) -> Cuts {
    Cuts::find(graph, &constants(graph)).unwrap().unwrap()
}

#[test]
fn every_network_falls_into_trunk_stages_and_head() {
    for architecture in ALL {
        let name = architecture.name;
        let graph = architecture.build(10).unwrap();
        let cuts = cuts(&graph);
        let last = graph.nodes.iter().rfind(|node| node.op.is_linear_map()).unwrap();
        let matrix = &graph.parameters[&last.inputs[1]].shape;
        assert_eq!((matrix[0], matrix[1]), (10, cuts.feature_length), "{name}");
        assert!(cuts.head.len() <= 2 || cuts.pooled, "{name}: {:?}", cuts.head);
        assert!(cuts.head.contains(&last.name), "{name}: {:?}", cuts.head);
        assert_eq!(cuts.stages.last(), Some(&cuts.feature), "{name}");
        assert!(cuts.stages.len() >= 7, "{name}: {:?}", cuts.stages);
        let shapes = [vec![2, 3, architecture.size, architecture.size]];
        let new = graph.with_head(&cuts, 7).unwrap().graph;
        assert_eq!(new.infer(&constants(&graph), &shapes).unwrap()["logits"].shape, [2, 7]);
    }
}

/// Zeros in the shapes of a network's parameters, all in one buffer that nobody reads.
fn zeros(architecture: &Architecture, buffer: &Bytes) -> Weights {
    let graph = architecture.build(10).unwrap();
    let learned = graph.parameters.iter().filter(|(_, parameter)| parameter.dtype.is_float());
    let tensor = |(name, parameter): (&String, &Parameter)| {
        let bytes = buffer.slice(..4 * parameter.elements());
        (name.clone(), Tensor::new(DType::F32, parameter.shape.clone(), bytes).unwrap())
    };
    learned.map(tensor).collect()
}

/// Room for the largest matrix of all, the first of VGG's classifier.
fn buffer() -> Bytes {
    vec![0; 4 * 4096 * 25088].into()
}

#[test]
fn every_network_is_told_by_its_parameters() {
    let buffer = buffer();
    for architecture in ALL {
        let found = architectures::detect(&zeros(architecture, &buffer));
        assert_eq!(found.map(|found| found.name), Some(architecture.name));
    }
}

/// The files that torchvision publishes have names that its DenseNet no longer has.
#[test]
fn published_densenets_are_found() {
    let architecture = architectures::find("densenet-169").unwrap();
    let old = |name: &str| {
        let mut name = name.to_owned();
        if name.contains("denselayer") {
            for part in ["norm1", "norm2", "conv1", "conv2"] {
                let apart = format!("{}.{}", &part[..4], &part[4..]);
                name = name.replace(part, &apart);
            }
        }
        name
    };
    let published: Weights = zeros(architecture, &buffer())
        .into_iter()
        .map(|(name, tensor)| (old(&name), tensor))
        .collect();
    assert!(published.get("features.denseblock1.denselayer1.norm.1.weight").is_some());
    assert!(architectures::detect(&published).is_none());
    assert_eq!(renaming::detect(&published).unwrap().name, architecture.name);
}

/// SqueezeNet's head looks at each place; a new head, and features, take the mean of them.
#[test]
fn a_head_over_places_is_replaced_by_one_over_their_mean() {
    let graph = architectures::find("squeezenet-1.1").unwrap().at_size(64).build(5).unwrap();
    let cuts = cuts(&graph);
    assert!(cuts.pooled);
    let new = graph.with_head(&cuts, 3).unwrap();
    let mut weights = rule_weights(&graph, 1.0);
    for (name, tensor) in rule_weights(&new.graph, 1.0) {
        weights.insert(name, tensor);
    }
    let input = rule_tiles([2, 3, 64, 64]);
    let run = |graph: Graph| {
        let executor = Executor::new(graph, &weights, &Device::Cpu).unwrap();
        executor.infer(std::slice::from_ref(&input)).unwrap().remove(0)
    };
    let (places, features) = (run(graph.until(&cuts.feature)), run(graph.trunk(&cuts)));
    assert_eq!((places.shape(), features.shape()), (&[2, 512, 3, 3][..], &[2, 512, 1, 1][..]));
    let (places, features) = (places.to_f32(), features.to_f32());
    for (nine, mean) in places.chunks_exact(9).zip(&features) {
        assert!((nine.iter().sum::<f32>() / 9.0 - mean).abs() <= 1e-5 * mean.abs());
    }
    let (matrix, bias) = (weights.get(&new.weight).unwrap(), weights.get(&new.bias).unwrap());
    let (matrix, bias) = (matrix.to_f32(), bias.to_f32());
    let logits = run(new.graph).to_f32();
    for (row, feature) in features.chunks_exact(512).enumerate() {
        for class in 0..3 {
            let products = feature.iter().zip(&matrix[512 * class..]).map(|(x, w)| x * w);
            let expected = products.sum::<f32>() + bias[class];
            assert!((logits[3 * row + class] - expected).abs() < 1e-3);
        }
    }
}
