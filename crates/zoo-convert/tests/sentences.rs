//! Encoders of texts against what transformers computes: see data/sentences.py.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use zoo_convert::{Conversion, ConvertOptions, Error, convert};
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::{Device, Executor, Reader};
use zoo_text::{Text, Tokens};

mod drawn;
mod measured;

use drawn::{weights, write};
use measured::{assert_close, numbers};

fn reference() -> Value {
    serde_json::from_str(include_str!("data/sentences.json")).unwrap()
}

/// The encoder `name`, converted from a folder as it is published, with this configuration.
fn converted(name: &str, config: &Value) -> Result<Conversion, Error> {
    let reference = reference();
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &weights(&reference[name]["parameters"]));
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    fs::write(folder.path().join("tokenizer.json"), reference["tokenizer"].to_string()).unwrap();
    convert(&path, &ConvertOptions::default())
}

/// The encoder is found to be of `architecture` and makes the library's features.
fn reads(name: &str, architecture: &str, layers: usize) -> Conversion {
    let reference = reference();
    let case = &reference[name];
    let conversion = converted(name, &case["config"]).unwrap();
    let bundle = &conversion.bundle;
    assert_eq!(bundle.card.architecture.as_deref(), Some(architecture), "{name}");
    assert_eq!(bundle.card.task, "text-embedding");
    assert_eq!(bundle.card.text.as_ref().unwrap().max_tokens, 24);
    let cuts = bundle.card.cuts.as_ref().unwrap();
    assert_eq!((cuts.feature_length, cuts.has_head()), (64, false), "{name}");
    assert_eq!(cuts.stages.len(), layers, "{name}: {:?}", cuts.stages);

    let reader = Reader::of(bundle).unwrap().unwrap();
    let executor = Executor::new(bundle.graph.clone(), &bundle.weights, &Device::Cpu).unwrap();
    let sentences = reference["sentences"].as_array().unwrap();
    let features = case["features"].as_array().unwrap();
    assert_eq!(sentences.len(), features.len());
    for (sentence, expected) in sentences.iter().zip(features) {
        let sentence = sentence.as_str().unwrap();
        let inputs = reader.read(sentence.as_bytes(), &bundle.graph).unwrap();
        let feature = executor.infer(&inputs).unwrap()[0].to_f32();
        assert_close(&feature, &numbers(expected));
    }
    conversion
}

#[test]
fn bert_reads_what_transformers_reads() {
    reads("bert", "bert", 2);
    // Names with a prefix, and a head of a task that no feature comes from.
    let of_a_task = reads("bert-of-a-task", "bert", 2);
    assert!(of_a_task.bundle.weights.iter().all(|(name, _)| !name.starts_with("cls.")));
}

#[test]
fn distilbert_reads_what_transformers_reads() {
    let conversion = reads("distilbert", "distilbert", 3);
    let inputs = conversion.bundle.graph.inputs.iter().map(|input| input.name.as_str());
    assert_eq!(inputs.collect::<Vec<_>>(), ["input_ids", "attention_mask"]);
}

#[test]
fn an_encoder_is_not_taken_for_the_other() {
    let reference = reference();
    let error = converted("distilbert", &reference["bert"]["config"]).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("bert"), "{error}");
    // More heads than channels can be divided among.
    let mut config = reference["bert"]["config"].clone();
    config["num_attention_heads"] = 7.into();
    let error = converted("bert", &config).unwrap_err();
    assert!(error.to_string().contains("how large"), "{error}");
}

/// Encoders as PyTorch exports them to ONNX make the library's features: see
/// `data/exported_sentences.py`.
#[test]
fn exported_encoders_read_what_transformers_reads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exported");
    let text = fs::read_to_string(folder.join("features.json")).unwrap();
    let features: Value = serde_json::from_str(&text).unwrap();
    let reference = reference();
    let sentences = reference["sentences"].as_array().unwrap();
    let options = ConvertOptions {
        text: Some(Text { tokens: Tokens::Tokenizer, max_tokens: 24, ..Text::default() }),
        ..ConvertOptions::default()
    };
    let mut read = 0;
    for (name, expected) in features.as_object().unwrap() {
        let expected = expected.as_array().unwrap();
        assert_eq!(sentences.len(), expected.len());
        for exporter in ["traced", "exported"] {
            let path = folder.join(format!("{name}-{exporter}.onnx"));
            if !path.exists() {
                continue;
            }
            let bundle = convert(&path, &options).unwrap().bundle;
            let reader = Reader::of(&bundle).unwrap().unwrap();
            let executor =
                Executor::new(bundle.graph.clone(), &bundle.weights, &Device::Cpu).unwrap();
            for (sentence, expected) in sentences.iter().zip(expected) {
                let sentence = sentence.as_str().unwrap();
                let inputs = reader.read(sentence.as_bytes(), &bundle.graph).unwrap();
                let feature = executor.infer(&inputs).unwrap()[0].to_f32();
                assert_close(&feature, &numbers(expected));
            }
            // All of it can be fine-tuned: masks and positions carry no gradients.
            let options = TrainOptions { batch_statistics: false, dropout: false };
            Trainer::new(executor, options, 0, |_| true).unwrap();
            read += 1;
        }
    }
    assert_eq!(read, 7);
}
