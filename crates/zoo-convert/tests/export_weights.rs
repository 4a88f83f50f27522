//! Parameters on their way out: PyTorch takes them strictly, Burn's own reader finds them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod export_support;

use std::collections::BTreeMap;
use std::path::Path;

use export_support::{error, python, read_f32};
use zoo_convert::architectures::{self, rule_weights};
use zoo_convert::export::{ExportFormat, export};
use zoo_convert::{ConvertOptions, convert};
use zoo_model::bundle::{rule_tensor, rule_tiles};
use zoo_model::{Bundle, Card, DType, Device, Tensor};

fn network(name: &str, classes: usize) -> Bundle {
    let graph = architectures::find(name).unwrap().build(classes).unwrap();
    let weights = rule_weights(&graph, 1.4);
    Bundle::new(Card::new(name, "image-classification", "MIT"), graph, weights)
}

/// That torchvision's network `name` takes the file and computes what `bundle` does.
fn assert_torchvision_takes(bundle: &Bundle, name: &str, classes: usize, path: &Path, side: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("input"), folder.path().join("output"));
    let image = rule_tiles([1, 3, side, side]);
    std::fs::write(&input, image.bytes()).unwrap();
    let arguments = [
        name.into(),
        classes.to_string().into(),
        path.into(),
        input.into(),
        format!("1,3,{side},{side}").into(),
        output.clone().into(),
    ];
    if !python("load_state_dict.py", &arguments) {
        return;
    }
    let logits = bundle.executor(&Device::Cpu).unwrap().infer(&[image]).unwrap()[0].to_f32();
    let error = error(&logits, &read_f32(&output));
    assert!(error <= 1e-3, "{name}: {error}");
}

#[test]
fn an_adapted_resnet_50_goes_back_into_torchvisions() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("resnet50.safetensors");
    export(&network("resnet-50", 1000), ExportFormat::Safetensors, &checkpoint).unwrap();
    // What was written is a checkpoint like any other.
    let conversion = convert(&checkpoint, &ConvertOptions::default()).unwrap();
    assert_eq!(conversion.bundle.card.architecture.as_deref(), Some("resnet-50"));
    assert!(conversion.report.unused.is_empty());

    let mut bundle = conversion.bundle;
    let head = bundle.graph.with_head(bundle.card.cuts.as_ref().unwrap(), 5).unwrap();
    for name in [&head.weight, &head.bias] {
        let shape = &head.graph.parameters[name].shape;
        let values = rule_tensor(name, shape.iter().product());
        let values: Vec<f32> = values.iter().map(|value| *value as f32 / 32.0).collect();
        bundle.weights.insert(name, Tensor::from_f32(shape, &values));
    }
    bundle.graph = head.graph;
    let path = folder.path().join("adapted.safetensors");
    export(&bundle, ExportFormat::Safetensors, &path).unwrap();
    assert_torchvision_takes(&bundle, "resnet50", 5, &path, 224);
}

#[test]
fn networks_without_their_auxiliary_head_go_back_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let bundle = network("inception-v3", 7);
    export(&bundle, ExportFormat::Safetensors, &path).unwrap();
    assert_torchvision_takes(&bundle, "inception_v3", 7, &path, 299);
}

#[test]
fn safetensors_have_the_counters_and_the_format_that_pytorch_looks_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut bundle = network("resnet-18", 3);
    bundle.weights.insert("not.in.the.graph", Tensor::from_f32(&[1], &[1.0]));
    export(&bundle, ExportFormat::Safetensors, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    // 62 parameters, 40 statistics and 20 counters, as torchvision's state dict has.
    assert_eq!(tensors.len(), 122);
    let counter = tensors.tensor("layer4.0.downsample.1.num_batches_tracked").unwrap();
    assert_eq!((counter.dtype(), counter.shape()), (safetensors::Dtype::I64, &[][..]));
    assert_eq!(tensors.tensor("fc.weight").unwrap().shape(), [3, 512]);
}

#[test]
fn burnpack_is_read_by_burns_own_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    let mut bundle = network("resnet-18", 3);
    bundle.weights = bundle.weights.to_float(DType::F16);
    bundle.card.labels = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    export(&bundle, ExportFormat::Burnpack, &path).unwrap();
    let reader = burn_pack::Reader::from_file(&path).unwrap();
    assert_eq!(reader.metadata()["name"], "resnet-18");
    assert_eq!(reader.metadata()["labels"], r#"["a","b","c"]"#);
    let tensors: BTreeMap<String, _> = reader
        .into_tensors()
        .unwrap()
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();
    assert_eq!(tensors.len(), bundle.weights.len());
    for (name, tensor) in &bundle.weights {
        let found = &tensors[name];
        assert_eq!(found.dtype, burn_pack::DType::F16);
        assert_eq!(found.shape.to_vec(), tensor.shape());
        assert_eq!(&found.to_bytes().unwrap()[..], tensor.bytes(), "{name}");
    }
}

#[test]
fn what_stood_there_is_replaced_as_a_whole_or_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, "old").unwrap();
    let mut bundle = network("resnet-18", 3);
    let weight = bundle.weights.remove("conv1.weight").unwrap();
    for format in [ExportFormat::Safetensors, ExportFormat::Burnpack, ExportFormat::Onnx] {
        assert!(export(&bundle, format, &path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }
    bundle.weights.insert("conv1.weight", weight);
    export(&bundle, ExportFormat::Safetensors, &path).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 40_000_000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
