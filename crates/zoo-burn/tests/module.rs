//! A model as a module: the same numbers, gradients, freezing, records.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use zoo_burn::{Error, ZooModule};
use zoo_model::bundle::rule_tensor;
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::graph::ConvSpec;
use zoo_model::{Bundle, Card, Cuts, Executor, Graph, GraphBuilder, Tensor as Stored, Weights};

/// A small classifier of images of any size with every kind of parameter.
fn bundle() -> Bundle {
    let b = &mut GraphBuilder::new();
    let x = b.input("input", &[None, Some(3), None, None]);
    let x = b.conv("conv", &x, ConvSpec::new(4, 3));
    let x = b.batch_norm("norm", &x, 1e-5);
    let x = b.relu(&x);
    let feature = b.global_average(&x);
    let logits = b.linear("fc", &feature, 4, 2);
    let graph = std::mem::take(b).finish(&[("logits", &logits)]).unwrap();
    let weights = weights(&graph);
    let mut card = Card::new("small", "image-classification", "MIT");
    card.cuts = Cuts::find(&graph, &weights).unwrap();
    Bundle::new(card, graph, weights)
}

fn weights(graph: &Graph) -> Weights {
    let each = graph.parameters.iter().map(|(name, parameter)| {
        let shift = if name.ends_with("running_var") { 2.0 } else { 0.0 };
        let values = rule_tensor(name, parameter.elements());
        let values: Vec<f32> = values.iter().map(|value| (value + shift) as f32).collect();
        (name.clone(), Stored::from_f32(&parameter.shape, &values))
    });
    each.collect()
}

fn image() -> Stored {
    zoo_model::bundle::rule_tiles([2, 3, 8, 8])
}

fn tensor<const D: usize>(stored: &Stored, device: &Device) -> Tensor<D> {
    let data = burn::tensor::TensorData::new(stored.to_f32(), stored.shape().to_vec());
    Tensor::from_data(data, device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn it_computes_what_the_executor_does() {
    let bundle = bundle();
    let executor = Executor::new(bundle.graph.clone(), &bundle.weights, &zoo_model::Device::Cpu);
    let expected = executor.unwrap().infer(&[image()]).unwrap()[0].to_f32();
    for device in [Device::flex(), Device::flex().autodiff()] {
        let module = ZooModule::whole(&bundle, &device).unwrap();
        let logits: Tensor<2> = module.forward(tensor::<4>(&image(), &device)).unwrap();
        let logits = values(logits);
        assert_eq!(logits.len(), expected.len());
        // The executor runs a plan, whose sums have another order.
        for (module, executor) in logits.iter().zip(&expected) {
            assert!((module - executor).abs() <= 1e-5 * executor.abs(), "{logits:?} {expected:?}");
        }
    }
}

#[test]
fn gradients_are_those_of_the_trainer() {
    let bundle = bundle();
    let executor =
        Executor::new(bundle.graph.clone(), &bundle.weights, &zoo_model::Device::Cpu).unwrap();
    let options = TrainOptions { batch_statistics: false, dropout: false };
    let mut trainer = Trainer::new(executor, options, 0, |_| true).unwrap();
    let expected = trainer.step(&[image()], &[0, 1]).unwrap().gradients();

    let device = Device::flex().autodiff();
    let module = ZooModule::whole(&bundle, &device).unwrap();
    let logits: Tensor<2> = module.forward(tensor::<4>(&image(), &device)).unwrap();
    let log = burn::tensor::activation::log_softmax(logits, 1);
    let wanted = Tensor::<2>::from_floats([[-0.5, 0.0], [0.0, -0.5]], &device);
    let gradients = GradientsParams::from_grads((log * wanted).sum().backward(), &module);
    // One step of plain descent at rate 1 moves each parameter by its gradient.
    let before = module.weights();
    let after = SgdConfig::new().init().step(1.0, module, gradients).weights();
    assert_eq!(before.len(), 5);
    for (name, gradient) in &expected {
        let (before, after) = (before.get(name).unwrap(), after.get(name).unwrap());
        let moved = before.to_f32().into_iter().zip(after.to_f32()).map(|(b, a)| b - a);
        for (moved, gradient) in moved.zip(gradient.to_f32()) {
            assert!((moved - gradient).abs() < 1e-5, "{name}: {moved}, not {gradient}");
        }
    }
    assert!(expected.get("conv.weight").unwrap().to_f32().iter().any(|g| g.abs() > 1e-3));
}

#[test]
fn gradients_flow_through_to_what_comes_before_even_if_it_is_frozen() {
    let device = Device::flex().autodiff();
    let module = ZooModule::whole(&bundle(), &device).unwrap().freeze();
    let x = tensor::<4>(&image(), &device).require_grad();
    let logits: Tensor<2> = module.forward(x.clone()).unwrap();
    let gradients = logits.slice([0..1, 0..1]).sum().backward();
    let to_input = values(x.grad(&gradients).unwrap());
    assert!(to_input.iter().any(|gradient| *gradient != 0.0));
    assert_eq!(GradientsParams::from_grads(gradients, &module).len(), 0);
}

#[test]
fn a_record_holds_what_was_learned_under_upstream_names() {
    let device = Device::flex();
    let bundle = bundle();
    let module = ZooModule::whole(&bundle, &device).unwrap();
    assert_eq!(module.num_params(), bundle.graph.trainable_elements());
    let mut changed = bundle.clone();
    for name in module.weights().names() {
        let shape = &bundle.graph.parameters[name].shape;
        let halves = vec![0.5; shape.iter().product()];
        changed.weights.insert(name, Stored::from_f32(shape, &halves));
    }
    let other = ZooModule::whole(&changed, &device).unwrap();
    let logits = |module: &ZooModule| {
        values(module.forward::<4, 2>(tensor::<4>(&image(), &device)).unwrap())
    };
    assert_ne!(logits(&module), logits(&other));
    let bytes = other.clone().into_record().into_bytes().unwrap();
    let record = burn::store::ModuleRecord::from_bytes(bytes).unwrap();
    let loaded = module.load_record(record);
    assert_eq!(logits(&loaded), logits(&other));
    assert_eq!(loaded.weights(), other.weights());
}

#[test]
fn it_moves_stops_learning_and_learns_again() {
    let device = Device::flex().autodiff();
    let bundle = bundle();
    let module = ZooModule::whole(&bundle, &device).unwrap();
    let learns = |module: &ZooModule| {
        // The image has no gradients, so those of the logits are the module's own.
        let x = tensor::<4>(&image(), &Device::flex());
        module.forward::<4, 2>(x).unwrap().is_autodiff()
    };
    assert!(learns(&module));
    assert!(!learns(&module.valid()));
    assert!(learns(&module.valid().train()));
    assert!(learns(&module.clone().fork(&device)));
    assert_eq!(module.devices(), [Device::flex()]);
    assert_eq!(module.clone().to_device(&Device::flex()).weights(), module.weights());
    assert!(module.to_string().contains("trainable"), "{module}");
}

#[test]
fn the_trunk_ends_at_the_feature() {
    let device = Device::flex();
    let (module, length) = ZooModule::trunk(&bundle(), &device).unwrap();
    assert_eq!(length, 4);
    let feature: Tensor<2> = module.forward(tensor::<4>(&image(), &device)).unwrap();
    assert_eq!(feature.dims(), [2, 4]);
    assert!(module.weights().get("fc.weight").is_none());
}

#[test]
fn what_does_not_fit_is_said() {
    let device = Device::flex();
    let mut bundle = bundle();
    let module = ZooModule::whole(&bundle, &device).unwrap();
    let x = tensor::<4>(&image(), &device);
    let wrong = module.forward::<4, 3>(x).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "`logits` is a F32 tensor of rank 2, not a floating-point tensor of rank 3"
    );
    let flat = Tensor::<2>::zeros([2, 3], &device);
    assert!(matches!(module.forward::<2, 2>(flat), Err(Error::Model(_))));
    bundle.card.cuts = None;
    assert!(matches!(ZooModule::trunk(&bundle, &device), Err(Error::NoHead { .. })));
}
